//! The body of a response, on its way to the client.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;

/// The body of a response: of the proxy itself, or of the upstream as it streams in.
#[derive(Debug)]
pub(crate) enum ResponseBody {
    Own(Full<Bytes>),
    Upstream(Incoming),
}

/// Why a body ends early: the client sees a cut, never a clean end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The upstream broke off.
    #[error(transparent)]
    Upstream(#[from] hyper::Error),
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            ResponseBody::Own(full) => {
                let frame = Pin::new(full).poll_frame(cx);
                frame.map_err(|never| match never {})
            }
            ResponseBody::Upstream(incoming) => Pin::new(incoming).poll_frame(cx).map_err(BodyError::Upstream),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ResponseBody::Own(full) => full.is_end_stream(),
            ResponseBody::Upstream(incoming) => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ResponseBody::Own(full) => full.size_hint(),
            ResponseBody::Upstream(incoming) => incoming.size_hint(),
        }
    }
}
