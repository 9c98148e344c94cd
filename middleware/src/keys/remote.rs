//! A key set kept fresh from the issuer: refreshed in the background, fetched once more for an unknown `kid`.
//!
//! Verification with a key that is present never waits. A failed fetch or an unknown key never removes valid keys; only
//! age does.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::algorithm::Algorithm;
use super::endpoint::PlainHttp;
use super::fetch::Fetch;
use super::fetch_counts::{FetchCounts, KeySetStatus};
use super::refresh_policy::RefreshPolicy;
use super::refresher::{Refresher, Reported};
use super::single_flight::SingleFlight;
use super::snapshot::Snapshot;
use super::source::KeySource;
use crate::error::{ConfigError, Error};

/// The keys of one issuer, refreshed in the background for as long as a clone of this value exists.
///
/// If the runtime that it was started on ends, or the fetcher panics, the keys are stale from then on.
#[derive(Clone, Debug)]
pub(crate) struct RemoteKeys(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    issuer: Arc<str>,
    /// Why the last fetch failed, until one succeeds.
    failure: Arc<ArcSwapOption<String>>,
    /// [`None`] before the first fetch, and when the last successful one is longer ago than `max_stale`.
    current: Arc<ArcSwapOption<Snapshot>>,
    single_flight: Arc<SingleFlight>,
    counts: Arc<FetchCounts>,
    /// Longest wait for one fetch.
    max_wait: Duration,
    /// When to try again while no keys are present, in seconds.
    retry_after: u32,
    /// The one task that fetches; it is aborted when the set is dropped.
    _task: JoinSet<()>,
}

impl RemoteKeys {
    /// Starts to fetch the keys of `issuer`; [`None`] for a static set. Returns before the first fetch ends.
    ///
    /// # Errors
    /// [`ConfigError`] for an address that may not be fetched, or outside of a tokio runtime.
    pub(crate) fn start(
        issuer: &Arc<str>,
        source: &KeySource,
        plain_http: PlainHttp,
        algorithms: &[Algorithm],
        policy: &RefreshPolicy,
        fetch: impl Fetch,
    ) -> Result<Option<RemoteKeys>, ConfigError> {
        let Some(endpoint) = source.endpoint(issuer, plain_http)? else {
            return Ok(None);
        };
        if endpoint.is_insecure() {
            let (issuer, address) = (&**issuer, endpoint.to_string());
            tracing::warn!(
                issuer,
                address,
                "keys are fetched over plain http: a party on the network path can replace them and forge tokens"
            );
        }
        let runtime = Handle::try_current().map_err(|_| ConfigError::NoRuntime)?;
        let (current, failure) = (Arc::default(), Arc::default());
        let (single_flight, requests) = SingleFlight::new(policy.cooldown);
        let single_flight = Arc::new(single_flight);
        let counts = Arc::<FetchCounts>::default();
        let refresher = Refresher {
            issuer: Arc::clone(issuer),
            endpoint,
            discover: matches!(source, KeySource::Discovery),
            plain_http,
            jwks_uri: None,
            algorithms: algorithms.to_vec(),
            policy: policy.clone(),
            fetch,
            current: Arc::clone(&current),
            failure: Arc::clone(&failure),
            single_flight: Arc::clone(&single_flight),
            counts: Arc::clone(&counts),
            reported: Reported::default(),
        };
        let mut task = JoinSet::new();
        task.spawn_on(refresher.run(requests), &runtime);
        let shared = Shared {
            issuer: Arc::clone(issuer),
            failure,
            current,
            single_flight,
            counts,
            max_wait: policy.max_wait(),
            retry_after: policy.retry_after(),
            _task: task,
        };
        Ok(Some(RemoteKeys(Arc::new(shared))))
    }

    /// Resolves once keys are present; never if the task that fetches them has ended.
    pub(crate) async fn ready(&self) {
        let mut finished = self.0.single_flight.finished();
        while self.current().is_none() {
            if finished.changed().await.is_err() {
                std::future::pending().await
            }
        }
    }

    pub(super) fn current(&self) -> Guard<Option<Arc<Snapshot>>> {
        self.0.current.load()
    }

    /// The answer while no keys are present.
    pub(crate) fn unavailable(&self) -> Error {
        Error::KeysUnavailable {
            issuer: Arc::clone(&self.0.issuer),
            retry_after: self.0.retry_after,
        }
    }

    /// The keys, and what has become of their fetches.
    pub(super) fn status(&self) -> KeySetStatus {
        let keys = self.current().as_ref().map(|snapshot| snapshot.keys.len());
        let mut status = KeySetStatus::unfetched(&self.0.issuer, keys);
        self.0.counts.describe(&mut status);
        status
    }

    /// Why no keys are present, in the words of the log.
    pub(crate) fn failure(&self) -> String {
        match &*self.0.failure.load() {
            Some(reason) => String::clone(reason),
            None => "no fetch has ended yet".to_owned(),
        }
    }

