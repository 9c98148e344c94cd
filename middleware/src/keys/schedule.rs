//! When the next fetch begins. Replicas that start, recover or refetch at one moment do not fetch at one moment again.

use std::time::Duration;

use super::refresh_policy::RefreshPolicy;

/// A shorter `max-age` of an issuer counts as this.
const SHORTEST_AGE: Duration = Duration::from_secs(60);

/// A longer `Retry-After` counts as this while no keys are present: every request waits for them.
const LONGEST_RETRY_WITHOUT_KEYS: Duration = Duration::from_secs(60);

/// The pauses between the fetches of one issuer.
#[derive(Debug)]
pub(super) struct FetchSchedule {
    refresh: Duration,
    failures: u32,
    cause: Cause,
}

/// Why a fetch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The pause after a successful fetch is over: the replicas of a fleet come to this at different moments.
    Refresh,
    /// A start, an outage or an unknown key: many replicas may come to this at the same moment.
    Event,
}

/// Whether requests can be decided while a fetch fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// Earlier keys are used.
    Keys,
    /// Every token gets 503.
    Nothing,
}

impl FetchSchedule {
    pub(super) fn new(policy: &RefreshPolicy) -> Self {
        FetchSchedule {
            refresh: policy.refresh,
            failures: 0,
            cause: Cause::Event,
        }
    }

    /// The fetch that follows has this cause. After a failure every fetch is an [`Event`](Cause::Event).
    pub(super) fn begin(&mut self, cause: Cause) {
        self.cause = match self.failures {
            0 => cause,
            _ => Cause::Event,
        };
    }

    /// The pause after a fetch whose document stays valid for `max_age`: at most `refresh`.
    pub(super) fn succeeded(&mut self, max_age: Option<Duration>) -> Duration {
        self.failures = 0;
        let longest = max_age.map_or(self.refresh, |age| age.max(SHORTEST_AGE).min(self.refresh));
        let earliest = match self.cause {
            Cause::Refresh => 0.9,
            Cause::Event => 0.1,
        };
        longest.mul_f64(between(earliest, 1.0))
    }

    /// The pause after a fetch that failed, at least the `retry_after` that the server asks for, at most `refresh`.
    ///
    /// Without keys it doubles from 1 s to 10 s, so that a cold start recovers soon after the issuer does. With keys it
    /// quadruples from 5 s: nothing waits for the fetch.
    pub(super) fn failed(&mut self, retry_after: Option<Duration>, held: Held) -> Duration {
        let before = self.failures;
        self.failures = before.saturating_add(1);
        let (seconds, longest) = match held {
            Held::Nothing => ((1 << before.min(4)).min(10), LONGEST_RETRY_WITHOUT_KEYS),
            Held::Keys => (5 << (2 * before.min(9)), self.refresh),
        };
        let pause = Duration::from_secs(seconds)
            .min(self.refresh)
            .mul_f64(between(0.8, 1.2));
        match retry_after {
            Some(asked) => pause.max(asked.min(longest).mul_f64(between(1.0, 1.2))),
            None => pause,
        }
    }
}

/// A random number between `low` and `high`.
fn between(low: f64, high: f64) -> f64 {
    low + (high - low) * fastrand::f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFRESH: Duration = Duration::from_secs(600);

    fn schedule() -> FetchSchedule {
        FetchSchedule::new(&RefreshPolicy::default().with_refresh(REFRESH))
    }

    /// The shortest and the longest of many pauses, in seconds.
    fn range(mut pause: impl FnMut() -> Duration) -> (f64, f64) {
        let pauses = (0..2000).map(|_| pause().as_secs_f64());
        pauses.fold((f64::MAX, 0.0), |(low, high), pause| (low.min(pause), high.max(pause)))
    }

    #[track_caller]
    fn assert_near((low, high): (f64, f64), (least, most): (f64, f64)) {
        let tolerance = (most - least) / 50.0;
        assert!(least <= low && low < least + tolerance, "from {low}, not {least}");
        assert!(most - tolerance < high && high <= most, "to {high}, not {most}");
    }

    #[test]
    fn a_refresh_is_near_its_time_and_an_event_is_spread() {
        assert_near(range(|| schedule().succeeded(None)), (60.0, 600.0));
        let mut regular = schedule();
        regular.begin(Cause::Refresh);
        assert_near(range(|| regular.succeeded(None)), (540.0, 600.0));
        regular.failed(None, Held::Keys);
        regular.begin(Cause::Refresh);
        assert_eq!(regular.cause, Cause::Event, "the fleet recovers at one moment");
    }

    #[test]
    fn a_max_age_counts_from_one_minute_to_the_refresh() {
        for (max_age, longest) in [(0, 60.0), (59, 60.0), (90, 90.0), (600, 600.0), (86_400, 600.0)] {
            let mut schedule = schedule();
            schedule.begin(Cause::Refresh);
            let range = range(|| schedule.succeeded(Some(Duration::from_secs(max_age))));
            assert_near(range, (0.9 * longest, longest));
        }
        let mut often = FetchSchedule::new(&RefreshPolicy::default().with_refresh(Duration::from_secs(10)));
        assert_near(range(|| often.succeeded(Some(Duration::ZERO))), (1.0, 10.0));
    }

    #[test]
    fn failures_make_pauses_longer() {
        for (held, expected) in [
            (Held::Nothing, [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]),
            (Held::Keys, [5.0, 20.0, 80.0, 320.0, 600.0, 600.0]),
        ] {
            for (before, seconds) in (0..).zip(expected) {
                let pause = || {
                    FetchSchedule {
                        failures: before,
                        ..schedule()
                    }
                    .failed(None, held)
                };
                assert_near(range(pause), (0.8 * seconds, 1.2 * seconds));
            }
            let mut long = FetchSchedule {
                failures: u32::MAX,
                ..schedule()
            };
            assert!(long.failed(None, held) <= REFRESH.mul_f64(1.2));
        }
    }

    #[test]
    fn a_retry_after_is_obeyed_within_limits() {
        for (held, asked, expected) in [
            (Held::Nothing, 30, 30.0),
            (Held::Nothing, 86_400, 60.0),
            (Held::Keys, 300, 300.0),
            (Held::Keys, 86_400, 600.0),
        ] {
            let pause = || schedule().failed(Some(Duration::from_secs(asked)), held);
            assert_near(range(pause), (expected, 1.2 * expected));
        }
        assert_near(
            range(|| schedule().failed(Some(Duration::ZERO), Held::Keys)),
            (4.0, 6.0),
        );
    }
}
