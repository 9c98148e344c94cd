//! The id under which caller and operator speak of the same decision.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Makes ids that differ within one process and, with 128 bits that depend on its random start, between processes. They are no secrets.
#[derive(Debug, Default)]
pub struct DecisionIds {
    high: RandomState,
    low: RandomState,
    next: AtomicU64,
}

impl DecisionIds {
    /// The next id: 32 hexadecimal digits.
    pub fn next(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{:016x}{:016x}", self.high.hash_one(number), self.low.hash_one(!number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_within_and_between_processes() {
        let (one, other) = (DecisionIds::default(), DecisionIds::default());
        let ids = [one.next(), one.next(), other.next(), other.next()];
        assert!(ids.iter().all(|id| id.len() == 32));
        assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), 4);
    }
}
