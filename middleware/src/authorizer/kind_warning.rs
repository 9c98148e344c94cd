//! The warning of evidence that contradicts itself.

use std::sync::atomic::{AtomicU64, Ordering};

/// How often it is logged for one issuer at most, in seconds.
const INTERVAL: u64 = 60;

/// When the last one was logged, in seconds since 1970.
#[derive(Debug, Default)]
pub(super) struct KindWarning(AtomicU64);

impl KindWarning {
    fn is_due(&self, now: u64) -> bool {
        let next = |last: u64| (last == 0 || now >= last.saturating_add(INTERVAL)).then_some(now.max(1));
        let updated = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        updated.is_ok()
    }
}

/// Logs that the kind of a party is unknown because its evidence contradicts itself. It contains no value of the token.
#[cold]
pub(super) fn warn_of_contradiction(warning: &KindWarning, issuer: &str, now: u64) {
    if warning.is_due(now) {
        tracing::warn!(
            issuer,
            "the evidence for the kind of a party in a token contradicts itself, so that the kind is unknown; an \
             explanation of the token shows the evidence"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_logged_at_most_once_a_minute() {
        let warning = KindWarning::default();
        for (now, expected) in [
            (1000, true),
            (1000, false),
            (1059, false),
            (1060, true),
            (1061, false),
            (990, false),
            (1120, true),
        ] {
            assert_eq!(warning.is_due(now), expected, "{now}");
        }
        assert!(KindWarning::default().is_due(0));
    }
}
