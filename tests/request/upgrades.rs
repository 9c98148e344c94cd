//! Upgrades, early data, and an upstream that closes early.

use serde_json::json;

use crate::deployment::Deployment;
use crate::deployment::upstream::Conduct;
use crate::mint::forged_token;
use crate::table::{BARE_CHALLENGE, FORBIDDEN, INSUFFICIENT_SCOPE, INVALID_TOKEN, PASSES, Table};
use crate::wire::{self, Connection, bearer, request};

const WEBSOCKET: [&str; 3] = [
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

fn websocket(target: &str, line: &str) -> Vec<u8> {
    let fields = WEBSOCKET.join("\r\n");
    format!("GET {target} HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\n{fields}\r\n{line}\r\n\r\n")
        .into_bytes()
}

#[test]
fn an_upgrade_needs_authorization() {
    let deployment = Deployment::with_routes();
    let mut table = Table::on(&deployment);
    table.request("no token", &websocket("/orders/1", "X: y"), BARE_CHALLENGE);
    table.request(
        "a forged token",
        &websocket("/orders/1", &bearer(&forged_token())),
        INVALID_TOKEN,
    );
    table.request("garbage", &websocket("/orders/1", &bearer("garbage")), INVALID_TOKEN);
    let without_scope = bearer(&deployment.issuer.token(json!({ "scope": "other" })));
    table.request("no scope", &websocket("/orders/1", &without_scope), INSUFFICIENT_SCOPE);
    let valid = deployment.reader();
    table.request("no route", &websocket("/nowhere", &valid), FORBIDDEN);
    table.finish();
}

#[test]
fn bytes_after_an_upgrade_request_are_not_forwarded_before_101() {
    let deployment = Deployment::with_routes();
    deployment.upstream.conduct(Conduct::IgnoreUpgrade);
    let valid = deployment.reader();
    let h2c = format!(
        "GET /orders/1 HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n{valid}\r\n\r\n"
    );
    for (what, mut bytes) in [("websocket", websocket("/orders/1", &valid)), ("h2c", h2c.into_bytes())] {
        let before = deployment.upstream.count();
        let smuggled = "GET /admin/smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n";
        bytes.extend(smuggled.as_bytes());
        let mut connection = Connection::open(deployment.gate.address).expect("a connection");
        connection.send(&bytes).expect("sent");
        connection.finish_sending();
        let statuses: Vec<_> = connection.answers().iter().map(|answer| answer.status).collect();
        assert!(matches!(statuses[0], 200 | 400 | 426 | 501), "{what}: {statuses:?}");
        // What follows is at most another request, authorized by itself.
        assert!(
            statuses[1..].iter().all(|status| matches!(status, 400 | 401)),
            "{what}: {statuses:?}"
        );
        let seen = deployment.upstream.since(before);
        assert!(seen.len() <= 1, "{what}: {seen:?}");
        for one in &seen {
            assert!(!one.has("http2-settings"), "{what}: {one:?}");
            assert!(what != "h2c" || !one.has("upgrade"), "{what}: {one:?}");
        }
        let bytes = deployment.upstream.bytes();
        let leaked = bytes.windows(8).any(|window| window == b"smuggled");
        assert!(!leaked, "{what}: bytes were forwarded before the switch");
    }
}

#[test]
fn an_http2_preface_is_rejected() {
    let deployment = Deployment::with_routes();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let mut connection = Connection::open(deployment.gate.address).expect("a connection");
    connection.send(preface).expect("sent");
    connection.finish_sending();
    for answer in connection.answers() {
        assert!(
            matches!(answer.status, 400 | 403 | 405 | 501 | 505),
            "{}",
            answer.status
        );
    }
    assert_eq!(deployment.upstream.count(), 0);
}

#[test]
fn early_data_is_authorized_like_any_request() {
    let deployment = Deployment::with_routes();
    let valid = deployment.reader();
    let mut table = Table::on(&deployment);
    table.request(
        "Early-Data: 1",
        &request("GET", "/orders/1", &["Early-Data: 1", &valid]),
        PASSES,
    );
    table.request(
        "Early-Data: 1, no token",
        &request("GET", "/orders/1", &["Early-Data: 1"]),
        BARE_CHALLENGE,
    );
    table.finish();
}

#[test]
fn an_upstream_that_closes_early_is_a_bad_gateway() {
    let deployment = Deployment::with_routes();
    let token = deployment.issuer.token(json!({}));
    deployment.upstream.conduct(Conduct::DieBeforeTheAnswer);
    let answer = wire::get(deployment.gate.address, "/orders/1", &token);
    assert_eq!(answer.status, 502, "{}", answer.everything());
    deployment.upstream.conduct(Conduct::DieInTheBody);
    let bytes = request("GET", "/orders/1", &[&bearer(&token)]);
    let outcome = wire::exchange(deployment.gate.address, &bytes);
    let cut = match &outcome {
        wire::Outcome::Answered(answer) => answer.status == 502,
        wire::Outcome::Closed => true,
        wire::Outcome::TimedOut => false,
    };
    assert!(cut, "the client must not read a complete answer: {outcome:?}");
    deployment.upstream.conduct(Conduct::Answer);
    assert_eq!(deployment.status("/orders/1", &token), 200, "the next request works");
}
