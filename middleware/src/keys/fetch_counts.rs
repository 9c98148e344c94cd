//! What has become of the fetches of one key set.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::time::Instant;

/// The fetches so far.
#[derive(Debug, Default)]
pub(super) struct FetchCounts {
    succeeded: AtomicU64,
    failed: AtomicU64,
    /// When the last one that succeeded ended.
    fetched: ArcSwapOption<Instant>,
}

impl FetchCounts {
    /// Counts a fetch that succeeded, and ended now.
    pub(super) fn succeeded(&self) {
        self.succeeded.fetch_add(1, Ordering::Relaxed);
        self.fetched.store(Some(Arc::new(Instant::now())));
    }

    /// Counts one that failed.
    pub(super) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Writes them to the status of the key set.
    pub(super) fn describe(&self, status: &mut KeySetStatus) {
        status.fetches = self.succeeded.load(Ordering::Relaxed);
        status.failed_fetches = self.failed.load(Ordering::Relaxed);
        status.age = self.fetched.load().as_ref().map(|fetched| fetched.elapsed());
    }
}

/// The key set of one issuer, and how it is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeySetStatus {
    /// The identifier of the issuer.
    pub issuer: Arc<str>,
    /// The keys in use; [`None`] while none are available, so that tokens of the issuer are answered with 503.
    pub keys: Option<usize>,
    /// The time since the last fetch that succeeded ended, also where it brought no other keys; [`None`] before that, and where
    /// nothing is fetched.
    pub age: Option<Duration>,
    /// The fetches that succeeded. With discovery, one fetch is that of the metadata and of the keys.
    pub fetches: u64,
    /// The fetches that failed: no answer in time, or no document with usable keys.
    pub failed_fetches: u64,
}

impl KeySetStatus {
    /// That of a key set which nothing fetches.
    pub(super) fn unfetched(issuer: &Arc<str>, keys: Option<usize>) -> KeySetStatus {
        KeySetStatus {
            issuer: Arc::clone(issuer),
            keys,
            age: None,
            fetches: 0,
            failed_fetches: 0,
        }
    }
}
