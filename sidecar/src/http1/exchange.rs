//! The exchanges of a connection: which request head it waits for.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};

/// Counts the exchanges of one connection. Its socket and its service share one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exchanges(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    begun: AtomicU64,
    ended: AtomicU64,
}

/// A request and its response in progress. It ends when the last clone is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    _end: Arc<EndOnDrop>,
}

#[derive(Debug)]
struct EndOnDrop(Exchanges);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.0.ended.fetch_add(1, Ordering::Release);
    }
}

impl Exchanges {
    /// Begins an exchange: a request head has been read.
    pub(crate) fn begin(&self) -> Exchange {
        self.0.begun.fetch_add(1, Ordering::Release);
        Exchange {
            _end: Arc::new(EndOnDrop(self.clone())),
        }
    }

    /// The number of the request head that comes next; `None` while an exchange is in progress.
    pub(super) fn next_head(&self) -> Option<u64> {
        let ended = self.0.ended.load(Ordering::Acquire);
        let begun = self.0.begun.load(Ordering::Acquire);
        (begun == ended).then_some(begun)
    }
}

impl Exchange {
    /// Keeps the exchange in progress for as long as `body` is.
    pub(crate) fn track<B>(&self, body: B) -> TrackedBody<B> {
        TrackedBody {
            body,
            _exchange: self.clone(),
        }
    }
}

/// A body that belongs to an exchange.
#[derive(Debug)]
pub(crate) struct TrackedBody<B> {
    body: B,
    _exchange: Exchange,
}

impl<B: Body + Unpin> Body for TrackedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
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
    use super::*;

    #[test]
    fn the_next_head_is_due_when_both_bodies_have_ended() {
        let exchanges = Exchanges::default();
        assert_eq!(exchanges.next_head(), Some(0));
        let exchange = exchanges.begin();
        let (request, response) = (exchange.track(()), exchange.track(()));
        drop(exchange);
        drop(request);
        assert_eq!(exchanges.next_head(), None);
        drop(response);
        assert_eq!(exchanges.next_head(), Some(1));
    }
}
