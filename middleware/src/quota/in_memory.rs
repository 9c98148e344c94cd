//! Counts in the memory of the process.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota as Cells, RateLimiter};
use quick_cache::sync::Cache;
use tokio::time::Instant;

use super::count::{Count, Counted};
use super::rate::Quota;

/// How many counters are kept: some ten megabytes. Beyond them one that is seldom used begins anew.
const MAX_COUNTERS: usize = 65_536;

type Counter = RateLimiter<NotKeyed, InMemoryState, Monotonic, NoOpMiddleware<Duration>>;

/// The counters of one process. Only verified tokens make one.
pub(crate) struct InMemory {
    counters: Cache<([u8; 32], Quota), Arc<Counter>>,
    clock: Monotonic,
}

impl Default for InMemory {
    fn default() -> InMemory {
        InMemory {
            counters: Cache::new(MAX_COUNTERS),
            clock: Monotonic(Instant::now()),
        }
    }
}

impl InMemory {
    /// Counts one request. A quota that has changed begins anew.
    pub(crate) fn count(&self, count: &Count) -> Counted {
        let begun = self.counters.get_or_insert_with(&(*count.key(), count.quota()), || {
            let cells = Cells::with_period(count.quota().interval()).ok_or(())?;
            let cells = cells.allow_burst(count.quota().burst());
            Ok::<_, ()>(Arc::new(RateLimiter::direct_with_clock(cells, self.clock)))
        });
        match begun.map(|counter| counter.check()) {
            Ok(Ok(())) => Counted::Within,
            Ok(Err(exceeded)) => Counted::Exceeded {
                retry_after: exceeded.wait_time_from(self.clock.now()),
            },
            // No quota has an interval of zero.
            Err(()) => Counted::Exceeded {
                retry_after: count.quota().interval(),
            },
        }
    }
}

impl fmt::Debug for InMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemory").finish_non_exhaustive()
    }
}

/// The monotonic clock of the runtime, from when counting began.
#[derive(Clone, Copy, Debug)]
struct Monotonic(Instant);

impl Clock for Monotonic {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(key: u8, requests: u32, burst: u32) -> Count {
        Count::new([key; 32], Quota::new(requests, Duration::from_secs(60), burst).unwrap())
    }

    fn retry_after(counted: Counted) -> Duration {
        match counted {
            Counted::Within => Duration::ZERO,
            Counted::Exceeded { retry_after } => retry_after,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_within_the_quota_and_comes_back_one_by_one() {
        let (counts, minute) = (InMemory::default(), count(1, 60, 3));
        for _ in 0..3 {
            assert_eq!(counts.count(&minute), Counted::Within);
        }
        assert_eq!(retry_after(counts.count(&minute)), Duration::from_secs(1));
        tokio::time::advance(Duration::from_millis(400)).await;
        assert_eq!(retry_after(counts.count(&minute)), Duration::from_millis(600));
        tokio::time::advance(Duration::from_millis(600)).await;
        assert_eq!(counts.count(&minute), Counted::Within);
        assert_ne!(counts.count(&minute), Counted::Within);
        tokio::time::advance(Duration::from_secs(3600)).await;
        let within = (0..10).filter(|_| counts.count(&minute) == Counted::Within).count();
        assert_eq!(within, 3, "a burst does not add up");
    }

    #[tokio::test(start_paused = true)]
    async fn each_key_and_each_quota_has_its_counter() {
        let counts = InMemory::default();
        assert_eq!(counts.count(&count(1, 1, 1)), Counted::Within);
        assert_ne!(counts.count(&count(1, 1, 1)), Counted::Within);
        assert_eq!(counts.count(&count(2, 1, 1)), Counted::Within);
        assert_eq!(counts.count(&count(1, 2, 1)), Counted::Within);
    }

    #[test]
    fn the_last_request_of_a_quota_is_counted_once() {
        let (counts, minute) = (InMemory::default(), count(1, 1, 100));
        let within = std::thread::scope(|scope| {
            let one = || (0..100).filter(|_| counts.count(&minute) == Counted::Within).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
        });
        assert_eq!(within, 100);
    }
}
