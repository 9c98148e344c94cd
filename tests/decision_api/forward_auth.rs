//! `auth_request` of nginx, `forward_auth` of Caddy and ForwardAuth of Traefik: the headers that they send.

use serde_json::json;

use super::{Decisions, decision, rows};
use crate::deployment::Configuration;
use crate::mint::{AUDIENCE, chain};
use crate::wire;

/// What a proxy sends for a request.
pub fn asked(proxy: &str, method: &str, target: &str, fields: &[String]) -> Vec<u8> {
    let prefix = if proxy == "nginx" { "X-Original" } else { "X-Forwarded" };
    let own = [
        format!("{prefix}-Method: {method}"),
        format!("{prefix}-Uri: {target}"),
        format!("{prefix}-Host: orders.example.com"),
        "X-Forwarded-Proto: https".to_owned(),
        "X-Forwarded-For: 192.0.2.7".to_owned(),
    ];
    request(&own, fields)
}

fn request(own: &[String], fields: &[String]) -> Vec<u8> {
    let all: Vec<&str> = own.iter().chain(fields).map(String::as_str).collect();
    wire::request("GET", "/forward-auth", &all)
}

#[test]
fn each_row_is_decided_as_by_the_gate() {
    for proxy in ["nginx", "caddy", "traefik"] {
        let decisions = Decisions::start(&format!("  forward_auth: {{ proxy: {proxy}, bodies: passed }}\n"));
        let rows = rows::rows(&decisions.deployment.issuer);
        assert_eq!(rows.len(), 30);
        for row in rows {
            // The proxy removes them before it asks.
            let fields: Vec<String> = row
                .fields
                .iter()
                .filter(|line| !line.starts_with("X-Auth"))
                .cloned()
                .collect();
            let (at_gate, of_gate) = decisions.exchange(decisions.deployment.gate.address, &row.request());
            let (answer, line) = decisions.ask(&asked(proxy, row.method, row.target, &fields));
            let name = row.name;
            assert_eq!(decision(&line), decision(&of_gate), "{name}");
            assert_eq!(line["code"].as_str().unwrap_or_default(), row.code, "{name}: {line}");
            assert_eq!(
                (&line["api"], &line["client_address"]),
                (&json!("forward_auth"), &json!("192.0.2.7"))
            );
            assert_eq!((&line["method"], &of_gate["api"]), (&json!(row.method), &json!(null)));
            let status = match (proxy, row.status) {
                ("nginx", 400) => 403,
                (_, status) => status,
            };
            assert_eq!(answer.status, status, "{name}: {}", answer.everything());
            assert_eq!(
                answer.field("x-actgate-decision"),
                line["id"].as_str().map(str::to_owned),
                "{name}"
            );
            let original = (row.status != 200).then(|| row.status.to_string());
            assert_eq!(answer.field("x-actgate-status"), original, "{name}");
            let challenge = |answer: &wire::Answer| answer.field("www-authenticate");
            assert_eq!(
                challenge(&answer),
                challenge(&at_gate).filter(|_| row.status != 200),
                "{name}"
            );
            assert!(
                !answer.everything().contains("canary") || status == 200,
                "{name}: {}",
                answer.everything()
            );
        }
    }
}

