//! When keys are fetched and how long they are used.

use std::time::Duration;

use crate::error::ConfigError;

/// When keys are fetched and how long they are used.
///
/// Fetches of many replicas are spread at random: the first refresh after a start, an outage or an unknown key comes after 0.1
/// to 1.0 times `refresh`, each further one after 0.9 to 1.0 times. A `max-age` of the key set (RFC 9111 section 5.2.2.1) that
/// is shorter takes the place of `refresh`, but is at least 60 s. After a failure the pause is 5 s, four times as long after
/// each further one, up to `refresh`; without keys it is 1 s, twice as long after each further one, up to 10 s. A
/// `Retry-After` (RFC 9110 section 10.2.3) makes it longer, up to `refresh`, or to 60 s without keys, and no unknown `kid`
/// makes a fetch before.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshPolicy {
    /// Time between two successful fetches. A withdrawn key is accepted no longer than this. From 10 ms to 24 h. Default 10
    /// minutes.
    pub refresh: Duration,
    /// Shortest time between an attempt and a refetch for an unknown `kid`. Within it such a token is rejected at once. From
    /// 10 ms to 1 h. Default 10 s.
    pub cooldown: Duration,
    /// Longest time for one attempt, discovery and body included. From 10 ms to 60 s. Default 5 s.
    pub timeout: Duration,
    /// How long keys are used after the last successful fetch; then every token gets 503. From 10 ms to 30 days, at least
    /// `refresh`. Default 24 hours.
    pub max_stale: Duration,
}

impl Default for RefreshPolicy {
    fn default() -> Self {
        RefreshPolicy {
            refresh: Duration::from_secs(600),
            cooldown: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
            max_stale: Duration::from_secs(24 * 3600),
        }
    }
}

impl RefreshPolicy {
    /// Sets the time between two successful fetches.
    #[must_use]
    pub fn with_refresh(mut self, refresh: Duration) -> Self {
        self.refresh = refresh;
        self
    }

    /// Sets the shortest time between an attempt and a refetch for an unknown `kid`.
    #[must_use]
    pub fn with_cooldown(mut self, cooldown: Duration) -> Self {
        self.cooldown = cooldown;
        self
    }

    /// Sets the longest time for one attempt.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how long keys are used after the last successful fetch.
    #[must_use]
    pub fn with_max_stale(mut self, max_stale: Duration) -> Self {
        self.max_stale = max_stale;
        self
    }

    /// Longest wait for one fetch. The fetch ends by its own time-out; this one is for a runtime that no longer runs it.
    pub(super) fn max_wait(&self) -> Duration {
        self.timeout + Duration::from_millis(500)
    }

    /// When to try again while no keys are present, in seconds: after about one fetch.
    pub(super) fn retry_after(&self) -> u32 {
        u32::try_from(self.max_wait().as_secs()).map_or(60, |seconds| seconds.clamp(1, 60))
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        for (name, value, longest, reason) in [
            ("refresh", self.refresh, 86_400, "from 10 ms to 24 h"),
            ("cooldown", self.cooldown, 3600, "from 10 ms to 1 h"),
            ("timeout", self.timeout, 60, "from 10 ms to 60 s"),
            ("max_stale", self.max_stale, 30 * 86_400, "from 10 ms to 30 days"),
        ] {
            if value < Duration::from_millis(10) || value > Duration::from_secs(longest) {
                return Err(ConfigError::Duration { name, reason });
            }
        }
        if self.max_stale < self.refresh {
            return Err(ConfigError::Duration {
                name: "max_stale",
                reason: "at least `refresh`, so that keys do not become stale between two fetches",
            });
        }
        Ok(())
    }
}
