//! What is not counted: a request that the gate denies for its head. And limits beside rules in shadow.

use serde_json::{Value, json};

use crate::decision_api::Decisions;
use crate::deployment::{Configuration, Deployment};
use crate::wire::{self, Answer, bearer, request};

fn post(deployment: &Deployment, path: &str, token: &str, fields: &[&str], body: &str) -> Answer {
    let length = format!("Content-Length: {}", body.len());
    let token = bearer(token);
    let fields = [fields, &[&*token, &*length]].concat();
    let mut request = request("POST", path, &fields);
    request.extend(body.as_bytes());
    wire::answer(deployment.gate.address, &request)
}

#[test]
fn a_request_that_is_denied_for_its_head_is_not_counted() {
    let deployment =
        Deployment::with_policy("routes: [{ match: [GET /own, POST /own], limit: { per: initiator, rate: 2/d } }]\n");
    let gate = &deployment.gate;
    let token = deployment.issuer.token(json!({}));
    let handshake = ["Connection: upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 12"];
    for (fields, status) in [(&["Connection: upgrade", "Upgrade: other"][..], 501), (&handshake, 426)] {
        for _ in 0..3 {
            let field = bearer(&token);
            let fields = [fields, &[&*field]].concat();
            let answer = wire::answer(gate.address, &request("GET", "/own", &fields));
            assert_eq!(answer.status, status, "{}", answer.everything());
        }
    }
    let encoded = [
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Encoding: gzip",
    ];
    for _ in 0..3 {
        assert_eq!(post(&deployment, "/own", &token, &encoded, "x").status, 415);
    }
    for status in [200, 200, 429] {
        assert_eq!(
            gate.decide("GET", "/own", &token).0,
            status,
            "one count for both methods"
        );
    }
    assert_eq!(post(&deployment, "/own", &token, &encoded[..1], "a=1").status, 429);
}

#[test]
fn an_evaluation_about_another_subject_is_not_counted_and_one_beyond_the_limit_has_its_time() {
    let policy = "routes: [{ match: GET /own, limit: { per: initiator, rate: 2/d } }]\n";
    let decisions = Decisions::start_with("  authzen: {}\n", Configuration::of_policy(policy));
    let token = decisions.deployment.issuer.token(json!({ "sub": "alice" }));
    let evaluated = |subject: &str| -> Value {
        let body = json!({
            "subject": { "type": "user", "id": subject, "properties": { "access_token": token } },
            "action": { "name": "GET" },
            "resource": { "type": "url", "id": "https://orders.example.com/own" },
        });
        let body = body.to_string();
        let length = format!("Content-Length: {}", body.len());
        let fields = ["Content-Type: application/json", &*length];
        let mut asked = request("POST", "/access/v1/evaluation", &fields);
        asked.extend(body.as_bytes());
        wire::answer(decisions.address, &asked).json()
    };
    for _ in 0..3 {
        assert_eq!(evaluated("mallory")["decision"], json!(false));
    }
    for _ in 0..2 {
        let answer = evaluated("alice");
        assert_eq!(answer["decision"], json!(true), "{answer}");
    }
    let context = &evaluated("alice")["context"];
    assert_eq!(context["code"], json!("limit_exceeded"), "{context}");
    assert!(
        context["retry_after"].as_u64().is_some_and(|seconds| seconds > 40_000),
        "{context}"
    );
}

#[test]
fn a_limit_is_recorded_in_shadow_beside_a_rule_on_the_body() {
    const SMALL: &str = "operation: { json: { /a: x } }";
    let deployment = Deployment::with_policy(&format!(
        "requirements: {{ small: {{ mode: shadow, {SMALL} }} }}\nroutes:\n  \
         - {{ match: POST /shadow, mode: shadow, {SMALL}, limit: {{ per: initiator, rate: 1/d }} }}\n  \
         - {{ match: POST /enforced, require: [small], limit: {{ per: initiator, rate: 1/d }} }}\n"
    ));
    let gate = &deployment.gate;
    let token = deployment.issuer.token(json!({}));
    let decided = |path: &str, body: &str| {
        let known = gate.decisions().len();
        let status = post(&deployment, path, &token, &["Content-Type: application/json"], body).status;
        let event = gate.decision_after(known);
        (
            status,
            event["shadow"]["status"].clone(),
            event["shadow"]["code"].clone(),
        )
    };
    let (met, unmet) = (r#"{"a": "x"}"#, r#"{"a": "y"}"#);
    for (body, shadow) in [
        (unmet, json!("operation_not_met")),
        (met, Value::Null),
        (unmet, json!("operation_not_met")),
        (met, json!("limit_exceeded")),
    ] {
        let (status, _, code) = decided("/shadow", body);
        assert_eq!((status, code), (200, shadow), "{body}");
    }
    for (body, expected) in [
        (met, (200, Value::Null, Value::Null)),
        (met, (429, json!(429), json!("limit_exceeded"))),
        (unmet, (429, json!(403), json!("operation_not_met"))),
    ] {
        assert_eq!(decided("/enforced", body), expected, "{body}");
    }
    let rules = wire::answer(gate.admin, &request("GET", "/rules", &[])).json();
    let rules = rules["rules"].as_array().cloned().unwrap_or_default();
    let unmet = |name: &str| {
        let rule = rules.iter().find(|rule| rule["rule"] == json!(name));
        rule.map(|rule| rule["unmet"].clone())
    };
    assert_eq!(unmet("POST /shadow: limit"), Some(json!(1)), "{rules:?}");
    assert_eq!(unmet("POST /enforced: limit"), Some(json!(2)), "{rules:?}");
}

#[test]
fn a_spelling_or_a_method_does_not_lead_to_another_count() {
    let limit = "limit: { per: initiator, rate: 1/d }";
    let deployment = Deployment::with_policy(&format!(
        "routes: [{{ match: GET /own/a, {limit} }}, {{ match: 'GET /own/{{id}}', {limit} }}, {{ match: GET /m, {limit} }}, {{ match: POST /m, {limit} }}]\n"
    ));
    let token = deployment.issuer.token(json!({}));
    let decide = |method, path| deployment.gate.decide(method, path, &token).0;
    assert_eq!([decide("GET", "/own/a"), decide("GET", "/own/a")], [200, 429]);
    assert_eq!(decide("GET", "/own/A"), 400);
    assert_eq!(decide("GET", "/m"), 200);
    assert_eq!(decide("GET", "/m?_method=POST"), 400);
}
