//! `CheckResponse`, `google.protobuf.Struct` and what is in them, as they are sent.
//!
//! They are written part by part: some thirty messages are in each other, and a general encoder finds the length of each again for every
//! one around it. Tests read it by a general decoder.

use http::{HeaderName, HeaderValue, StatusCode};
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

/// The capacity for most messages.
const USUAL_LENGTH: usize = 1024;

/// `OVERWRITE_IF_EXISTS_OR_ADD`: a header is set in place of every one of its name.
const OVERWRITE: u64 = 2;

/// Envoy forwards the request with the headers in `set` and without those that are `removed`.
pub(super) fn permission<'h>(
    set: impl Iterator<Item = (&'h HeaderName, &'h HeaderValue)>,
    removed: impl Iterator<Item = &'h str>,
    metadata: &Metadata,
) -> Vec<u8> {
    let mut permitted = Vec::with_capacity(USUAL_LENGTH);
    for (name, value) in set {
        header(&mut permitted, name.as_str(), value.as_bytes());
    }
    for name in removed {
        field(&mut permitted, 5, name.as_bytes());
    }
    response(0, (3, &permitted), metadata)
}

/// Envoy answers its client with this response. `code` is that of `google.rpc.Status`, and not 0.
pub(super) fn denial<'h>(
    code: u32,
    status: StatusCode,
    headers: impl Iterator<Item = (&'h str, Vec<u8>)>,
    body: &[u8],
    metadata: &Metadata,
) -> Vec<u8> {
    let mut denied = Vec::with_capacity(USUAL_LENGTH);
    number_message(&mut denied, 1, status.as_u16().into());
    for (name, value) in headers {
        header(&mut denied, name, &value);
    }
    field(&mut denied, 3, body);
    response(code, (2, &denied), metadata)
}

/// `google.protobuf.Struct`, member by member.
#[derive(Default)]
pub(super) struct Metadata(Vec<u8>);

impl Metadata {
    pub(super) fn text(&mut self, key: &str, text: &str) {
        let value = length_of(text.len());
        self.member(key, value);
        field(&mut self.0, 3, text.as_bytes());
    }

    pub(super) fn number(&mut self, key: &str, number: f64) {
        let bytes = number.to_le_bytes();
        self.member(key, 1 + bytes.len());
        encode_key(2, WireType::SixtyFourBit, &mut self.0);
        self.0.extend_from_slice(&bytes);
    }

    /// Adds the members of another one.
    pub(super) fn members(&mut self, encoded: &[u8]) {
        self.0.extend_from_slice(encoded);
    }

    /// Begins a member, whose value of this length follows.
    fn member(&mut self, key: &str, value: usize) {
        begin(&mut self.0, 1, length_of(key.len()) + length_of(value));
        field(&mut self.0, 1, key.as_bytes());
        begin(&mut self.0, 2, value);
    }
}

fn response(code: u32, (tag, http): (u32, &[u8]), metadata: &Metadata) -> Vec<u8> {
    let mut message = Vec::with_capacity(http.len() + metadata.0.len() + 32);
    number_message(&mut message, 1, code);
    field(&mut message, tag, http);
    field(&mut message, 4, &metadata.0);
    message
}

/// `HeaderValueOption`, in the second field of either response. Envoy does not read `raw_value` here.
fn header(message: &mut Vec<u8>, name: &str, value: &[u8]) {
    let pair = length_of(name.len()) + length_of(value.len());
    begin(message, 2, length_of(pair) + 2);
    begin(message, 1, pair);
    field(message, 1, name.as_bytes());
    field(message, 2, value);
    encode_key(3, WireType::Varint, message);
    encode_varint(OVERWRITE, message);
}

/// A message whose one field is a number. One of 0 is left out.
fn number_message(message: &mut Vec<u8>, tag: u32, number: u32) {
    let number = u64::from(number);
    match number {
        0 => begin(message, tag, 0),
        _ => {
            begin(message, tag, 1 + encoded_len_varint(number));
            encode_key(1, WireType::Varint, message);
            encode_varint(number, message);
        }
    }
}

/// A text, bytes or a message.
fn field(message: &mut Vec<u8>, tag: u32, content: &[u8]) {
    begin(message, tag, content.len());
    message.extend_from_slice(content);
}

fn begin(message: &mut Vec<u8>, tag: u32, length: usize) {
    encode_key(tag, WireType::LengthDelimited, message);
    encode_varint(length as u64, message);
}

