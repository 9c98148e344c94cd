//! A quota: a rate, and how many requests may come at once.

use std::num::NonZeroU32;
use std::time::Duration;

/// The largest number of requests of a rate.
pub(crate) const MAX_REQUESTS: u32 = 1_000_000;

/// The largest burst.
pub(crate) const MAX_BURST: u32 = 1_000_000;

/// The shortest time for one request: 10,000 requests a second. Shared stores count in microseconds.
const MIN_INTERVAL: Duration = Duration::from_micros(100);

/// The longest time in which a whole burst comes back.
const MAX_RECOVERY: Duration = Duration::from_secs(31 * 24 * 3600);

/// How many requests are within a limit: `burst` at once, and one more after each `interval`.
///
/// This is the generic cell rate algorithm, a leaky bucket: there is no window whose end lets twice the number pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    interval: Duration,
    burst: NonZeroU32,
}

impl Quota {
    /// `requests` in each `period`, from 1 to 1,000,000, and at most 10,000 a second; `burst` of them at once, from 1 to 1,000,000.
    ///
    /// # Errors
    /// Why the numbers make no quota, in words.
    pub fn new(requests: u32, period: Duration, burst: u32) -> Result<Quota, &'static str> {
        if !(1..=MAX_REQUESTS).contains(&requests) {
            return Err("a rate is of 1 to 1000000 requests");
        }
        let interval = period / requests;
        if interval < MIN_INTERVAL {
            return Err("a rate is at most 10000 requests a second");
        }
        let burst = NonZeroU32::new(burst).filter(|burst| burst.get() <= MAX_BURST);
        let burst = burst.ok_or("a burst is of 1 to 1000000 requests")?;
        match interval.checked_mul(burst.get()) {
            Some(recovery) if recovery <= MAX_RECOVERY => Ok(Quota { interval, burst }),
            _ => Err("such a burst takes longer than 31 days to come back"),
        }
    }

    /// The time after which one more request is within the quota.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// How many requests may come at once, after a time without any.
    pub fn burst(&self) -> NonZeroU32 {
        self.burst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_quota_has_an_interval_and_a_burst() {
        let quota = Quota::new(60, MINUTE, 10).unwrap();
        assert_eq!((quota.interval(), quota.burst().get()), (Duration::from_secs(1), 10));
    }

    #[test]
    fn numbers_out_of_range_make_no_quota() {
        for (requests, period, burst) in [
            (0, MINUTE, 1),
            (MAX_REQUESTS + 1, MINUTE * 60, 1),
            (10_001, Duration::from_secs(1), 1),
            (1, MINUTE, 0),
            (1, MINUTE, MAX_BURST + 1),
            (1, Duration::from_secs(86_400), 32),
        ] {
            assert!(
                Quota::new(requests, period, burst).is_err(),
                "{requests} {period:?} {burst}"
            );
        }
        for (requests, period, burst) in [
            (MAX_REQUESTS, MINUTE * 60, MAX_BURST),
            (10_000, Duration::from_secs(1), 1),
            (1, Duration::from_secs(86_400), 31),
        ] {
            assert!(
                Quota::new(requests, period, burst).is_ok(),
                "{requests} {period:?} {burst}"
            );
        }
    }
}
