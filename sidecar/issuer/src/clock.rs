//! The issuer's clock: the system's time moved by a number of seconds.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tests and demos move it, so that a login is old without waiting.
#[derive(Default)]
pub(crate) struct Clock(AtomicI64);

impl Clock {
    /// Sets the clock to the system's time plus `seconds`.
    pub(crate) fn set_offset(&self, seconds: i64) {
        self.0.store(seconds, Ordering::Relaxed);
    }

    /// Seconds since the Unix epoch.
    #[expect(clippy::disallowed_methods, reason = "the only reader of the clock")]
    pub(crate) fn now(&self) -> u64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let offset = self.0.load(Ordering::Relaxed);
        since_epoch.as_secs().saturating_add_signed(offset)
    }
}
