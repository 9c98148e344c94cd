//! One key set in use.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::key_set::KeySet;

/// One set of keys and its number.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) keys: Arc<KeySet>,
    pub(crate) generation: u64,
}

impl Snapshot {
    /// Numbers a set. One counter for the process: a cached token cannot match the set of another issuer or of an
    /// earlier authorizer.
    pub(super) fn new(keys: Arc<KeySet>) -> Self {
        let generation = next_generation();
        Snapshot { keys, generation }
    }
}

/// A number that is unique in the process, for key sets and for other things that tokens are verified by.
pub(crate) fn next_generation() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
