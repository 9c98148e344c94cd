//! A request body over HTTP/2 that ends only where the client has ended it.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// A body whose stream may be reset.
///
/// hyper ends a body that a client resets with `NO_ERROR` or `CANCEL` without an error. The upstream would take the part
/// that has arrived for the whole.
#[derive(Debug)]
pub(super) struct WholeBody<B>(pub(super) B);

/// The stream of a request was reset before its body had ended.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the request body was cut off")]
struct CutOff;

impl<B> Body for WholeBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match Pin::new(&mut self.0).poll_frame(cx) {
            Poll::Ready(None) if !self.0.is_end_stream() => Poll::Ready(Some(Err(CutOff.into()))),
            other => other.map(|frame| frame.map(|frame| frame.map_err(Into::into))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::{BodyExt as _, Empty};

    use super::*;

    /// Without a frame, and never at its end.
    struct Reset;

    impl Body for Reset {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(None)
        }
    }

    #[tokio::test]
    async fn only_the_end_of_the_client_ends_a_body() {
        assert!(WholeBody(Empty::<Bytes>::new()).collect().await.is_ok());
        let error = WholeBody(Reset).collect().await.map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), "the request body was cut off");
    }
}
