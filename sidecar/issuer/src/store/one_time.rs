//! Values between two requests, within a lifetime.

use std::time::Duration;

use moka::sync::Cache;

use crate::secret::{NoRandomness, random_id};

/// The maximum number of values; beyond it the least used one is dropped.
const MAX_VALUES: u64 = 10_000;

/// Values under unguessable identifiers.
pub(crate) struct OneTime<T>(Cache<String, T>);

impl<T: Clone + Send + Sync + 'static> OneTime<T> {
    pub(crate) fn new(lifetime: Duration) -> OneTime<T> {
        let cache = Cache::builder().max_capacity(MAX_VALUES).time_to_live(lifetime);
        OneTime(cache.build())
    }

    /// Stores a value and returns its identifier.
    pub(crate) fn put(&self, value: T) -> Result<String, NoRandomness> {
        let id = random_id()?;
        self.0.insert(id.clone(), value);
        Ok(id)
    }

    /// The value, which stays.
    pub(crate) fn get(&self, id: &str) -> Option<T> {
        self.0.get(id)
    }

    /// Removes and returns the value if `accept` is true of it.
    pub(crate) fn take_if(&self, id: &str, accept: impl FnOnce(&T) -> bool) -> Option<T> {
        // `remove` alone also returns an expired value.
        self.0.get(id).filter(accept)?;
        self.0.remove(id)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::OneTime;

    #[test]
    fn a_value_is_taken_once_if_accepted_and_not_expired() {
        let store = OneTime::new(Duration::from_secs(60));
        let id = store.put("a").unwrap();
        assert_eq!(store.take_if(&id, |value| *value == "b"), None);
        assert_eq!(store.take_if(&id, |value| *value == "a"), Some("a"));
        assert_eq!(store.take_if(&id, |_| true), None);
        let expired = OneTime::new(Duration::ZERO);
        let id = expired.put("a").unwrap();
        assert_eq!(expired.take_if(&id, |_| true), None);
    }
}
