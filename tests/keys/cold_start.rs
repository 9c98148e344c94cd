//! The issuer is unavailable when the gate starts.

use serde_json::json;

use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;
use crate::wire::{self, request};

/// A time-out short enough for a test with a hanging issuer.
const KEYS: &str = "    keys: { refresh: 5s, cooldown: 200ms, timeout: 1s, max_stale: 60s }\n";

/// The behaviour of the gate before it has fetched any key.
fn cold(deployment: &Deployment) {
    let issuer = &deployment.issuer;
    let gate = deployment.gate.address;
    let open = wire::answer(gate, &request("GET", "/open/page", &[]));
    assert_eq!(open.status, 200, "public routes work");
    let bare = wire::answer(gate, &request("GET", "/orders/1", &[]));
    let challenge = bare.field("www-authenticate").unwrap_or_default();
    assert_eq!(bare.status, 401, "bare challenges work");
    assert!(
        challenge.starts_with("Bearer") && !challenge.contains("error"),
        "{challenge}"
    );
    let untrusted = TokenIssuer::new();
    for (what, token) in [
        ("a valid token", issuer.token(json!({}))),
        ("a token of an untrusted issuer", untrusted.token(json!({}))),
        (
            "a token with an unknown kid",
            issuer.token_with_header_changed(json!({ "kid": "x" })),
        ),
        (
            "a token without kid",
            issuer.token_with_header(r#"{"alg":"ES256","typ":"at+jwt"}"#),
        ),
    ] {
        let seen = deployment.upstream.count();
        let answer = wire::get(gate, "/orders/1", &token);
        assert_eq!(answer.status, 503, "{what}: {}", answer.everything());
        let wait = answer.field("retry-after").and_then(|wait| wait.parse::<u32>().ok());
        assert!(wait.is_some_and(|wait| wait > 0), "{what}: {}", answer.everything());
        assert_eq!(answer.field("www-authenticate"), None, "{what}");
        assert_eq!(deployment.upstream.count(), seen, "{what}");
    }
    assert_eq!(deployment.readiness(), 503);
    let alive = wire::answer(deployment.gate.admin, &request("GET", "/livez", &[]));
    assert_eq!(alive.status, 200, "alive, though not ready");
}

fn recovered(deployment: &Deployment) {
    deployment.wait_until_ready();
    let token = deployment.issuer.token(json!({}));
    assert_eq!(deployment.status("/orders/1", &token), 200);
    let forged = TokenIssuer::new().token(json!({}));
    assert_eq!(deployment.status("/orders/1", &forged), 401);
}

#[test]
fn the_gate_recovers_from_an_issuer_without_connections_at_start() {
    let issuer = TokenIssuer::new();
    let mut server = KeyServer::start(Conduct::Publish(issuer.document()));
    server.close();
    let configuration = Configuration::of_issuer(KEYS);
    let mut deployment = Deployment::start_beside(issuer, server, &configuration);
    cold(&deployment);
    deployment.key_server.reopen();
    recovered(&deployment);
}

#[test]
fn the_gate_recovers_from_an_issuer_with_invalid_answers_at_start() {
    for conduct in [
        Conduct::Status(500, String::new()),
        Conduct::Body("text/html", b"<p>not yet</p>".to_vec()),
        Conduct::Body("application/json", b"{\"keys\":[]}".to_vec()),
        Conduct::Hanging,
    ] {
        let issuer = TokenIssuer::new();
        let document = issuer.document();
        let configuration = Configuration::of_issuer(KEYS);
        let deployment = Deployment::start_cold(issuer, conduct, &configuration);
        cold(&deployment);
        deployment.key_server.conduct(Conduct::Publish(document));
        recovered(&deployment);
    }
}
