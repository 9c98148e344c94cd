//! How often secrets that people type can be tried.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The time in which attempts are counted, in seconds.
const WINDOW: u64 = 300;
/// The maximum number of keys; beyond it no attempt is allowed until some expire.
const MAX_KEYS: usize = 10_000;

/// FailureLimits by a key: the name of a user, or the address of a client.
#[derive(Default)]
pub(crate) struct FailureLimits(Mutex<HashMap<String, Count>>);

struct Count {
    attempts: u32,
    /// The end of the window, in seconds since the epoch.
    ends: u64,
}

impl FailureLimits {
    /// Counts an attempt, before its secret is compared. The error is the number of seconds until the next attempt is
    /// allowed.
    pub(crate) fn begin(&self, key: &str, limit: u32, now: u64) -> Result<(), u64> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MAX_KEYS {
            counts.retain(|_, count| count.ends > now);
        }
        if counts.len() >= MAX_KEYS && !counts.contains_key(key) {
            return Err(WINDOW);
        }
        let new = || Count {
            attempts: 0,
            ends: now.saturating_add(WINDOW),
        };
        let count = counts.entry(key.to_owned()).or_insert_with(new);
        if count.ends <= now {
            *count = new();
        }
        if count.attempts >= limit {
            return Err(count.ends.saturating_sub(now));
        }
        count.attempts = count.attempts.saturating_add(1);
        Ok(())
    }

    /// Takes an attempt back that succeeded.
    pub(crate) fn undo(&self, key: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(key) {
            count.attempts = count.attempts.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FailureLimits, MAX_KEYS};

    #[test]
    fn failed_attempts_are_limited_within_a_window() {
        let attempts = FailureLimits::default();
        assert_eq!(attempts.begin("a", 2, 0), Ok(()));
        attempts.undo("a");
        assert_eq!(attempts.begin("a", 2, 0), Ok(()));
        assert_eq!(attempts.begin("a", 2, 100), Ok(()));
        assert_eq!(attempts.begin("a", 2, 100), Err(200));
        assert_eq!(attempts.begin("b", 2, 100), Ok(()));
        assert_eq!(attempts.begin("a", 2, 300), Ok(()));
    }

    #[test]
    fn the_number_of_keys_is_limited() {
        let attempts = FailureLimits::default();
        for key in 0..MAX_KEYS {
            assert_eq!(attempts.begin(&key.to_string(), 2, 0), Ok(()));
        }
        assert_eq!(attempts.begin("one more", 2, 0), Err(300));
        assert_eq!(attempts.begin("0", 2, 0), Ok(()));
        assert_eq!(attempts.begin("one more", 2, 300), Ok(()));
    }
}
