//! The failures of an issuer to answer about tokens, and the lines of the log about them.
//!
//! A client chooses the tokens, and with them how questions end: the number of lines is limited by time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;

use crate::keys::FetchError;

/// The least time between two lines with one reason.
const PAUSE: Duration = Duration::from_secs(60);

/// The most lines with different reasons in that time.
const MAX_LINES: usize = 16;

/// What a failed question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Affected {
    /// It does not answer.
    Issuer,
    /// It rejects the question about one token.
    Token,
}

/// The failures of one issuer.
#[derive(Debug, Default)]
pub(super) struct Failures {
    /// Why the last question failed, until one succeeds.
    reason: ArcSwapOption<String>,
    lines: Mutex<Lines>,
}

/// The lines about failures.
#[derive(Debug, Default)]
struct Lines {
    /// The reasons in those of the last minute.
    written: Vec<(Arc<String>, Instant)>,
    /// The reason in the last one about the issuer, where none states since that it answers again.
    outage: Option<Arc<String>>,
}

impl Affected {
    /// What an error is about. With some statuses an issuer answers, and rejects this question alone.
    pub(super) fn by(error: &FetchError) -> Affected {
        match error {
            FetchError::Status(status) if matches!(status.as_u16(), 400 | 413 | 414 | 422 | 431) => Affected::Token,
            _ => Affected::Issuer,
        }
    }
}

impl Failures {
    /// Why the last question failed, until one succeeds.
    pub(super) fn reason(&self) -> Option<Arc<String>> {
        self.reason.load_full()
    }

    /// Notes a failure at `now`. Returns whether a line reports it: not an outage that lasts, and no reason twice in [`PAUSE`].
    pub(super) fn failed(&self, reason: String, affected: Affected, now: Instant) -> bool {
        let reason = Arc::new(reason);
        self.reason.store(Some(Arc::clone(&reason)));
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let Lines { written, outage } = &mut *lines;
        written.retain(|(_, at)| now.saturating_duration_since(*at) < PAUSE);
        let lasts = affected == Affected::Issuer && outage.as_ref() == Some(&reason);
        if lasts || written.len() >= MAX_LINES || written.iter().any(|(known, _)| *known == reason) {
            return false;
        }
        written.push((Arc::clone(&reason), now));
        if affected == Affected::Issuer {
            *outage = Some(reason);
        }
        true
    }

    /// Notes a success. Returns whether a line reports that the issuer answers again: after one that reports an outage.
    pub(super) fn succeeded(&self) -> bool {
        if self.reason.load().is_none() {
            return false;
        }
        self.reason.store(None);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.outage.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_that_alternate_are_reported_once_in_a_minute() {
        for (reasons, expected) in [(1, 4), (3, 12), (100, 64)] {
            let (failures, start) = (Failures::default(), Instant::now());
            let mut lines = 0;
            for second in 0..120 {
                let now = start + Duration::from_secs(second);
                lines += usize::from(failures.failed(format!("reason {}", second % reasons), Affected::Issuer, now));
                lines += usize::from(failures.succeeded());
                assert_eq!(failures.reason(), None);
            }
            assert_eq!(lines, expected, "{reasons}");
        }
    }

    #[test]
    fn an_outage_that_lasts_is_reported_once_and_so_is_its_end() {
        let (failures, start) = (Failures::default(), Instant::now());
        let failed = |reason: &str, seconds: u64| {
            let now = start + Duration::from_secs(seconds);
            failures.failed(reason.to_owned(), Affected::Issuer, now)
        };
        assert!(failed("a", 0) && !failed("a", 30) && !failed("a", 600));
        // For another reason, or after its end.
        assert!(failed("b", 601) && failed("a", 602) && !failed("b", 603));
        assert_eq!(failures.reason().as_deref().map(String::as_str), Some("b"));
        assert!(failures.succeeded() && !failures.succeeded());
        assert!(!failed("a", 604) && !failures.succeeded());
        assert!(failed("a", 662));
    }

    #[test]
    fn a_rejected_token_is_no_outage() {
        let (failures, start) = (Failures::default(), Instant::now());
        let rejected = |seconds: u64| {
            let now = start + Duration::from_secs(seconds);
            failures.failed("status 400".to_owned(), Affected::Token, now)
        };
        assert!(rejected(0) && !rejected(59));
        assert!(!failures.succeeded());
        assert!(rejected(60) && !failures.succeeded());
        let by = |status: u16| Affected::by(&FetchError::Status(status.try_into().unwrap()));
        assert_eq!([400, 422].map(by), [Affected::Token; 2]);
        assert_eq!([404, 429, 500, 503].map(by), [Affected::Issuer; 4]);
    }
}
