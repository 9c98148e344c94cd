//! The body of a response, on its way to the client.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use actgate::challenge::grpc_status;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use uuid::Uuid;

use super::message_body::MessageBody;
use super::stream_end::{Ended, StreamEnd, TokenTime};
use super::upstream::body::{UpstreamBody, UpstreamBodyError};
use crate::headers::hop_by_hop;
use crate::headers::media_type::MediaType;

/// After how many frames the time of the token is read where the upstream never has to be waited for.
const FRAMES_BETWEEN_CHECKS: u8 = 32;

/// The body of a response: of the proxy itself, or of the upstream as it streams in.
#[derive(Debug)]
pub(crate) enum ResponseBody {
    Own(Full<Bytes>),
    /// A message of gRPC, and its trailers.
    Message(MessageBody),
    Upstream(StreamedBody<UpstreamBody>),
}

impl ResponseBody {
    /// The response of the upstream to the request with `decision`, for a client of HTTP `version`. It ends with `token`.
    pub(crate) fn upstream(
        response: Response<UpstreamBody>,
        version: Version,
        token: Option<TokenTime>,
        decision: Uuid,
    ) -> Response<ResponseBody> {
        let expired_end = match (response.body().media_type(), version) {
            // Trailers reach a client of HTTP/2 for certain.
            (MediaType::Grpc, Version::HTTP_2) => ExpiredEnd::GrpcStatus,
            _ => ExpiredEnd::Cut,
        };
        let end = StreamEnd::new(token, response.body().idle());
        response.map(|body| ResponseBody::Upstream(StreamedBody::new(body, end, expired_end, decision)))
    }

    /// What it is: [`MediaType::Other`] for a body of the proxy.
    pub(crate) fn media_type(&self) -> MediaType {
        match self {
            ResponseBody::Own(_) | ResponseBody::Message(_) => MediaType::Other,
            ResponseBody::Upstream(streamed) => {
                let body = streamed.source.body();
                body.map_or(MediaType::Other, UpstreamBody::media_type)
            }
        }
    }
}

/// Why a body ends early: the client sees a cut, never a clean end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError<E> {
    /// The upstream broke off.
    #[error(transparent)]
    Upstream(E),
    #[error("the access token has expired")]
    Expired,
    /// The upstream sent nothing for too long.
    #[error("the body made no progress within the time limit")]
    Idle,
}

/// How a body ends when its token has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExpiredEnd {
    /// It breaks off.
    Cut,
    /// A gRPC status in trailers follows.
    GrpcStatus,
}

/// The body of a response of the upstream.
#[derive(Debug)]
pub(crate) struct StreamedBody<B: Body> {
    source: Source<B, B::Error>,
    end: StreamEnd,
    expired_end: ExpiredEnd,
    unchecked_frames: u8,
    decision: Uuid,
}

/// Where a body comes from.
#[derive(Debug)]
enum Source<B, E> {
    Open(B),
    /// The error is reported with the next poll: hyper discards what it has not written before an error, even the response
    /// head.
    Failed(E),
    /// It was ended here, which closes the stream of the upstream at once.
    Ended,
}

