//! The messages of `envoy.service.auth.v3.Authorization`, with the fields that are read here, and what metadata is made of.
//!
//! Names and numbers are those of the protocol buffers of Envoy. A map has entries that are read one by one, so that none is lost.
//! None of them is printed: they contain tokens.

use bytes::Bytes;
use prost::{Message, Oneof};

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct CheckRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) attributes: Option<AttributeContext>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct AttributeContext {
    #[prost(message, optional, tag = "1")]
    pub(super) source: Option<Peer>,
    #[prost(message, optional, tag = "4")]
    pub(super) request: Option<AttributeRequest>,
    /// What other filters of Envoy read of the request.
    #[prost(message, optional, tag = "11")]
    pub(super) metadata_context: Option<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct Metadata {
    #[prost(message, repeated, tag = "1")]
    pub(super) filters: Vec<Filter>,
}

/// The metadata of one filter.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct Filter {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<Struct>,
}

/// The other end of the connection to Envoy.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct Peer {
    #[prost(message, optional, tag = "1")]
    pub(super) address: Option<Address>,
    /// The certificate of the client in PEM, percent-encoded.
    #[prost(string, tag = "5")]
    pub(super) certificate: String,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct Address {
    #[prost(message, optional, tag = "1")]
    pub(super) socket_address: Option<SocketAddress>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct SocketAddress {
    #[prost(string, tag = "2")]
    pub(super) address: String,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct AttributeRequest {
    #[prost(message, optional, tag = "2")]
    pub(super) http: Option<HttpRequest>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct HttpRequest {
    #[prost(string, tag = "2")]
    pub(super) method: String,
    /// Each name once: the values of one name are joined by commas.
    #[prost(message, repeated, tag = "3")]
    pub(super) headers: Vec<Entry>,
    /// With the query.
    #[prost(string, tag = "4")]
    pub(super) path: String,
    #[prost(string, tag = "5")]
    pub(super) host: String,
    #[prost(string, tag = "6")]
    pub(super) scheme: String,
    #[prost(bytes = "bytes", tag = "11")]
    pub(super) body: Bytes,
    #[prost(bytes = "bytes", tag = "12")]
    pub(super) raw_body: Bytes,
    /// The lines as they came, in place of `headers`.
    #[prost(message, optional, tag = "13")]
    pub(super) header_map: Option<HeaderMap>,
}

/// An entry of a map.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct Entry {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) value: Bytes,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct HeaderMap {
    #[prost(message, repeated, tag = "1")]
    pub(super) headers: Vec<HeaderValue>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct HeaderValue {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) value: Bytes,
    #[prost(bytes = "bytes", tag = "3")]
    pub(super) raw_value: Bytes,
}

/// `google.protobuf.Struct`.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct Struct {
    #[prost(message, repeated, tag = "1")]
    pub(super) fields: Vec<Member>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct Member {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<Value>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct Value {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6")]
    pub(super) kind: Option<Kind>,
}

#[derive(Clone, PartialEq, Oneof)]
#[prost(skip_debug)]
pub(super) enum Kind {
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
#[prost(skip_debug)]
pub(super) struct List {
    #[prost(message, repeated, tag = "1")]
    pub(super) values: Vec<Value>,
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Value {
        let kind = match value {
            serde_json::Value::Null => Kind::Null(0),
            serde_json::Value::Bool(flag) => Kind::Boolean(flag),
            serde_json::Value::Number(number) => Kind::Number(number.as_f64().unwrap_or_default()),
            serde_json::Value::String(text) => Kind::Text(text),
            serde_json::Value::Array(values) => Kind::List(List {
                values: values.into_iter().map(Value::from).collect(),
            }),
            serde_json::Value::Object(members) => Kind::Struct(Struct::from(members)),
        };
        Value { kind: Some(kind) }
    }
}

impl From<serde_json::Map<String, serde_json::Value>> for Struct {
    fn from(members: serde_json::Map<String, serde_json::Value>) -> Struct {
        let members = members.into_iter().map(|(key, value)| Member {
            key,
            value: Some(value.into()),
        });
        Struct {
            fields: members.collect(),
        }
    }
}
