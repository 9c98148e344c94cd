//! A key set kept fresh from the issuer: refreshed in the background, refetched once for an unknown `kid`.
//!
//! Whoever holds a key never waits here. A failure or a miss never touches the good keys; only age does.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::algorithm::Algorithm;
use super::discovery::Source;
use super::fetch::Fetch;
use super::refresh_policy::Schedule;
use super::refresher::{Refresher, State};
use super::single_flight::Attempts;
use crate::error::ConfigError;

/// What a [`RemoteKeys`] has at the moment.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing was fetched yet: every token gets 503.
    Pending,
    /// Keys are here.
    Ready {
        /// How many (key, algorithm) pairs can verify.
        keys: usize,
        /// Grows whenever a fetch brings another set; tokens verified under an older one are judged anew.
        generation: u64,
    },
    /// The last good fetch is longer ago than `max_stale`: every token gets 503.
    Stale,
}

/// The keys of one issuer, kept fresh in the background for as long as a clone of this value lives.
///
/// If the runtime that it was started on ends, or the fetcher panics, the keys are stale from then on. A runtime that is
/// not driven refreshes nothing: start it where the service runs.
#[derive(Clone, Debug)]
pub struct RemoteKeys {
    held: Arc<Held>,
}

#[derive(Debug)]
struct Held {
    issuer: Box<str>,
    state: Arc<ArcSwap<State>>,
    attempts: Arc<Attempts>,
    /// Longest wait for one fetch.
    patience: Duration,
    _task: Task,
}