    /// Requests one fetch, because a token names a key that is not in the set of `generation`, and waits for its end.
    /// Returns whether the token should be verified again.
    ///
    /// Joins a fetch that is running; returns `false` at once during the cool-down.
    pub(crate) async fn refetch(&self, generation: u64) -> bool {
        let mut finished = self.0.single_flight.finished();
        let current = self.current().as_ref().map(|current| current.generation);
        if current.is_some_and(|current| current != generation) {
            return true;
        }
        if !self.0.single_flight.request() {
            return false;
        }
        let ended = finished.changed();
        match Handle::try_current() {
            Ok(_) => timeout(self.0.max_wait, ended).await.is_ok(),
            // A runtime of another kind has no tokio timer; the fetch ends by its own time-out.
            Err(_) => ended.await.is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fetch::{FetchError, FetchFuture};
    use super::*;
    use bytes::Bytes;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::time::Instant;

    const KEYS_A: &str =
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    const KEYS_B: &str =
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"b","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

    /// Returns the scripted text; an empty text is an outage, `hang` never ends, `panic` panics.
    #[derive(Clone)]
    struct Script {
        answer: Arc<Mutex<&'static str>>,
        count: Arc<AtomicUsize>,
    }

    impl Script {
        fn new(answer: &'static str) -> Self {
            Script {
                answer: Arc::new(Mutex::new(answer)),
                count: Arc::default(),
            }
        }
        fn set(&self, answer: &'static str) {
            *self.answer.lock().unwrap() = answer;
        }
        fn count(&self) -> usize {
            self.count.load(Ordering::SeqCst)
        }
    }

    impl Fetch for Script {
        fn fetch<'a>(&'a self, _url: &'a str) -> FetchFuture<'a> {
            self.count.fetch_add(1, Ordering::SeqCst);
            let answer = *self.answer.lock().unwrap();
            Box::pin(async move {
                // Every fetch takes a moment, so that other callers can join it.
                tokio::time::sleep(Duration::from_millis(20)).await;
                match answer {
                    "" => Err(FetchError::Status(http::StatusCode::INTERNAL_SERVER_ERROR)),
                    "hang" => std::future::pending().await,
                    "panic" => panic!("a fetcher of a user"),
                    text => Ok(Bytes::from_static(text.as_bytes()).into()),
                }
            })
        }
    }

    fn start_with(source: KeySource, policy: &RefreshPolicy, fetch: impl Fetch) -> Result<RemoteKeys, ConfigError> {
        let issuer = "https://idp.example".into();
        let keys = RemoteKeys::start(&issuer, &source, PlainHttp::OnLoopback, Algorithm::all(), policy, fetch)?;
        Ok(keys.unwrap())
    }

    fn jwks_uri() -> KeySource {
        KeySource::JwksUri("https://idp.example/jwks".into())
    }

    fn start(script: &Script) -> RemoteKeys {
        start_with(jwks_uri(), &RefreshPolicy::default(), script.clone()).unwrap()
    }

    /// The number of the current set; numbers are unique in the process and grow.
    fn generation(keys: &RemoteKeys) -> u64 {
        keys.current().as_ref().unwrap().generation
    }

    fn key_id(keys: &RemoteKeys) -> String {
        let current = keys.current();
        let keys = &current.as_ref().unwrap().keys;
        let mut ids = ["a", "b"].into_iter();
        let held = ids.find(|kid| keys.select(Some(kid), Algorithm::EdDSA).next().is_some());
        held.unwrap_or_default().to_owned()
    }

    async fn pass(seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn keys_are_fetched_at_start_and_refreshed_ahead_of_time() {
        let script = Script::new(KEYS_A);
        let keys = start(&script);
        assert!(keys.current().is_none());
        keys.ready().await;
        let first = generation(&keys);
        pass(601).await;
        assert!(script.count() >= 2);
        assert_eq!(generation(&keys), first, "the same keys are the same generation");
        script.set(KEYS_B);
        pass(601).await;
        assert_eq!(key_id(&keys), "b");
    }

    #[tokio::test(start_paused = true)]
    async fn a_cold_start_recovers_by_itself() {
        let script = Script::new("");
        let keys = start(&script);
        pass(300).await;
        assert!(keys.current().is_none());
        let before = script.count();
        assert!((20..80).contains(&before), "backs off: {before} attempts in 300 s");
        script.set(KEYS_A);
        pass(15).await;
        assert_eq!(key_id(&keys), "a");
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_keeps_the_keys_until_they_are_stale() {
        let script = Script::new(KEYS_A);
        let keys = start(&script);
        keys.ready().await;
        script.set("");
        pass(23 * 3600).await;
        assert_eq!(key_id(&keys), "a");
        pass(3600 + 60).await;
        assert!(keys.current().is_none());
        script.set(KEYS_A);
        pass(15).await;
        assert!(keys.current().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stampede_is_one_fetch_and_the_cool_down_skips() {
        let script = Script::new(KEYS_A);
        let keys = start(&script);
        keys.ready().await;
        assert!(
            !keys.refetch(generation(&keys)).await,
            "cooling down from the first fetch"
        );
        pass(11).await;
        script.set(KEYS_B);
        let before = script.count();
        let waiting: Vec<_> = (0..100)
            .map(|_| {
                let keys = keys.clone();
                tokio::spawn(async move { keys.refetch(generation(&keys)).await })
            })
            .collect();
        for task in waiting {
            assert!(task.await.unwrap());
        }
        assert_eq!(script.count() - before, 1);
        assert_eq!(key_id(&keys), "b");
        let start = Instant::now();
        assert!(!keys.refetch(generation(&keys)).await);
        assert_eq!(start.elapsed(), Duration::ZERO, "the cool-down never waits");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_endpoint_holds_a_refetch_no_longer_than_the_time_out() {
        let script = Script::new(KEYS_A);
        let keys = start(&script);
        keys.ready().await;
        pass(11).await;
        script.set("hang");
        let start = Instant::now();
        assert!(keys.refetch(generation(&keys)).await);
        assert!(start.elapsed() <= Duration::from_secs(5));
        assert_eq!(key_id(&keys), "a");
        assert!(
            !keys.refetch(generation(&keys)).await,
            "a failed attempt cools down too"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn dropping_the_last_clone_stops_the_fetching() {
        let script = Script::new(KEYS_A);
        let keys = start(&script);
        keys.ready().await;
        drop(keys);
        pass(3600).await;
        assert_eq!(script.count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_verified_again_at_once_when_the_keys_have_changed() {
        let script = Script::new(KEYS_A);
        let keys = start(&script);
        keys.ready().await;
        assert!(
            keys.refetch(0).await,
            "another generation is present, in spite of the cool-down"
        );
        assert!(!keys.refetch(generation(&keys)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn keys_of_a_fetcher_that_panics_become_stale() {
        let script = Script::new(KEYS_A);
        let keys = start(&script);
        keys.ready().await;
        let last = generation(&keys);
        script.set("panic");
        pass(601).await;
        assert!(keys.current().is_none());
        assert!(!keys.refetch(last).await, "no task would answer");
    }

    #[test]
    fn keys_become_stale_when_their_runtime_ends() {
        let runtime = || {
            tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .unwrap()
        };
        let first = runtime();
        let keys = first.block_on(async {
            let keys = start(&Script::new(KEYS_A));
            keys.ready().await;
            keys
        });
        drop(first);
        assert!(keys.current().is_none());
        assert!(!runtime().block_on(keys.refetch(0)));
    }

    #[test]
    fn a_request_may_wait_on_a_runtime_of_another_kind() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .unwrap();
        let policy = RefreshPolicy {
            cooldown: Duration::from_millis(10),
            ..RefreshPolicy::default()
        };
        let keys = runtime.block_on(async {
            let keys = start_with(jwks_uri(), &policy, Script::new(KEYS_A)).unwrap();
            keys.ready().await;
            keys
        });
        let current = generation(&keys);
        // Polled by hand, as an executor without tokio does, and repeated during the cool-down.
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        let mut fetched = false;
        while !fetched {
            let mut fetch = std::pin::pin!(keys.refetch(current));
            fetched = loop {
                match fetch.as_mut().poll(&mut context) {
                    std::task::Poll::Ready(fetched) => break fetched,
                    std::task::Poll::Pending => std::thread::yield_now(),
                }
                assert!(std::time::Instant::now() < deadline, "the fetch never ended");
            };
            assert!(std::time::Instant::now() < deadline, "never past the cool-down");
        }
    }

    /// An issuer whose metadata names another address each time.
    struct Moving(Arc<AtomicUsize>);

    impl Fetch for Moving {
        fn fetch<'a>(&'a self, url: &'a str) -> FetchFuture<'a> {
            let document = if url.contains(".well-known") {
                let count = self.0.fetch_add(1, Ordering::SeqCst);
                format!(r#"{{"issuer":"https://idp.example","jwks_uri":"https://idp.example/{count}"}}"#)
            } else if url.ends_with("/0") {
                KEYS_A.to_owned()
            } else {
                KEYS_B.to_owned()
            };
            Box::pin(async move { Ok(document.into()) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_issuer_that_moves_its_keys_is_followed_at_the_next_refresh() {
        let count = Arc::new(AtomicUsize::new(0));
        let moving = Moving(Arc::clone(&count));
        let keys = start_with(KeySource::Discovery, &RefreshPolicy::default(), moving).unwrap();
        keys.ready().await;
        pass(11).await;
        assert!(keys.refetch(generation(&keys)).await);
        assert_eq!(
            (key_id(&keys).as_str(), count.load(Ordering::SeqCst)),
            ("a", 1),
            "an unknown kid fetches keys only"
        );
        pass(601).await;
        assert_eq!((key_id(&keys).as_str(), count.load(Ordering::SeqCst)), ("b", 2));
    }

    #[test]
    fn outside_of_a_runtime_it_does_not_start() {
        let started = start_with(jwks_uri(), &RefreshPolicy::default(), Script::new(""));
        assert_eq!(started.err(), Some(ConfigError::NoRuntime));
    }
}
