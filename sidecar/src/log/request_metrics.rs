//! The metrics of requests: counted from the same events as the decision log, also those that sampling leaves out.
//!
//! A label is a route of the policy, a code or a status: nothing that a client chooses. What allows a request takes no lock.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use prometheus::core::Collector;
use prometheus::{Error, Histogram, HistogramOpts, IntCounter, IntCounterVec, Opts, Registry};

use super::event::{Effect, Event};

/// The most routes with counters of their own. Policies that are replaced again and again may have more: these count as `other`.
const MAX_ROUTES: usize = 20_000;

/// The bounds of a decision in seconds: of a cached token, of a signature, and of a fetch of keys.
const DECISION_BOUNDS: &[f64] = &[
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5,
];

/// The bounds of a response of an upstream in seconds.
const UPSTREAM_BOUNDS: &[f64] = &[
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// The bounds of the number of actors in a chain.
const ACTOR_BOUNDS: &[f64] = &[0.0, 1.0, 2.0, 3.0, 4.0, 8.0, 16.0];

/// The metrics of requests. Clones are of the same gate.
#[derive(Clone, Debug)]
pub(crate) struct RequestMetrics(Arc<Counters>);

#[derive(Debug)]
struct Counters {
    registry: Registry,
    requests: IntCounterVec,
    /// The routes that have occurred, each with the counter of its allowed requests.
    routes: ArcSwap<HashMap<Arc<str>, IntCounter>>,
    decision: Histogram,
    upstream: Histogram,
    upstream_responses: [IntCounter; 5],
    upstream_errors: IntCounterVec,
    actors: Histogram,
    shadow: IntCounterVec,
    apis: IntCounterVec,
    lost_lines: IntCounter,
}

impl RequestMetrics {
    /// Metrics that are all zero.
    ///
    /// # Errors
    /// For a name or a label that Prometheus does not permit.
    pub(crate) fn new() -> Result<RequestMetrics, Error> {
        let registry = Registry::new();
        let counters = |name: &str, help: &str, labels: &[&str]| {
            add(&registry, IntCounterVec::new(Opts::new(name, help), labels)?)
        };
        let histogram = |name: &str, help: &str, bounds: &[f64]| {
            let options = HistogramOpts::new(name, help).buckets(bounds.to_vec());
            add(&registry, Histogram::with_opts(options)?)
        };
        let requests = counters(
            "actgate_requests_total",
            "Requests by route, decision and code of the denial.",
            &["route", "decision", "code"],
        )?;
        let responses = counters(
            "actgate_upstream_responses_total",
            "Responses of upstreams by class of status.",
            &["status"],
        )?;
        Ok(RequestMetrics(Arc::new(Counters {
            requests,
            routes: ArcSwap::default(),
            decision: histogram(
                "actgate_decision_duration_seconds",
                "Time from the head of a request to its decision.",
                DECISION_BOUNDS,
            )?,
            upstream: histogram(
                "actgate_upstream_duration_seconds",
                "Time until the head of an upstream's response, or until the attempt failed.",
                UPSTREAM_BOUNDS,
            )?,
            upstream_responses: ["1xx", "2xx", "3xx", "4xx", "5xx"].map(|class| responses.with_label_values(&[class])),
            upstream_errors: counters(
                "actgate_upstream_errors_total",
                "Forwarded requests without a response, by error.",
                &["error"],
            )?,
            actors: histogram(
                "actgate_chain_actors",
                "Actors in the chain of a verified token.",
                ACTOR_BOUNDS,
            )?,
            shadow: counters(
                "actgate_shadow_denials_total",
                "Requests that rules in shadow would deny, by route and code.",
                &["route", "code"],
            )?,
            apis: counters(
                "actgate_api_decisions_total",
                "Decisions for other servers, by API.",
                &["api"],
            )?,
            lost_lines: add(
                &registry,
                IntCounter::new(
                    "actgate_decision_log_lost_lines_total",
                    "Lines that the decision log had no room for.",
                )?,
            )?,
            registry,
        })))
    }

    /// Counts a request.
    pub(crate) fn count(&self, event: &Event<'_>) {
        let counters = &*self.0;
        let routes = counters.routes.load();
        let (route, allowed) = match routes.get_key_value(event.route.unwrap_or_default()) {
            Some((route, allowed)) => (&**route, allowed.clone()),
            None => counters.first_of(event.route.unwrap_or_default()),
        };
        match event.decision {
            Effect::Allow => allowed.inc(),
            Effect::Deny => {
                let code = event.code.unwrap_or_default();
                counters.requests.with_label_values(&[route, "deny", code]).inc();
            }
        }
        counters
            .decision
            .observe(Duration::from_micros(event.latency_us).as_secs_f64());
        if let Some(forwarding) = &event.forwarding {
            counters
                .upstream
                .observe(Duration::from_micros(forwarding.time_us).as_secs_f64());
            let class = forwarding
                .status
                .and_then(|status| (usize::from(status) / 100).checked_sub(1));
            if let Some(responses) = class.and_then(|class| counters.upstream_responses.get(class)) {
                responses.inc();
            }
            if let Some(error) = forwarding.error {
                counters.upstream_errors.with_label_values(&[error]).inc();
            }
        }
        if let Some(chain) = &event.chain {
            counters
                .actors
                .observe(f64::from(u32::try_from(chain.actors.len()).unwrap_or(u32::MAX)));
        }
        if let Some(shadow) = event.shadow.as_ref().filter(|shadow| shadow.decision == Effect::Deny) {
            counters
                .shadow
                .with_label_values(&[route, shadow.code.unwrap_or_default()])
                .inc();
        }
        if let Some(api) = event.api {
            counters.apis.with_label_values(&[api.name()]).inc();
        }
    }

    /// Counts a line that could not be written.
    pub(super) fn count_lost_line(&self) {
        self.0.lost_lines.inc();
    }

    /// What Prometheus reads of all of them.
    pub(crate) fn gather(&self) -> Vec<prometheus::proto::MetricFamily> {
        self.0.registry.gather()
    }
}

impl Counters {
    /// The label of a route that has not occurred before, and the counter of its allowed requests.
    fn first_of<'r>(&self, route: &'r str) -> (&'r str, IntCounter) {
        let label = match self.routes.load().len() < MAX_ROUTES {
            true => route,
            false => "other",
        };
        let allowed = self.requests.with_label_values(&[label, "allow", ""]);
        if label == route {
            self.routes.rcu(|routes| {
                let mut routes = HashMap::clone(routes);
                routes.insert(route.into(), allowed.clone());
                routes
            });
        }
        (label, allowed)
    }
}

fn add<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> Result<C, Error> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(metrics: &RequestMetrics, name: &str) -> usize {
        let families = metrics.gather();
        let family = families.iter().find(|family| family.name() == name);
        family.map_or(0, |family| family.get_metric().len())
    }

    #[test]
    fn routes_beyond_the_limit_are_counted_together() {
        let metrics = RequestMetrics::new().unwrap();
        let counters = &*metrics.0;
        for number in 0..50 {
            counters.first_of(&format!("GET /{number}"));
        }
        assert_eq!(value(&metrics, "actgate_requests_total"), 50);
        let many = (0..MAX_ROUTES).map(|number| (format!("GET /a/{number}").into(), counters.lost_lines.clone()));
        counters.routes.store(Arc::new(many.collect()));
        for number in 0..50 {
            assert_eq!(counters.first_of(&format!("GET /b/{number}")).0, "other");
        }
        assert_eq!(value(&metrics, "actgate_requests_total"), 51);
    }
}
