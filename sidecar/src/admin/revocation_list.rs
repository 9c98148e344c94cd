//! The list of revoked tokens, as `/metrics` shows it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The list of revoked tokens in use.
#[derive(Debug)]
pub(crate) struct RevocationList {
    entries: AtomicUsize,
    is_stale: AtomicBool,
}

impl RevocationList {
    /// One that has just been read, with this many entries.
    pub(crate) fn new(entries: usize) -> RevocationList {
        RevocationList {
            entries: AtomicUsize::new(entries),
            is_stale: AtomicBool::new(false),
        }
    }

    /// A list with this many entries is in use from now on.
    pub(crate) fn replaced(&self, entries: usize) {
        self.entries.store(entries, Ordering::Relaxed);
        self.is_stale.store(false, Ordering::Relaxed);
    }

    /// The file has changed and cannot be used: the last list stays in use.
    pub(crate) fn refused(&self) {
        self.is_stale.store(true, Ordering::Relaxed);
    }

    pub(super) fn entries(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }

    pub(super) fn is_stale(&self) -> bool {
        self.is_stale.load(Ordering::Relaxed)
    }
}
