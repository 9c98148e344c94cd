//! The look-up of a verified token beside that in a map which never changes.

use std::collections::HashMap;
use std::hint::black_box;

use actgate::Identity;
use actgate::testing::TestIssuer;
use quick_cache::DefaultHashBuilder;
use serde_json::json;

use crate::rounds::Rounds;

/// The cache of the crate itself, which is no part of its interface.
#[path = "../../src/token/cache.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "only the look-up is measured; tests are those of the crate"
)]
mod cache;

/// The look-up among so many tokens ÷ that in a frozen map with the same hash, which compares all bytes too.
pub fn ratio(tokens: usize) -> f64 {
    let identity = TestIssuer::new().unwrap().identity(json!({})).unwrap();
    // As long as a usual token, and different in the middle.
    let texts: Vec<String> = (0..tokens)
        .map(|index| format!("{}{index:08}{}", "h".repeat(400), "s".repeat(385)))
        .collect();
    let cache = cache::TokenCache::new(64 << 20);
    let mut frozen = HashMap::<Box<[u8]>, Identity, _>::with_hasher(DefaultHashBuilder::default());
    for text in &texts {
        cache.insert(text, &identity, 0);
        frozen.insert(text.as_bytes().into(), identity.clone());
    }
    // One order for both: each token in turn, and no two neighbours.
    let mut order = (0..tokens).cycle().map(|index| index * 1_777 % tokens);
    let mut again = order.clone();
    let mut in_cache = || drop(cache.get(black_box(texts[order.next().unwrap()].as_bytes())).unwrap());
    let mut in_map = || {
        drop(
            frozen
                .get(black_box(texts[again.next().unwrap()].as_bytes()))
                .unwrap()
                .clone(),
        )
    };
    Rounds::of([&mut in_cache, &mut in_map]).ratio(0, 1)
}
