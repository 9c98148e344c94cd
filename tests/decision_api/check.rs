//! A client of `envoy.service.auth.v3.Authorization`, with the messages that Envoy sends.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use http::uri::PathAndQuery;
use prost::{Message, Oneof};
use tokio::runtime::Runtime;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

#[derive(Clone, PartialEq, Message)]
pub struct CheckRequest {
    #[prost(message, optional, tag = "1")]
    pub attributes: Option<Attributes>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Attributes {
    #[prost(message, optional, tag = "1")]
    pub source: Option<Peer>,
    #[prost(message, optional, tag = "4")]
    pub request: Option<Request>,
    #[prost(message, optional, tag = "11")]
    pub metadata: Option<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Peer {
    #[prost(message, optional, tag = "1")]
    pub address: Option<Address>,
    #[prost(string, tag = "5")]
    pub certificate: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Address {
    #[prost(message, optional, tag = "1")]
    pub socket: Option<Socket>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Socket {
    #[prost(string, tag = "2")]
    pub address: String,
    #[prost(uint32, tag = "3")]
    pub port: u32,
}

#[derive(Clone, PartialEq, Message)]
pub struct Request {
    #[prost(message, optional, tag = "2")]
    pub http: Option<Http>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Http {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(string, tag = "2")]
    pub method: String,
    #[prost(map = "string, string", tag = "3")]
    pub headers: HashMap<String, String>,
    #[prost(string, tag = "4")]
    pub path: String,
    #[prost(string, tag = "5")]
    pub host: String,
    #[prost(string, tag = "6")]
    pub scheme: String,
    #[prost(int64, tag = "9")]
    pub size: i64,
    #[prost(string, tag = "10")]
    pub protocol: String,
    #[prost(bytes = "vec", tag = "12")]
    pub raw_body: Vec<u8>,
    #[prost(message, optional, tag = "13")]
    pub lines: Option<Lines>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Lines {
    #[prost(message, repeated, tag = "1")]
    pub headers: Vec<Line>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Line {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub value: String,
    #[prost(bytes = "vec", tag = "3")]
    pub raw_value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct CheckResponse {
    #[prost(message, optional, tag = "1")]
    pub status: Option<Status>,
    #[prost(oneof = "Outcome", tags = "2, 3")]
    pub outcome: Option<Outcome>,
    #[prost(message, optional, tag = "4")]
    pub metadata: Option<Struct>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Status {
    #[prost(int32, tag = "1")]
    pub code: i32,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum Outcome {
    #[prost(message, tag = "2")]
    Denied(Denied),
    #[prost(message, tag = "3")]
    Ok(Permitted),
}

#[derive(Clone, PartialEq, Message)]
pub struct Denied {
    #[prost(message, optional, tag = "1")]
    pub status: Option<HttpStatus>,
    #[prost(message, repeated, tag = "2")]
    pub headers: Vec<HeaderOption>,
    #[prost(string, tag = "3")]
    pub body: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct HttpStatus {
    #[prost(int32, tag = "1")]
    pub code: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct Permitted {
    #[prost(message, repeated, tag = "2")]
    pub headers: Vec<HeaderOption>,
    #[prost(string, repeated, tag = "5")]
    pub removed: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct HeaderOption {
    #[prost(message, optional, tag = "1")]
    pub header: Option<Line>,
    #[prost(int32, tag = "3")]
    pub action: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct Metadata {
    #[prost(map = "string, message", tag = "1")]
    pub filters: HashMap<String, Struct>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Struct {
    #[prost(map = "string, message", tag = "1")]
    pub fields: HashMap<String, Value>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Value {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6")]
    pub kind: Option<Kind>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum Kind {
    #[prost(int32, tag = "1")]
    Null(i32),
    #[prost(double, tag = "2")]
    Number(f64),
    #[prost(string, tag = "3")]
    Text(String),
    #[prost(bool, tag = "4")]
    Boolean(bool),
    #[prost(message, tag = "5")]
    Struct(Struct),
    #[prost(message, tag = "6")]
    List(List),
}

#[derive(Clone, PartialEq, Message)]
pub struct List {
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<Value>,
}

impl From<&serde_json::Value> for Value {
    fn from(value: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        let kind = match value {
            Json::Null => Kind::Null(0),
            Json::Bool(flag) => Kind::Boolean(*flag),
            Json::Number(number) => Kind::Number(number.as_f64().expect("a number")),
            Json::String(text) => Kind::Text(text.clone()),
            Json::Array(values) => Kind::List(List {
                values: values.iter().map(Value::from).collect(),
            }),
            Json::Object(_) => Kind::Struct(Struct::from(value)),
        };
        Self { kind: Some(kind) }
    }
}

impl From<&serde_json::Value> for Struct {
    fn from(value: &serde_json::Value) -> Self {
        let members = value.as_object().expect("an object").iter();
        Self {
            fields: members
                .map(|(name, value)| (name.clone(), Value::from(value)))
                .collect(),
        }
    }
}

impl CheckResponse {
    /// The text of a member of the metadata.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.metadata.as_ref()?.fields.get(name)?.kind.as_ref()? {
            Kind::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// The status of the response to the client, with its headers; none where Envoy forwards the request.
    pub fn denied(&self) -> Option<(i32, HashMap<String, String>, &str)> {
        match self.outcome.as_ref()? {
            Outcome::Denied(denied) => Some((denied.status.as_ref()?.code, texts(&denied.headers), &denied.body)),
            Outcome::Ok(_) => None,
        }
    }

    /// The headers that Envoy sets, and those that it removes; none where it denies the request.
    pub fn permitted(&self) -> Option<(HashMap<String, String>, &[String])> {
        match self.outcome.as_ref()? {
            Outcome::Denied(_) => None,
            Outcome::Ok(permitted) => Some((texts(&permitted.headers), &permitted.removed)),
        }
    }
}

/// Each header, which replaces every one of its name.
fn texts(options: &[HeaderOption]) -> HashMap<String, String> {
    let text = |option: &HeaderOption| {
        assert_eq!(option.action, 2, "OVERWRITE_IF_EXISTS_OR_ADD");
        let header = option.header.as_ref().expect("a header");
        (header.key.clone(), header.value.clone())
    };
    options.iter().map(text).collect()
}

/// Calls the method as Envoy does.
pub struct Checker {
    runtime: Runtime,
    client: Grpc<Channel>,
}

impl Checker {
    pub fn connect(address: SocketAddr) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
        let channel = runtime.block_on(endpoint.connect()).expect("a connection");
        let client = Grpc::new(channel);
        Self { runtime, client }
    }

    /// The answer to any message.
    pub fn call<M: Message + 'static>(&mut self, message: M) -> Result<CheckResponse, tonic::Status> {
        let path = PathAndQuery::from_static("/envoy.service.auth.v3.Authorization/Check");
        let client = &mut self.client;
        self.runtime.block_on(async {
            client.ready().await.expect("a connection");
            let codec = ProstCodec::<M, CheckResponse>::default();
            let answer = client.unary(tonic::Request::new(message), path, codec).await?;
            Ok(answer.into_inner())
        })
    }

    /// The answer to a check of this request.
    pub fn check(&mut self, http: Http) -> CheckResponse {
        self.call(check(http)).expect("an answer")
    }
}

/// The status of the answer to a call whose message is never sent.
pub fn status_before_the_message(address: SocketAddr) -> u16 {
    Runtime::new().expect("a runtime").block_on(async {
        let socket = tokio::net::TcpStream::connect(address).await.expect("a connection");
        let (mut client, connection) = h2::client::handshake(socket).await.expect("a handshake");
        tokio::spawn(connection);
        let uri = format!("http://{address}/envoy.service.auth.v3.Authorization/Check");
        let head = http::Request::post(uri).header("content-type", "application/grpc");
        let head = head.header("te", "trailers").body(()).expect("a request");
        let (answer, _message) = client.send_request(head, false).expect("a call");
        let answer = tokio::time::timeout(Duration::from_secs(20), answer).await;
        answer.expect("an answer in time").expect("an answer").status().as_u16()
    })
}

/// A check of this request of a client at 192.0.2.7.
pub fn check(http: Http) -> CheckRequest {
    let socket = Socket {
        address: "192.0.2.7".to_owned(),
        port: 50_000,
    };
    CheckRequest {
        attributes: Some(Attributes {
            source: Some(Peer {
                address: Some(Address { socket: Some(socket) }),
                certificate: String::new(),
            }),
            request: Some(Request { http: Some(http) }),
            metadata: None,
        }),
    }
}

/// A request with these lines, as Envoy describes it. The values of one name are joined by commas.
pub fn http(method: &str, path: &str, fields: &[String]) -> Http {
    let mut headers = HashMap::from([
        (":method".to_owned(), method.to_owned()),
        (":path".to_owned(), path.to_owned()),
        (":authority".to_owned(), "orders.example.com".to_owned()),
        (":scheme".to_owned(), "https".to_owned()),
        ("x-forwarded-proto".to_owned(), "https".to_owned()),
    ]);
    for field in fields {
        let (name, value) = field.split_once(": ").expect("a field");
        let known = headers.entry(name.to_lowercase()).or_default();
        *known = if known.is_empty() {
            value.to_owned()
        } else {
            format!("{known},{value}")
        };
    }
    Http {
        id: "1".to_owned(),
        method: method.to_owned(),
        headers,
        path: path.to_owned(),
        host: "orders.example.com".to_owned(),
        scheme: "https".to_owned(),
        size: -1,
        protocol: "HTTP/1.1".to_owned(),
        ..Http::default()
    }
}
