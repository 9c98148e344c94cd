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
use crate::request::{BodyRead, ReadBody, ReplayBody};

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// Reads bodies of type `B`, or does not. [`NoBodies`] and [`ReplayBodies`] implement it.
pub trait ReadBodies<B> {
    /// A body that is being read.
    type Reading: Future<Output = Result<Content<B>, Error>> + Unpin;

    /// Begins to read at most `limit` bytes. [`None`] where bodies are not read.
    fn read(&self, body: B, limit: usize) -> Option<Self::Reading>;
}

/// A body that was read.
#[derive(Debug)]
pub struct Content<B> {
    pub(super) bytes: Bytes,
    /// The body to send on; [`None`] of one over the limit.
    pub(super) body: Option<B>,
}

/// No body is read: a route with a rule on the body is denied.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBodies;

impl<B> ReadBodies<B> for NoBodies {
    type Reading = Pending<Result<Content<B>, Error>>;

    fn read(&self, _: B, _: usize) -> Option<Self::Reading> {
        None
    }
}

/// Bodies are read, and sent on as the function makes them of a [`ReplayBody`].
#[derive(Clone, Copy, Debug)]
pub struct ReplayBodies<F>(pub(super) F);

impl<B, F> ReadBodies<B> for ReplayBodies<F>
where
    B: Body + Unpin,
    F: Fn(ReplayBody) -> B + Clone + Unpin,
{
    type Reading = Reading<B, F>;

    fn read(&self, body: B, limit: usize) -> Option<Reading<B, F>> {
        // Outside of tokio there are no timers.
        let timer = Handle::try_current().ok().map(|_| Instant::now() + BODY_TIME);
        Some(Reading {
            body: ReadBody::new(body, limit),
            timer: timer.map(|deadline| Box::pin(sleep_until(deadline))),
            replay: self.0.clone(),
        })
    }
}

/// A body that is being read, within a time limit.
#[derive(Debug)]
pub struct Reading<B, F> {
    body: ReadBody<B>,
    timer: Option<Pin<Box<Sleep>>>,
    replay: F,
}

impl<B, F> Future for Reading<B, F>
where
    B: Body + Unpin,
    F: Fn(ReplayBody) -> B + Unpin,
{
    type Output = Result<Content<B>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Poll::Ready(read) = Pin::new(&mut this.body).poll(cx) {
            let read = read.map_err(|_| Error::invalid_request("the body of the request is incomplete"));
            return Poll::Ready(read.map(|read: BodyRead| {
                let (bytes, replay) = read.into_parts();
                Content {
                    bytes,
                    body: replay.map(&this.replay),
                }
            }));
        }
        let Some(timer) = &mut this.timer else {
            return Poll::Pending;
        };
        ready!(timer.as_mut().poll(cx));
        let reason = "the body of the request did not arrive in time";
        Poll::Ready(Err(Error::invalid_request(reason)))
    }
}