#[test]
fn the_identity_of_an_allowed_request_is_in_headers_that_are_all_there() {
    let decisions = Decisions::start("  forward_auth: caddy\n");
    let token = decisions.deployment.issuer.token(json!({ "act": chain(&["bot"]) }));
    let (answer, _) = decisions.ask(&asked("caddy", "GET", "/orders/7", &[wire::bearer(&token)]));
    let own = ["subject", "kind", "actor", "chain", "client", "scope", "issuer"];
    let values = |answer: &wire::Answer| own.map(|fact| answer.head.values(&format!("x-auth-{fact}")));
    let found = values(&answer);
    let expected = ["alice-canary", "human", "bot"];
    assert_eq!(found[..3], expected.map(|value| vec![value.to_owned()]));
    assert!(found[3][0].starts_with(r#"{"initiator":"#), "{found:?}");
    // A fact that the token does not have, and each of a public route.
    let (answer, _) = decisions.ask(&asked("caddy", "GET", "/orders/7", &[decisions.deployment.reader()]));
    assert_eq!(values(&answer)[2], [""]);
    let (answer, _) = decisions.ask(&asked("caddy", "GET", "/open/a", &[]));
    assert_eq!(values(&answer), own.map(|_| vec![String::new()]));
}

#[test]
fn what_the_proxy_does_not_say_is_never_guessed() {
    let decisions = Decisions::start("  forward_auth: nginx\n");
    let reader = decisions.deployment.reader();
    let whole = [
        "X-Original-Method: GET",
        "X-Original-URI: /open/a",
        "X-Original-Host: orders.example.com",
        "X-Forwarded-Proto: https",
    ]
    .map(str::to_owned);
    let with = |change: &dyn Fn(&mut Vec<String>)| {
        let mut own = whole.to_vec();
        change(&mut own);
        let (answer, line) = decisions.ask(&request(&own, &[]));
        assert_eq!(answer.status == 200, line["decision"] == "allow", "{line}");
        (
            answer.field("x-actgate-status"),
            line["reason"].as_str().unwrap_or_default().to_owned(),
        )
    };
    assert_eq!(with(&|_| {}), (None, String::new()));
    let bad = Some("400".to_owned());
    for (place, name) in [
        "x-original-method",
        "x-original-uri",
        "x-original-host",
        "x-forwarded-proto",
    ]
    .iter()
    .enumerate()
    {
        assert_eq!(
            with(&|own| drop(own.remove(place))),
            (bad.clone(), format!("`{name}` of the proxy is missing"))
        );
        for again in [whole[place].clone(), whole[place].replacen("X-", "X_", 1)] {
            let (status, reason) = with(&|own| own.push(again.clone()));
            assert!(status == bad && reason.contains("more than once"), "{again}: {reason}");
        }
    }
    for (place, malformed) in [
        (0, "X-Original-Method: GET, POST"),
        (0, "X-Original-Method: G T"),
        (1, "X-Original-URI: open/a"),
        (1, "X-Original-URI: https://orders.example.com/open/a"),
        (1, "X-Original-URI: /open/a#b"),
        (1, "X-Original-URI: /open/a b"),
        (2, "X-Original-Host: a.example, b.example"),
        (3, "X-Forwarded-Proto: ftp"),
        (3, "X-Forwarded-Proto: https, http"),
    ] {
        let (status, _) = with(&|own| own[place] = malformed.to_owned());
        assert_eq!(status, bad, "{malformed}");
    }
    // The headers of another proxy describe nothing.
    let (answer, line) = decisions.ask(&asked("caddy", "GET", "/open/a", &[]));
    assert_eq!((answer.status, &line["status"]), (403, &json!(400)));
    let claims = [
        "X-Auth-Subject: root",
        "X_Auth_Kind: human",
        "X-HTTP-Method-Override: DELETE",
        "Remote-User: root",
        "X-Original-URL: /admin",
    ];
    for claim in claims {
        let (answer, line) = decisions.ask(&request(&whole, &[claim.to_owned(), reader.clone()]));
        assert_eq!(
            (answer.status, &line["code"]),
            (403, &json!("invalid_request")),
            "{claim}: {line}"
        );
    }
}

#[test]
fn a_request_is_denied_where_its_decision_depends_on_a_body() {
    let policy = "routes:\n  - match: POST /orders\n    scopes: [orders:read]\n  - match: DELETE /orders\n    scopes: [admin]\n  - match: POST /pay\n    scopes: [orders:read]\n    operation: { json: { /amount: { max: 5 } } }\n";
    for (bodies, form, json) in [("denied", false, false), ("passed", true, true)] {
        let apis = format!("  forward_auth: {{ proxy: traefik, bodies: {bodies} }}\n");
        let decisions = Decisions::start_with(&apis, Configuration::of_policy(policy));
        let reader = decisions.deployment.reader();
        let ask = |target: &str, content_type: &str| {
            let fields = [reader.clone(), format!("Content-Type: {content_type}")];
            let (answer, line) = decisions.ask(&asked("traefik", "POST", target, &fields));
            assert_eq!(answer.status == 200, line["decision"] == "allow");
            (answer.status, line["code"].as_str().unwrap_or_default().to_owned())
        };
        let not_received = (501, "body_not_received".to_owned());
        let expected = |passes| {
            if passes {
                (200, String::new())
            } else {
                not_received.clone()
            }
        };
        assert_eq!(ask("/orders", "application/x-www-form-urlencoded"), expected(form));
        assert_eq!(ask("/orders", "application/json"), expected(json));
        assert_eq!(ask("/orders", "text/plain"), expected(true));
        assert_eq!(ask("/pay", "application/json"), not_received);
    }
}

#[test]
fn a_request_without_a_type_that_has_a_body_is_denied() {
    let decisions = Decisions::start("  forward_auth: traefik\n");
    let reader = decisions.deployment.reader();
    for (framing, body, status) in [
        ("X-None: 1", "", 200),
        ("Content-Length: 0", "", 200),
        ("Content-Length: 3", "a=b", 501),
        ("Transfer-Encoding: chunked", "3\r\na=b\r\n0\r\n\r\n", 501),
    ] {
        for method in ["GET", "HEAD"] {
            let mut request = asked("traefik", method, "/orders/7", &[reader.clone(), framing.to_owned()]);
            request.extend(body.as_bytes());
            let (answer, line) = decisions.ask(&request);
            assert_eq!(answer.status, status, "{method} {framing}: {line}");
        }
    }
}

#[test]
fn a_proxy_fetches_the_metadata_of_a_resource_for_its_clients() {
    let decisions = Decisions::start("  forward_auth: caddy\n");
    let path = "/.well-known/oauth-protected-resource";
    let (answer, line) = decisions.ask(&wire::request("GET", path, &[]));
    assert_eq!(
        (answer.status, &answer.json()["resource"]),
        (200, &json!(AUDIENCE)),
        "{line}"
    );
    // It is not for the API to serve.
    let (answer, line) = decisions.ask(&asked("caddy", "GET", path, &[]));
    assert_eq!((answer.status, &line["decision"]), (404, &json!("deny")));
    let other = wire::answer(
        decisions.address,
        &wire::request("GET", "/orders/7", &[&decisions.deployment.reader()]),
    );
    assert_eq!(other.status, 404);
}
