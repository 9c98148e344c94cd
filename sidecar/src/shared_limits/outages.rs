//! The outages of the store, and the lines of the log about them.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often an outage is reported again, and how often another reason of it.
const INTERVAL: Duration = Duration::from_secs(60);
const REASON_INTERVAL: Duration = Duration::from_secs(5);

/// Whether the store answers.
#[derive(Debug, Default)]
pub(super) struct Outages {
    is_out: AtomicBool,
    current: Mutex<Outage>,
}

#[derive(Debug, Default)]
struct Outage {
    begun: Option<Instant>,
    uncounted: u64,
    /// Whether this outage has a line in the log.
    is_reported: bool,
    /// The last line, which may be of an earlier one.
    last: Option<(Instant, String)>,
}

/// An outage that has ended.
#[derive(Debug, PartialEq, Eq)]
struct Ended {
    time: Duration,
    uncounted: u64,
}

impl Outages {
    /// A request could not be counted, or would not be.
    pub(super) fn failed(&self, server: &dyn fmt::Display, reason: &str, now: Instant, requests: u64) {
        if self.begin(reason, now, requests) {
            tracing::warn!(%server, reason, "requests cannot be counted: those with an enforced limit are denied (503)");
        }
    }

    /// The store has answered.
    pub(super) fn answered(&self, server: &dyn fmt::Display, now: Instant) {
        if let Some(Ended { time, uncounted }) = self.end(now) {
            let seconds = time.as_secs();
            tracing::info!(%server, seconds, uncounted, "requests are counted again");
        }
    }

    /// Whether to report it.
    fn begin(&self, reason: &str, now: Instant, requests: u64) -> bool {
        let mut outage = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_out.store(true, Ordering::Relaxed);
        outage.begun.get_or_insert(now);
        outage.uncounted += requests;
        let is_due = outage.last.as_ref().is_none_or(|(time, last)| {
            let interval = if last == reason { INTERVAL } else { REASON_INTERVAL };
            now.saturating_duration_since(*time) >= interval
        });
        if is_due {
            outage.last = Some((now, reason.to_owned()));
            outage.is_reported = true;
        }
        is_due
    }

    /// The outage that ends, if it was reported. It takes no lock where there is none.
    fn end(&self, now: Instant) -> Option<Ended> {
        if !self.is_out.load(Ordering::Relaxed) {
            return None;
        }
        let mut outage = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_out.store(false, Ordering::Relaxed);
        let ended = Ended {
            time: now.saturating_duration_since(outage.begun.take()?),
            uncounted: std::mem::take(&mut outage.uncounted),
        };
        std::mem::take(&mut outage.is_reported).then_some(ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_reported_with_each_reason_and_at_its_end() {
        let (outages, start) = (Outages::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(outages.end(at(0)), None);
        for (seconds, reason, is_reported) in [
            (0, "a", true),
            (1, "a", false),
            (1, "b", false),
            (5, "b", true),
            (59, "b", false),
            (65, "b", true),
        ] {
            assert_eq!(outages.begin(reason, at(seconds), 1), is_reported, "{seconds} {reason}");
        }
        let ended = Ended {
            time: Duration::from_secs(66),
            uncounted: 6,
        };
        assert_eq!(outages.end(at(66)), Some(ended));
        assert_eq!(outages.end(at(67)), None);
        assert!(!outages.begin("b", at(70), 1), "within a minute");
        assert_eq!(outages.end(at(71)), None, "what was not reported has no end");
    }
}