/// The bytes of a field with a content of this length. Its number is below 16, so that its key has one byte.
fn length_of(content: usize) -> usize {
    1 + encoded_len_varint(content as u64) + content
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use prost::{Message, Oneof};

    use super::super::messages::{HeaderValue as Pair, Kind, Member, Struct, Value};
    use super::*;

    #[derive(Clone, PartialEq, Message)]
    #[prost(skip_debug)]
    struct CheckResponse {
        #[prost(message, optional, tag = "1")]
        status: Option<Status>,
        #[prost(oneof = "Http", tags = "2, 3")]
        http: Option<Http>,
        #[prost(message, optional, tag = "4")]
        metadata: Option<Struct>,
    }

    #[derive(Clone, PartialEq, Message)]
    #[prost(skip_debug)]
    struct Status {
        #[prost(int32, tag = "1")]
        code: i32,
    }

    #[derive(Clone, PartialEq, Oneof)]
    #[prost(skip_debug)]
    enum Http {
        #[prost(message, tag = "2")]
        Denied(Denied),
        #[prost(message, tag = "3")]
        Ok(Permitted),
    }

    #[derive(Clone, PartialEq, Message)]
    #[prost(skip_debug)]
    struct Denied {
        #[prost(message, optional, tag = "1")]
        status: Option<Status>,
        #[prost(message, repeated, tag = "2")]
        headers: Vec<Set>,
        #[prost(bytes = "bytes", tag = "3")]
        body: Bytes,
    }

    #[derive(Clone, PartialEq, Message)]
    #[prost(skip_debug)]
    struct Permitted {
        #[prost(message, repeated, tag = "2")]
        headers: Vec<Set>,
        #[prost(string, repeated, tag = "5")]
        removed: Vec<String>,
    }

    #[derive(Clone, PartialEq, Message)]
    #[prost(skip_debug)]
    struct Set {
        #[prost(message, optional, tag = "1")]
        header: Option<Pair>,
        #[prost(int32, tag = "3")]
        append_action: i32,
    }

    fn set(name: &str, value: &str) -> Set {
        Set {
            header: Some(Pair {
                key: Bytes::copy_from_slice(name.as_bytes()),
                value: Bytes::copy_from_slice(value.as_bytes()),
                raw_value: Bytes::new(),
            }),
            append_action: 2,
        }
    }

    fn member(key: &str, kind: Kind) -> Member {
        Member {
            key: key.to_owned(),
            value: Some(Value { kind: Some(kind) }),
        }
    }

    /// Texts of lengths around those that take one more byte, in each place.
    const LENGTHS: [usize; 8] = [0, 1, 110, 120, 127, 128, 300, 16_384];

    #[test]
    fn a_permission_is_decoded_as_it_was_written() {
        for length in LENGTHS {
            let (name, text) = (HeaderName::from_static("x-auth-subject"), "a".repeat(length));
            let value = HeaderValue::try_from(&text).unwrap();
            let mut metadata = Metadata::default();
            metadata.text("decision", "allow");
            metadata.text("route", &text);
            let other = Struct {
                fields: vec![member("chain", Kind::Null(0))],
            };
            metadata.members(&other.encode_to_vec());
            let encoded = permission(
                [(&name, &value); 2].into_iter(),
                ["cookie", &text].into_iter(),
                &metadata,
            );
            let message = CheckResponse {
                status: Some(Status { code: 0 }),
                http: Some(Http::Ok(Permitted {
                    headers: vec![set(name.as_str(), &text); 2],
                    removed: vec!["cookie".to_owned(), text.clone()],
                })),
                metadata: Some(Struct {
                    fields: vec![
                        member("decision", Kind::Text("allow".to_owned())),
                        member("route", Kind::Text(text)),
                        member("chain", Kind::Null(0)),
                    ],
                }),
            };
            assert!(CheckResponse::decode(&*encoded).unwrap() == message, "{length}");
        }
    }

    #[test]
    fn a_denial_is_decoded_as_it_was_written() {
        for length in LENGTHS {
            let text = "a".repeat(length);
            let mut metadata = Metadata::default();
            metadata.number("status", 403.0);
            let headers = [("vary", text.clone().into_bytes())].into_iter();
            let encoded = denial(7, StatusCode::FORBIDDEN, headers, text.as_bytes(), &metadata);
            let message = CheckResponse {
                status: Some(Status { code: 7 }),
                http: Some(Http::Denied(Denied {
                    status: Some(Status { code: 403 }),
                    headers: vec![set("vary", &text)],
                    body: text.into(),
                })),
                metadata: Some(Struct {
                    fields: vec![member("status", Kind::Number(403.0))],
                }),
            };
            assert!(CheckResponse::decode(&*encoded).unwrap() == message, "{length}");
        }
    }
}
