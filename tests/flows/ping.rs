//! An autonomous agent at Ping AIC: its own token, exchanged for one of the application, without an actor token.

use serde_json::json;

use super::Api;
use crate::deployment::bundled_issuer::{
    ACCESS_TOKEN, ALICE_BY_PASSWORD, BundledIssuer, EXCHANGE, ORDERS, access_token, claims,
};
use crate::deployment::gate::Gate;
use crate::deployment::upstream::Upstream;
use crate::wire::{self, Answer, request};

const PATH: &str = "/am/oauth2/realms/root/realms/alpha";

const POLICY: &str = "
routes:
  - match: GET /autonomous
    scopes: [orders:read]
    initiator: { kind: agent }
  - match: GET /human
    scopes: [orders:read]
    initiator: { kind: human }
  - match: GET /delegated
    scopes: [orders:read]
    actor: { required: true }
";

/// `POST …/access_token` with client_secret_post.
fn token(issuer: &BundledIssuer, further: &[(&str, &str)]) -> Answer {
    let credential = [("client_id", "night-batch"), ("client_secret", "night-batch-secret")];
    let form = [&credential, further].concat();
    wire::post_form(issuer.address, &format!("{PATH}/access_token"), &[], &form)
}

fn tokeninfo(issuer: &BundledIssuer, token: &str) -> serde_json::Value {
    let target = format!("{PATH}/tokeninfo?access_token={token}");
    wire::answer(issuer.address, &request("GET", &target, &[])).json()
}

#[test]
fn an_agent_exchanges_its_own_token() {
    let issuer = BundledIssuer::start_as_product("ping-aic");
    let upstream = Upstream::start();
    let gate = Gate::run(&format!(
        "listen: 127.0.0.1:0\nupstream: http://{}\nadmin: 127.0.0.1:0\naudience: {ORDERS}\nissuers:\n  - issuer: {}\n    profile: ping-aic\n    kinds: {{ agent: {{ client: night-batch }} }}\n{POLICY}",
        upstream.address(),
        issuer.url(),
    ));
    gate.wait_until_ready();
    let application = Api::over(gate, upstream);

    let own = token(
        &issuer,
        &[
            ("grant_type", "client_credentials"),
            ("resource", "https://night-batch.example"),
            ("scope", "orders:read orders:write"),
        ],
    );
    let answer = own.json();
    assert_eq!(
        (&answer["token_type"], answer.get("refresh_token")),
        (&json!("Bearer"), None)
    );
    let own = access_token(&own);
    let shown = tokeninfo(&issuer, &own);
    for (name, value) in [
        ("sub", json!("night-batch")),
        ("client_id", json!("night-batch")),
        ("aud", json!("night-batch")),
        ("grant_type", json!("client_credentials")),
        ("tokenName", json!("access_token")),
        ("token_type", json!("Bearer")),
        ("iss", json!(issuer.url())),
        ("act", json!(null)),
    ] {
        assert_eq!(shown[name], value, "{name} in {shown}");
    }
    assert!(shown["scope"].is_array(), "{shown}");

    let exchanged = token(
        &issuer,
        &[
            ("grant_type", EXCHANGE),
            ("subject_token", &own),
            ("subject_token_type", ACCESS_TOKEN),
            ("audience", ORDERS),
            ("scope", "orders:read"),
        ],
    );
    assert_eq!(exchanged.json()["issued_token_type"], ACCESS_TOKEN);
    assert_eq!(exchanged.json()["refresh_token"], json!(null));
    let exchanged = access_token(&exchanged);
    let shown = tokeninfo(&issuer, &exchanged);
    assert_eq!(shown["aud"], json!(["night-batch", ORDERS]));
    assert_eq!(shown["act"], json!({ "sub": "night-batch" }));
    assert_eq!(
        (&shown["sub"], &shown["grant_type"]),
        (&json!("night-batch"), &json!(EXCHANGE))
    );
    assert_eq!(shown["scope"], json!(["orders:read"]));
    assert_eq!(claims(&exchanged), shown);

    let user = access_token(&issuer.sign_in("assistant", ALICE_BY_PASSWORD, ORDERS, "orders:read"));
    // `act` names the agent itself, and the log shows it so.
    let (agent, user_chain) = ("night-batch > night-batch", "alice > assistant");
    application.check(&[
        (
            "its own token at the application",
            "GET /autonomous",
            &own,
            "401 invalid_claim",
            "",
        ),
        (
            "a route for autonomous agents",
            "GET /autonomous",
            &exchanged,
            "200 allowed",
            agent,
        ),
        (
            "human must initiate",
            "GET /human",
            &exchanged,
            "403 initiator_not_human",
            agent,
        ),
        (
            "delegated only",
            "GET /delegated",
            &exchanged,
            "403 actor_missing",
            agent,
        ),
        (
            "on behalf of a user",
            "GET /delegated",
            &user,
            "200 allowed",
            user_chain,
        ),
    ]);
}
