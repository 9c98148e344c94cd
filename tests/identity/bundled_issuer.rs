//! Token exchange at the bundled issuer: the upstream receives a token of its own, with the whole chain.

use serde_json::json;

use crate::deployment::bundled_issuer::{ALICE_BY_PASSWORD, BundledIssuer, ORDERS, access_token, claims};
use crate::deployment::gate::Gate;
use crate::deployment::upstream::Upstream;
use crate::wire::{self, bearer, request};

/// The audience of the gate, which is the client `shopper` of the issuer.
const SHOPPER: &str = "https://shopper.example";

#[test]
fn the_exchanged_token_is_for_the_upstream_and_names_every_actor() {
    let issuer = BundledIssuer::start();
    let upstream = Upstream::start();
    let url = issuer.url();
    let gate = Gate::run_beside(
        &format!(
            "listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\naudience: {SHOPPER}\nupstream:\n  url: http://{}\n  token_exchange:\n    \
             token_endpoint: {url}/token\n    client_id: shopper\n    client_secret_file: shopper.secret\n    \
             resource: {ORDERS}\n    scopes: orders:read\naccess_token: exchange\nissuers:\n  - issuer: {url}\n\
             routes:\n  - match: GET /orders/{{id}}\n    scopes: [orders:read]\n",
            upstream.address()
        ),
        &[("shopper.secret", "shopper-secret")],
    );
    gate.wait_until_ready();
    let scope = "orders:read orders:write";
    let user = access_token(&issuer.sign_in("storefront", ALICE_BY_PASSWORD, "https://assistant.example", scope));
    let caller = access_token(&issuer.exchange("assistant", &user, SHOPPER, scope));
    let answer = wire::answer(gate.address, &request("GET", "/orders/1", &[&bearer(&caller)]));
    assert_eq!(
        answer.status,
        200,
        "{}\n{}",
        answer.everything(),
        gate.process.stderr().join("\n")
    );

    let received = upstream.since(0).remove(0);
    let authorization = received.head.value("authorization").expect("a token");
    let exchanged = authorization.strip_prefix("Bearer ").expect("a bearer token");
    assert_ne!(exchanged, caller);
    let exchanged = claims(exchanged);
    assert_eq!(
        (&exchanged["aud"], &exchanged["scope"]),
        (&json!(ORDERS), &json!("orders:read"))
    );
    assert_eq!(exchanged["sub"], "alice");
    assert_eq!(exchanged["act"]["sub"], "shopper");
    assert_eq!(exchanged["act"]["act"]["sub"], "assistant");
    assert_eq!(exchanged["act"]["act"]["act"], json!(null));
    assert!(exchanged["exp"].as_u64() <= claims(&caller)["exp"].as_u64());

    // The issuer knows no exchange of the token of a subject that the client may not act for.
    let other = access_token(&issuer.client_credentials("assistant", SHOPPER, "orders:read"));
    let answer = wire::get(gate.address, "/orders/1", &other);
    assert_eq!(answer.status, 200, "{}", answer.everything());
    let bob = access_token(&issuer.client_credentials("night-batch", "https://night-batch.example", "orders:read"));
    assert_eq!(
        wire::get(gate.address, "/orders/1", &bob).status,
        401,
        "another audience"
    );
}
