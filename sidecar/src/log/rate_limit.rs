//! Limits how often an event is logged.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Permits an event once in an interval. It takes no lock.
#[derive(Debug)]
pub(crate) struct RateLimit {
    start: Instant,
    interval: Duration,
    /// The milliseconds after the start from which the event is permitted again.
    next: AtomicU64,
}

impl RateLimit {
    pub(crate) fn new(start: Instant, interval: Duration) -> RateLimit {
        RateLimit {
            start,
            interval,
            next: AtomicU64::new(0),
        }
    }

    /// Whether the event is permitted at `now`. Events at one time have one permission.
    pub(crate) fn permits(&self, now: Instant) -> bool {
        let milliseconds = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let elapsed = milliseconds(now.saturating_duration_since(self.start));
        let next = elapsed.saturating_add(milliseconds(self.interval));
        let permitted = |earliest| (elapsed >= earliest).then_some(next);
        self.next
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, permitted)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_permitted_once_in_an_interval() {
        let start = Instant::now();
        let limit = RateLimit::new(start, Duration::from_secs(60));
        let permitted = |seconds| limit.permits(start + Duration::from_secs(seconds));
        assert!(permitted(5));
        for seconds in [5, 6, 64] {
            assert!(!permitted(seconds), "{seconds}");
        }
        assert!(permitted(65));
        assert!(!permitted(66));
        assert!(permitted(10_000));
        assert!(!permitted(0), "an earlier time");
    }
}
