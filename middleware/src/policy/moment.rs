//! The time a request is judged by, passed in as a value.

/// When a request is judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Seconds since 1970.
    pub(crate) now: u64,
    /// Accepted difference of clocks, in seconds.
    pub(crate) leeway: u64,
}

impl Moment {
    /// Whether `time` is at most `seconds` ago, to the second. The leeway only forgives a clock that is ahead of ours;
    /// it never makes an old login younger.
    pub(super) fn is_within(&self, time: u64, seconds: u64) -> bool {
        time <= self.now.saturating_add(self.leeway) && self.now.saturating_sub(time) <= seconds
    }
}
