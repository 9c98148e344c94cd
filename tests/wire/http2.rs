//! A client of HTTP/2, over any socket.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::DEADLINE;

/// An answer on one stream.
#[derive(Debug)]
pub struct StreamAnswer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl StreamAnswer {
    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not JSON: {error}: {:?}", self.body))
    }

    /// The value of the field `name`.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A connection of HTTP/2.
pub struct Http2 {
    sender: SendRequest<Bytes>,
    authority: String,
    scheme: &'static str,
    /// Ends with the connection.
    pub driver: JoinHandle<Result<(), h2::Error>>,
}

impl Http2 {
    /// Connects without TLS, by prior knowledge.
    pub async fn open(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.expect("a connection");
        // A window update that waits for an acknowledgement costs 40 ms each.
        socket.set_nodelay(true).expect("an option of the socket");
        Self::over(socket, "http", &address.to_string()).await
    }

    /// Connects as [`open`](Self::open), with these settings.
    pub async fn open_with(address: SocketAddr, settings: &h2::client::Builder) -> Self {
        let socket = TcpStream::connect(address).await.expect("a connection");
        let (sender, connection) = settings.handshake(socket).await.expect("the preface");
        Self {
            sender,
            authority: address.to_string(),
            scheme: "http",
            driver: tokio::spawn(connection),
        }
    }

    /// Speaks HTTP/2 over `socket`.
    pub async fn over<S>(socket: S, scheme: &'static str, authority: &str) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) = h2::client::handshake(socket).await.expect("the preface");
        Self {
            sender,
            authority: authority.to_owned(),
            scheme,
            driver: tokio::spawn(connection),
        }
    }

    /// A request to `path` with fields written `Name: value`.
    pub fn request(&self, method: &str, path: &str, fields: &[&str]) -> Request<()> {
        let (scheme, authority) = (self.scheme, &self.authority);
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{scheme}://{authority}{path}"));
        for field in fields {
            let (name, value) = field.split_once(": ").expect("a field");
            request = request.header(name, value);
        }
        request.body(()).expect("a request")
    }

    /// Opens a stream with the head of `request`. Its body follows by the second value.
    pub async fn begin(&self, request: Request<()>) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
        let mut ready = self.sender.clone().ready().await?;
        ready.send_request(request, false)
    }

    /// The answer to `request` without a body.
    pub async fn send(&self, request: Request<()>) -> Result<StreamAnswer, h2::Error> {
        let mut ready = self.sender.clone().ready().await?;
        let (response, _) = ready.send_request(request, true)?;
        answer(response).await
    }

    /// The answer to a `GET`.
    pub async fn get(&self, path: &str, fields: &[&str]) -> StreamAnswer {
        let answer = self.send(self.request("GET", path, fields)).await;
        answer.unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// The answer to a `POST` with this body.
    pub async fn post(&self, path: &str, fields: &[&str], body: &[u8]) -> Result<StreamAnswer, h2::Error> {
        let (response, mut stream) = self.begin(self.request("POST", path, fields)).await?;
        stream.send_data(Bytes::copy_from_slice(body), true)?;
        answer(response).await
    }
}

/// The whole answer on a stream.
pub async fn answer(response: ResponseFuture) -> Result<StreamAnswer, h2::Error> {
    let whole = async {
        let (head, mut stream) = response.await?.into_parts();
        let body = read(&mut stream).await?;
        stream.trailers().await?;
        Ok(StreamAnswer {
            status: head.status,
            headers: head.headers,
            body,
        })
    };
    timeout(DEADLINE, whole).await.expect("an answer in time")
}

async fn read(stream: &mut RecvStream) -> Result<Vec<u8>, h2::Error> {
    let mut body = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data?;
        stream.flow_control().release_capacity(data.len())?;
        body.extend_from_slice(&data);
    }
    Ok(body)
}
