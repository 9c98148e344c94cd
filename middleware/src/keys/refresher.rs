//! The background task: fetches, publishes, lets keys go stale on time.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::{Instant, timeout, timeout_at};

use super::algorithm::Algorithm;
use super::discovery::{Endpoint, Origin};
use super::fetch::Fetch;
use super::key_set::KeySet;
use super::refresh_policy::Schedule;
use super::single_flight::{Attempts, Demands};

/// What whoever verifies finds.
#[derive(Debug)]
pub(crate) enum State {
    /// Nothing was fetched yet.
    Pending,
    /// Keys to verify with.
    Ready(Snapshot),
    /// Keys were here and are too old.
    Stale,
}

/// One set of keys and its number.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) keys: KeySet,
    pub(crate) generation: u64,
}

/// Fetches the keys of one issuer for as long as it runs.
pub(super) struct Refresher<F> {
    issuer: String,
    origin: Origin,
    algorithms: Vec<Algorithm>,
    schedule: Schedule,
    fetch: F,
    state: Arc<ArcSwap<State>>,
    attempts: Arc<Attempts>,
    generation: u64,
}

/// Why the refresher goes on after a wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Woken {
    BySchedule,
    ByDemand,
}

/// However the task ends, nobody goes on trusting keys that nobody refreshes, and nobody waits for a fetch in vain.
impl<F> Drop for Refresher<F> {
    fn drop(&mut self) {
        self.state.store(Arc::new(State::Stale));
        self.attempts.finish();
    }
}

impl<F: Fetch> Refresher<F> {
    pub(super) fn new(
        issuer: &str,
        origin: Origin,
        algorithms: &[Algorithm],
        schedule: Schedule,
        fetch: F,
        state: Arc<ArcSwap<State>>,
        attempts: Arc<Attempts>,
    ) -> Self {
        Refresher {
            issuer: issuer.to_owned(),
            origin,
            algorithms: algorithms.to_vec(),
            schedule,
            fetch,
            state,
            attempts,
            generation: 0,
        }
    }

    pub(super) async fn run(mut self, mut demands: Demands) {
        let mut failures = 0_u32;
        let mut stale_at = None;
        loop {
            self.attempts.begin(&mut demands);
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
                    // The address may have moved.
                    self.origin.forget();
                    backoff(failures).min(self.schedule.refresh)
                }
            };
            self.attempts.finish();
            let next = Instant::now() + pause;
            if self.wait(next, &mut stale_at, &mut demands).await == Woken::BySchedule {
                // An issuer may move its keys and leave the old ones where they were.
                self.origin.forget();
            }
        }
    }

    /// Sleeps until `next` or until a request asks for a fetch, and lets the keys go stale on time.
    async fn wait(&self, next: Instant, stale_at: &mut Option<Instant>, demands: &mut Demands) -> Woken {
        loop {
            let until = stale_at.map_or(next, |stale_at| stale_at.min(next));
            if timeout_at(until, demands.next()).await.is_ok() {
                return Woken::ByDemand;
            }
            if stale_at.is_some_and(|stale_at| stale_at <= until) {
                *stale_at = None;
                tracing::warn!(issuer = self.issuer, "keys are too old to be trusted; tokens get 503");
                self.state.store(Arc::new(State::Stale));
            }
            if until == next {
                return Woken::BySchedule;
            }
        }
    }

    fn publish(&mut self, keys: KeySet) {
        let unchanged = matches!(&**self.state.load(), State::Ready(held) if held.keys == keys);
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
        let generation = self.generation;
        self.state.store(Arc::new(State::Ready(Snapshot { keys, generation })));
    }

    async fn fetch_keys(&mut self) -> Result<KeySet, String> {
        let endpoint = self.locate().await?;
        let document = self
            .fetch
            .fetch(endpoint.as_str())
            .await
            .map_err(|error| error.to_string())?;
        KeySet::from_json(&document, &self.algorithms).map_err(|error| error.to_string())
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
