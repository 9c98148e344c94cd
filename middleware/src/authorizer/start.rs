//! An authorizer begins to fetch keys, or goes on with those of an earlier one.

use std::sync::Arc;

use super::counter::Counter;
use super::{Authorizer, Inner, Trust};
use crate::error::ConfigError;
use crate::issuer::TrustedIssuer;
use crate::keys::{Fetch, Keys, RemoteKeys};

impl Authorizer {
    /// Starts to fetch the keys of every issuer over HTTP, in the background, on the current tokio runtime. Keys that are
    /// fetched already go on as they are.
    ///
    /// # Errors
    /// [`ConfigError::NoRuntime`] outside of a runtime that is needed, for introspection too; [`ConfigError::Client`], also for an `https` issuer on a
    /// system without root certificates.
    #[cfg(feature = "reqwest")]
    pub fn start(&self) -> Result<Authorizer, ConfigError> {
        let issuers = self.inner.issuers.iter().filter(|trust| !trust.keys.are_fetched());
        let issuers = issuers.map(|trust| &trust.issuer);
        let issuers = issuers.filter(|issuer| issuer.fetch.is_none());
        let addresses: Vec<&str> = issuers
            .filter_map(|issuer| issuer.keys.address(&issuer.issuer))
            .collect();
        if addresses.is_empty() {
            // A client would read all root certificates of the system.
            return self.start_by(None::<Arc<crate::keys::HttpFetch>>);
        }
        let fetch = crate::keys::HttpFetch::new()?;
        fetch.check_roots(addresses.into_iter())?;
        self.start_with(fetch)
    }

    /// As [`start`](Self::start), fetching with `fetch`, but for the issuers that have a fetcher of their own
    /// ([`TrustedIssuer::fetch_with`]).
    ///
    /// # Errors
    /// [`ConfigError::NoRuntime`].
    pub fn start_with(&self, fetch: impl Fetch) -> Result<Authorizer, ConfigError> {
        self.start_by(Some(Arc::new(fetch)))
    }

    /// `fetch` is for the issuers without a fetcher of their own; [`None`] where the keys of all of these are static.
    fn start_by(&self, fetch: Option<Arc<impl Fetch>>) -> Result<Authorizer, ConfigError> {
        let mut inner = Inner::clone(&self.inner);
        for introspection in inner
            .issuers
            .iter_mut()
            .filter_map(|trust| trust.introspection.as_mut())
        {
            introspection.start()?;
        }
        let idle = inner.issuers.iter_mut().filter(|trust| !trust.keys.are_fetched());
        for Trust { issuer, keys, .. } in idle {
            let remote = match (&issuer.fetch, &fetch) {
                (Some(own), _) => start_keys(issuer, own.clone())?,
                (None, Some(fetch)) => start_keys(issuer, Arc::clone(fetch))?,
                (None, None) => None,
            };
            if let Some(remote) = remote {
                *keys = Keys::Remote(remote);
            }
        }
        Ok(Authorizer { inner: Arc::new(inner) })
    }

    /// This authorizer, with what is as it was in `earlier`: a program that reads its configuration again does not lose it.
    /// [`start`](Self::start) begins the rest.
    ///
    /// An issuer whose keys are found and fetched in the same way has those of `earlier`, which go on being fetched once for both. One
    /// that is trusted in the same way in every respect has its cached tokens, too; those of any other are verified again.
    /// So it is with the answers of an issuer that is asked about its tokens. A rule that both policies have, in the same mode, keeps
    /// its counter, and the requests of parties are counted on in memory. The list of revoked tokens is that of this authorizer.
    ///
    /// ```
    /// # use actgate::{Authorizer, Policy, testing::TestIssuer};
    /// # let issuer = TestIssuer::new()?.trusted("https://api.example")?;
    /// # let policy = || Policy::from_yaml("routes: [{ match: GET /orders }]");
    /// let running = Authorizer::builder().issuer(issuer.clone()).policy(policy()?).build()?.start()?;
    /// let next = Authorizer::builder().issuer(issuer).policy(policy()?).build()?;
    /// let next = next.in_place_of(&running).start()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn in_place_of(&self, earlier: &Authorizer) -> Authorizer {
        let mut inner = Inner::clone(&self.inner);
        let earlier = &earlier.inner;
        for trust in &mut inner.issuers {
            let mut running = earlier.issuers.iter();
            let Some(running) = running.find(|running| running.issuer.has_keys_of(&trust.issuer)) else {
                continue;
            };
            if running.issuer == trust.issuer {
                *trust = running.clone();
            } else {
                trust.keys = running.keys.clone();
            }
        }
        if inner.limits == earlier.limits {
            inner.cache = Arc::clone(&earlier.cache);
        }
        if let (Counter::InMemory(counts), Counter::InMemory(earlier)) = (&mut inner.counter, &earlier.counter) {
            *counts = Arc::clone(earlier);
        }
        inner.current.count_on_from(&earlier.current);
        Authorizer { inner: Arc::new(inner) }
    }
}

