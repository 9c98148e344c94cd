//! A request body on its way to the upstream.

use std::error::Error;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty};
use tokio::time::Instant;

use super::stream_end::TokenTime;
use crate::gate::form::{Content, FormError};
use crate::gate::head_error::HeadError;
use crate::headers::trailers::TrailerFilter;

/// The body of a client's request, whatever protocol it came by.
pub(crate) type ClientBody = UnsyncBoxBody<Bytes, BodyError>;

/// The body of a request without one. It takes no memory.
pub(crate) fn empty() -> ClientBody {
    ClientBody::new(Empty::new().map_err(|never| match never {}))
}

/// Why it failed.
pub(crate) type BodyError = Box<dyn Error + Send + Sync>;

/// The client's body with the trailers that are forwarded.
#[derive(Debug)]
pub(crate) struct RequestBody {
    content: Content<ClientBody>,
    /// None where the body is empty.
    trailers: Option<TrailerFilter>,
    /// The token of a call of gRPC, which ends with it. Any other body is forwarded to its end.
    token: Option<TokenTime>,
    progress: Progress,
}

/// Why the body of a request failed.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum BodyFault {
    /// The client broke off, or its body contains what it must not.
    #[error("{}", .0.reason)]
    Client(HeadError),
    #[error("the access token has expired")]
    Expired,
}

/// The end of a body whose client has left.
#[derive(Clone, Debug)]
pub(crate) struct BodyEnd(Progress);

/// What has become of the body of a request whose client has left.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LastPart {
    Forwarded,
    /// The upstream had not taken all of it: whether the client had sent it is not known.
    Pending,
    /// The body failed by itself, or its next part was waited for.
    Failed(BodyFault),
}

impl BodyEnd {
    /// What the client has left behind.
    pub(crate) fn last_part(&self) -> LastPart {
        // In this order: a body that fails is no longer waited for.
        let awaits_client = self.0.awaits_client();
        match self.0.fault() {
            Some(fault) => LastPart::Failed(fault),
            None if awaits_client => LastPart::Failed(BodyFault::Client(HeadError::BODY_INCOMPLETE)),
            None if self.0.is_complete() => LastPart::Forwarded,
            None => LastPart::Pending,
        }
    }
}

impl RequestBody {
    /// The body of a client's request.
    pub(crate) fn new(content: Content<ClientBody>, trailers: Option<TrailerFilter>) -> RequestBody {
        RequestBody {
            content,
            trailers,
            token: None,
            progress: Progress::now(),
        }
    }

    /// The same body, which fails once `token` has expired.
    pub(crate) fn until(self, token: Option<TokenTime>) -> RequestBody {
        RequestBody { token, ..self }
    }

    /// When a part of the request was last forwarded.
    pub(crate) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// How the body ends if its client leaves.
    pub(crate) fn ended_by_client(&self) -> BodyEnd {
        if self.is_end_stream() {
            self.progress.complete();
        }
        BodyEnd(self.progress())
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = FormError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, FormError>>> {
        let body = self.get_mut();
        let frame = Pin::new(&mut body.content).poll_frame(cx);
        if let Poll::Ready(Some(Err(error))) = &frame {
            body.progress.fail(BodyFault::Client(error.head_error()));
        }
        if frame.is_pending() {
            body.progress.wait_for_client();
        } else {
            body.progress.record();
            if body.content.is_end_stream() || matches!(frame, Poll::Ready(None)) {
                body.progress.complete();
            }
        }
        match frame {
            Poll::Ready(Some(Ok(_))) if body.token.as_ref().is_some_and(TokenTime::has_expired) => {
                body.progress.fail(BodyFault::Expired);
                Poll::Ready(Some(Err(FormError::Client(BodyFault::Expired.into()))))
            }
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(match (frame.into_trailers(), &body.trailers) {
                (Err(data), _) => Some(Ok(data)),
                (Ok(mut trailers), Some(filter)) => {
                    filter.strip(&mut trailers);
                    (!trailers.is_empty()).then(|| Ok(Frame::trailers(trailers)))
                }
                (Ok(_), None) => None,
            }),
            other => other,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.content.size_hint()
    }
}

/// When a part of a request was last forwarded, and why its body failed.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    start: Instant,
    forwarded: Arc<Forwarded>,
}

#[derive(Debug, Default)]
struct Forwarded {
    /// In milliseconds from the start.
    last: AtomicU64,
    is_complete: AtomicBool,
    awaits_client: AtomicBool,
    fault: OnceLock<BodyFault>,
}

impl Progress {
    pub(super) fn now() -> Progress {
        Progress {
            start: Instant::now(),
            forwarded: Arc::default(),
        }
    }

