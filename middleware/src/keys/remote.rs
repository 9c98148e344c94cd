//! A key set kept fresh from the issuer: refreshed in the background, refetched once for an unknown `kid`.
//!
//! Whoever holds a key never waits here. A failure or a miss never touches the good keys; only age does.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::algorithm::Algorithm;
use super::fetch::Fetch;
use super::key_set::KeySet;
use super::location::{Endpoint, Source};
use crate::error::ConfigError;

/// When keys are fetched, and for how long they are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Time between two good fetches. A withdrawn key works no longer than this. Default 10 minutes.
    pub refresh: Duration,
    /// Shortest time between an attempt and a refetch for an unknown `kid`. Within it such a token is refused at once. Default 10 s.
    pub cooldown: Duration,
    /// Longest time for one attempt, discovery and body included. Default 5 s.
    pub timeout: Duration,
    /// How long keys are trusted after their last good fetch; then every token gets 503. Default 24 hours.
    pub max_stale: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        Schedule {
            refresh: Duration::from_secs(600),
            cooldown: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
            max_stale: Duration::from_secs(24 * 3600),
        }
    }
}

impl Schedule {
    fn check(&self) -> Result<(), ConfigError> {
        let in_range = |name, value: Duration, longest: u64, reason| {
            let fits = value >= Duration::from_millis(10) && value <= Duration::from_secs(longest);
            if fits {
                Ok(())
            } else {
                Err(ConfigError::Duration { name, reason })
            }
        };
        in_range("refresh", self.refresh, 86_400, "from 10 ms to 24 h")?;
        in_range("cooldown", self.cooldown, 3600, "from 10 ms to 1 h")?;
        in_range("timeout", self.timeout, 60, "from 10 ms to 60 s")?;
        in_range("max_stale", self.max_stale, 30 * 86_400, "from 10 ms to 30 days")?;
        if self.max_stale < self.refresh {
            return Err(ConfigError::Duration {
                name: "max_stale",
                reason: "not shorter than `refresh`, or good keys would go stale between two fetches",
            });
        }
        Ok(())
    }
}

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
#[derive(Clone, Debug)]
pub struct RemoteKeys {
    shared: Arc<Shared>,
    _task: Arc<Task>,
}

/// One set of keys and its number.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) keys: KeySet,
    pub(crate) generation: u64,
}

#[derive(Debug)]
pub(crate) enum State {
    Pending,
    Ready(Snapshot),
    Stale,
}

#[derive(Debug)]
struct Shared {
    state: ArcSwap<State>,
    attempt: Mutex<Attempt>,
    cooldown: Duration,
    demand: Notify,
    finished: watch::Sender<u64>,
}

#[derive(Debug)]
struct Attempt {
    running: bool,
    last: Option<Instant>,
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
        let origin = match source {
            Source::Discovery => Origin::Metadata {
                issuer: Endpoint::parse(issuer)?,
                found: None,
            },
            Source::JwksUri(uri) => Origin::Named(Endpoint::parse(&uri)?),
        };
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| ConfigError::NoRuntime)?;
        let shared = Arc::new(Shared {
            state: ArcSwap::from_pointee(State::Pending),
            attempt: Mutex::new(Attempt {
                running: false,
                last: None,
            }),
            cooldown: schedule.cooldown,
            demand: Notify::new(),
            finished: watch::Sender::new(0),
        });
        let refresher = Refresher {
            issuer: issuer.to_owned(),
            origin,
            algorithms: algorithms.to_vec(),
            schedule,
            fetch,
            shared: Arc::clone(&shared),
            generation: 0,
        };
        let task = Arc::new(Task(runtime.spawn(refresher.run())));
        Ok(RemoteKeys { shared, _task: task })
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

    /// What is here at the moment.
    pub fn status(&self) -> Status {
        match &**self.shared.state.load() {
            State::Pending => Status::Pending,
            State::Stale => Status::Stale,
            State::Ready(snapshot) => Status::Ready {
                keys: snapshot.keys.len(),
                generation: snapshot.generation,
            },
        }
    }

    /// Resolves once keys are here.
    pub async fn ready(&self) {
        let mut finished = self.shared.finished.subscribe();
        while !matches!(self.status(), Status::Ready { .. }) {
            if finished.changed().await.is_err() {
                return;
            }
        }
    }

    pub(crate) fn state(&self) -> arc_swap::Guard<Arc<State>> {
        self.shared.state.load()
    }

    /// Asks for one fetch, because a token names a key that is not here, and waits for its end.
    ///
    /// Joins a fetch that is under way; returns at once, with `false`, during the cool-down.
    pub(crate) async fn refetch(&self) -> bool {
        let mut finished = self.shared.finished.subscribe();
        self.shared.demand() && finished.changed().await.is_ok()
    }
}

impl Shared {
    fn attempt(&self) -> MutexGuard<'_, Attempt> {
        self.attempt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a fetch is now under way or about to be.
    fn demand(&self) -> bool {
        let mut attempt = self.attempt();
        if attempt.running {
            return true;
        }
        if attempt.last.is_some_and(|last| last.elapsed() < self.cooldown) {
            return false;
        }
        attempt.begin();
        self.demand.notify_one();
        true
    }

    fn finish(&self) {
        self.attempt().running = false;
        self.finished.send_modify(|count| *count += 1);
    }
}

impl Attempt {
    fn begin(&mut self) {
        self.running = true;
        self.last = Some(Instant::now());
    }
}

enum Origin {
    Named(Endpoint),
    Metadata { issuer: Endpoint, found: Option<Endpoint> },
}

