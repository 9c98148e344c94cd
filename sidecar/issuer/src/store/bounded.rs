//! Values that are kept in memory between two requests, many of them for callers that have proved nothing.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The maximum number of values of one kind.
const MAX_VALUES: usize = 10_000;

/// Values under identifiers, each with an owner, until they expire by the issuer's clock.
///
/// A new value is never refused. Beyond the maximum, the owner that has the most loses the older half of its values: the
/// requests of one sender or one client cannot remove what is kept for others.
pub(crate) struct Bounded<T> {
    /// In seconds.
    lifetime: u64,
    kept: Mutex<HashMap<String, Value<T>>>,
}

struct Value<T> {
    owner: String,
    /// In seconds since the epoch.
    expires: u64,
    /// Later values have a greater one.
    number: u64,
    value: T,
}

impl<T: Clone> Bounded<T> {
    /// `lifetime` is in seconds.
    pub(crate) fn new(lifetime: u64) -> Bounded<T> {
        let kept = Mutex::default();
        Bounded { lifetime, kept }
    }

    /// Keeps a value under an identifier that no value has.
    pub(crate) fn insert(&self, id: &str, owner: &str, value: T, now: u64) {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut kept = self.kept();
        if kept.len() >= MAX_VALUES {
            make_room(&mut kept, now);
        }
        let value = Value {
            owner: owner.to_owned(),
            expires: now.saturating_add(self.lifetime),
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            value,
        };
        kept.insert(id.to_owned(), value);
    }

    /// The value, which stays.
    pub(crate) fn get(&self, id: &str, now: u64) -> Option<T> {
        let kept = self.kept();
        let found = kept.get(id).filter(|found| now < found.expires);
        found.map(|found| found.value.clone())
    }

    /// Removes and returns the value if `accept` is true of it.
    pub(crate) fn take_if(&self, id: &str, now: u64, accept: impl FnOnce(&T) -> bool) -> Option<T> {
        let mut kept = self.kept();
        let found = kept.get(id);
        found.filter(|found| now < found.expires && accept(&found.value))?;
        kept.remove(id).map(|removed| removed.value)
    }

    /// The values that `wanted` is true of.
    pub(crate) fn all(&self, now: u64, wanted: impl Fn(&T) -> bool) -> Vec<T> {
        let kept = self.kept();
        let found = kept.values().filter(|found| now < found.expires);
        let found = found.map(|found| &found.value).filter(|value| wanted(value));
        found.cloned().collect()
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<String, Value<T>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes what has expired, or else the older half of the owner that has the most.
fn make_room<T>(kept: &mut HashMap<String, Value<T>>, now: u64) {
    kept.retain(|_, value| now < value.expires);
    let mut owners: HashMap<String, Vec<u64>> = HashMap::new();
    for value in kept.values() {
        owners.entry(value.owner.clone()).or_default().push(value.number);
    }
    let most = owners.into_iter().max_by_key(|(_, numbers)| numbers.len());
    if let Some((owner, mut numbers)) = most.filter(|_| kept.len() >= MAX_VALUES) {
        numbers.sort_unstable();
        let middle = numbers.get(numbers.len() / 2).copied().unwrap_or_default();
        kept.retain(|_, value| value.owner != owner || value.number > middle);
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounded, MAX_VALUES};

    #[test]
    fn a_value_is_taken_once_if_accepted_and_not_expired() {
        let store = Bounded::new(60);
        store.insert("id", "owner", "a", 0);
        assert_eq!(store.take_if("id", 59, |value| *value == "b"), None);
        assert_eq!((store.get("id", 59), store.get("id", 60)), (Some("a"), None));
        assert_eq!(store.take_if("id", 60, |_| true), None);
        assert_eq!(store.take_if("id", 59, |value| *value == "a"), Some("a"));
        assert_eq!(store.take_if("id", 59, |_| true), None);
    }

    #[test]
    fn the_owner_with_the_most_makes_room_for_the_others() {
        let store = Bounded::new(60);
        store.insert("first", "user", 0, 0);
        for number in 0..MAX_VALUES * 2 {
            store.insert(&number.to_string(), "flood", number, 0);
        }
        store.insert("last", "user", 1, 0);
        assert_eq!((store.get("first", 1), store.get("last", 1)), (Some(0), Some(1)));
        assert!(store.all(1, |_| true).len() > MAX_VALUES / 2);
        let newest = MAX_VALUES * 2 - 1;
        assert_eq!(store.get("10001", 1), None, "the oldest of the owner");
        assert_eq!(
            store.get(&newest.to_string(), 1),
            Some(newest),
            "a new value is never refused"
        );
    }

    #[test]
    fn expired_values_make_room() {
        let store = Bounded::new(60);
        for number in 0..MAX_VALUES {
            store.insert(&number.to_string(), "flood", number, 0);
        }
        store.insert("other", "user", 0, 60);
        assert_eq!(store.kept().len(), 1);
    }
}
