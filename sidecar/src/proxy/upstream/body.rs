//! A response body as it comes from an upstream.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::connection::Connection;
use super::lease::Lease;
use super::settings::UpstreamTimeouts;
use crate::headers::media_type::MediaType;

/// A response body. One that the upstream breaks off never ends as if it were complete.
#[derive(Debug)]
pub(crate) struct UpstreamBody {
    incoming: Incoming,
    media_type: MediaType,
    idle: Duration,
    /// The connection, until the body ends. Dropping it before cuts the response off.
    lease: Option<Lease>,
}

/// The upstream broke off, or sent what is no body.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamBodyError {
    #[error(transparent)]
    Hyper(hyper::Error),
    /// A stream or its connection ended with NO_ERROR before END_STREAM. hyper takes that for the end of the body.
    #[error("the stream ended before the response did")]
    CutOff,
}

impl UpstreamBody {
    /// The body of `response`. `lease` is the connection, unless the response took it over.
    pub(super) fn of(
        response: Response<Incoming>,
        lease: Option<Lease>,
        timeouts: &UpstreamTimeouts,
    ) -> Response<UpstreamBody> {
        let media_type = MediaType::of(response.headers());
        response.map(|incoming| {
            let mut body = UpstreamBody {
                incoming,
                media_type,
                idle: limit(media_type, timeouts),
                lease,
            };
            if body.is_end_stream() {
                body.end_lease();
            }
            body
        })
    }

    /// The media type of its response.
    pub(crate) fn media_type(&self) -> MediaType {
        self.media_type
    }

    /// Whether the body that has ended is a part of the response. In HTTP/1.1 an incomplete body is an error already.
    fn is_cut_off(&self) -> bool {
        let connection = self.lease.as_ref().map(|lease| &lease.connection);
        matches!(connection, Some(Connection::Http2(_))) && !self.incoming.is_end_stream()
    }

    /// How long it may make no progress. Its reader keeps the time.
    pub(crate) fn idle(&self) -> Duration {
        self.idle
    }

    fn end_lease(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.end();
        }
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = UpstreamBodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UpstreamBodyError>>> {
        let body = self.get_mut();
        let polled = Pin::new(&mut body.incoming).poll_frame(cx);
        match &polled {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(_))) if !body.incoming.is_end_stream() => {}
            Poll::Ready(None) if body.is_cut_off() => {
                body.lease = None;
                return Poll::Ready(Some(Err(UpstreamBodyError::CutOff)));
            }
            Poll::Ready(Some(Ok(_)) | None) => body.end_lease(),
            Poll::Ready(Some(Err(_))) => body.lease = None,
        }
        polled.map(|frame| frame.map(|frame| frame.map_err(UpstreamBodyError::Hyper)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// How long the parts of a response may be apart: event streams and gRPC are silent for longer.
fn limit(media_type: MediaType, timeouts: &UpstreamTimeouts) -> Duration {
    match media_type {
        MediaType::EventStream | MediaType::Grpc => timeouts.stream,
        MediaType::Other => timeouts.body,
    }
}
