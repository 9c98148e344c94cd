//! Whether an address is left out of the choice because connections to it failed.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// How long an address is left out after its first failure, and at most.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// The failures of one address in a row.
#[derive(Debug)]
pub(super) struct Health {
    start: Instant,
    failures: AtomicU32,
    /// In milliseconds from the start.
    out_until: AtomicU64,
}

impl Health {
    pub(super) fn new() -> Health {
        Health {
            start: Instant::now(),
            failures: AtomicU32::new(0),
            out_until: AtomicU64::new(0),
        }
    }

    /// Whether requests go to this address before others.
    pub(super) fn is_in(&self) -> bool {
        match self.failures.load(Ordering::Relaxed) {
            0 => true,
            _ => self.out_until.load(Ordering::Relaxed) <= self.now(),
        }
    }

    /// Leaves the address out, for twice as long as the time before. Requests that fail at the same time count once.
    pub(super) fn failed(&self) {
        if !self.is_in() {
            return;
        }
        let earlier = self.failures.fetch_add(1, Ordering::Relaxed);
        let time = SHORTEST.saturating_mul(1 << earlier.min(5)).min(LONGEST);
        self.out_until.store(self.now() + milliseconds(time), Ordering::Relaxed);
    }

    /// The address answered.
    pub(super) fn succeeded(&self) {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    fn now(&self) -> u64 {
        milliseconds(self.start.elapsed())
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_address_is_left_out_for_a_growing_time() {
        let health = Health::new();
        assert!(health.is_in());
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            health.failed();
            health.failed();
            tokio::time::advance(Duration::from_secs(seconds) - Duration::from_millis(1)).await;
            assert!(!health.is_in(), "{seconds}");
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(health.is_in(), "{seconds}");
        }
        health.succeeded();
        health.failed();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(health.is_in(), "the first failure after a success");
    }
}
