//! The background task: fetches and publishes keys, and marks them stale on time.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::time::{Instant, timeout, timeout_at};

use super::algorithm::Algorithm;
use super::discovery;
use super::endpoint::{Endpoint, PlainHttp};
use super::fetch::Fetch;
use super::fetch_counts::FetchCounts;
use super::fetch_trace::FetchTrace;
use super::key_set::{KeySet, MAX_KEYS, Named, SkippedKey};
use super::refresh_policy::RefreshPolicy;
use super::schedule::{Cause, FetchSchedule, Held};
use super::single_flight::{RefreshRequests, SingleFlight};
use super::snapshot::Snapshot;

/// Fetches the keys of one issuer for as long as it runs.
pub(super) struct Refresher<F> {
    pub(super) issuer: Arc<str>,
    /// Where the keys are fetched; the issuer's URL, if its metadata is to be read for it.
    pub(super) endpoint: Endpoint,
    pub(super) discover: bool,
    pub(super) plain_http: PlainHttp,
    /// The `jwks_uri` of the metadata, until it is read again.
    pub(super) jwks_uri: Option<Endpoint>,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) policy: RefreshPolicy,
    pub(super) fetch: F,
    pub(super) current: Arc<ArcSwapOption<Snapshot>>,
    /// Why the last fetch failed, which was logged.
    pub(super) failure: Arc<ArcSwapOption<String>>,
    pub(super) single_flight: Arc<SingleFlight>,
    pub(super) counts: Arc<FetchCounts>,
    pub(super) reported: Reported,
}

/// What was logged last, so that it is not repeated.
#[derive(Default)]
pub(super) struct Reported {
    skipped: Vec<SkippedKey>,
    omitted: usize,
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
        let mut schedule = FetchSchedule::new(&self.policy);
        let mut stale_at = None;
        loop {
            self.single_flight.begin(&mut requests);
            let mut trace = FetchTrace::default();
            let fetched = timeout(self.policy.timeout, self.fetch_keys(&mut trace)).await;
            let pause = match fetched.ok().flatten() {
                Some((keys, max_age)) => {
                    if self.failure.swap(None).is_some() {
                        tracing::info!(issuer = &*self.issuer, "keys are available again");
                    }
                    stale_at = Some(Instant::now() + self.policy.max_stale);
                    self.report_skipped(&keys);
                    self.publish(keys);
                    self.counts.succeeded();
                    schedule.succeeded(max_age)
                }
                None => {
                    self.counts.failed();
                    let retry_after = trace.retry_after();
                    self.report_failure(trace.into_reason(self.policy.timeout));
                    // The address may have moved.
                    self.jwks_uri = None;
                    let held = stale_at.map_or(Held::Nothing, |_| Held::Keys);
                    let pause = schedule.failed(retry_after, held);
                    if retry_after.is_some() {
                        self.single_flight.refuse_until(Instant::now() + pause);
                    }
                    pause
                }
            };
            self.single_flight.finish();
            let next = Instant::now() + pause;
            schedule.begin(self.wait(next, &mut stale_at, &mut requests).await);
        }
    }

    /// Sleeps until `next`, until a fetch is requested, or until the keys are stale, which it marks.
    async fn wait(&mut self, next: Instant, stale_at: &mut Option<Instant>, requests: &mut RefreshRequests) -> Cause {
        let until = stale_at.map_or(next, |stale_at| stale_at.min(next));
        if timeout_at(until, requests.next()).await.is_ok() {
            return Cause::Event;
        }
        // An issuer may move its keys and leave the old ones where they were.
        self.jwks_uri = None;
        if stale_at.is_none_or(|stale_at| until < stale_at) {
            return Cause::Refresh;
        }
        *stale_at = None;
        tracing::warn!(issuer = &*self.issuer, "keys are stale; tokens get 503");
        self.current.store(None);
        Cause::Event
    }

    /// One line for each reason: a failure that repeats is logged once.
    fn report_failure(&self, reason: String) {
        if self.failure.load().as_deref() != Some(&reason) {
            tracing::warn!(issuer = &*self.issuer, reason, "keys could not be fetched; retrying");
            self.failure.store(Some(Arc::new(reason)));
        }
    }

    /// One line for each set of keys that are not used.
    fn report_skipped(&mut self, keys: &KeySet) {
        let issuer = &*self.issuer;
        if *keys.skipped() != *self.reported.skipped {
            let (skipped, named) = (keys.skipped().len(), Named(keys.skipped()));
            // Many issuers publish a key for encryption beside those for signatures.
            if keys.skipped().iter().all(SkippedKey::is_for_another_purpose) {
                tracing::info!(issuer, skipped, keys = %named, "keys for another purpose are not used");
            } else {
                tracing::warn!(issuer, skipped, keys = %named, "unusable keys are skipped");
            }
            self.reported.skipped = keys.skipped().to_vec();
        }
        if keys.omitted() > 0 && keys.omitted() != self.reported.omitted {
            let omitted = keys.omitted();
            tracing::warn!(issuer, omitted, "only the first {MAX_KEYS} keys of the set are used");
        }
        self.reported.omitted = keys.omitted();
    }

    fn publish(&self, keys: KeySet) {
        let current = self.current.load();
        if current.as_ref().is_some_and(|current| *current.keys == keys) {
            return;
        }
        let snapshot = Snapshot::new(Arc::new(keys));
        tracing::info!(
            issuer = &*self.issuer,
            keys = snapshot.keys.len(),
            generation = snapshot.generation,
            "new keys"
        );
        self.current.store(Some(Arc::new(snapshot)));
    }

    /// The keys, and how long their document stays valid.
    async fn fetch_keys(&mut self, trace: &mut FetchTrace) -> Option<(KeySet, Option<Duration>)> {
        let endpoint = self.locate(trace).await?;
        trace.begin(&endpoint);
        let fetched = self.fetch.fetch(endpoint.as_str()).await;
        let fetched = fetched.map_err(|error| trace.fail_fetch(&error)).ok()?;
        let keys = KeySet::from_json(&fetched.document, &self.algorithms);
        let keys = keys.map_err(|error| trace.fail(error)).ok()?;
        Some((keys, fetched.max_age))
    }

    async fn locate(&mut self, trace: &mut FetchTrace) -> Option<Endpoint> {
        if let Some(jwks_uri) = &self.jwks_uri {
            return Some(jwks_uri.clone());
        }
        if !self.discover {
            return Some(self.endpoint.clone());
        }
        for document in discovery::addresses(&self.endpoint) {
            trace.begin(&document);
            let metadata = match self.fetch.fetch(document.as_str()).await {
                Ok(fetched) => fetched.document,
                Err(error) => {
                    trace.fail_fetch(&error);
                    continue;
                }
            };
            match discovery::jwks_uri(&self.issuer, &metadata, self.plain_http) {
                Ok(endpoint) => {
                    trace.succeed();
                    self.jwks_uri = Some(endpoint.clone());
                    return Some(endpoint);
                }
                Err(reason) => trace.fail(reason),
            }
        }
        None
    }
}
