//! The time of an evaluation, passed in as a value.

/// When a request is evaluated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EvaluationTime {
    /// Seconds since 1970.
    pub(crate) now: u64,
    /// The accepted difference of clocks, in seconds.
    pub(crate) leeway: u64,
}

impl EvaluationTime {
    /// Whether `time` is at most `seconds` ago, to the second. The leeway only accepts a clock that is ahead; it never
    /// makes an old login younger.
    pub(super) fn is_within(&self, time: u64, seconds: u64) -> bool {
        time <= self.now.saturating_add(self.leeway) && self.now.saturating_sub(time) <= seconds
    }
}
