//! `/validate`, for an application that asks by itself.

use serde_json::json;

use super::{Decisions, decision, rows};
use crate::mint::chain;
use crate::wire;

fn target(method: &str, path: &str) -> String {
    let url = format!("https://orders.example.com{path}");
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("method", method)
        .append_pair("url", &url)
        .finish();
    format!("/validate?{query}")
}

#[test]
fn each_row_is_decided_as_by_the_gate() {
    let decisions = Decisions::start("  validate: true\n");
    for row in rows::rows(&decisions.deployment.issuer) {
        let fields: Vec<&str> = row.fields.iter().map(String::as_str).collect();
        let (at_gate, of_gate) = decisions.exchange(decisions.deployment.gate.address, &row.request());
        let (answer, line) = decisions.ask(&wire::request("GET", &target(row.method, row.target), &fields));
        let (name, found) = (row.name, answer.json());
        assert_eq!(decision(&line), decision(&of_gate), "{name}");
        assert_eq!(
            (answer.status, line["api"].as_str()),
            (row.status, Some("validate")),
            "{name}"
        );
        assert_eq!(
            (&found["decision"], &found["code"]),
            (&line["decision"], &line["code"]),
            "{name}"
        );
        assert_eq!(found["identity"]["chain"], line["chain"], "{name}");
        let challenge = |answer: &wire::Answer| answer.field("www-authenticate");
        assert_eq!(
            challenge(&answer),
            challenge(&at_gate).filter(|_| row.status != 200),
            "{name}"
        );
        let mut tokens = row
            .fields
            .iter()
            .filter_map(|line| line.strip_prefix("Authorization: Bearer "));
        assert!(
            !tokens.any(|token| token.len() > 1 && answer.everything().contains(token)),
            "{name}"
        );
    }
}

#[test]
fn the_facts_of_the_token_are_stated() {
    let decisions = Decisions::start("  validate: true\n");
    let token = decisions
        .deployment
        .issuer
        .token(json!({ "act": chain(&["bot", "support"]), "amr": ["pwd", "otp"] }));
    let answer = wire::answer(
        decisions.address,
        &wire::request("GET", &target("GET", "/orders/7"), &[&wire::bearer(&token)]),
    );
    let identity = &answer.json()["identity"];
    assert_eq!(
        (&identity["subject"], &identity["kind"]),
        (&json!("alice-canary"), &json!("human"))
    );
    assert_eq!(identity["chain"]["actors"][1]["sub"], "support");
    assert_eq!(
        (&identity["scopes"], &identity["authentication"]["methods"]),
        (&json!(["orders:read"]), &json!(["pwd", "otp"]))
    );
    assert!(identity["expires_at"].as_u64().is_some());
    assert_eq!(answer.field("cache-control").as_deref(), Some("no-store"));
}

#[test]
fn the_query_states_one_request() {
    let decisions = Decisions::start("  validate: true\n");
    for query in [
        "",
        "?method=GET",
        "?url=https://orders.example.com/open/a",
        "?method=GET&url=/open/a",
        "?method=GET&method=GET&url=https://a.example/open/a",
        "?method=GET&url=https://a.example/open/a&x=1",
        "?method=G%20T&url=https://a.example/open/a",
        "?method=GET&url=https://a.example/open/a%23b",
    ] {
        let (answer, line) = decisions.ask(&wire::request("GET", &format!("/validate{query}"), &[]));
        assert_eq!(
            (answer.status, &line["code"]),
            (400, &json!("invalid_request")),
            "{query}"
        );
    }
    // What a proxy would state is of no effect.
    let fields = ["X-Forwarded-Host: other.example.com", "X-Forwarded-Proto: ftp"];
    let (answer, _) = decisions.ask(&wire::request("GET", &target("GET", "/open/a"), &fields));
    assert_eq!(answer.status, 200);
    let post = wire::answer(
        decisions.address,
        &wire::request("POST", &target("GET", "/open/a"), &["Content-Length: 0"]),
    );
    assert_eq!(post.status, 404);
}
