//! The warning of evidence that contradicts itself.

use std::sync::atomic::{AtomicU64, Ordering};

/// How often it is logged for one issuer at most, in seconds.
const INTERVAL: u64 = 60;

/// When the last one was logged, in seconds since 1970.
#[derive(Debug, Default)]
pub(super) struct KindWarning(AtomicU64);

impl KindWarning {
    /// Logs that the kind of a party is unknown because its evidence contradicts itself. It contains no value of the token.
    #[cold]
    pub(super) fn report(&self, issuer: &str, now: u64) {
        let is_due = |last: u64| (last == 0 || now >= last.saturating_add(INTERVAL)).then_some(now.max(1));
        if self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_due)
            .is_ok()
        {
            tracing::warn!(
                issuer,
                "the evidence for the kind of a party in a token contradicts itself, so that the kind is unknown; an \
                 explanation of the token shows the evidence"
            );
        }
    }
}
