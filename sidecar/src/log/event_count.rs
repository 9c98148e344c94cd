//! Events that clients can cause at will: each is counted, and few are reported, so that no client fills the log.

use std::error::Error;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the events of one kind.
#[derive(Debug)]
pub(crate) struct EventCount(AtomicU64);

impl EventCount {
    pub(crate) const fn new() -> EventCount {
        EventCount(AtomicU64::new(0))
    }

    /// Counts an event, and reports `message` with the number of events where that is due.
    pub(crate) fn report(&self, error: &dyn Error, message: &str) {
        self.report_of(None, error, message);
    }

    /// The same for an event that `client` caused.
    pub(crate) fn report_of(&self, client: Option<IpAddr>, error: &dyn Error, message: &str) {
        let client = client.map(tracing::field::display);
        let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        if is_due(count) {
            tracing::info!(count, client, %error, "{message}");
        } else {
            tracing::debug!(client, %error, "connection ended early");
        }
    }
}

/// Whether the event with this number is reported: the first, the second, the fourth and so on.
pub(crate) fn is_due(count: u64) -> bool {
    count.is_power_of_two()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ever_fewer_events_are_reported() {
        let due: Vec<u64> = (0..=16).filter(|count| is_due(*count)).collect();
        assert_eq!(due, [1, 2, 4, 8, 16]);
    }
}
