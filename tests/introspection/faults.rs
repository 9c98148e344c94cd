//! Faults of an introspection endpoint: no token is active unless the issuer states it.

use std::net::TcpListener;

use serde_json::json;

use super::{Asking, active, response};
use crate::deployment::upstream::Conduct;
use crate::mint::AUDIENCE;
use crate::wire::{self, bearer, request};

const JSON: &str = "content-type: application/json\r\n";

#[test]
fn an_endpoint_without_a_usable_answer_is_503() {
    let asking = Asking::start(", tokens: all, cache: 20ms, timeout: 2s");
    let text = active(json!({})).to_string();
    let (first, rest) = text.split_at(text.len() / 2);
    let elsewhere = format!("{JSON}location: http://{}/introspect\r\n", asking.endpoint.address());
    let huge = format!("{{\"active\":true,\"x\":\"{}\"}}", "x".repeat(300 * 1024));
    let twice = text.replacen('{', "{\"active\":false,", 1);
    let cut = format!(
        "HTTP/1.1 200 OK\r\n{JSON}content-length: {}\r\n\r\n{first}",
        first.len() + rest.len()
    );
    let signed = asking.deployment.issuer.token(json!({}));
    for (what, conduct) in [
        ("500", response("500 Internal Server Error", JSON, &text)),
        (
            "401",
            response("401 Unauthorized", JSON, r#"{"error":"invalid_client"}"#),
        ),
        ("403", response("403 Forbidden", JSON, &text)),
        ("201", response("201 Created", JSON, &text)),
        ("a redirect", response("307 Temporary Redirect", &elsewhere, "")),
        ("HTML", response("200 OK", "content-type: text/html\r\n", &text)),
        ("no content type", response("200 OK", "", &text)),
        (
            "two content types",
            response("200 OK", &format!("{JSON}content-type: text/html\r\n"), &text),
        ),
        (
            "a signed answer",
            response("200 OK", "content-type: application/token-introspection+jwt\r\n", &text),
        ),
        (
            "a coding",
            response("200 OK", &format!("{JSON}content-encoding: gzip\r\n"), &text),
        ),
        ("no JSON", response("200 OK", JSON, "active")),
        ("an empty object", response("200 OK", JSON, "{}")),
        ("no boolean", response("200 OK", JSON, r#"{"active":"true"}"#)),
        ("a member twice", response("200 OK", JSON, &twice)),
        ("too long", response("200 OK", JSON, &huge)),
        ("cut", cut),
    ] {
        for token in ["opaque", &*signed] {
            asking.answer_with(&active(json!({})));
            let gate = &asking.deployment.gate;
            gate.wait_until("active", || asking.decide(token).0 == 200);
            asking.answer(conduct.clone());
            let unavailable = (503, "introspection_unavailable".to_owned());
            gate.wait_until(what, || asking.decide(token) == unavailable);
        }
    }
    let answer = wire::answer(
        asking.deployment.gate.address,
        &request("GET", "/orders/1", &[&bearer("another")]),
    );
    assert_eq!(
        (answer.status, answer.field("retry-after").as_deref()),
        (503, Some("2"))
    );
    assert_eq!(answer.field("www-authenticate"), None);
    for reason in [
        "status 500",
        "does not accept the client",
        "redirects are not followed",
        "not application/json",
    ] {
        asking.deployment.gate.process.wait_for_line(&[reason]);
    }
}

#[test]
fn an_endpoint_that_is_silent_or_closed_is_503_and_recovers() {
    let asking = Asking::start(", cache: 20ms, timeout: 100ms");
    asking.endpoint.conduct(Conduct::Hold);
    assert_eq!(asking.decide("slow").0, 503);
    asking.endpoint.release();
    asking.answer_with(&active(json!({})));
    let gate = &asking.deployment.gate;
    gate.wait_until("active", || asking.decide("slow").0 == 200);

    let closed = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = closed.local_addr().expect("an address");
    drop(closed);
    let gate = Asking::start_at(&format!("http://{address}/introspect"), "").gate;
    let unavailable = (503, "introspection_unavailable".to_owned());
    assert_eq!(gate.decide("GET", "/orders/1", "any"), unavailable);
    assert_eq!(gate.readiness(), 200);
}

#[test]
fn several_evaluations_of_authzen_have_one_time_for_all() {
    let top = "decision_api: { listen: '127.0.0.1:0', authzen: {} }\n";
    let mut asking = Asking::start_with(", timeout: 2s", top);
    let decisions = asking.deployment.gate.process.address("actgate: decisions on ");
    asking.endpoint.conduct(Conduct::Hold);
    let evaluation = |number: usize| json!({ "subject": { "type": "user", "id": "alice", "properties": { "access_token": format!("t{number}") } } });
    let asked = json!({
        "action": { "name": "GET" },
        "resource": { "type": "url", "id": format!("{AUDIENCE}/orders/1") },
        "evaluations": (0..12).map(evaluation).collect::<Vec<_>>(),
    });
    let body = asked.to_string();
    let length = format!("Content-Length: {}", body.len());
    let fields = ["Content-Type: application/json", &length];
    let mut request = request("POST", "/access/v1/evaluations", &fields);
    request.extend(body.as_bytes());
    let answer = wire::answer(decisions, &request).json();
    let evaluations = answer["evaluations"].as_array().expect("a list");
    assert_eq!(evaluations.len(), 12);
    let codes: Vec<_> = evaluations
        .iter()
        .map(|one| (&one["decision"], &one["context"]["status"], &one["context"]["code"]))
        .collect();
    let waited = codes
        .iter()
        .take_while(|(_, _, code)| *code == "introspection_unavailable")
        .count();
    assert!((1..=4).contains(&waited), "{codes:?}");
    let late = (&json!(false), &json!(503), &json!("no_time_for_evaluation"));
    assert!(codes[waited..].iter().all(|code| *code == late), "{codes:?}");
}

#[test]
fn a_secret_is_read_again_for_each_question() {
    let asking = Asking::start(", cache: 20ms");
    asking.answer_with(&active(json!({})));
    assert_eq!(asking.decide("first").0, 200);
    asking.deployment.gate.write("gate.secret", "other\n");
    assert_eq!(asking.decide("second").0, 200);
    let last = asking.endpoint.since(0).pop().expect("a question");
    assert_eq!(
        last.head.value("authorization").as_deref(),
        Some("Basic Z2F0ZSUyQjpvdGhlcg==")
    );
    asking.deployment.gate.remove("gate.secret");
    assert_eq!(asking.decide("third").0, 503);
}