impl<B, E> Source<B, E> {
    fn body(&self) -> Option<&B> {
        match self {
            Source::Open(body) => Some(body),
            Source::Failed(_) | Source::Ended => None,
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> StreamedBody<B> {
    /// The body of the response to the request with `decision`, until `end`.
    pub(crate) fn new(body: B, end: StreamEnd, expired_end: ExpiredEnd, decision: Uuid) -> StreamedBody<B> {
        StreamedBody {
            source: Source::Open(body),
            end,
            expired_end,
            unchecked_frames: 0,
            decision,
        }
    }

    fn expired(&mut self) -> Option<Result<Frame<Bytes>, BodyError<B::Error>>> {
        self.source = Source::Ended;
        let decision = self.decision;
        tracing::info!(%decision, "a response was ended: its access token has expired");
        Some(match self.expired_end {
            ExpiredEnd::Cut => Err(BodyError::Expired),
            ExpiredEnd::GrpcStatus => Ok(Frame::trailers(unauthenticated())),
        })
    }

    fn received(&mut self, frame: Frame<Bytes>) -> Option<Result<Frame<Bytes>, BodyError<B::Error>>> {
        self.end.progress();
        self.unchecked_frames += 1;
        if self.unchecked_frames == FRAMES_BETWEEN_CHECKS {
            self.unchecked_frames = 0;
            if self.end.has_expired() && frame.is_data() {
                return self.expired();
            }
        }
        match frame.into_trailers() {
            Ok(mut trailers) => {
                hop_by_hop::strip_response_trailers(&mut trailers);
                Some(Ok(Frame::trailers(trailers)))
            }
            Err(data) => Some(Ok(data)),
        }
    }
}

/// The trailers of a gRPC response whose token has expired.
fn unauthenticated() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", grpc_status(StatusCode::UNAUTHORIZED));
    let message = HeaderValue::from_static("the access token has expired");
    trailers.insert("grpc-message", message);
    trailers
}

impl<B: Body<Data = Bytes, Error: Unpin> + Unpin> Body for StreamedBody<B> {
    type Data = Bytes;
    type Error = BodyError<B::Error>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError<B::Error>>>> {
        let this = self.get_mut();
        let body = match &mut this.source {
            Source::Open(body) => body,
            Source::Failed(_) | Source::Ended => {
                return Poll::Ready(match mem::replace(&mut this.source, Source::Ended) {
                    Source::Failed(error) => Some(Err(BodyError::Upstream(error))),
                    Source::Open(_) | Source::Ended => None,
                });
            }
        };
        match Pin::new(body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(this.received(frame)),
            Poll::Ready(Some(Err(error))) => {
                this.source = Source::Failed(error);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => this.end.poll(cx).map(|ended| match ended {
                Ended::Expired => this.expired(),
                Ended::Idle => {
                    this.source = Source::Ended;
                    Some(Err(BodyError::Idle))
                }
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Open(body) => body.is_end_stream(),
            Source::Failed(_) => false,
            Source::Ended => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Open(body) => body.size_hint(),
            Source::Failed(_) => SizeHint::default(),
            Source::Ended => SizeHint::with_exact(0),
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError<UpstreamBodyError>;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            ResponseBody::Own(full) => {
                let frame = Pin::new(full).poll_frame(cx);
                frame.map_err(|never| match never {})
            }
            ResponseBody::Message(message) => {
                let frame = Pin::new(message).poll_frame(cx);
                frame.map_err(|never| match never {})
            }
            ResponseBody::Upstream(upstream) => Pin::new(upstream).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ResponseBody::Own(full) => full.is_end_stream(),
            ResponseBody::Message(message) => message.is_end_stream(),
            ResponseBody::Upstream(upstream) => upstream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ResponseBody::Own(full) => full.size_hint(),
            ResponseBody::Message(message) => message.size_hint(),
            ResponseBody::Upstream(upstream) => upstream.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actgate::clock::FixedClock;
    use http_body_util::BodyExt as _;
    use tokio::sync::mpsc;
    use tokio::time::Instant;

    use super::super::stream_end::TokenTime;
    use super::*;

    /// The frames that a test sends.
    struct Frames(mpsc::UnboundedReceiver<Result<Frame<Bytes>, &'static str>>);

    impl Body for Frames {
        type Data = Bytes;
        type Error = &'static str;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
            self.0.poll_recv(cx)
        }
    }

    type Sender = mpsc::UnboundedSender<Result<Frame<Bytes>, &'static str>>;

    const IDLE: Duration = Duration::from_secs(60);

    fn streamed(token: Option<TokenTime>, form: ExpiredEnd) -> (Sender, StreamedBody<Frames>) {
        let (sender, frames) = mpsc::unbounded_channel();
        let end = StreamEnd::new(token, IDLE);
        (sender, StreamedBody::new(Frames(frames), end, form, Uuid::nil()))
    }

    fn data() -> Result<Frame<Bytes>, &'static str> {
        Ok(Frame::data(Bytes::from_static(b"a")))
    }

    #[tokio::test(start_paused = true)]
    async fn an_expired_token_cuts_a_waiting_body_and_closes_the_upstream() {
        let clock = FixedClock::at(1_000);
        let token = TokenTime::until(1_010, clock.clone().into());
        let (sender, mut body) = streamed(Some(token), ExpiredEnd::Cut);
        sender.send(data()).unwrap();
        assert!(body.frame().await.unwrap().unwrap().is_data());
        let next = tokio::join!(body.frame(), async { clock.set(1_010) }).0;
        assert!(matches!(next, Some(Err(BodyError::Expired))));
        assert!(sender.is_closed() && body.frame().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_of_grpc_ends_with_a_status() {
        let clock = FixedClock::at(1_000);
        let token = TokenTime::until(1_010, clock.clone().into());
        let (sender, mut body) = streamed(Some(token), ExpiredEnd::GrpcStatus);
        let next = tokio::join!(body.frame(), async { clock.set(1_010) }).0;
        let trailers = next.unwrap().unwrap().into_trailers().unwrap();
        assert_eq!(trailers["grpc-status"], "16");
        assert!(sender.is_closed() && body.frame().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_without_progress_is_cut_whatever_its_form() {
        for form in [ExpiredEnd::Cut, ExpiredEnd::GrpcStatus] {
            let (sender, mut body) = streamed(None, form);
            for _ in 0..3 {
                let sent = async {
                    tokio::time::sleep(IDLE - Duration::from_secs(1)).await;
                    sender.send(data()).unwrap();
                };
                assert!(tokio::join!(body.frame(), sent).0.unwrap().is_ok());
                // The time in which no more is asked for.
                tokio::time::sleep(2 * IDLE).await;
            }
            let started = Instant::now();
            assert!(matches!(body.frame().await, Some(Err(BodyError::Idle))));
            assert_eq!(started.elapsed(), IDLE);
            assert!(sender.is_closed());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn data_that_has_arrived_is_not_late() {
        let (sender, mut body) = streamed(None, ExpiredEnd::Cut);
        let waited = tokio::time::timeout(Duration::from_secs(1), body.frame()).await;
        assert!(waited.is_err(), "still waiting");
        sender.send(data()).unwrap();
        tokio::time::sleep(2 * IDLE).await;
        assert!(body.frame().await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_body_that_never_waits_is_cut_too() {
        let clock = FixedClock::at(1_000);
        let token = TokenTime::until(1_010, clock.clone().into());
        let (sender, mut body) = streamed(Some(token), ExpiredEnd::Cut);
        for _ in 0..1_000 {
            sender.send(data()).unwrap();
        }
        for _ in 0..FRAMES_BETWEEN_CHECKS {
            assert!(body.frame().await.unwrap().is_ok());
        }
        clock.set(1_010);
        let mut passed = 0;
        while let Some(Ok(_)) = body.frame().await {
            passed += 1;
        }
        assert!(passed <= usize::from(FRAMES_BETWEEN_CHECKS), "{passed}");
    }

    #[tokio::test]
    async fn trailers_pass_without_the_fields_of_a_connection() {
        let (sender, mut body) = streamed(None, ExpiredEnd::Cut);
        let mut trailers = HeaderMap::new();
        for name in ["grpc-status", "x-checksum", "content-length", "connection"] {
            trailers.insert(name, HeaderValue::from_static("0"));
        }
        sender.send(Ok(Frame::trailers(trailers))).unwrap();
        let passed = body.frame().await.unwrap().unwrap().into_trailers().unwrap();
        assert_eq!(passed.keys().collect::<Vec<_>>(), ["grpc-status", "x-checksum"]);
    }
}
