//! How a request is counted outside of the process: the trait. Users of the library may implement it.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::rate::Quota;

/// The future of [`CountRequests::count`].
pub type CountFuture<'a> = Pin<Box<dyn Future<Output = Result<Counted, CountUnavailable>> + Send + 'a>>;

/// Counts requests, for all processes that share a store.
///
/// An implementation must count and compare in one step, so that two processes do not both use the last request of a quota. It must
/// bound its own time, because the request waits for it, and must not count a request that is [`Exceeded`](Counted::Exceeded).
pub trait CountRequests: Send + Sync + 'static {
    /// Counts one request.
    fn count<'a>(&'a self, count: &'a Count) -> CountFuture<'a>;
}

/// One request to be counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    key: [u8; 32],
    quota: Quota,
}

impl Count {
    pub(crate) fn new(key: [u8; 32], quota: Quota) -> Count {
        Count { key, quota }
    }

    /// What is counted together: a digest (SHA-256) of the limit with its quota, and of the parties. It is the same in every process with
    /// this limit, and contains no subject. Who knows a subject can compute it.
    pub fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// The quota that applies.
    pub fn quota(&self) -> Quota {
        self.quota
    }
}

/// What the count of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// The request is within the quota, and is counted.
    Within,
    /// The request is over the quota, and is not counted.
    Exceeded {
        /// The time after which one request is within the quota, if no other is made.
        retry_after: Duration,
    },
}

/// The store did not answer, or not in time. What happened is the implementation's to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the requests of the party cannot be counted")]
pub struct CountUnavailable;
