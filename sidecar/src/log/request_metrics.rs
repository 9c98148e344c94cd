//! The metrics of requests: counted from the same events as the decision log, also those that sampling leaves out.
//!
//! A label is a route of the policy, a code or a status: nothing that a client chooses. What allows a request takes no lock.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use prometheus::core::Collector;
use prometheus::{Error, Histogram, HistogramOpts, IntCounter, IntCounterVec, Opts, Registry};

use super::event::{Effect, Event};

/// The most routes with counters of their own. Policies that are replaced again and again may have more: these count as `other`.
const MAX_ROUTES: usize = 20_000;

/// The label of these.
const OTHER: &str = "other";

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
    /// The routes of the policies so far, each with the counter of its allowed requests once there is one.
    routes: ArcSwap<HashMap<Arc<str>, OnceLock<IntCounter>>>,
    decision: Histogram,
    upstream: Histogram,
    upstream_responses: [IntCounter; 5],
    upstream_errors: IntCounterVec,
    actors: Histogram,
    shadow: IntCounterVec,
    apis: IntCounterVec,
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
            // Of a request without a route.
            routes: ArcSwap::from_pointee(HashMap::from([("".into(), OnceLock::new())])),
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
            registry,
        })))
    }

    /// Has counters for the routes of a policy that is in force from now on, beside those of earlier ones.
    pub(crate) fn add_routes<'r>(&self, routes: impl Iterator<Item = &'r str>) {
        let known = self.0.routes.load();
        let is_new = |route: &&str| !known.contains_key(*route);
        let new: Vec<&str> = routes.filter(is_new).collect();
        if new.is_empty() {
            return;
        }
        self.0.routes.rcu(|known| {
            let mut routes = HashMap::clone(known);
            for route in new.iter().copied() {
                if routes.len() < MAX_ROUTES {
                    routes.entry(route.into()).or_default();
                }
            }
            routes
        });
    }

    /// Counts a request.
    pub(crate) fn count(&self, event: &Event<'_>) {
        let counters = &*self.0;
        let routes = counters.routes.load();
        let (route, allowed) = match routes.get_key_value(event.route.unwrap_or_default()) {
            Some((route, allowed)) => (&**route, Some(allowed)),
            None => (OTHER, None),
        };
        match event.decision {
            Effect::Allow => match allowed {
                Some(allowed) => allowed.get_or_init(|| counters.allowed(route)).inc(),
                None => counters.allowed(route).inc(),
            },
            Effect::Deny => {
                let code = event.code.unwrap_or_default();
                counters.requests.with_label_values(&[route, "deny", code]).inc();
            }
        }
        counters
            .decision
            .observe(Duration::from_micros(event.latency_us).as_secs_f64());
        if let Some(forwarding) = &event.forwarding {
            if let Some(time) = forwarding.time_us {
                counters.upstream.observe(Duration::from_micros(time).as_secs_f64());
            }
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
        if let Some(identity) = event.identity {
            counters
                .actors
                .observe(f64::from(u32::try_from(identity.depth).unwrap_or(u32::MAX)));
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

    /// What Prometheus reads of all of them.
    pub(crate) fn gather(&self) -> Vec<prometheus::proto::MetricFamily> {
        self.0.registry.gather()
    }
}

impl Counters {
    /// The counter of the allowed requests of a route.
    fn allowed(&self, route: &str) -> IntCounter {
        self.requests.with_label_values(&[route, "allow", ""])
    }
}

/// Registers a collector.
pub(crate) fn add<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> Result<C, Error> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::event::tests::event;

    fn value(metrics: &RequestMetrics, name: &str) -> usize {
        let families = metrics.gather();
        let family = families.iter().find(|family| family.name() == name);
        family.map_or(0, |family| family.get_metric().len())
    }

    #[test]
    fn routes_of_policies_have_counters_and_all_others_one() {
        let metrics = RequestMetrics::new().unwrap();
        let count = |route: &str, decision: Effect| {
            metrics.count(&Event {
                route: Some(route),
                decision,
                ..event("/")
            });
        };
        let routes = |metrics: &RequestMetrics| metrics.0.routes.load().len();
        metrics.add_routes(["GET /a", "GET /b"].into_iter());
        assert_eq!((value(&metrics, "actgate_requests_total"), routes(&metrics)), (0, 3));
        count("GET /a", Effect::Allow);
        // Those of the next policy, beside which the counters go on.
        metrics.add_routes(["GET /a", "GET /c"].into_iter());
        for route in ["GET /a", "GET /b", "GET /c", "", "GET /d", "GET /e"] {
            count(route, Effect::Allow);
            count(route, Effect::Deny);
        }
        assert_eq!((value(&metrics, "actgate_requests_total"), routes(&metrics)), (10, 4));
        let allowed = |route: &str| metrics.0.allowed(route).get();
        assert_eq!(["GET /a", "GET /b", "", "other"].map(allowed), [2, 1, 1, 2]);

        let many: Vec<String> = (0..=MAX_ROUTES).map(|number| format!("GET /a/{number}")).collect();
        metrics.add_routes(many.iter().map(String::as_str));
        assert_eq!(routes(&metrics), MAX_ROUTES);
    }
}
