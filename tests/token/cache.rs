//! The cache of verified tokens holds facts, not decisions: every request is evaluated.

use serde_json::json;

use crate::deployment::{Configuration, Deployment, ROUTES};
use crate::mint::{TokenIssuer, now};
use crate::wire::{self, bearer, request};

#[test]
fn a_cached_token_is_evaluated_for_each_route() {
    let policy = r#"
routes:
  - match: GET /loose
    scopes: [orders:read]
  - match: GET /other-scope
    scopes: [admin]
  - match: GET /machines
    initiator: { kind: agent }
  - match: GET /named
    actor: { one_of: [agent-1] }
  - match: GET /fresh
    initiator: { kind: human, max_auth_age: 1m }
"#;
    let deployment = Deployment::with_policy(policy);
    let token = deployment.issuer.token(json!({ "auth_time": now() - 3600 }));
    for _ in 0..3 {
        for (target, status) in [
            ("/loose", 200),
            ("/other-scope", 403),
            ("/machines", 403),
            ("/named", 403),
            ("/fresh", 401),
            ("/nowhere", 403),
        ] {
            assert_eq!(deployment.status(target, &token), status, "{target}");
        }
    }
}

#[test]
fn a_cached_token_expires() {
    // Within the leeway of 30 s for some seconds more.
    let deployment = Deployment::with_policy(ROUTES);
    let token = deployment.issuer.token(json!({ "exp": now() - 26 }));
    for _ in 0..3 {
        assert_eq!(deployment.status("/orders/1", &token), 200);
    }
    deployment.wait_until("expired, though cached", || {
        let status = deployment.status("/orders/1", &token);
        assert!(matches!(status, 200 | 401), "{status}");
        status == 401
    });
    assert!(now() >= last_second(&token), "expired too early");
}

/// The first second at which the token is expired, leeway included.
fn last_second(token: &str) -> u64 {
    use base64::Engine;
    let payload = crate::mint::parts(token)[1];
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload);
    let claims: serde_json::Value = serde_json::from_slice(&payload.expect("Base64url")).expect("claims");
    claims["exp"].as_u64().expect("exp") + 30
}

#[test]
fn a_configured_leeway_is_applied() {
    let configuration = Configuration {
        top: "leeway: 0s\n".into(),
        ..Configuration::default()
    };
    let deployment = Deployment::start(TokenIssuer::new(), &configuration);
    let past = deployment.issuer.token(json!({ "exp": now() - 1 }));
    assert_eq!(deployment.status("/orders/1", &past), 401);
    let ahead = deployment.issuer.token(json!({ "exp": now() + 60, "nbf": now() }));
    assert_eq!(deployment.status("/orders/1", &ahead), 200);
}

/// Far more tokens than the cache keeps.
#[test]
fn more_tokens_than_the_cache_holds_are_authorized() {
    let deployment = Deployment::with_policy(ROUTES);
    let mut connection = wire::Connection::open(deployment.gate.address).expect("a connection");
    let bulky = "x".repeat(3000);
    for round in 0..400 {
        let token = deployment.issuer.token(json!({ "bulk": bulky, "round": round }));
        let text = String::from_utf8(request("GET", "/orders/1", &[&bearer(&token)])).expect("text");
        let kept = text.replace("Connection: close\r\n", "");
        connection.send(kept.as_bytes()).expect("sent");
        match connection.answer(wire::AnswerTo::AnyMethod) {
            wire::Outcome::Answered(answer) => assert_eq!(answer.status, 200, "round {round}"),
            other => panic!("{other:?} in round {round}"),
        }
    }
}
