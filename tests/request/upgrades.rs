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
    for (what, mut bytes, expected, reached) in [
        ("websocket", websocket("/orders/1", &valid), [200, 401], 1),
        ("h2c", h2c.into_bytes(), [200, 401], 1),
    ] {
        let before = deployment.upstream.count();
        // No protocol was switched, so this is another request, which is authorized by itself.
        let smuggled = "GET /admin/smuggled HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
        bytes.extend(smuggled.as_bytes());
        let mut connection = Connection::open(deployment.gate.address).expect("a connection");
        connection.send(&bytes).expect("sent");
        let statuses: Vec<_> = connection.answers().iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, expected, "{what}");
        let seen = deployment.upstream.since(before);
        assert_eq!(seen.len(), reached, "{what}: {seen:?}");
        for one in &seen {
            assert!(!one.has("http2-settings"), "{what}: {one:?}");
            assert_eq!(one.has("upgrade"), what == "websocket", "{what}: {one:?}");
        }
        let bytes = deployment.upstream.bytes();
        let leaked = bytes.windows(8).any(|window| window == b"smuggled");
        assert!(!leaked, "{what}: bytes were forwarded before the switch");
    }
}

/// A client of HTTP/2 reads no answer of HTTP/1.1.
#[test]
fn an_http2_preface_closes_the_connection() {
    let deployment = Deployment::with_routes();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    assert_eq!(wire::conversation(deployment.gate.address, preface).len(), 0);
    let start = wire::conversation(deployment.gate.address, b"PRI * HTTP/2.0\r\nHost: a.example\r\n\r\n");
    assert_eq!(start.iter().map(|answer| answer.status).collect::<Vec<_>>(), [400]);
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
    let closed = matches!(outcome, wire::Outcome::Closed);
    assert!(closed, "the client must not read a complete answer: {outcome:?}");
    deployment.upstream.conduct(Conduct::Answer);
    assert_eq!(deployment.status("/orders/1", &token), 200, "the next request works");
}