struct Refresher<F> {
    issuer: String,
    origin: Origin,
    algorithms: Vec<Algorithm>,
    schedule: Schedule,
    fetch: F,
    shared: Arc<Shared>,
    generation: u64,
}

impl<F: Fetch> Refresher<F> {
    async fn run(mut self) {
        let mut failures = 0_u32;
        let mut stale_at = None;
        loop {
            self.shared.attempt().begin();
            let fetched = timeout(self.schedule.timeout, self.fetch_keys()).await;
            let pause = match fetched.unwrap_or_else(|_| Err("no complete answer in time".into())) {
                Ok(keys) => {
                    if failures > 0 {
                        tracing::info!(issuer = self.issuer, "keys are fetched again");
                    }
                    failures = 0;
                    stale_at = Some(Instant::now() + self.schedule.max_stale);
                    self.publish(keys);
                    self.schedule.refresh.mul_f64(jitter(0.9, 1.0))
                }
                Err(reason) => {
                    if failures == 0 {
                        tracing::warn!(issuer = self.issuer, reason, "keys could not be fetched; retrying");
                    }
                    failures = failures.saturating_add(1);
                    backoff(failures).min(self.schedule.refresh)
                }
            };
            self.shared.finish();
            self.wait(Instant::now() + pause, &mut stale_at).await;
        }
    }

    /// Sleeps until `next` or until a request asks for a fetch, and lets the keys go stale on time.
    async fn wait(&self, next: Instant, stale_at: &mut Option<Instant>) {
        loop {
            let until = stale_at.map_or(next, |stale_at| stale_at.min(next));
            if timeout_at(until, self.shared.demand.notified()).await.is_ok() {
                return;
            }
            if stale_at.is_some_and(|stale_at| stale_at <= until) {
                *stale_at = None;
                tracing::warn!(issuer = self.issuer, "keys are too old to be trusted; tokens get 503");
                self.shared.state.store(Arc::new(State::Stale));
            }
            if until == next {
                return;
            }
        }
    }

    fn publish(&mut self, keys: KeySet) {
        let unchanged = matches!(&**self.shared.state.load(), State::Ready(held) if held.keys == keys);
        if unchanged {
            return;
        }
        self.generation += 1;
        if keys.skipped() > 0 {
            tracing::info!(
                issuer = self.issuer,
                skipped = keys.skipped(),
                "keys of no use to us were skipped"
            );
        }
        tracing::info!(
            issuer = self.issuer,
            keys = keys.len(),
            generation = self.generation,
            "new keys"
        );
        self.shared.state.store(Arc::new(State::Ready(Snapshot {
            keys,
            generation: self.generation,
        })));
    }

    async fn fetch_keys(&mut self) -> Result<KeySet, String> {
        let endpoint = self.locate().await?;
        let fetched = self.fetch.fetch(endpoint.as_str()).await;
        let keys = fetched
            .map_err(|error| error.to_string())
            .and_then(|document| KeySet::from_json(&document, &self.algorithms).map_err(|error| error.to_string()));
        if keys.is_err() {
            // The address may have moved: ask the metadata again next time.
            if let Origin::Metadata { found, .. } = &mut self.origin {
                *found = None;
            }
        }
        keys
    }

    async fn locate(&mut self) -> Result<Endpoint, String> {
        let (issuer, found) = match &mut self.origin {
            Origin::Named(endpoint) => return Ok(endpoint.clone()),
            Origin::Metadata { issuer, found } => (issuer, found),
        };
        if let Some(found) = found {
            return Ok(found.clone());
        }
        let mut failure = String::new();
        for document in issuer.metadata() {
            let located = match self.fetch.fetch(document.as_str()).await {
                Ok(bytes) => issuer.jwks_uri(&self.issuer, &bytes).map_err(str::to_owned),
                Err(error) => Err(format!("discovery: {error}")),
            };
            match located {
                Ok(endpoint) => {
                    *found = Some(endpoint.clone());
                    return Ok(endpoint);
                }
                Err(reason) => failure = reason,
            }
        }
        Err(failure)
    }
}

/// 1 s, doubled at each failure up to 10 s, so that a cold start recovers soon after the issuer does.
fn backoff(failures: u32) -> Duration {
    let seconds = 1_u32 << failures.saturating_sub(1).min(4);
    Duration::from_secs(u64::from(seconds.min(10))).mul_f64(jitter(0.8, 1.2))
}

/// A number between `low` and `high`, so that many replicas do not fetch in step.
fn jitter(low: f64, high: f64) -> f64 {
    let random = RandomState::new().build_hasher().finish();
    low + (high - low) * (random as f64 / u64::MAX as f64)
}

#[cfg(test)]
mod tests {
    use super::super::fetch::{FetchError, Fetched};
    use super::*;
    use bytes::Bytes;
    use std::sync::atomic::{AtomicUsize, Ordering};

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
        assert!(!keys.refetch().await, "cooling down from the first fetch");
        pass(11).await;
        script.say(KEYS_B);
        let before = script.count();
        let waiting: Vec<_> = (0..100)
            .map(|_| {
                let keys = keys.clone();
                tokio::spawn(async move { keys.refetch().await })
            })
            .collect();
        for task in waiting {
            assert!(task.await.unwrap());
        }
        assert_eq!(script.count() - before, 1);
        assert_eq!(generation(&keys), 2);
        let asked = Instant::now();
        assert!(!keys.refetch().await);
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
        assert!(keys.refetch().await);
        assert!(asked.elapsed() <= Duration::from_secs(5));
        assert_eq!(generation(&keys), 1);
        assert!(!keys.refetch().await, "a failed attempt cools down too");
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
