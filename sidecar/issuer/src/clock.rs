//! The issuer's clock: the system's, or the system's moved by a number of seconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the issuer reads the time. Clones share one offset, so that a test or a demo can let a login grow old
/// without waiting: log in with the clock behind, then put it right again.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset: Arc<AtomicI64>,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Clock {
        Clock::default()
    }

    /// The system's clock moved by `seconds`; a negative number is in the past.
    pub fn shifted(seconds: i64) -> Clock {
        let clock = Clock::default();
        clock.set_offset(seconds);
        clock
    }

    /// Moves this clock, and every clone of it, to the system's time plus `seconds`.
    pub fn set_offset(&self, seconds: i64) {
        self.offset.store(seconds, Ordering::Relaxed);
    }

    /// Seconds since the Unix epoch; 0 for a time before it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where this crate reads the clock"
    )]
    pub(crate) fn now(&self) -> u64 {
        let system = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        system.saturating_add_signed(self.offset.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;

    #[test]
    fn a_clone_shares_the_offset() {
        let clock = Clock::system();
        let other = clock.clone();
        let before = clock.now();
        other.set_offset(-3600);
        assert!(clock.now() + 3600 >= before && clock.now() + 3590 <= before + 3600);
    }
}
