//! How the layer reads the body of a request, where a rule of the policy is about it.

use std::future::{Future, Pending};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::error::Error;
use crate::request::{ReadBody, ReplayBody};

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// Reads bodies of type `B`, or does not. [`NoBodies`] and [`ReplayBodies`] implement it.
pub trait ReadBodies<B> {
    /// A body that is being read.
    type Reading: Future<Output = Content<B>> + Unpin;

    /// Begins to read at most `limit` bytes.
    ///
    /// # Errors
    /// The body, where bodies are not read.
    fn read(&self, body: B, limit: usize) -> Result<Self::Reading, B>;
}

/// A body that was read.
#[derive(Debug)]
pub struct Content<B> {
    /// The bytes; of a body over the limit, more than that. The error of a body that failed, or did not arrive in time.
    pub(super) bytes: Result<Bytes, Error>,
    pub(super) is_whole: bool,
    /// The body to send on, as it came.
    pub(super) body: B,
}

/// No body is read: a route with a rule on the body is denied.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBodies;

impl<B> ReadBodies<B> for NoBodies {
    type Reading = Pending<Content<B>>;

    fn read(&self, body: B, _: usize) -> Result<Self::Reading, B> {
        Err(body)
    }
}

/// Bodies are read, and sent on as the function makes them of a [`ReplayBody`].
#[derive(Clone, Copy, Debug)]
pub struct ReplayBodies<F>(pub(super) F);

impl<B, F> ReadBodies<B> for ReplayBodies<F>
where
    B: Body + Unpin,
    F: Fn(ReplayBody<B>) -> B + Clone + Unpin,
{
    type Reading = Reading<B, F>;

    fn read(&self, body: B, limit: usize) -> Result<Reading<B, F>, B> {
        // Outside of tokio there are no timers.
        let timer = Handle::try_current().ok().map(|_| Instant::now() + BODY_TIME);
        Ok(Reading {
            body: Some(ReadBody::new(body, limit)),
            timer: timer.map(|deadline| Box::pin(sleep_until(deadline))),
            replay: self.0.clone(),
        })
    }
}

/// A body that is being read, within a time limit.
#[derive(Debug)]
pub struct Reading<B, F> {
    /// [`None`] after its end.
    body: Option<ReadBody<B>>,
    timer: Option<Pin<Box<Sleep>>>,
    replay: F,
}

impl<B, F> Future for Reading<B, F>
where
    B: Body + Unpin,
    F: Fn(ReplayBody<B>) -> B + Unpin,
{
    type Output = Content<B>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Content<B>> {
        let this = self.get_mut();
        let Some(reading) = &mut this.body else {
            return Poll::Pending;
        };
        let (reason, error) = match Pin::new(reading).poll(cx) {
            Poll::Ready(Ok(read)) => {
                this.body = None;
                return Poll::Ready(Content {
                    bytes: Ok(read.shared_bytes()),
                    is_whole: read.is_whole(),
                    body: (this.replay)(read.replay()),
                });
            }
            Poll::Ready(Err(error)) => ("the body of the request is incomplete", Some(error)),
            Poll::Pending => {
                let Some(timer) = &mut this.timer else {
                    return Poll::Pending;
                };
                ready!(timer.as_mut().poll(cx));
                ("the body of the request did not arrive in time", None)
            }
        };
        let Some(reading) = this.body.take() else {
            return Poll::Pending;
        };
        Poll::Ready(Content {
            bytes: Err(Error::invalid_request(reason)),
            is_whole: false,
            body: (this.replay)(reading.replay(error)),
        })
    }
}
