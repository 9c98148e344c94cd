//! Rules in shadow, as an operator of the sidecar sees them.

use serde_json::{Value, json};

use crate::check::Files;
use crate::deployment::gate::run_to_end;
use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;
use crate::wire::{self, bearer};

const POLICY: &str = "
requirements:
  fresh-human:
    mode: shadow
    initiator: { kind: human, max_auth_age: 5m }
routes:
  - { match: 'GET /orders/{id}', scopes: [orders:read] }
  - { match: POST /refunds, scopes: [refunds:write], require: [fresh-human] }
  - { match: POST /payments, mode: shadow, scopes: [payments:write], chain: { max_depth: 1 } }
  - { match: GET /health, public: true }
";

#[test]
fn the_decision_log_and_the_admin_listener_have_what_rules_in_shadow_would_deny() {
    let deployment = Deployment::with_policy(POLICY);
    let token = |claims: Value| bearer(&deployment.issuer.token(claims));
    let human = |scope: &str| json!({ "sub": "u1", "sub_profile": "user", "scope": scope });
    let deep = json!({ "act": { "sub": "a", "act": { "sub": "b" } }, "scope": "payments:write" });
    let denied = |status: u16, code: &str, rule: &str| json!([("deny", status, code, rule)][0]);
    let allowed = json!(["allow", null, null, null]);
    for (count, (method, path, authorization, status, shadow)) in [
        ("GET", "/orders/7", token(human("orders:read")), 200, Value::Null),
        ("GET", "/health", "X: y".to_owned(), 200, Value::Null),
        ("POST", "/refunds", "X: y".to_owned(), 401, Value::Null),
        (
            "POST",
            "/refunds",
            token(human("refunds:write")),
            200,
            denied(401, "auth_too_old", "POST /refunds: fresh-human.initiator.max_auth_age"),
        ),
        (
            "POST",
            "/refunds",
            token(json!({ "sub": "m", "sub_profile": "ai_agent", "scope": "" })),
            403,
            denied(403, "insufficient_scope", "POST /refunds: scopes"),
        ),
        ("POST", "/payments", token(human("payments:write")), 200, allowed),
        (
            "POST",
            "/payments",
            token(deep),
            200,
            denied(403, "chain_too_deep", "POST /payments: chain.max_depth"),
        ),
        (
            "POST",
            "/payments",
            token(json!({ "scope": "" })),
            200,
            denied(403, "insufficient_scope", "POST /payments: scopes"),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let bytes = wire::request(method, path, &[&*authorization, "Content-Length: 0"]);
        let answer = wire::answer(deployment.gate.address, &bytes);
        assert_eq!(answer.status, status, "{method} {path}");
        let event = deployment.gate.decision_after(count);
        let found = match &event["shadow"] {
            Value::Null => Value::Null,
            shadow => json!([shadow["decision"], shadow["status"], shadow["code"], shadow["rule"]]),
        };
        assert_eq!(found, shadow, "{event}");
        assert_eq!(event["decision"] == "allow", status == 200, "{event}");
    }

    let answer = wire::answer(deployment.gate.admin, &wire::request("GET", "/rules", &[]));
    assert_eq!(
        (answer.status, answer.head.values("content-type")),
        (200, vec!["application/json".to_owned()])
    );
    let rules: Value = serde_json::from_str(&answer.text()).unwrap();
    let rules = rules["rules"].as_array().unwrap();
    let unmet: Vec<String> = rules
        .iter()
        .filter(|rule| rule["unmet"] != 0)
        .map(|rule| {
            format!(
                "{} {} {}",
                rule["rule"].as_str().unwrap(),
                rule["mode"].as_str().unwrap(),
                rule["unmet"]
            )
        })
        .collect();
    let expected = [
        "POST /payments: chain.max_depth shadow 1",
        "POST /payments: scopes shadow 1",
        "POST /refunds: fresh-human.initiator.kind shadow 1",
        "POST /refunds: fresh-human.initiator.max_auth_age shadow 2",
        "POST /refunds: scopes enforce 1",
    ];
    assert_eq!(unmet, expected);
    assert!(
        rules
            .iter()
            .any(|rule| rule["rule"] == "GET /orders/{id}: scopes" && rule["unmet"] == 0)
    );
    let post = wire::answer(
        deployment.gate.admin,
        &wire::request("POST", "/rules", &["Content-Length: 0"]),
    );
    assert_eq!(post.status, 405);
}

/// A configuration and a key set, for the commands.
fn files(policy: &str) -> (Files, TokenIssuer, String, String) {
    let (files, issuer) = (Files::new(), TokenIssuer::new());
    let key_server = crate::deployment::key_server::KeyServer::start(crate::deployment::key_server::Conduct::Publish(
        issuer.document(),
    ));
    let text = Configuration::of_policy(policy).text("127.0.0.1:9".parse().unwrap(), &key_server);
    let config = files.write("actgate.yaml", &text);
    let keys = files.write("keys.json", &issuer.document());
    (files, issuer, config, keys)
}

#[test]
fn explain_marks_the_rules_in_shadow_and_has_both_decisions() {
    let (_files, issuer, config, keys) = files(POLICY);
    let explain = |path: &str, claims: Value, is_json: bool| {
        let mut arguments = vec![
            "explain", "--config", &config, "--jwks", &keys, "--method", "POST", "--path", path,
        ];
        if is_json {
            arguments.push("--json");
        }
        let output = run_to_end(&arguments, &issuer.token(claims));
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let claims = json!({ "sub": "u1", "sub_profile": "user", "scope": "refunds:write" });
    let (code, text) = explain("/refunds", claims.clone(), false);
    assert_eq!(code, Some(0), "{text}");
    for line in [
        "✓ scopes: expected refunds:write",
        "✓ in shadow: fresh-human.initiator.kind: expected human, got human",
        "✗ in shadow: fresh-human.initiator.max_auth_age: ",
        "allowed: the request is forwarded to the upstream",
        "with the rules in shadow: denied 401: ",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let (_, text) = explain("/refunds", claims, true);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&report["decision"], &report["status"]),
        (&json!("allow"), &Value::Null)
    );
    let rule = "POST /refunds: fresh-human.initiator.max_auth_age";
    let shadow = json!({ "decision": "deny", "status": 401, "code": "auth_too_old", "rule": rule });
    assert_eq!(report["shadow"], shadow);
    let checks = report["checks"].as_array().unwrap();
    let in_shadow = checks.iter().filter(|check| check["mode"] == "shadow");
    let names: Vec<&str> = in_shadow.map(|check| check["rule"].as_str().unwrap()).collect();
    let expected = [
        "chain_inverted",
        "fresh-human.initiator.kind",
        "fresh-human.initiator.max_auth_age",
    ];
    assert_eq!(names, expected.map(|name| format!("POST /refunds: {name}")));

    let (code, text) = explain("/payments", json!({ "scope": "payments:write" }), false);
    assert!(
        code == Some(0) && text.contains("with the rules in shadow: allowed\n"),
        "{text}"
    );
    let (code, text) = explain("/refunds", json!({ "sub_profile": "user", "scope": "" }), false);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("denied 403: ") && text.contains("with the rules in shadow: denied 403: "),
        "{text}"
    );
}

