//! A response body as it comes from an upstream.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::connection::Connection;
use super::lease::Lease;
use super::settings::UpstreamTimeouts;
use crate::timed_body::TimedBody;

/// A response body. It fails when the upstream sends nothing for too long, and never ends as if it were complete.
#[derive(Debug)]
pub(crate) struct UpstreamBody {
    incoming: TimedBody<Incoming>,
    /// The connection, until the body ends. Dropping it before cuts the response off.
    lease: Option<Lease>,
}

/// The upstream broke off, sent what is no body, or sent nothing for too long.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct UpstreamBodyError(Box<dyn Error + Send + Sync>);

/// A stream or its connection ended with NO_ERROR before END_STREAM. hyper takes that for the end of the body.
#[derive(Debug, thiserror::Error)]
#[error("the stream ended before the response did")]
struct CutOff;

impl UpstreamBody {
    /// `lease` is the connection, unless the response took it over.
    pub(super) fn new(incoming: Incoming, lease: Option<Lease>, limit: Duration) -> UpstreamBody {
        let mut body = UpstreamBody {
            incoming: TimedBody::new(incoming, limit),
            lease,
        };
        if body.is_end_stream() {
            body.end_lease();
        }
        body
    }

    /// Whether the body that has ended is a part of the response. In HTTP/1.1 an incomplete body is an error already.
    fn is_cut_off(&self) -> bool {
        let connection = self.lease.as_ref().map(|lease| &lease.connection);
        matches!(connection, Some(Connection::Http2(_))) && !self.incoming.is_end_stream()
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
                return Poll::Ready(Some(Err(UpstreamBodyError(CutOff.into()))));
            }
            Poll::Ready(Some(Ok(_)) | None) => body.end_lease(),
            Poll::Ready(Some(Err(_))) => body.lease = None,
        }
        polled.map(|frame| frame.map(|frame| frame.map_err(UpstreamBodyError)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// How long the parts of a response may be apart: event streams and gRPC are silent for longer.
pub(super) fn limit(headers: &HeaderMap, timeouts: &UpstreamTimeouts) -> Duration {
    let media_type = headers.get(CONTENT_TYPE);
    let media_type = media_type.map(|value| value.as_bytes()).unwrap_or_default();
    let begins = |name: &[u8]| {
        let begin = media_type.get(..name.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(name))
    };
    match begins(b"text/event-stream") || begins(b"application/grpc") {
        true => timeouts.stream,
        false => timeouts.body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_streams_and_grpc_may_be_silent_for_longer() {
        let timeouts = UpstreamTimeouts::default();
        let of = |media_type: &'static str| {
            let headers = [(CONTENT_TYPE, http::HeaderValue::from_static(media_type))];
            limit(&headers.into_iter().collect(), &timeouts)
        };
        for stream in [
            "text/event-stream",
            "Text/Event-Stream; charset=utf-8",
            "application/grpc+proto",
        ] {
            assert_eq!(of(stream), timeouts.stream, "{stream}");
        }
        for other in ["text/plain", "text/event", "application/json", ""] {
            assert_eq!(of(other), timeouts.body, "{other}");
        }
        assert_eq!(limit(&HeaderMap::new(), &timeouts), timeouts.body);
    }
}
