//! Each failure of a token exchange and its exact answer. The upstream receives nothing.

use std::net::TcpListener;

use serde_json::json;

use super::exchange::{endpoint, exchanging, issued};
use super::{answer_with, response};
use crate::deployment::Deployment;
use crate::deployment::upstream::{Conduct, Upstream};
use crate::wire::{self, bearer, request};

/// What the caller and the decision log receive.
struct Expected {
    status: u16,
    code: &'static str,
    retry_after: Option<&'static str>,
    reason: &'static str,
}

const fn failed(reason: &'static str) -> Expected {
    Expected {
        status: 502,
        code: "token_exchange_failed",
        retry_after: None,
        reason,
    }
}

const fn denied(reason: &'static str) -> Expected {
    Expected {
        status: 403,
        code: "token_exchange_denied",
        retry_after: None,
        reason,
    }
}

const fn later(seconds: &'static str) -> Expected {
    Expected {
        status: 503,
        code: "token_exchange_unavailable",
        retry_after: Some(seconds),
        reason: "the token endpoint asks for a pause",
    }
}

fn check(name: &str, deployment: &Deployment, expected: &Expected) {
    let (sent, decided) = (deployment.upstream.count(), deployment.gate.decisions().len());
    let token = deployment.issuer.token(json!({}));
    let answer = wire::answer(
        deployment.gate.address,
        &request("GET", "/orders/1", &[&bearer(&token)]),
    );
    assert_eq!(answer.status, expected.status, "{name}: {}", answer.everything());
    assert_eq!(
        answer.field("content-type").as_deref(),
        Some("application/problem+json"),
        "{name}"
    );
    assert_eq!(answer.field("retry-after").as_deref(), expected.retry_after, "{name}");
    assert_eq!(answer.field("www-authenticate"), None, "{name}");
    let body = answer.json();
    assert_eq!(body["code"], expected.code, "{name}");
    assert!(!answer.everything().contains("canary"), "{name}: no text of the server");
    let event = deployment.gate.decision_after(decided);
    assert_eq!(event["id"], body["decision"], "{name}");
    assert_eq!(
        (&event["decision"], &event["status"], &event["code"], &event["reason"]),
        (
            &json!("deny"),
            &json!(expected.status),
            &json!(expected.code),
            &json!(expected.reason)
        ),
        "{name}"
    );
    assert_eq!(deployment.upstream.count(), sent, "{name}: nothing is forwarded");
}

#[test]
fn each_answer_of_a_token_endpoint_has_its_answer() {
    let server = Upstream::start();
    let deployment = exchanging(&endpoint(&server), "    timeout: 10s\n");
    let error = |code: &str| json!({ "error": code, "error_description": "canary", "error_uri": "canary" }).to_string();
    let refused = |status: &str, code: &str| response(status, "", &error(code));
    let garbage = failed("the response of the token endpoint is not that of a token exchange");
    let own = "the authorization server has an error of its own";
    let wrong_type = failed("the token endpoint issued a token of another type than `Bearer`");
    let no_life = failed("the token endpoint does not say how long the token is valid (`expires_in`)");
    let not_access = failed("the token endpoint issued another token than an access token");
    let unknown = failed("the token endpoint answers with an unknown error");
    let id_token = "urn:ietf:params:oauth:token-type:id_token";
    for (name, bytes, expected) in [
        (
            "invalid_grant",
            refused("400 Bad Request", "invalid_grant"),
            denied("the authorization server refuses the token: invalid_grant"),
        ),
        (
            "invalid_request",
            refused("400 Bad Request", "invalid_request"),
            denied("the authorization server refuses the token: invalid_request"),
        ),
        (
            "access_denied",
            refused("403 Forbidden", "access_denied"),
            denied("the authorization server refuses the token: access_denied"),
        ),
        (
            "invalid_scope",
            refused("400 Bad Request", "invalid_scope"),
            denied("the authorization server refuses the token: invalid_scope"),
        ),
        (
            "invalid_target",
            refused("400 Bad Request", "invalid_target"),
            failed("the authorization server issues no token for the upstream: invalid_target"),
        ),
        (
            "invalid_client",
            refused("401 Unauthorized", "invalid_client"),
            failed("the authorization server does not accept the client: invalid_client"),
        ),
        ("another error", refused("400 Bad Request", "canary"), unknown),
        (
            "500",
            refused("500 Internal Server Error", "invalid_grant"),
            failed(own),
        ),
        (
            "503 without a time",
            refused("503 Service Unavailable", "canary"),
            failed(own),
        ),
        (
            "503 with a time",
            response("503 Service Unavailable", "retry-after: 7\r\n", ""),
            later("7"),
        ),
        (
            "429 with a long time",
            response("429 Too Many Requests", "retry-after: 9999\r\n", ""),
            later("60"),
        ),
        (
            "a redirect",
            response("307 Temporary Redirect", "location: http://127.0.0.1:9/canary\r\n", ""),
            failed("the token endpoint answers with a redirect"),
        ),
        ("garbage", response("200 OK", "", "<canary>"), garbage),
        (
            "no http",
            "canary\r\n\r\n".to_owned(),
            failed("the token endpoint cannot be reached"),
        ),
        (
            "huge",
            response("200 OK", "", &"x".repeat(70_000)),
            failed("the response of the token endpoint is longer than 64 KiB"),
        ),
        (
            "cut",
            "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{".to_owned(),
            failed("the response of the token endpoint ended early"),
        ),
        ("no expires_in", issued(json!({ "expires_in": null })), no_life),
        (
            "another token type",
            issued(json!({ "token_type": "DPoP" })),
            wrong_type,
        ),
        (
            "another issued type",
            issued(json!({ "issued_token_type": id_token })),
            not_access,
        ),
        (
            "a token with a line break",
            issued(json!({ "access_token": "a\r\nx: canary" })),
            failed("the token endpoint issued a token that no header can carry"),
        ),
    ] {
        server.conduct(answer_with(bytes));
        check(name, &deployment, &expected);
    }
    server.conduct(Conduct::DieBeforeTheAnswer);
    check(
        "it closes the connection",
        &deployment,
        &failed("the token endpoint cannot be reached"),
    );
    server.conduct(answer_with(issued(json!({}))));
    assert_eq!(
        deployment.status("/orders/1", &deployment.issuer.token(json!({}))),
        200,
        "no failure is kept"
    );
    let warning = "WARN no token for the upstream decision=";
    deployment.gate.process.wait_for_line(&[warning]);
    let lines = deployment.gate.process.stderr().join("\n");
    assert_eq!(lines.matches(warning).count(), 1, "one warning a minute: {lines}");
    let shown = format!("endpoint=\"{}\"", endpoint(&server));
    assert!(lines.contains(&shown), "{shown}: {lines}");
    assert!(!lines.contains("canary"));
}

