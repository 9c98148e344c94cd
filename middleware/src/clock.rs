//! The wall clock, read in one place and passed on as a value.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The source of time of an [`Authorizer`](crate::Authorizer).
///
/// It applies to the times in tokens. Intervals (key refresh, cool-down, staleness) run on the
/// monotonic clock of the runtime, so that a jump of the wall clock does not affect them.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<FixedClock>);

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        Clock(None)
    }

    /// Seconds since 1970-01-01T00:00:00Z. A clock set before 1970 reads 0.
    pub fn now(&self) -> u64 {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
            None => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
            Some(fixed) => fixed.0.load(Ordering::Relaxed),
        }
    }
}

/// A clock that is set by hand: for tests, and for decisions as of another time.
#[derive(Clone, Debug)]
pub struct FixedClock(Arc<AtomicU64>);

impl FixedClock {
    /// A clock at `seconds` since 1970-01-01T00:00:00Z.
    pub fn at(seconds: u64) -> Self {
        FixedClock(Arc::new(AtomicU64::new(seconds)))
    }

    /// Sets the clock to `seconds` since 1970-01-01T00:00:00Z.
    pub fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }

    /// Advances the clock.
    pub fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl From<FixedClock> for Clock {
    fn from(fixed: FixedClock) -> Self {
        Clock(Some(fixed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_is_set_by_hand() {
        let fixed = FixedClock::at(100);
        let clock = Clock::from(fixed.clone());
        assert_eq!(clock.now(), 100);
        fixed.advance(5);
        assert_eq!(clock.now(), 105);
    }

    #[test]
    fn the_system_clock_is_past_2025() {
        assert!(Clock::system().now() > 1_735_689_600);
    }
}
