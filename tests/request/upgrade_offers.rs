//! Which offers of another protocol are ignored, and which are 501.

use serde_json::{Value, json};

use crate::deployment::Deployment;
use crate::table::{BARE_CHALLENGE, FORBIDDEN, INSUFFICIENT_SCOPE, PASSES, Table, Want};
use crate::wire::{self, bearer, request};

fn offer(target: &str, protocols: &str, line: &str) -> Vec<u8> {
    let upgrade = format!("Upgrade: {protocols}");
    request("GET", target, &["Connection: Upgrade", &upgrade, line])
}

/// Whether an event of the decision log has these members.
fn has(event: &Value, members: &Value) -> bool {
    let mut members = members.as_object().expect("an object").iter();
    members.all(|(name, value)| event[name] == *value)
}

const WANTED: [&str; 6] = [
    "websocket, h2c",
    "h2c,websocket",
    "SPDY/3.1",
    "tcp",
    "connect-udp",
    "IRC/6.9",
];

#[test]
fn a_protocol_that_is_not_served_is_501_after_authorization() {
    let deployment = Deployment::with_routes();
    let valid = deployment.reader();
    let without_scope = bearer(&deployment.issuer.token(json!({ "scope": "other" })));
    let mut table = Table::on(&deployment);
    for protocol in WANTED {
        for (target, line) in [("/orders/1", valid.as_str()), ("/open/page", "X: y")] {
            let row = format!("{protocol}, {target}");
            table.request(&row, &offer(target, protocol, line), Want::status(501));
            let answer = wire::answer(deployment.gate.address, &offer(target, protocol, line)).json();
            table.check(&row, answer["code"] == json!("upgrade_not_implemented"));
            let logged = json!({ "id": answer["decision"], "decision": "deny", "status": 501, "code": answer["code"] });
            deployment.wait_until(&row, || {
                deployment.gate.decisions().iter().any(|event| has(event, &logged))
            });
        }
        let row = |what: &str| format!("{protocol}, {what}");
        table.request(&row("no token"), &offer("/orders/1", protocol, "X: y"), BARE_CHALLENGE);
        table.request(
            &row("no scope"),
            &offer("/orders/1", protocol, &without_scope),
            INSUFFICIENT_SCOPE,
        );
        table.request(&row("no route"), &offer("/nowhere", protocol, &valid), FORBIDDEN);
    }
    table.finish();
}

/// Clients offer these whether the server has them or not; the request is the same without.
#[test]
fn an_offer_that_carries_the_same_request_is_ignored() {
    let deployment = Deployment::with_routes();
    let valid = deployment.reader();
    let mut table = Table::on(&deployment);
    for protocols in [
        "h2c",
        "H2C",
        "HTTP/2.0",
        "h2c, HTTP/2.0",
        "TLS/1.0",
        "TLS/1.2, HTTP/1.1",
        "",
    ] {
        for one in table.request(protocols, &offer("/orders/1", protocols, &valid), PASSES) {
            table.check(protocols, !one.has("upgrade"));
        }
    }
    let fields = [
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
    ];
    let mut all = fields.to_vec();
    all.push(&valid);
    for one in table.request("the offer of curl and Java", &request("GET", "/orders/1", &all), PASSES) {
        table.check(
            "nothing of the offer upstream",
            !one.has("upgrade") && !one.has("http2-settings"),
        );
    }
    // A server ignores the field in HTTP/1.0.
    let old = format!("GET /orders/1 HTTP/1.0\r\nHost: a.example\r\nUpgrade: websocket\r\n{valid}\r\n\r\n");
    for one in table.request("HTTP/1.0", old.as_bytes(), PASSES) {
        table.check("HTTP/1.0", !one.has("upgrade"));
    }
    table.request(
        "insecure requests",
        &request("GET", "/orders/1", &["Upgrade-Insecure-Requests: 1", &valid]),
        PASSES,
    );
    table.finish();
}
