//! The cache of verified tokens: facts by the whole text of the token, never a decision.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// Verified tokens, bounded by memory.
///
/// Only tokens whose signature was verified are inserted, so that forged tokens can neither fill it nor collide. The key set
/// and every check that depends on the request are compared again at each look-up.
pub(crate) struct TokenCache<V> {
    /// None where it is disabled.
    entries: Option<Cache<Box<[u8]>, Entry<V>, ByBytes>>,
    limit: u64,
    looked_up: LookUps,
}

/// The look-ups so far. They are counted for each request, so that what every request reads is on another line of the processor's cache.
#[derive(Default)]
#[repr(align(128))]
struct LookUps {
    hits: AtomicU64,
    misses: AtomicU64,
}

/// The cache of verified tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenCacheStatus {
    /// The look-ups that found a token with facts that are in use.
    pub hits: u64,
    /// The other look-ups: of tokens that are new, that were replaced by others, or whose keys have changed. Each is followed by the
    /// verification of a signature, or by introspection.
    pub misses: u64,
    /// The tokens in it.
    pub entries: usize,
    /// What they take of its memory, in bytes, by an estimate.
    pub bytes: u64,
    /// The most that they take ([`Limits::cache_bytes`](crate::limits::Limits::cache_bytes)); 0 disables it.
    pub limit_bytes: u64,
}

impl<V: Clone> TokenCache<V> {
    /// A cache of about `bytes` of memory; 0 disables it.
    pub(crate) fn new(bytes: usize) -> Self {
        // The size of a usual token with its facts; the table grows from there.
        let guess = bytes / 4096;
        TokenCache {
            entries: (bytes > 0).then(|| Cache::with_weighter(guess, bytes as u64, ByBytes)),
            limit: bytes as u64,
            looked_up: LookUps::default(),
        }
    }

    /// Cached tokens are always UTF-8, so that the bytes of a request are compared as they are.
    pub(crate) fn get(&self, token: &[u8]) -> Option<V> {
        Some(self.entries.as_ref()?.get(token)?.value)
    }

    /// Counts a look-up whose facts are used.
    pub(crate) fn count_hit(&self) {
        self.looked_up.hits.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts another one.
    pub(crate) fn count_miss(&self) {
        self.looked_up.misses.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn status(&self) -> TokenCacheStatus {
        let entries = self.entries.as_ref();
        TokenCacheStatus {
            hits: self.looked_up.hits.load(Ordering::Relaxed),
            misses: self.looked_up.misses.load(Ordering::Relaxed),
            entries: entries.map_or(0, Cache::len),
            bytes: entries.map_or(0, Cache::weight),
            limit_bytes: self.limit,
        }
    }

    /// Keeps the facts of a token, which are of a text of `facts_bytes`: that of an opaque token is longer than the token.
    pub(crate) fn insert(&self, token: &str, value: &V, facts_bytes: usize) {
        if let Some(entries) = &self.entries {
            let bytes = token.len().max(facts_bytes);
            let value = value.clone();
            entries.insert(token.as_bytes().into(), Entry { value, bytes });
        }
    }

    pub(crate) fn remove(&self, token: &[u8]) {
        if let Some(entries) = &self.entries {
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

/// The facts of a token.
#[derive(Clone)]
struct Entry<V> {
    value: V,
    /// The length of the token, or of the text of its facts if that is longer.
    bytes: usize,
}

#[derive(Clone)]
struct ByBytes;

impl<V> Weighter<Box<[u8]>, Entry<V>> for ByBytes {
    /// Claims, chain, the table's own part and what is [kept](crate::Identity::kept) take about three times the text of a usual token:
    /// 3.4 KB, measured by the resident memory of a gate with 5,000 tokens of 800 bytes. The 0.3 KB more where Envoy asks are not
    /// counted. A far longer token can expand into many small values when a rule reads its claims.
    fn weight(&self, _: &Box<[u8]>, entry: &Entry<V>) -> u64 {
        let length = entry.bytes as u64;
        3 * length + 1024 + 12 * length.saturating_sub(2048)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_by_its_whole_text_only() {
        let cache = TokenCache::new(1 << 20);
        cache.insert("a.b.c", &1, 0);
        assert_eq!(cache.get(b"a.b.c"), Some(1));
        assert!(cache.get(b"a.b.d").is_none() && cache.get(b"a.b.").is_none());
        cache.remove(b"a.b.c");
        assert!(cache.get(b"a.b.c").is_none());
    }

    #[test]
    fn an_opaque_token_weighs_what_its_issuer_states() {
        let cache = TokenCache::new(1 << 20);
        for index in 0..1000 {
            cache.insert(&format!("opaque{index}"), &index, 16 * 1024);
        }
        assert!(cache.status().entries <= 5, "{:?}", cache.status());
    }

    #[test]
    fn memory_is_bounded() {
        let cache = TokenCache::new(1 << 20);
        for index in 0..100_000 {
            cache.insert(&format!("{index:0800}"), &index, 0);
        }
        let status = cache.status();
        assert!(status.bytes <= 1 << 20);
        assert!(status.entries > 100);
        assert_eq!(status.limit_bytes, 1 << 20);
    }

    #[test]
    fn the_default_holds_ten_thousand_usual_tokens() {
        let cache = TokenCache::new(crate::limits::Limits::default().cache_bytes);
        for index in 0..10_000 {
            cache.insert(&format!("{index:0800}"), &index, 0);
        }
        assert_eq!(cache.status().entries, 10_000);
    }

    #[test]
    fn zero_bytes_disable_the_cache() {
        let cache = TokenCache::new(0);
        cache.insert("a.b.c", &1, 0);
        assert!(cache.get(b"a.b.c").is_none());
        let status = cache.status();
        assert_eq!((status.entries, status.bytes, status.limit_bytes), (0, 0, 0));
    }

    #[test]
    fn a_token_counts_with_what_is_kept_of_it_and_a_long_one_more() {
        for (length, bytes) in [(0, 1_024), (800, 3_424), (2_048, 7_168), (4_096, 37_888)] {
            let entry = Entry {
                value: (),
                bytes: length,
            };
            assert_eq!(ByBytes.weight(&(*b"t").into(), &entry), bytes, "{length}");
        }
    }

    #[test]
    fn debug_output_shows_no_token() {
        let cache = TokenCache::new(1 << 20);
        cache.insert("a.b.c", &"facts", 0);
        assert_eq!(format!("{cache:?}"), "TokenCache(..)");
    }
}
