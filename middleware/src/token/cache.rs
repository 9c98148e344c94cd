//! The cache of verified tokens: facts by the whole text of the token, never a decision.

use std::fmt;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// Verified tokens, bounded by memory.
///
/// Only tokens whose signature was verified are inserted, so that forged tokens can neither fill it nor collide. The key set
/// and every check that depends on the request are compared again at each look-up.
pub(crate) struct TokenCache<V>(Option<Cache<Box<str>, V, ByBytes>>);

impl<V: Clone> TokenCache<V> {
    /// A cache of about `bytes` of memory; 0 disables it.
    pub(crate) fn new(bytes: usize) -> Self {
        // The size of a usual token with its facts; the table grows from there.
        let guess = bytes / 4096;
        TokenCache((bytes > 0).then(|| Cache::with_weighter(guess, bytes as u64, ByBytes)))
    }

    pub(crate) fn get(&self, token: &str) -> Option<V> {
        self.0.as_ref()?.get(token)
    }

    pub(crate) fn insert(&self, token: &str, value: V) {
        if let Some(entries) = &self.0 {
            entries.insert(token.into(), value);
        }
    }

    pub(crate) fn remove(&self, token: &str) {
        if let Some(entries) = &self.0 {
            entries.remove(token);
        }
    }
}

/// Tokens are credentials: none is printed.
impl<V> fmt::Debug for TokenCache<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenCache(..)")
    }
}

#[derive(Clone)]
struct ByBytes;

impl<V> Weighter<Box<str>, V> for ByBytes {
    /// Claims, chain and the table's own part take about three times the text of a usual token. A far longer token can
    /// expand into many small values when a rule reads its claims.
    fn weight(&self, token: &Box<str>, _: &V) -> u64 {
        let length = token.len() as u64;
        4 * length + 512 + 12 * length.saturating_sub(2048)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_by_its_whole_text_only() {
        let cache = TokenCache::new(1 << 20);
        cache.insert("a.b.c", 1);
        assert_eq!(cache.get("a.b.c"), Some(1));
        assert!(cache.get("a.b.d").is_none() && cache.get("a.b.").is_none());
        cache.remove("a.b.c");
        assert!(cache.get("a.b.c").is_none());
    }

    #[test]
    fn memory_is_bounded() {
        let cache = TokenCache::new(1 << 20);
        for index in 0..100_000 {
            cache.insert(&format!("{index:0800}"), index);
        }
        let entries = cache.0.as_ref().unwrap();
        assert!(entries.weight() <= 1 << 20);
        assert!(entries.len() > 100);
    }

    #[test]
    fn zero_bytes_disable_the_cache() {
        let cache = TokenCache::new(0);
        cache.insert("a.b.c", 1);
        assert!(cache.get("a.b.c").is_none());
    }

    #[test]
    fn a_token_counts_with_what_is_kept_of_it_and_a_long_one_more() {
        for (length, bytes) in [(0, 512), (800, 3_712), (2_048, 8_704), (4_096, 41_472)] {
            assert_eq!(ByBytes.weight(&"t".repeat(length).into(), &()), bytes, "{length}");
        }
    }

    #[test]
    fn debug_output_shows_no_token() {
        let cache = TokenCache::new(1 << 20);
        cache.insert("a.b.c", "facts");
        assert_eq!(format!("{cache:?}"), "TokenCache(..)");
    }
}
