//! One unary call of gRPC over HTTP/2, with one message each way.

use actgate::challenge::Protocol;
use bytes::{BufMut as _, BytesMut};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Response, Version};
use prost::Message;

use super::super::bounded_body::read_bounded;
use crate::proxy::message_body::MessageBody;
use crate::proxy::request_body::ClientBody;

/// The longest message that is read.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// A flag and a length before each message.
const PREFIX_BYTES: usize = 5;

/// Why no message was read, in a lowercase sentence.
pub(super) struct Unreadable(pub(super) &'static str);

/// Whether a request is a call of gRPC.
pub(crate) fn is_call(request: &Parts) -> bool {
    let protocol = Protocol::of(&request.method, &request.headers);
    request.version == Version::HTTP_2 && protocol == Protocol::Grpc
}

/// Reads the one message of a call.
pub(super) async fn read<M: Message + Default>(body: ClientBody) -> Result<M, Unreadable> {
    let bytes = read_bounded(body, MAX_MESSAGE_BYTES + PREFIX_BYTES).await;
    let bytes = bytes.ok_or(Unreadable("the message of the call is too long or incomplete"))?;
    let malformed = || Unreadable("the message of the call is malformed");
    let (prefix, message) = bytes.split_first_chunk::<PREFIX_BYTES>().ok_or_else(malformed)?;
    let [flag, length @ ..] = *prefix;
    if flag != 0 || usize::try_from(u32::from_be_bytes(length)) != Ok(message.len()) {
        return Err(malformed());
    }
    M::decode(bytes.slice(PREFIX_BYTES..)).map_err(|_| malformed())
}

/// The response with an encoded message, after which the call has succeeded.
pub(super) fn answer(message: &[u8]) -> Response<MessageBody> {
    let mut bytes = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    bytes.put_slice(message);
    let mut response = Response::new(MessageBody::Message(bytes.freeze()));
    let content_type = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
