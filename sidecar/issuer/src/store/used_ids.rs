//! Identifiers that are valid once: those of client assertions, and one-time passwords.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The maximum number of identifiers that have not expired; beyond it none is accepted.
const MAX_IDS: usize = 100_000;

/// The identifiers that were used, until they expire.
#[derive(Default)]
pub(crate) struct UsedIds(Mutex<BTreeMap<String, u64>>);

impl UsedIds {
    /// Records a use. False if there was one before, or if there are too many identifiers. `expires` and `now` are in
    /// seconds since the epoch.
    pub(crate) fn is_first_use(&self, id: String, expires: u64, now: u64) -> bool {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= MAX_IDS {
            used.retain(|_, expires| *expires > now);
        }
        if used.len() >= MAX_IDS || used.get(&id).is_some_and(|expires| *expires > now) {
            return false;
        }
        used.insert(id, expires);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_IDS, UsedIds};

    #[test]
    fn an_identifier_is_used_once_until_it_expires() {
        let used = UsedIds::default();
        assert!(used.is_first_use("a".to_owned(), 10, 1));
        assert!(!used.is_first_use("a".to_owned(), 20, 9));
        assert!(used.is_first_use("b".to_owned(), 10, 1));
        assert!(used.is_first_use("a".to_owned(), 20, 10));
        for id in 2..MAX_IDS {
            assert!(used.is_first_use(id.to_string(), 30, 1));
        }
        assert!(!used.is_first_use("c".to_owned(), 40, 9));
        assert!(used.is_first_use("c".to_owned(), 40, 10));
    }
}
