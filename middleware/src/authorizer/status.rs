//! The state of key sets and of the token cache, for metrics.

use super::Authorizer;
use crate::keys::KeySetStatus;
use crate::token::TokenCacheStatus;

impl Authorizer {
    /// The key set of every issuer, in the order of the builder: how many keys it has, and how its fetches went.
    ///
    /// Counters begin with the fetches, are shared by clones, and go on where [`in_place_of`](Self::in_place_of) keeps the keys.
    ///
    /// ```
    /// # use actgate::{Authorizer, Policy, testing::TestIssuer};
    /// # let issuer = TestIssuer::new()?.trusted("https://api.example")?;
    /// # let policy = Policy::from_yaml("routes: [{ match: GET /orders }]")?;
    /// let authorizer = Authorizer::builder().issuer(issuer).policy(policy).build()?;
    /// let status = authorizer.key_sets().next().unwrap();
    /// assert_eq!((status.keys, status.fetches), (Some(1), 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn key_sets(&self) -> impl Iterator<Item = KeySetStatus> {
        let issuers = self.inner.issuers.iter();
        issuers.map(|trust| trust.keys.status(&trust.issuer.issuer))
    }

    /// The cache of verified tokens: its look-ups, and what is in it. It is shared by clones, and goes on where
    /// [`in_place_of`](Self::in_place_of) keeps it.
    pub fn token_cache(&self) -> TokenCacheStatus {
        self.inner.cache.status()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use bytes::Bytes;
    use http::{Method, Uri};
    use serde_json::json;

    use super::*;
    use crate::clock::FixedClock;
    use crate::issuer::TrustedIssuer;
    use crate::keys::{Fetch, FetchError, FetchFuture, KeySource, RefreshPolicy};
    use crate::limits::Limits;
    use crate::policy::Policy;
    use crate::request::{Presented, Target};
    use crate::testing::TestIssuer;

    /// Fails twice, then answers with the keys of one issuer.
    struct Late(AtomicU64, Bytes);

    impl Fetch for Late {
        fn fetch<'a>(&'a self, _: &'a str) -> FetchFuture<'a> {
            let is_early = self.0.fetch_add(1, Ordering::Relaxed) < 2;
            let keys = self.1.clone();
            Box::pin(async move {
                if is_early {
                    Err(FetchError::Unreachable("not yet".to_owned()))
                } else {
                    Ok(keys.into())
                }
            })
        }
    }

    fn built(issuers: impl IntoIterator<Item = TrustedIssuer>, limits: Limits) -> Authorizer {
        let policy = Policy::from_yaml("routes: [{ match: GET / }]").unwrap();
        let builder = Authorizer::builder().policy(policy).limits(limits);
        let builder = issuers
            .into_iter()
            .fold(builder, |builder, issuer| builder.issuer(issuer));
        builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn fetches_are_counted_and_the_last_one_has_an_age() {
        let test_issuer = TestIssuer::new().unwrap();
        let uri = "https://a.example/jwks".to_owned();
        let fetched = TrustedIssuer::new("https://a.example", KeySource::JwksUri(uri)).unwrap();
        let hour = Duration::from_secs(3600);
        let fetched = fetched.audience("api").unwrap();
        let fetched = fetched
            .refresh_policy(RefreshPolicy::default().with_refresh(hour))
            .unwrap();
        let authorizer = built([test_issuer.trusted("api").unwrap(), fetched], Limits::default());
        let statuses = |authorizer: &Authorizer| Vec::from_iter(authorizer.key_sets());
        let [own, idle] = &*statuses(&authorizer) else {
            panic!("two issuers")
        };
        assert_eq!((&*own.issuer, own.keys, own.age), (TestIssuer::ISSUER, Some(1), None));
        assert_eq!((&*idle.issuer, idle.keys, idle.age), ("https://a.example", None, None));
        let running = authorizer
            .start_with(Late(AtomicU64::new(0), test_issuer.jwks().into()))
            .unwrap();
        running.ready().await;
        let status = statuses(&running).remove(1);
        assert_eq!((status.keys, status.fetches, status.failed_fetches), (Some(1), 1, 2));
        assert_eq!(status.age, Some(Duration::ZERO));
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(statuses(&running)[1].age, Some(Duration::from_secs(7)));
        tokio::time::sleep(hour).await;
        let refreshed = statuses(&running).remove(1);
        assert_eq!((refreshed.fetches, refreshed.failed_fetches), (2, 2));
        assert!(refreshed.age < Some(hour), "{refreshed:?}");
    }

    #[tokio::test]
    async fn look_ups_of_tokens_are_counted() {
        let issuer = TestIssuer::new().unwrap();
        let trusted = || issuer.trusted(TestIssuer::AUDIENCE).unwrap();
        let (method, uri) = (Method::GET, Uri::from_static("/"));
        let target = Target::new(&method, &uri).unwrap();
        let counts = |authorizer: &Authorizer| {
            let status = authorizer.token_cache();
            (status.hits, status.misses, status.entries)
        };
        let authorizer = built([trusted()], Limits::default());
        let tokens = ["a", "b"].map(|sub| issuer.token(json!({ "sub": sub, "jti": sub })).unwrap());
        for (number, expected) in [(0, (0, 1, 1)), (0, (1, 1, 1)), (1, (1, 2, 2)), (0, (2, 2, 2))] {
            let token = &tokens[number];
            let decision = authorizer.decide_presented(&Presented::token(&target, token)).await;
            assert_eq!(decision.error(), None);
            assert_eq!(counts(&authorizer), expected);
        }
        let forged = "a.b.c";
        let decision = authorizer.decide_presented(&Presented::token(&target, forged)).await;
        assert!(decision.error().is_some());
        assert_eq!(counts(&authorizer), (2, 3, 2));
        let status = authorizer.token_cache();
        assert!(status.bytes > 0 && status.bytes < status.limit_bytes);
        let disabled = built([trusted()], Limits::default().with_cache_bytes(0));
        assert_eq!(disabled.token_cache().limit_bytes, 0);
    }
}
