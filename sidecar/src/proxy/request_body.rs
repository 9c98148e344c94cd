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

/// The client's body with the trailers that are forwarded. It is small: hyper moves a request several times, and a connection
/// keeps room for many.
#[derive(Debug)]
pub(crate) enum RequestBody {
    /// There is none. It takes no memory of its own.
    Empty(Instant),
    /// A part of it may come.
    Open(Box<OpenBody>),
}

/// A body that has not ended.
#[derive(Debug)]
pub(crate) struct OpenBody {
    content: Content<ClientBody>,
    trailers: TrailerFilter,
    /// The token of a call of gRPC, which ends with it. Any other body is forwarded to its end.
    token: Option<TokenTime>,
    forwarded: Arc<Forwarded>,
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
    /// A body that has not ended, which is sent from now on.
    pub(crate) fn open(content: Content<ClientBody>, trailers: TrailerFilter) -> RequestBody {
        RequestBody::Open(Box::new(OpenBody {
            content,
            trailers,
            token: None,
            forwarded: Forwarded::now(),
        }))
    }

    /// The body of a request without one that is sent from now on.
    pub(crate) fn empty() -> RequestBody {
        RequestBody::Empty(Instant::now())
    }

    /// The same body, which fails once `token` has expired.
    pub(crate) fn until(mut self, token: Option<TokenTime>) -> RequestBody {
        if let RequestBody::Open(body) = &mut self {
            body.token = token;
        }
        self
    }

    /// When a part of the request was last forwarded.
    pub(crate) fn progress(&self) -> Progress {
        match self {
            RequestBody::Empty(start) => Progress::Whole(*start),
            RequestBody::Open(body) => Progress::Parts(Arc::clone(&body.forwarded)),
        }
    }

    /// Since when it is sent.
    pub(crate) fn start(&self) -> Instant {
        match self {
            RequestBody::Empty(start) => *start,
            RequestBody::Open(body) => body.forwarded.start,
        }
    }

    /// How the body ends if its client leaves.
    pub(crate) fn ended_by_client(&self) -> BodyEnd {
        BodyEnd(self.progress())
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = FormError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, FormError>>> {
        let RequestBody::Open(body) = self.get_mut() else {
            return Poll::Ready(None);
        };
        let frame = Pin::new(&mut body.content).poll_frame(cx);
        if let Poll::Ready(Some(Err(error))) = &frame {
            body.forwarded.fail(BodyFault::Client(error.head_error()));
        }
        if frame.is_pending() {
            body.forwarded.wait_for_client();
        } else {
            body.forwarded.record();
            if body.content.is_end_stream() || matches!(frame, Poll::Ready(None)) {
                body.forwarded.complete();
            }
        }
        match frame {
            Poll::Ready(Some(Ok(_))) if body.token.as_ref().is_some_and(TokenTime::has_expired) => {
                body.forwarded.fail(BodyFault::Expired);
                Poll::Ready(Some(Err(FormError::Client(BodyFault::Expired.into()))))
            }
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(match frame.into_trailers() {
                Err(data) => Some(Ok(data)),
                Ok(mut trailers) => {
                    body.trailers.strip(&mut trailers);
                    (!trailers.is_empty()).then(|| Ok(Frame::trailers(trailers)))
                }
            }),
            other => other,
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            RequestBody::Empty(_) => true,
            RequestBody::Open(body) => body.content.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            RequestBody::Empty(_) => SizeHint::with_exact(0),
            RequestBody::Open(body) => body.content.size_hint(),
        }
    }
}

/// When a part of a request was last forwarded, and why its body failed.
#[derive(Clone, Debug)]
pub(crate) enum Progress {
    /// The request has no body. It is sent since this time.
    Whole(Instant),
    /// The request has a body, of which parts are forwarded.
    Parts(Arc<Forwarded>),
}

/// What is forwarded of a body.
#[derive(Debug)]
pub(crate) struct Forwarded {
    start: Instant,
    /// In milliseconds from the start.
    last: AtomicU64,
    is_complete: AtomicBool,
    awaits_client: AtomicBool,
    fault: OnceLock<BodyFault>,
}

impl Forwarded {
    pub(super) fn now() -> Arc<Forwarded> {
        Arc::new(Forwarded {
            start: Instant::now(),
            last: AtomicU64::default(),
            is_complete: AtomicBool::default(),
            awaits_client: AtomicBool::default(),
            fault: OnceLock::default(),
        })
    }

    pub(super) fn record(&self) {
        let since = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(since, Ordering::Relaxed);
        self.awaits_client.store(false, Ordering::Release);
    }

    /// The next part is asked for, and the client has not sent it. The body has a time limit of its own for that.
    fn wait_for_client(&self) {
        self.awaits_client.store(true, Ordering::Relaxed);
    }

    /// The first fault counts.
    fn fail(&self, fault: BodyFault) {
        let _ = self.fault.set(fault);
    }

    fn complete(&self) {
        self.is_complete.store(true, Ordering::Relaxed);
    }

    /// When something was last forwarded.
    pub(super) fn last(&self) -> Instant {
        self.start + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }
}

impl Progress {
    /// Whether the next part is waited for.
    fn awaits_client(&self) -> bool {
        match self {
            Progress::Whole(_) => false,
            Progress::Parts(forwarded) => forwarded.awaits_client.load(Ordering::Acquire),
        }
    }

    /// Why the body failed, if it has.
    pub(crate) fn fault(&self) -> Option<BodyFault> {
        match self {
            Progress::Whole(_) => None,
            Progress::Parts(forwarded) => forwarded.fault.get().copied(),
        }
    }

    /// Whether the body was forwarded to its end.
    pub(crate) fn is_complete(&self) -> bool {
        match self {
            Progress::Whole(_) => true,
            Progress::Parts(forwarded) => forwarded.is_complete.load(Ordering::Relaxed),
        }
    }

    /// When something was last forwarded.
    fn last(&self) -> Instant {
        match self {
            Progress::Whole(start) => *start,
            Progress::Parts(forwarded) => forwarded.last(),
        }
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
    use crate::headers::trailers::TrailerRules;

    fn filter() -> TrailerFilter {
        TrailerRules::default().filter(Vec::new(), Arc::default())
    }

    #[tokio::test]
    async fn a_call_ends_with_its_token() {
        let clock = FixedClock::at(100);
        let body = || {
            let content = Full::from("a").map_err(|never| match never {}).boxed_unsync();
            let token = TokenTime::until(101, clock.clone().into());
            RequestBody::open(Content::opaque(content), filter()).until(Some(token))
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
        let forwarded = Forwarded::now();
        let progress = Progress::Parts(Arc::clone(&forwarded));
        let upload = async {
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_secs(50)).await;
                forwarded.record();
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
        let forwarded = Forwarded::now();
        let progress = Progress::Parts(Arc::clone(&forwarded));
        forwarded.wait_for_client();
        let waiting = tokio::time::timeout(10 * limit, progress.stalled(limit)).await;
        assert!(waiting.is_err(), "still waiting");
        forwarded.record();
        progress.stalled(limit).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_without_a_body_stalls_once_its_answer_is_late() {
        let body = RequestBody::empty();
        assert!(body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(0));
        let (sent, limit) = (Instant::now(), Duration::from_secs(60));
        body.progress().stalled(limit).await;
        assert_eq!(sent.elapsed(), limit);
        assert!(matches!(body.ended_by_client().last_part(), LastPart::Forwarded));
    }
}
