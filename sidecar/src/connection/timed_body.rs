//! A body that has to make progress.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

/// Fails a body when its sender has sent nothing for a time limit. The time in which no more is asked for does not
/// count.
#[derive(Debug)]
pub(crate) struct TimedBody<B> {
    body: B,
    limit: Duration,
    /// Made when the body is waited for.
    due: Option<Pin<Box<Sleep>>>,
    is_waiting: bool,
}

/// A body made no progress within the time limit.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the body made no progress for {}", humantime::format_duration(*.0))]
pub(crate) struct Stalled(Duration);

impl<B> TimedBody<B> {
    /// Limits the time without progress of `body`.
    pub(crate) fn new(body: B, limit: Duration) -> TimedBody<B> {
        TimedBody {
            body,
            limit,
            due: None,
            is_waiting: false,
        }
    }

    fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<Stalled> {
        let limit = self.limit;
        let due = self.due.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        if !std::mem::replace(&mut self.is_waiting, true) {
            due.as_mut().reset(Instant::now() + limit);
        }
        ready!(due.as_mut().poll(cx));
        Poll::Ready(Stalled(limit))
    }
}

impl<B> Body for TimedBody<B>
where
    B: Body + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = B::Data;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, Self::Error>>> {
        let timed = self.get_mut();
        match Pin::new(&mut timed.body).poll_frame(cx) {
            Poll::Pending => timed.poll_due(cx).map(|stalled| Some(Err(stalled.into()))),
            Poll::Ready(frame) => {
                timed.is_waiting = false;
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use http_body_util::BodyExt as _;
    use tokio::sync::mpsc;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    /// A body of what the channel delivers.
    struct Delivered(mpsc::Receiver<Bytes>);

    impl Body for Delivered {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.0.poll_recv(cx).map(|data| data.map(|data| Ok(Frame::data(data))))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_fails_when_nothing_arrives_within_the_limit() {
        let (sender, receiver) = mpsc::channel(1);
        let mut body = TimedBody::new(Delivered(receiver), LIMIT);
        for _ in 0..3 {
            let sent = async {
                tokio::time::sleep(LIMIT - Duration::from_secs(1)).await;
                sender.send(Bytes::from_static(b"a")).await.unwrap();
            };
            let ((), frame) = tokio::join!(sent, body.frame());
            assert!(frame.unwrap().is_ok());
            // The time in which no more is asked for.
            tokio::time::sleep(2 * LIMIT).await;
        }
        let started = Instant::now();
        let error = body.frame().await.unwrap().unwrap_err();
        assert!(error.is::<Stalled>(), "{error}");
        assert_eq!(error.to_string(), "the body made no progress for 1m");
        assert_eq!(started.elapsed(), LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn data_that_has_arrived_is_not_late() {
        let (sender, receiver) = mpsc::channel(1);
        let mut body = TimedBody::new(Delivered(receiver), LIMIT);
        assert!(
            tokio::time::timeout(Duration::from_secs(1), body.frame())
                .await
                .is_err()
        );
        sender.send(Bytes::from_static(b"a")).await.unwrap();
        tokio::time::sleep(2 * LIMIT).await;
        assert!(body.frame().await.unwrap().is_ok());
    }
}
