//! `/metrics`: the metrics of requests, and the state of the gate when they are read, as Prometheus reads them.

use actgate::Authorizer;
use actgate::policy::Mode;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use prometheus::proto::MetricFamily;
use prometheus::{
    Encoder as _, Error, GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use super::method::not_allowed;
use super::seen::Seen;
use crate::log::request_metrics::add;

/// Where the metrics are.
pub(crate) const PATH: &str = "/metrics";

/// The response to a request for the metrics.
pub(super) fn answer(method: &Method, seen: &Seen<'_>) -> Response<Full<Bytes>> {
    if let Some(response) = not_allowed(method) {
        return response;
    }
    response(families(seen))
}

fn families(seen: &Seen<'_>) -> Result<Vec<MetricFamily>, Error> {
    let mut families = seen.log.gather();
    families.extend(state(seen)?);
    families.extend(key_sets(seen.authorizer)?);
    families.extend(token_cache(seen.authorizer)?);
    Ok(families)
}

/// 500 in place of a part of the metrics, whose absence no alert would show.
fn response(families: Result<Vec<MetricFamily>, Error>) -> Response<Full<Bytes>> {
    let (mut text, encoder) = (Vec::new(), TextEncoder::new());
    let written = families.and_then(|families| encoder.encode(&families, &mut text));
    let (status, content_type) = match written {
        Ok(()) => (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8"),
        Err(error) => {
            text = format!("the metrics cannot be written: {error}\n").into_bytes();
            (StatusCode::INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8")
        }
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn state(seen: &Seen<'_>) -> Result<Vec<MetricFamily>, Error> {
    let registry = Registry::new();
    let gauge = |name: &str, help: &str, value: usize| {
        let gauge = add(&registry, IntGauge::new(name, help)?)?;
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        Ok::<(), Error>(())
    };
    gauge(
        "actgate_connections",
        "Open connections of clients.",
        seen.connections.open,
    )?;
    gauge(
        "actgate_connections_limit",
        "The most connections of clients that are open at a time.",
        usize::try_from(seen.connections.limit).unwrap_or(usize::MAX),
    )?;
    gauge(
        "actgate_ready",
        "Whether the gate is ready.",
        usize::from(seen.is_ready()),
    )?;
    gauge(
        "actgate_issuers_without_keys",
        "Trusted issuers whose keys are not there.",
        seen.authorizer.issuers_without_keys().count(),
    )?;
    if let Some(list) = seen.revocations {
        gauge(
            "actgate_revocations",
            "Entries in the list of revoked tokens that is in use.",
            list.entries(),
        )?;
        gauge(
            "actgate_revocations_stale",
            "Whether the file of revoked tokens has changed and cannot be used.",
            usize::from(list.is_stale()),
        )?;
    }
    let policy = Opts::new("actgate_policy_info", "The policy in force, by its hash.");
    let policy = add(&registry, IntGaugeVec::new(policy, &["hash"])?)?;
    policy
        .with_label_values(&[seen.authorizer.policy().hash().as_str()])
        .set(1);
    let version = Opts::new("actgate_build_info", "The version of the gate.");
    let version = add(&registry, IntGaugeVec::new(version, &["version"])?)?;
    version.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);

    let rules = Opts::new(
        "actgate_rule_unmet_total",
        "Requests that did not meet a rule, by rule and mode.",
    );
    let rules = add(&registry, IntCounterVec::new(rules, &["rule", "mode"])?)?;
    for count in seen.authorizer.rules() {
        let mode = match count.mode {
            Mode::Shadow => "shadow",
            _ => "enforce",
        };
        rules
            .with_label_values(&[&*count.rule.to_string(), mode])
            .inc_by(count.unmet);
    }
    if let Some(reloads) = seen.reloads {
        let total = Opts::new("actgate_reloads_total", "Reloads of the configuration, by result.");
        let total = add(&registry, IntCounterVec::new(total, &["result"])?)?;
        let (succeeded, failed) = reloads.counts();
        total.with_label_values(&["success"]).inc_by(succeeded);
        total.with_label_values(&["failure"]).inc_by(failed);
    }
    Ok(registry.gather())
}

/// The label is an issuer of the configuration.
fn key_sets(authorizer: &Authorizer) -> Result<Vec<MetricFamily>, Error> {
    let registry = Registry::new();
    let gauge = |name: &str, help: &str| add(&registry, GaugeVec::new(Opts::new(name, help), &["issuer"])?);
    let keys = gauge(
        "actgate_key_set_keys",
        "Keys of an issuer in use; 0 while none are available.",
    )?;
    let age = gauge(
        "actgate_key_set_age_seconds",
        "Time since the last fetch of the keys of an issuer that succeeded.",
    )?;
    let fetches = Opts::new(
        "actgate_key_set_fetches_total",
        "Fetches of the keys of an issuer, by outcome.",
    );
    let fetches = add(&registry, IntCounterVec::new(fetches, &["issuer", "outcome"])?)?;
    for status in authorizer.key_sets() {
        let issuer = &*status.issuer;
        let count = u32::try_from(status.keys.unwrap_or(0)).unwrap_or(u32::MAX);
        keys.with_label_values(&[issuer]).set(f64::from(count));
        if let Some(since) = status.age {
            age.with_label_values(&[issuer]).set(since.as_secs_f64());
        }
        for (outcome, count) in [("success", status.fetches), ("failure", status.failed_fetches)] {
            fetches.with_label_values(&[issuer, outcome]).inc_by(count);
        }
    }
    Ok(registry.gather())
}

fn token_cache(authorizer: &Authorizer) -> Result<Vec<MetricFamily>, Error> {
    let registry = Registry::new();
    let status = authorizer.token_cache();
    for (name, help, value) in [
        (
            "actgate_token_cache_hits_total",
            "Look-ups of verified tokens that found one.",
            status.hits,
        ),
        (
            "actgate_token_cache_misses_total",
            "Look-ups of verified tokens that found none: a token was verified.",
            status.misses,
        ),
    ] {
        add(&registry, IntCounter::new(name, help)?)?.inc_by(value);
    }
    for (name, help, value) in [
        (
            "actgate_token_cache_entries",
            "Verified tokens in the cache.",
            status.entries as u64,
        ),
        (
            "actgate_token_cache_bytes",
            "Memory of the verified tokens in the cache, by an estimate.",
            status.bytes,
        ),
        (
            "actgate_token_cache_limit_bytes",
            "The most memory of verified tokens; 0 without a cache.",
            status.limit_bytes,
        ),
    ] {
        let gauge = add(&registry, IntGauge::new(name, help)?)?;
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    }
    Ok(registry.gather())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_that_lack_a_part_are_an_error() {
        assert_eq!(response(Ok(Vec::new())).status(), 200);
        let twice = || {
            let registry = Registry::new();
            add(&registry, IntGauge::new("a", "a")?)?;
            add(&registry, IntGauge::new("a", "a")?)?;
            Ok(registry.gather())
        };
        assert_eq!(response(twice()).status(), 500);
    }
}
