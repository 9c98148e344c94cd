//! `/metrics` of the admin listener.

use std::collections::BTreeSet;

use serde_json::json;

use crate::deployment::key_server::Conduct;
use crate::deployment::{Configuration, Deployment};
use crate::mint::{ISSUER, TokenIssuer};
use crate::wire::{self, bearer, request};

/// Two routes, and one with a rule in shadow.
const POLICY: &str = "
routes:
  - match: GET /orders/{id}
    scopes: [orders:read]
  - match: GET /invoices/{id}
    scopes: { any_of: [invoices:read, orders:read] }
  - match: GET /reports
    mode: shadow
    scopes: [reports:read]
";

fn metrics(deployment: &Deployment) -> String {
    let answer = wire::answer(deployment.gate.admin, &request("GET", "/metrics", &[]));
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.field("content-type").as_deref(),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    answer.text()
}

/// The value of a line that begins with `series`.
#[track_caller]
fn value(text: &str, series: &str) -> f64 {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{text}"))
        .parse()
        .expect("a number")
}

#[test]
fn requests_are_counted_by_route_decision_and_code() {
    let deployment = Deployment::with_policy(POLICY);
    let token = deployment
        .issuer
        .token(json!({ "scope": "orders:read", "act": { "sub": "agent" } }));
    for (path, fields, status) in [
        ("/orders/1", vec![bearer(&token)], 200),
        ("/orders/2", vec![bearer(&token)], 200),
        ("/invoices/1", vec![bearer(&token)], 200),
        ("/orders/1", vec![], 401),
        ("/nowhere", vec![bearer(&token)], 403),
        ("/reports", vec![bearer(&token)], 200),
    ] {
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        let answer = wire::answer(deployment.gate.address, &request("GET", path, &fields));
        assert_eq!(answer.status, status, "{path}");
    }
    deployment
        .gate
        .wait_until("six decisions", || deployment.gate.decisions().len() == 6);
    let text = metrics(&deployment);
    for (series, expected) in [
        (
            r#"actgate_requests_total{code="",decision="allow",route="GET /orders/{id}"}"#,
            2.0,
        ),
        (
            r#"actgate_requests_total{code="",decision="allow",route="GET /invoices/{id}"}"#,
            1.0,
        ),
        (
            r#"actgate_requests_total{code="missing_token",decision="deny",route="GET /orders/{id}"}"#,
            1.0,
        ),
        (
            r#"actgate_requests_total{code="no_route",decision="deny",route=""}"#,
            1.0,
        ),
        (
            r#"actgate_shadow_denials_total{code="insufficient_scope",route="GET /reports"}"#,
            1.0,
        ),
        (r#"actgate_upstream_responses_total{status="2xx"}"#, 4.0),
        ("actgate_decision_duration_seconds_count", 6.0),
        ("actgate_upstream_duration_seconds_count", 4.0),
        (r#"actgate_chain_actors_bucket{le="0"}"#, 0.0),
        ("actgate_ready", 1.0),
        ("actgate_issuers_without_keys", 0.0),
        ("actgate_decision_log_lost_lines_total", 0.0),
        (r#"actgate_reloads_total{result="success"}"#, 0.0),
    ] {
        assert!(
            (value(&text, series) - expected).abs() < 1e-9,
            "{series}: {}",
            value(&text, series)
        );
    }
    assert!(value(&text, "actgate_chain_actors_sum") >= 4.0);
}

#[test]
fn no_client_makes_a_series() {
    let deployment = Deployment::with_policy(POLICY);
    let series = |text: &str| -> BTreeSet<String> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .filter_map(|line| line.rsplit_once(' ').map(|(series, _)| series.to_owned()))
            .collect()
    };
    let flood = |number: u32| {
        let token = deployment.issuer.token(json!({
            "sub": format!("subject-{number}"), "client_id": format!("client-{number}"), "jti": format!("token-{number}"),
            "act": { "sub": format!("agent-{number}") }, "scope": "orders:read"
        }));
        let unknown = format!("Authorization: Bearer {number}.x.y");
        for (method, path, field) in [
            ("GET", format!("/orders/{number}"), bearer(&token)),
            ("GET", format!("/{number}"), bearer(&token)),
            ("GET", format!("/orders/{number}"), unknown),
            ("POST", format!("/orders/{number}?a={number}"), bearer(&token)),
            ("GET", format!("/orders//{number}"), bearer(&token)),
        ] {
            wire::answer(
                deployment.gate.address,
                &request(method, &path, &[&field, &format!("Host: h{number}.example")]),
            );
        }
    };
    flood(0);
    let before = series(&metrics(&deployment));
    for number in 1..100 {
        flood(number);
    }
    let after = metrics(&deployment);
    assert_eq!(series(&after), before);
    for text in ["subject-", "client-", "token-", "agent-", ".example\""] {
        assert!(!after.contains(text), "{text}");
    }
}

#[test]
fn key_sets_and_the_token_cache_are_measured() {
    let issuer = TokenIssuer::new();
    let configuration =
        Configuration::of_issuer("    keys: { refresh: 200ms, cooldown: 100ms, timeout: 500ms, max_stale: 60s }\n");
    let unavailable = Conduct::Status(500, issuer.document());
    let deployment = Deployment::start_cold(issuer, unavailable, &configuration);
    let of_issuer = |name: &str, labels: &str| format!("{name}{{issuer=\"{ISSUER}\"{labels}}}");
    let fetches = |outcome: &str| of_issuer("actgate_key_set_fetches_total", &format!(",outcome=\"{outcome}\""));
    deployment.wait_until("failed", || value(&metrics(&deployment), &fetches("failure")) > 0.0);
    let text = metrics(&deployment);
    assert!(!text.contains("actgate_key_set_age_seconds{"), "{text}");
    for series in [of_issuer("actgate_key_set_keys", ""), fetches("success")] {
        assert!(value(&text, &series).abs() < 1e-9, "{series}");
    }
    deployment
        .key_server
        .conduct(Conduct::Publish(deployment.issuer.document()));
    deployment.wait_until("refreshed", || value(&metrics(&deployment), &fetches("success")) > 1.0);
    let tokens = ["alice", "bob"].map(|sub| bearer(&deployment.issuer.token(json!({ "sub": sub }))));
    for token in [&tokens[0], &tokens[0], &tokens[1], &tokens[0]] {
        let answer = wire::answer(deployment.gate.address, &request("GET", "/orders/1", &[token]));
        assert_eq!(answer.status, 200);
    }
    let text = metrics(&deployment);
    for (series, expected) in [
        (of_issuer("actgate_key_set_keys", ""), 1.0),
        ("actgate_token_cache_hits_total".to_owned(), 2.0),
        ("actgate_token_cache_misses_total".to_owned(), 2.0),
        ("actgate_token_cache_entries".to_owned(), 2.0),
    ] {
        let found = value(&text, &series);
        assert!((found - expected).abs() < 1e-9, "{series}: {found}");
    }
    let bytes = value(&text, "actgate_token_cache_bytes");
    assert!(
        bytes > 1000.0 && bytes < value(&text, "actgate_token_cache_limit_bytes"),
        "{bytes}"
    );
    let age = of_issuer("actgate_key_set_age_seconds", "");
    let aged = value(&text, &age);
    assert!((0.0..20.0).contains(&aged), "{aged}");
    // No fetch succeeds any more: the keys grow old, and stay.
    deployment.key_server.conduct(Conduct::Hanging);
    deployment.wait_until("older", || value(&metrics(&deployment), &age) > 1.0);
    let text = metrics(&deployment);
    assert!((value(&text, &of_issuer("actgate_key_set_keys", "")) - 1.0).abs() < 1e-9);
}