#[test]
fn check_lists_what_is_in_shadow() {
    let check = |policy: &str| {
        let (_files, _, config, _) = files(policy);
        let output = run_to_end(&["check", "--config", &config], "");
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let nothing = "every rule is in shadow: a route with a valid token allows every request";
    let text = check(POLICY);
    let line = "  shadow    POST /payments; requirement fresh-human: evaluated and recorded, not enforced\n";
    assert!(text.contains(line) && !text.contains(nothing), "{text}");
    let text = check(&format!("mode: shadow\n{}", POLICY.trim_start()));
    assert!(
        text.contains("  shadow    every route; requirement fresh-human: ") && text.contains(nothing),
        "{text}"
    );
    let text = check("routes: [{ match: GET /, scopes: [a] }]\n");
    assert!(!text.contains("shadow"), "{text}");
}

#[test]
fn a_history_rule_in_shadow_needs_the_issuer_of_an_enforced_one() {
    let files = Files::new();
    let text = "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\naudience: https://orders.example.com\n\
                issuers: [{ issuer: https://idp.example.com }]\nmode: shadow\n\
                routes: [{ match: GET /, chain: { max_depth: 2 } }]\n";
    let config = files.write("actgate.yaml", text);
    let output = run_to_end(&["check", "--config", &config], "");
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(
        output.status.code() == Some(78) && text.contains("prior_actors"),
        "{text}"
    );
}
