//! The body of the response to a unary call of gRPC that has succeeded.

use std::convert::Infallible;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame, SizeHint};

/// A message with its prefix, then the trailers of the call.
#[derive(Debug)]
pub(crate) enum MessageBody {
    /// Nothing of it has been sent.
    Message(Bytes),
    /// The trailers are to be sent.
    Trailers,
    Ended,
}

impl Body for MessageBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = match mem::replace(&mut *self, MessageBody::Ended) {
            MessageBody::Message(bytes) => {
                *self = MessageBody::Trailers;
                Frame::data(bytes)
            }
            MessageBody::Trailers => {
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", HeaderValue::from_static("0"));
                Frame::trailers(trailers)
            }
            MessageBody::Ended => return Poll::Ready(None),
        };
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, MessageBody::Ended)
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            MessageBody::Message(bytes) => SizeHint::with_exact(bytes.len() as u64),
            MessageBody::Trailers | MessageBody::Ended => SizeHint::with_exact(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_message_is_followed_by_trailers() {
        let body = MessageBody::Message(Bytes::from_static(b"abc"));
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(3), false));
        let collected = body.collect().await.unwrap();
        assert_eq!(collected.trailers().unwrap()["grpc-status"], "0");
        assert_eq!(collected.to_bytes(), "abc");
    }
}