    pub(super) fn record(&self) {
        let since = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.forwarded.last.store(since, Ordering::Relaxed);
        self.forwarded.awaits_client.store(false, Ordering::Release);
    }

    /// The next part is asked for, and the client has not sent it. The body has a time limit of its own for that.
    fn wait_for_client(&self) {
        self.forwarded.awaits_client.store(true, Ordering::Relaxed);
    }

    /// Whether the next part is waited for.
    fn awaits_client(&self) -> bool {
        self.forwarded.awaits_client.load(Ordering::Acquire)
    }

    /// The first fault counts.
    fn fail(&self, fault: BodyFault) {
        let _ = self.forwarded.fault.set(fault);
    }

    /// Why the body failed, if it has.
    pub(crate) fn fault(&self) -> Option<BodyFault> {
        self.forwarded.fault.get().copied()
    }

    fn complete(&self) {
        self.forwarded.is_complete.store(true, Ordering::Relaxed);
    }

    /// Whether the body was forwarded to its end.
    pub(crate) fn is_complete(&self) -> bool {
        self.forwarded.is_complete.load(Ordering::Relaxed)
    }

    /// When something was last forwarded.
    pub(super) fn last(&self) -> Instant {
        self.start + Duration::from_millis(self.forwarded.last.load(Ordering::Relaxed))
    }

    /// Resolves when no part has been forwarded for `limit`, unless it is the client that is waited for.
    pub(crate) async fn stalled(&self, limit: Duration) {
        loop {
            if self.awaits_client() {
                tokio::time::sleep(limit).await;
                continue;
            }
            let last = self.last();
            tokio::time::sleep_until(last + limit).await;
            if !self.awaits_client() && self.last() == last {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use actgate::clock::FixedClock;
    use http_body_util::{BodyExt as _, Full};

    use super::*;

    #[tokio::test]
    async fn a_call_ends_with_its_token() {
        let clock = FixedClock::at(100);
        let body = || {
            let content = Full::from("a").map_err(|never| match never {}).boxed_unsync();
            let token = TokenTime::until(101, clock.clone().into());
            RequestBody::new(Content::opaque(content), None).until(Some(token))
        };
        assert!(body().frame().await.unwrap().is_ok());
        clock.set(101);
        let mut late = body();
        let progress = late.progress();
        assert!(late.frame().await.unwrap().is_err());
        assert!(matches!(progress.fault(), Some(BodyFault::Expired)));
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_request_without_progress_stalls() {
        let limit = Duration::from_secs(60);
        let progress = Progress::now();
        let upload = async {
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_secs(50)).await;
                progress.record();
            }
            Instant::now()
        };
        let stalled = async {
            progress.stalled(limit).await;
            Instant::now()
        };
        let (uploaded, stalled) = tokio::join!(upload, stalled);
        assert!(stalled >= uploaded + limit);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_waits_for_its_client_does_not_stall() {
        let limit = Duration::from_secs(60);
        let progress = Progress::now();
        progress.wait_for_client();
        let waiting = tokio::time::timeout(10 * limit, progress.stalled(limit)).await;
        assert!(waiting.is_err(), "still waiting");
        progress.record();
        progress.stalled(limit).await;
    }
}