#[test]
fn a_server_that_answers_with_the_token_of_the_caller_is_not_believed() {
    let server = Upstream::start();
    let deployment = exchanging(&endpoint(&server), "");
    let token = deployment.issuer.token(json!({}));
    server.conduct(answer_with(issued(json!({ "access_token": token }))));
    assert_eq!(deployment.status("/orders/1", &token), 502);
    assert_eq!(
        deployment.gate.decision_after(0)["reason"],
        "the token endpoint answers with the token of the caller"
    );
    assert_eq!(deployment.upstream.count(), 0);
}

#[test]
fn a_server_that_hangs_or_is_down_is_502() {
    let server = Upstream::start();
    server.conduct(Conduct::Hold);
    let deployment = exchanging(&endpoint(&server), "    timeout: 100ms\n");
    check(
        "it hangs",
        &deployment,
        &failed("the token endpoint does not answer in time"),
    );

    let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let down = exchanging(
        &format!("http://{}/token", closed.expect("a free port")),
        "    timeout: 10s\n",
    );
    check("it is down", &down, &failed("the token endpoint cannot be reached"));
    down.gate.process.wait_for_line(&["cause=\"Connection refused"]);
}

#[test]
fn a_failed_exchange_is_not_tried_again_at_once_and_then_is() {
    let server = Upstream::start();
    server.conduct(answer_with(response("500 Internal Server Error", "", "")));
    let deployment = exchanging(&endpoint(&server), "");
    let token = deployment.issuer.token(json!({}));
    let mut answers = 0;
    deployment.wait_until("a second exchange", || {
        assert_eq!(deployment.status("/orders/1", &token), 502);
        answers += 1;
        server.count() == 2
    });
    assert!(answers > 2, "answered without an exchange");
    server.conduct(answer_with(issued(json!({}))));
    deployment.wait_until("served", || deployment.status("/orders/1", &token) == 200);
}

#[test]
fn the_body_of_a_request_without_a_token_is_not_read_as_the_next_request() {
    let server = Upstream::start();
    server.conduct(answer_with(response("500 Internal Server Error", "", "")));
    let deployment = exchanging(&endpoint(&server), "");
    let writer = deployment.writer();
    let smuggled = "GET /open/page HTTP/1.1\r\nHost: orders.example.com\r\n\r\n";
    let length = smuggled.len();
    let bytes = format!(
        "POST /orders HTTP/1.1\r\nHost: orders.example.com\r\n{writer}\r\nContent-Type: text/plain\r\n\
         Content-Length: {length}\r\n\r\n{smuggled}GET /open/page HTTP/1.1\r\nHost: orders.example.com\r\nConnection: close\r\n\r\n"
    );
    let answers = wire::conversation(deployment.gate.address, bytes.as_bytes());
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [502, 200]);
    assert_eq!(deployment.upstream.count(), 1);
}
