//! The smallest change that would allow a denied request, as the binary prints it.

use serde_json::{Value, json};

use super::report;
use crate::check::{Files, output_text};
use crate::deployment::gate::run_to_end;
use crate::mint::{AUDIENCE, ISSUER, TokenIssuer, now};

const POLICY: &str = r#"requirements:
  fresh-human:
    initiator: { kind: human, max_auth_age: 5m, amr: mfa }
routes:
  - match: POST /refunds
    scopes: [refunds:write]
    require: [fresh-human]
    actor: { one_of: [refund-agent] }
    chain: { max_depth: 2, accept_truncation: true }
  - match: GET /small
    operation: { query: { amount: { max: 500 } } }
  - match: GET /office
    time: { zone: Europe/Berlin, hours: 08:00-18:00 }
  - match: GET /either
    any_of:
      - scopes: [a]
      - client: { one_of: [console] }
  - match: GET /others
    initiator: { none_of: [alice] }
  - match: GET /expression
    expression: 'claims["level"] == 3'
"#;

/// The output of `explain` with this policy, for a request.
fn explained(claims: Value, request: &[&str]) -> std::process::Output {
    let issuer = TokenIssuer::new();
    let files = Files::new();
    files.write("policy.yaml", POLICY);
    let config = files.write(
        "actgate.yaml",
        &format!(
            "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\naudience: {AUDIENCE}\npolicy: policy.yaml\n\
             issuers:\n  - issuer: {ISSUER}\n    prior_actors: enforce\n"
        ),
    );
    let keys = files.write("keys.json", &issuer.document());
    let token = issuer.token(claims);
    let mut arguments = vec!["explain", "--config", &config, "--jwks", &keys];
    arguments.extend(request);
    run_to_end(&arguments, &token)
}

/// What is needed, by alternative.
fn needed(claims: Value, request: &[&str]) -> Vec<Vec<String>> {
    let request: Vec<&str> = request.iter().copied().chain(["--json"]).collect();
    let report = report(&explained(claims, &request));
    let alternatives = report["smallest_change"]["alternatives"]
        .as_array()
        .expect("alternatives")
        .clone();
    let needed = |change: &Value| change["needed"].as_str().unwrap_or_default().to_owned();
    let of_one = |changes: &Value| changes.as_array().into_iter().flatten().map(needed).collect();
    alternatives.iter().map(of_one).collect()
}

fn agents(names: &[&str]) -> Value {
    names.iter().rev().fold(Value::Null, |inner, name| {
        let mut act = json!({ "sub": name, "sub_profile": "ai_agent" });
        if !inner.is_null() {
            act["act"] = inner;
        }
        act
    })
}

#[test]
fn the_change_is_stated_in_the_words_of_the_policy() {
    let refund = ["--method", "POST", "--path", "/refunds"];
    let allowed = json!({
        "scope": "refunds:write", "auth_time": now() - 10, "amr": ["pwd", "mfa"], "act": agents(&["refund-agent"]),
    });
    let with = |changes: Value| {
        let mut claims = allowed.clone();
        claims
            .as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        claims
    };
    for (claims, expected) in [
        (json!({ "scope": "orders:read" }), vec!["scope refunds:write"]),
        (json!({ "auth_time": now() - 900 }), vec!["a login within 5 minutes"]),
        (
            json!({ "auth_time": null, "amr": [] }),
            vec!["a login within 5 minutes with mfa"],
        ),
        (json!({ "act": agents(&["other"]) }), vec!["an actor: refund-agent"]),
        (
            json!({ "act": agents(&["refund-agent", "b", "c", "d"]) }),
            vec!["a chain of at most 2 actors"],
        ),
        (
            json!({ "scope": "", "sub_profile": "service" }),
            vec!["scope refunds:write", "an initiator of kind human"],
        ),
    ] {
        assert_eq!(needed(with(claims.clone()), &refund), [expected], "{claims}");
    }
    let mut alone = allowed.clone();
    alone.as_object_mut().unwrap().remove("act");
    assert_eq!(needed(alone, &refund), [["an actor: refund-agent"]]);
    let small = needed(json!({}), &["--path", "/small?amount=900"]);
    assert_eq!(small, [["query parameter amount: a number of at most 500"]]);
    let office = needed(json!({}), &["--path", "/office", "--at", "2026-01-01T22:00:00Z"]);
    assert_eq!(office, [["a request between 08:00 and 18:00 in Europe/Berlin"]]);
    let either = needed(json!({}), &["--path", "/either"]);
    assert_eq!(either, [["scope a"], ["client console"]]);
    let others = needed(json!({ "sub": "alice" }), &["--path", "/others"]);
    assert_eq!(others, [["another initiator"]]);
}

#[test]
fn each_change_names_the_rules_that_need_it_with_their_lines() {
    let report = report(&explained(
        json!({}),
        &["--method", "POST", "--path", "/refunds", "--json"],
    ));
    let changes = &report["smallest_change"]["alternatives"][0];
    let rules: Vec<&Value> = changes
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|change| change["rules"].as_array().unwrap())
        .collect();
    let expected = [
        json!({ "rule": "POST /refunds: scopes", "line": 6 }),
        json!({ "rule": "POST /refunds: fresh-human.initiator.amr", "line": 3 }),
        json!({ "rule": "POST /refunds: fresh-human.initiator.max_auth_age", "line": 3 }),
        json!({ "rule": "POST /refunds: actor.one_of", "line": 8 }),
    ];
    assert_eq!(rules.len(), expected.len(), "{changes}");
    for rule in &expected {
        assert!(rules.contains(&rule), "{rule} in {changes}");
    }
}

#[test]
fn what_fails_before_the_policy_and_what_is_not_computed_is_stated() {
    let before = |claims: Value, request: &[&str]| {
        let request: Vec<&str> = request.iter().copied().chain(["--json"]).collect();
        report(&explained(claims, &request))["smallest_change"]["before_policy"].clone()
    };
    let either = ["--path", "/either"];
    assert_eq!(
        before(json!({ "exp": now() - 600 }), &either),
        "a token that has not expired"
    );
    assert_eq!(
        before(json!({ "aud": "x" }), &either),
        format!("a token for {AUDIENCE}")
    );
    assert_eq!(
        before(json!({ "iss": "https://x.example" }), &either),
        format!("a token issued by {ISSUER}")
    );
    assert_eq!(
        before(json!({}), &["--path", "/nowhere"]),
        "another request, or a route for it: no change of the token allows it"
    );
    let report = report(&explained(json!({}), &["--path", "/expression", "--json"]));
    assert_eq!(
        report["smallest_change"]["not_computed"],
        json!(["GET /expression: expression"])
    );
    assert_eq!(report["smallest_change"]["alternatives"], json!([]));
    let text = output_text(&explained(json!({}), &["--path", "/expression"]));
    assert!(
        text.contains("not computed: what this rule needs (expression, ") && text.contains("/policy.yaml:"),
        "{text}"
    );
    let text = output_text(&explained(json!({}), &["--method", "POST", "--path", "/refunds"]));
    assert!(
        text.contains("\nto be allowed, it needs\n  scope refunds:write  (scopes, /")
            && text.contains("/policy.yaml:6)\n"),
        "{text}"
    );
    println!("{text}");
}