#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl RemoteKeys {
    /// Starts to fetch the keys of `issuer`, which is compared byte for byte with what its metadata says.
    ///
    /// Returns at once; until the first good fetch the status is [`Status::Pending`].
    ///
    /// # Errors
    /// [`ConfigError`] for an address that may not be fetched, a duration out of range, or outside of a tokio runtime.
    pub fn start(
        issuer: &str,
        source: Source,
        algorithms: &[Algorithm],
        schedule: Schedule,
        fetch: impl Fetch,
    ) -> Result<RemoteKeys, ConfigError> {
        schedule.check()?;
        if algorithms.is_empty() {
            return Err(ConfigError::NoAlgorithm(issuer.to_owned()));
        }
        let state = Arc::new(ArcSwap::from_pointee(State::Pending));
        let (attempts, demands) = Attempts::new(schedule.cooldown);
        let attempts = Arc::new(attempts);
        let refresher = Refresher::new(
            issuer,
            source.origin(issuer)?,
            algorithms,
            schedule.clone(),
            fetch,
            Arc::clone(&state),
            Arc::clone(&attempts),
        );
        let runtime = Handle::try_current().map_err(|_| ConfigError::NoRuntime)?;
        let held = Held {
            issuer: issuer.into(),
            state,
            attempts,
            // The fetch ends by its own time-out; this one is for a runtime that no longer runs it.
            patience: schedule.timeout + Duration::from_millis(500),
            _task: Task(runtime.spawn(refresher.run(demands))),
        };
        Ok(RemoteKeys { held: Arc::new(held) })
    }

    /// Discovers the keys of `issuer` over HTTP, with every algorithm and the default [`Schedule`].
    ///
    /// # Errors
    /// As [`start`](Self::start).
    #[cfg(feature = "reqwest")]
    pub fn discover(issuer: &str) -> Result<RemoteKeys, ConfigError> {
        let fetch = super::HttpFetch::new()?;
        RemoteKeys::start(issuer, Source::Discovery, &Algorithm::ALL, Schedule::default(), fetch)
    }

    /// The issuer whose keys these are.
    pub fn issuer(&self) -> &str {
        &self.held.issuer
    }

    /// What is here at the moment.
    pub fn status(&self) -> Status {
        match &**self.held.state.load() {
            State::Pending => Status::Pending,
            State::Stale => Status::Stale,
            State::Ready(snapshot) => Status::Ready {
                keys: snapshot.keys.len(),
                generation: snapshot.generation,
            },
        }
    }

    /// Resolves once keys are here; never if the task that fetches them has ended.
    pub async fn ready(&self) {
        let mut finished = self.held.attempts.finished();
        while !matches!(self.status(), Status::Ready { .. }) {
            if finished.changed().await.is_err() {
                return;
            }
        }
    }

    pub(crate) fn state(&self) -> arc_swap::Guard<Arc<State>> {
        self.held.state.load()
    }

    /// Asks for one fetch, because a token names a key that is not among those of generation `judged`, and waits for its
    /// end. Says whether to judge once more.
    ///
    /// Joins a fetch that is under way; returns at once, with `false`, during the cool-down.
    pub(crate) async fn refetch(&self, judged: u64) -> bool {
        let mut finished = self.held.attempts.finished();
        if matches!(self.status(), Status::Ready { generation, .. } if generation != judged) {
            return true;
        }
        if !self.held.attempts.demand() {
            return false;
        }
        let ended = finished.changed();
        match Handle::try_current() {
            Ok(_) => timeout(self.held.patience, ended).await.is_ok(),
            // On a runtime of another kind there is no timer of ours; the fetch ends by its own.
            Err(_) => ended.await.is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fetch::{FetchError, Fetched};
    use super::*;
    use bytes::Bytes;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::time::Instant;

    const KEYS_A: &str =
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    const KEYS_B: &str =
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"b","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

    /// Answers with what it is told; an empty text is an outage, `hang` never answers.
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
        fn say(&self, answer: &'static str) {
            *self.answer.lock().unwrap() = answer;
        }
        fn count(&self) -> usize {
            self.count.load(Ordering::SeqCst)
        }
    }

    impl Fetch for Script {
        fn fetch<'a>(&'a self, _url: &'a str) -> Fetched<'a> {
            self.count.fetch_add(1, Ordering::SeqCst);
            let answer = *self.answer.lock().unwrap();
            Box::pin(async move {
                // Every fetch takes a moment, so that others can meet it under way.
                tokio::time::sleep(Duration::from_millis(20)).await;
                match answer {
                    "" => Err(FetchError::Status(500)),
                    "hang" => std::future::pending().await,
                    "panic" => panic!("a fetcher of somebody else"),
                    text => Ok(Bytes::from_static(text.as_bytes())),
                }
            })
        }
    }

    fn start(script: &Script) -> RemoteKeys {
        let source = Source::JwksUri("https://idp.example/jwks".into());
        RemoteKeys::start(
            "https://idp.example",
            source,
            &Algorithm::ALL,
            Schedule::default(),
            script.clone(),
        )
        .unwrap()
    }

    fn generation(keys: &RemoteKeys) -> u64 {
        match keys.status() {
            Status::Ready { generation, .. } => generation,
            other => panic!("{other:?}"),
        }
    }

    async fn pass(seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn keys_are_fetched_at_start_and_refreshed_ahead_of_time() {
        let script = Script::new(KEYS_A);
        let keys = start(&script);
        assert_eq!(keys.status(), Status::Pending);
        keys.ready().await;
        assert_eq!(generation(&keys), 1);
        pass(601).await;
        assert!(script.count() >= 2);
        assert_eq!(generation(&keys), 1, "the same keys are the same generation");
        script.say(KEYS_B);
        pass(601).await;
        assert_eq!(generation(&keys), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cold_start_recovers_by_itself() {
        let script = Script::new("");
        let keys = start(&script);
        pass(300).await;
        assert_eq!(keys.status(), Status::Pending);
        let before = script.count();
        assert!((20..80).contains(&before), "backs off: {before} attempts in 300 s");
        script.say(KEYS_A);
        pass(15).await;
        assert_eq!(generation(&keys), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_keeps_the_keys_until_they_are_stale() {
        let script = Script::new(KEYS_A);
        let keys = start(&script);
        keys.ready().await;
        script.say("");
        pass(23 * 3600).await;
        assert_eq!(generation(&keys), 1);
        pass(3600 + 60).await;
        assert_eq!(keys.status(), Status::Stale);
        script.say(KEYS_A);
        pass(15).await;
        assert!(matches!(keys.status(), Status::Ready { .. }));
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
        script.say(KEYS_B);
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
        assert_eq!(generation(&keys), 2);
        let asked = Instant::now();
        assert!(!keys.refetch(generation(&keys)).await);
        assert_eq!(asked.elapsed(), Duration::ZERO, "the cool-down never waits");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_endpoint_holds_a_refetch_no_longer_than_the_time_out() {
        let script = Script::new(KEYS_A);
        let keys = start(&script);
        keys.ready().await;
        pass(11).await;
        script.say("hang");
        let asked = Instant::now();
        assert!(keys.refetch(generation(&keys)).await);
        assert!(asked.elapsed() <= Duration::from_secs(5));
        assert_eq!(generation(&keys), 1);
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
    async fn keys_that_changed_since_they_were_judged_are_judged_again_at_once() {
        let script = Script::new(KEYS_A);
        let keys = start(&script);
        keys.ready().await;
        assert!(
            keys.refetch(0).await,
            "another generation is here, in spite of the cool-down"
        );
        assert!(!keys.refetch(1).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_fetcher_that_panics_leaves_no_keys_that_nobody_refreshes() {
        let script = Script::new(KEYS_A);
        let keys = start(&script);
        keys.ready().await;
        script.say("panic");
        pass(601).await;
        assert_eq!(keys.status(), Status::Stale);
        assert!(!keys.refetch(1).await, "nobody would answer");
    }

    #[test]
    fn keys_outlive_their_runtime_as_stale_ones() {
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
        assert_eq!(keys.status(), Status::Stale);
        assert!(!runtime().block_on(keys.refetch(1)));
    }

    #[test]
    fn a_request_may_wait_on_a_runtime_of_another_kind() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .unwrap();
        let schedule = Schedule {
            cooldown: Duration::from_millis(10),
            ..Schedule::default()
        };
        let keys = runtime.block_on(async {
            let source = Source::JwksUri("https://idp.example/jwks".into());
            let script = Script::new(KEYS_A);
            let keys = RemoteKeys::start("https://idp.example", source, &Algorithm::ALL, schedule, script).unwrap();
            keys.ready().await;
            keys
        });
        // Polled by hand, as an executor that knows nothing of tokio does; anew for as long as it is cooling down.
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        let mut fetched = false;
        while !fetched {
            let mut fetch = std::pin::pin!(keys.refetch(1));
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
        fn fetch<'a>(&'a self, url: &'a str) -> Fetched<'a> {
            let document = if url.contains(".well-known") {
                let count = self.0.fetch_add(1, Ordering::SeqCst);
                format!(r#"{{"issuer":"https://idp.example","jwks_uri":"https://idp.example/{count}"}}"#)
            } else if url.ends_with("/0") {
                KEYS_A.to_owned()
            } else {
                KEYS_B.to_owned()
            };
            Box::pin(async move { Ok(Bytes::from(document)) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_issuer_that_moves_its_keys_is_followed_at_the_next_refresh() {
        let count = Arc::new(AtomicUsize::new(0));
        let moving = Moving(Arc::clone(&count));
        let keys = RemoteKeys::start(
            "https://idp.example",
            Source::Discovery,
            &Algorithm::ALL,
            Schedule::default(),
            moving,
        )
        .unwrap();
        keys.ready().await;
        pass(11).await;
        assert!(keys.refetch(1).await);
        assert_eq!(
            (generation(&keys), count.load(Ordering::SeqCst)),
            (1, 1),
            "an unknown kid asks for keys only"
        );
        pass(601).await;
        assert_eq!((generation(&keys), count.load(Ordering::SeqCst)), (2, 2));
    }

    #[test]
    fn outside_of_a_runtime_or_with_odd_durations_it_does_not_start() {
        let source = || Source::JwksUri("https://idp.example/jwks".into());
        let start = |schedule| {
            RemoteKeys::start(
                "https://idp.example",
                source(),
                &Algorithm::ALL,
                schedule,
                Script::new(""),
            )
        };
        assert_eq!(start(Schedule::default()).err(), Some(ConfigError::NoRuntime));
        let never = Schedule {
            cooldown: Duration::ZERO,
            ..Schedule::default()
        };
        assert!(matches!(
            start(never),
            Err(ConfigError::Duration { name: "cooldown", .. })
        ));
    }
}
