//! Values that are kept in memory between two requests, many of them for callers that have proved nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The maximum number of values of one kind.
const MAX_VALUES: usize = 10_000;

/// Values under identifiers, each with an owner, until they expire by the issuer's clock.
///
/// A new value is never refused. Beyond the maximum, the owner that has the most loses its oldest: the requests of one sender
/// or one client cannot remove what is kept for others.
pub(crate) struct Bounded<T> {
    /// In seconds.
    lifetime: u64,
    kept: Mutex<Kept<T>>,
}

struct Kept<T> {
    /// In the order in which they came, which is that of their expiry.
    values: BTreeMap<u64, Value<T>>,
    places: HashMap<String, u64>,
    /// The number of values of each owner.
    counts: HashMap<String, usize>,
    next: u64,
}

struct Value<T> {
    id: String,
    owner: String,
    /// In seconds since the epoch.
    expires: u64,
    value: T,
}

impl<T: Clone> Bounded<T> {
    /// `lifetime` is in seconds.
    pub(crate) fn new(lifetime: u64) -> Bounded<T> {
        let kept = Mutex::new(Kept {
            values: BTreeMap::new(),
            places: HashMap::new(),
            counts: HashMap::new(),
            next: 0,
        });
        Bounded { lifetime, kept }
    }

    /// Keeps a value under an identifier that no value has.
    pub(crate) fn insert(&self, id: &str, owner: &str, value: T, now: u64) {
        let mut kept = self.kept();
        while let Some((place, _)) = kept.values.first_key_value().filter(|(_, first)| first.expires <= now) {
            let place = *place;
            kept.remove(place);
        }
        if kept.values.len() >= MAX_VALUES {
            kept.make_room();
        }
        let place = kept.next;
        kept.next = place.saturating_add(1);
        kept.places.insert(id.to_owned(), place);
        *kept.counts.entry(owner.to_owned()).or_default() += 1;
        let (id, owner, expires) = (id.to_owned(), owner.to_owned(), now.saturating_add(self.lifetime));
        let value = Value {
            id,
            owner,
            expires,
            value,
        };
        kept.values.insert(place, value);
    }

    /// The value, which stays.
    pub(crate) fn get(&self, id: &str, now: u64) -> Option<T> {
        let kept = self.kept();
        let found = kept.values.get(kept.places.get(id)?);
        Some(found.filter(|found| now < found.expires)?.value.clone())
    }

    /// Removes and returns the value if `accept` is true of it.
    pub(crate) fn take_if(&self, id: &str, now: u64, accept: impl FnOnce(&T) -> bool) -> Option<T> {
        let mut kept = self.kept();
        let place = *kept.places.get(id)?;
        let found = kept.values.get(&place);
        found.filter(|found| now < found.expires && accept(&found.value))?;
        kept.remove(place)
    }

    /// The values that `wanted` is true of, the oldest first.
    pub(crate) fn all(&self, now: u64, wanted: impl Fn(&T) -> bool) -> Vec<T> {
        let kept = self.kept();
        let found = kept.values.values().filter(|found| now < found.expires);
        let found = found.map(|found| &found.value).filter(|value| wanted(value));
        found.cloned().collect()
    }

    fn kept(&self) -> MutexGuard<'_, Kept<T>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Kept<T> {
    /// Removes the oldest value of the owner that has the most.
    fn make_room(&mut self) {
        let most = self.counts.values().max();
        let mut oldest = self.values.iter();
        let oldest = oldest.find(|(_, value)| self.counts.get(&value.owner) == most);
        if let Some((&place, _)) = oldest {
            self.remove(place);
        }
    }

    fn remove(&mut self, place: u64) -> Option<T> {
        let removed = self.values.remove(&place)?;
        self.places.remove(&removed.id);
        let left = self.counts.remove(&removed.owner).unwrap_or_default().saturating_sub(1);
        if left > 0 {
            self.counts.insert(removed.owner, left);
        }
        Some(removed.value)
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
    fn whoever_has_the_most_makes_room_for_the_others() {
        let store = Bounded::new(60);
        store.insert("first", "user", 0, 0);
        for number in 0..MAX_VALUES * 2 {
            store.insert(&number.to_string(), "flood", number, 0);
        }
        store.insert("last", "user", 1, 0);
        assert_eq!((store.get("first", 1), store.get("last", 1)), (Some(0), Some(1)));
        assert_eq!(store.all(1, |_| true).len(), MAX_VALUES);
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
        let kept = store.kept();
        assert_eq!((kept.values.len(), kept.places.len(), kept.counts.len()), (1, 1, 1));
    }
}
