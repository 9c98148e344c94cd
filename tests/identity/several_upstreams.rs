//! Credentials of several upstreams: each receives its own.

use serde_json::{Value, json};

use super::exchange::{endpoint, issued};
use super::{answer_with, answering};
use crate::deployment::gate::Gate;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::upstream::{Received, Upstream};
use crate::deployment::{Configuration, ROUTES};
use crate::mint::{TokenIssuer, parts};
use crate::wire;

const INTERNAL: &str = "x-internal-token";

/// The audience of the internal token of a request.
fn audience(received: &Received) -> Value {
    let token = received.head.value(INTERNAL).expect("an internal token");
    let payload = parts(&token)[1].to_owned();
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, payload);
    let claims: Value = serde_json::from_slice(&bytes.expect("Base64url")).expect("JSON");
    claims["aud"].clone()
}

#[test]
fn each_upstream_receives_its_own_credentials_alone() {
    let issuer = TokenIssuer::new();
    let keys = KeyServer::start(Conduct::Publish(issuer.document()));
    let [orders, rest] = [Upstream::start(), Upstream::start()];
    let server = answering(issued(json!({})));
    let (orders_url, rest_url) = (
        format!("http://{}", orders.address()),
        format!("http://{}", rest.address()),
    );
    let configuration = Configuration {
        top: "access_token: exchange\ninternal_token: { issuer: https://gate.internal }\n".to_owned(),
        policy: ROUTES
            .replace("/admin/", "/reports/")
            .replace("[admin]", "[orders:read]"),
        ..Configuration::default()
    };
    let text = configuration.text(orders.address(), &keys);
    let upstreams = format!(
        "upstreams:\n  - url: {rest_url}\n    api_key: {{ header: X-Api-Key, file: rest.key }}\n  - url: {orders_url}\n    \
         path: /orders\n    api_key: {{ header: X-Api-Key, file: orders.key }}\n    \
         internal_token: {{ audience: https://orders.internal }}\n    token_exchange: {{ token_endpoint: {}, client_id: gate, \
         client_secret_file: gate.secret, audience: orders }}\n",
        endpoint(&server)
    );
    let text = text.replace(&format!("upstream: {orders_url}\n"), &upstreams);
    let files = [
        ("rest.key", "rest"),
        ("orders.key", "orders"),
        ("gate.secret", "secret"),
    ];
    let gate = Gate::run_beside(&text, &files);
    gate.wait_until_ready();
    let token = issuer.token(json!({}));

    assert_eq!(wire::get(gate.address, "/orders/1", &token).status, 200);
    let one = orders.since(0).remove(0);
    assert_eq!(one.head.values("authorization"), ["Bearer exchanged"]);
    assert_eq!(one.head.values("x-api-key"), ["orders"]);
    assert_eq!(audience(&one), "https://orders.internal");

    // It has no exchange, and so receives no token; its audience is its URL.
    server.conduct(answer_with(String::new()));
    assert_eq!(wire::get(gate.address, "/reports/1", &token).status, 200);
    let one = rest.since(0).remove(0);
    assert!(!one.has("authorization"));
    assert_eq!(one.head.values("x-api-key"), ["rest"]);
    assert_eq!(audience(&one), rest_url);
    assert_eq!((orders.count(), rest.count(), server.count()), (1, 1, 1));
}