/// Starts to fetch the keys of one issuer; [`None`] for a static set.
fn start_keys(issuer: &TrustedIssuer, fetch: impl Fetch) -> Result<Option<RemoteKeys>, ConfigError> {
    RemoteKeys::start(
        &issuer.issuer,
        &issuer.keys,
        issuer.plain_http,
        &issuer.algorithms,
        &issuer.refresh_policy,
        fetch,
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use bytes::Bytes;
    use http::{Method, Uri};
    use serde_json::json;

    use super::*;
    use crate::clock::FixedClock;
    use crate::keys::{FetchFuture, KeySource, RefreshPolicy};
    use crate::policy::Policy;
    use crate::request::{Presented, Target};
    use crate::testing::TestIssuer;

    /// Answers with the keys of one issuer, and notes the addresses.
    #[derive(Clone)]
    struct Noted(Arc<Mutex<Vec<String>>>, Bytes);

    impl Fetch for Noted {
        fn fetch<'a>(&'a self, url: &'a str) -> FetchFuture<'a> {
            self.0.lock().unwrap().push(url.to_owned());
            let keys = self.1.clone();
            Box::pin(async move { Ok(keys.into()) })
        }
    }

    fn issuer(name: &str, audience: &str) -> TrustedIssuer {
        let uri = format!("https://{name}.example/jwks");
        let issuer = TrustedIssuer::new(&format!("https://{name}.example"), KeySource::JwksUri(uri));
        issuer.unwrap().audience(audience).unwrap()
    }

    fn built(issuers: impl IntoIterator<Item = TrustedIssuer>, routes: &str) -> Authorizer {
        let policy = Policy::from_yaml(&format!("routes: [{routes}]")).unwrap();
        let builder = Authorizer::builder().policy(policy);
        let builder = issuers
            .into_iter()
            .fold(builder, |builder, issuer| builder.issuer(issuer));
        builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap()
    }

    #[tokio::test]
    async fn keys_that_are_found_in_the_same_way_go_on_being_fetched() {
        let keys = Bytes::from(TestIssuer::new().unwrap().jwks());
        let fetch = Noted(Arc::default(), keys);
        let fetched = || std::mem::take(&mut *fetch.0.lock().unwrap());
        let first = built(["a", "b", "c"].map(|name| issuer(name, "api")), "{ match: GET / }");
        let first = first.start_with(fetch.clone()).unwrap();
        first.ready().await;
        assert_eq!(fetched().len(), 3);
        let policy = RefreshPolicy::default().with_refresh(std::time::Duration::from_secs(60));
        let next = [
            issuer("d", "api"),
            issuer("b", "other"),
            issuer("a", "api"),
            issuer("c", "api").refresh_policy(policy).unwrap(),
        ];
        let next = built(next, "{ match: GET / }").in_place_of(&first);
        let waiting = ["https://d.example", "https://c.example"];
        assert_eq!(next.issuers_without_keys().collect::<Vec<_>>(), waiting);
        let next = next.start_with(fetch.clone()).unwrap();
        next.ready().await;
        let mut addresses = fetched();
        addresses.sort_unstable();
        assert_eq!(addresses, ["https://c.example/jwks", "https://d.example/jwks"]);
        drop(first);
        assert!(next.is_ready(), "the keys outlive the earlier authorizer");
    }

    #[test]
    fn fetchers_are_the_same_by_their_name() {
        let fetch = || Noted(Arc::default(), Bytes::new());
        let named = |name| issuer("a", "api").fetch_by_name(name, fetch());
        assert!(named("roots 1").has_keys_of(&named("roots 1")));
        assert!(!named("roots 1").has_keys_of(&named("roots 2")));
        assert!(!named("roots 1").has_keys_of(&issuer("a", "api")));
        let unnamed = issuer("a", "api").fetch_with(fetch());
        assert!(unnamed.has_keys_of(&unnamed.clone()));
        assert!(!unnamed.has_keys_of(&issuer("a", "api").fetch_with(fetch())));
    }

    #[test]
    fn tokens_stay_cached_where_their_issuer_is_trusted_as_before() {
        let issuer = TestIssuer::new().unwrap();
        let trusted = || issuer.trusted(TestIssuer::AUDIENCE).unwrap();
        let token = issuer.token(json!({})).unwrap();
        let code = |authorizer: &Authorizer, method: Method| {
            let uri = Uri::from_static("/");
            let target = Target::new(&method, &uri).unwrap();
            let presented = Presented::token(&target, &token);
            let mut decision = std::pin::pin!(authorizer.decide_presented(&presented));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            match decision.as_mut().poll(&mut context) {
                std::task::Poll::Ready(decision) => decision.error().map(crate::Error::code),
                std::task::Poll::Pending => panic!("static keys are there"),
            }
        };
        let cached = |authorizer: &Authorizer| {
            let identity = authorizer.inner.cache.get(token.as_bytes());
            identity.is_some_and(|identity| authorizer.inner.trust_of(&identity).is_some())
        };
        let first = built([trusted()], "{ match: GET / }, { match: POST /, scopes: [admin] }");
        assert_eq!(
            (code(&first, Method::GET), code(&first, Method::POST)),
            (None, Some("insufficient_scope"))
        );
        let next = built([trusted()], "{ match: POST /, scopes: [admin] }").in_place_of(&first);
        assert!(cached(&next));
        assert_eq!(code(&next, Method::GET), Some("no_route"));
        assert_eq!(code(&next, Method::POST), Some("insufficient_scope"));
        assert_eq!(next.rules().iter().map(|count| count.unmet).sum::<u64>(), 2);
        let other = built([trusted().audience("more").unwrap()], "{ match: GET / }").in_place_of(&next);
        assert!(!cached(&other));
        assert_eq!(code(&other, Method::GET), None);
        assert!(cached(&other));
        assert_eq!(code(&first, Method::GET), None, "the earlier one decides as before");
    }
}
