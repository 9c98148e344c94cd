//! The background task: fetches and publishes keys, and marks them stale on time.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::{Instant, timeout, timeout_at};

use super::algorithm::Algorithm;
use super::discovery::{Endpoint, Origin};
use super::fetch::Fetch;
use super::key_set::KeySet;
use super::refresh_policy::RefreshPolicy;
use super::single_flight::{RefreshRequests, SingleFlight};
use super::snapshot::{KeyState, Snapshot};

/// Fetches the keys of one issuer for as long as it runs.
pub(super) struct Refresher<F> {
    pub(super) issuer: Arc<str>,
    pub(super) origin: Origin,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) policy: RefreshPolicy,
    pub(super) fetch: F,
    pub(super) state: Arc<ArcSwap<KeyState>>,
    pub(super) single_flight: Arc<SingleFlight>,
}

/// Why the refresher continues after a wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Woken {
    BySchedule,
    ByRequest,
}

/// When the task ends, keys that are no longer refreshed become stale, and waiting requests are released.
impl<F> Drop for Refresher<F> {
    fn drop(&mut self) {
        self.state.store(Arc::new(KeyState::Stale));
        self.single_flight.finish();
    }
}

impl<F: Fetch> Refresher<F> {
    pub(super) async fn run(mut self, mut requests: RefreshRequests) {
        let mut failures = 0_u32;
        let mut stale_at = None;
        loop {
            self.single_flight.begin(&mut requests);
            let fetched = timeout(self.policy.timeout, self.fetch_keys()).await;
            let pause = match fetched.unwrap_or_else(|_| Err("no complete answer in time".into())) {
                Ok(keys) => {
                    if failures > 0 {
                        tracing::info!(issuer = &*self.issuer, "keys are available again");
                    }
                    failures = 0;
                    stale_at = Some(Instant::now() + self.policy.max_stale);
                    self.publish(keys);
                    self.policy.refresh.mul_f64(jitter(0.9, 1.0))
                }
                Err(reason) => {
                    if failures == 0 {
                        tracing::warn!(issuer = &*self.issuer, reason, "keys could not be fetched; retrying");
                    }
                    failures = failures.saturating_add(1);
                    // The address may have moved.
                    self.origin.forget();
                    backoff(failures).min(self.policy.refresh)
                }
            };
            self.single_flight.finish();
            let next = Instant::now() + pause;
            if self.wait(next, &mut stale_at, &mut requests).await == Woken::BySchedule {
                // An issuer may move its keys and leave the old ones where they were.
                self.origin.forget();
            }
        }
    }

    /// Sleeps until `next` or until a fetch is requested, and marks the keys stale on time.
    async fn wait(&self, next: Instant, stale_at: &mut Option<Instant>, requests: &mut RefreshRequests) -> Woken {
        loop {
            let until = stale_at.map_or(next, |stale_at| stale_at.min(next));
            if timeout_at(until, requests.next()).await.is_ok() {
                return Woken::ByRequest;
            }
            if stale_at.is_some_and(|stale_at| stale_at <= until) {
                *stale_at = None;
                tracing::warn!(issuer = &*self.issuer, "keys are stale; tokens get 503");
                self.state.store(Arc::new(KeyState::Stale));
            }
            if until == next {
                return Woken::BySchedule;
            }
        }
    }

    fn publish(&self, keys: KeySet) {
        if matches!(&**self.state.load(), KeyState::Ready(current) if *current.keys == keys) {
            return;
        }
        let issuer = &*self.issuer;
        if keys.skipped() > 0 {
            tracing::info!(issuer, skipped = keys.skipped(), "unusable keys were skipped");
        }
        let snapshot = Snapshot::new(Arc::new(keys));
        tracing::info!(
            issuer,
            keys = snapshot.keys.len(),
            generation = snapshot.generation,
            "new keys"
        );
        self.state.store(Arc::new(KeyState::Ready(Arc::new(snapshot))));
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
            Origin::JwksUri(endpoint) => return Ok(endpoint.clone()),
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

/// A random number between `low` and `high`, so that replicas do not fetch at the same moment.
fn jitter(low: f64, high: f64) -> f64 {
    low + (high - low) * fastrand::f64()
}
