//! The background task: fetches and publishes keys, and marks them stale on time.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::time::{Instant, timeout, timeout_at};

use super::algorithm::Algorithm;
use super::discovery::Endpoint;
use super::fetch::Fetch;
use super::key_set::KeySet;
use super::refresh_policy::RefreshPolicy;
use super::single_flight::{RefreshRequests, SingleFlight};
use super::snapshot::Snapshot;

/// Fetches the keys of one issuer for as long as it runs.
pub(super) struct Refresher<F> {
    pub(super) issuer: Arc<str>,
    /// Where the keys are fetched; the issuer's URL, if its metadata is to be read for it.
    pub(super) endpoint: Endpoint,
    pub(super) discover: bool,
    /// The `jwks_uri` of the metadata, until it is read again.
    pub(super) jwks_uri: Option<Endpoint>,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) policy: RefreshPolicy,
    pub(super) fetch: F,
    pub(super) current: Arc<ArcSwapOption<Snapshot>>,
    pub(super) single_flight: Arc<SingleFlight>,
}

/// When the task ends, keys that are no longer refreshed become stale, and waiting requests are released.
impl<F> Drop for Refresher<F> {
    fn drop(&mut self) {
        self.current.store(None);
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
                    self.jwks_uri = None;
                    backoff(failures).min(self.policy.refresh)
                }
            };
            self.single_flight.finish();
            let next = Instant::now() + pause;
            self.wait(next, &mut stale_at, &mut requests).await;
        }
    }

    /// Sleeps until `next` or until a fetch is requested, and marks the keys stale on time.
    async fn wait(&mut self, next: Instant, stale_at: &mut Option<Instant>, requests: &mut RefreshRequests) {
        loop {
            let until = stale_at.map_or(next, |stale_at| stale_at.min(next));
            if timeout_at(until, requests.next()).await.is_ok() {
                return;
            }
            if stale_at.is_some_and(|stale_at| stale_at <= until) {
                *stale_at = None;
                tracing::warn!(issuer = &*self.issuer, "keys are stale; tokens get 503");
                self.current.store(None);
            }
            if until == next {
                // An issuer may move its keys and leave the old ones where they were.
                self.jwks_uri = None;
                return;
            }
        }
    }

    fn publish(&self, keys: KeySet) {
        let current = self.current.load();
        if current.as_ref().is_some_and(|current| *current.keys == keys) {
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
        self.current.store(Some(Arc::new(snapshot)));
    }

    async fn fetch_keys(&mut self) -> Result<KeySet, String> {
        let endpoint = self.locate().await?;
        let document = self.fetch.fetch(endpoint.as_str()).await;
        let document = document.map_err(|error| error.to_string())?;
        KeySet::from_json(&document, &self.algorithms).map_err(|error| error.to_string())
    }

    async fn locate(&mut self) -> Result<Endpoint, String> {
        if let Some(jwks_uri) = &self.jwks_uri {
            return Ok(jwks_uri.clone());
        }
        if !self.discover {
            return Ok(self.endpoint.clone());
        }
        let mut failure = String::new();
        for document in self.endpoint.metadata() {
            let located = match self.fetch.fetch(document.as_str()).await {
                Ok(bytes) => self.endpoint.jwks_uri(&self.issuer, &bytes).map_err(str::to_owned),
                Err(error) => Err(format!("discovery: {error}")),
            };
            match located {
                Ok(endpoint) => {
                    self.jwks_uri = Some(endpoint.clone());
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
