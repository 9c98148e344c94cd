//! Refresh tokens, with a gate in front of an API.

use serde_json::json;

use crate::deployment::bundled_issuer::{
    ALICE_BY_PASSWORD, BundledIssuer, ORDERS, access_token, claims, error, gate_for, refresh_token,
};
use crate::deployment::gate::Gate;
use crate::deployment::upstream::Upstream;
use crate::wire::challenge::Challenge;
use crate::wire::{self, bearer, request};

const POLICY: &str = "
requirements:
  fresh-human:
    initiator: { kind: human, max_auth_age: 5m }
routes:
  - match: GET /orders/{id}
    scopes: [orders:read]
    initiator: { kind: human }
    actor: { one_of: [assistant] }
  - match: POST /orders
    scopes: [orders:write]
    require: [fresh-human]
";

const SCOPE: &str = "offline_access orders:read orders:write";

fn gate(issuer: &BundledIssuer) -> (Gate, Upstream) {
    let upstream = Upstream::start();
    (gate_for(issuer, upstream.address(), ORDERS, POLICY), upstream)
}

#[test]
fn a_refreshed_token_is_used_as_the_first_one_with_the_whole_chain() {
    let issuer = BundledIssuer::start();
    let (gate, _upstream) = gate(&issuer);
    let first = issuer.sign_in("assistant", ALICE_BY_PASSWORD, ORDERS, SCOPE);
    let second = issuer.refresh("assistant", &refresh_token(&first), "");
    let third = issuer.refresh("assistant", &refresh_token(&second), "orders:read");
    for answer in [&first, &second, &third] {
        let token = access_token(answer);
        let known = gate.decisions().len();
        assert_eq!(wire::get(gate.address, "/orders/1", &token).status, 200);
        let text = gate.decision_after(known).to_string();
        assert!(text.contains("alice") && text.contains("assistant"), "{text}");
        assert_eq!(claims(&token)["auth_time"], claims(&access_token(&first))["auth_time"]);
    }
    assert_eq!(claims(&access_token(&third))["scope"], "orders:read");
    let narrowed = request("POST", "/orders", &[&bearer(&access_token(&third))]);
    assert_eq!(wire::answer(gate.address, &narrowed).status, 403);
}

#[test]
fn a_refresh_token_is_no_bearer_token() {
    let issuer = BundledIssuer::start();
    let (gate, _upstream) = gate(&issuer);
    let token = refresh_token(&issuer.sign_in("assistant", ALICE_BY_PASSWORD, ORDERS, SCOPE));
    assert_eq!(wire::get(gate.address, "/orders/1", &token).status, 401);
}

#[test]
fn a_used_token_ends_the_family() {
    let issuer = BundledIssuer::start();
    let first = issuer.sign_in("storefront", ALICE_BY_PASSWORD, ORDERS, SCOPE);
    let second = issuer.refresh("storefront", &refresh_token(&first), "");
    let invalid = (400, "invalid_grant".to_owned());
    assert_eq!(
        error(&issuer.refresh("storefront", &refresh_token(&first), "")),
        invalid
    );
    assert_eq!(
        error(&issuer.refresh("storefront", &refresh_token(&second), "")),
        invalid
    );
    assert!(!issuer.is_active("storefront", &access_token(&second)));
}

#[test]
fn the_expiry_of_the_family_is_absolute() {
    let (issuer, handle) = BundledIssuer::start_with_handle();
    let mut last = refresh_token(&issuer.sign_in("storefront", ALICE_BY_PASSWORD, ORDERS, SCOPE));
    for days in [10, 20, 29] {
        handle.set_clock_offset(days * 86_400);
        last = refresh_token(&issuer.refresh("storefront", &last, ""));
    }
    handle.set_clock_offset(31 * 86_400);
    let late = issuer.refresh("storefront", &last, "");
    assert_eq!(error(&late), (400, "invalid_grant".to_owned()));
}

#[test]
fn an_exchanged_token_has_no_refresh_token() {
    let issuer = BundledIssuer::start();
    let subject = access_token(&issuer.sign_in("storefront", ALICE_BY_PASSWORD, "https://assistant.example", SCOPE));
    let exchanged = issuer.exchange("assistant", &subject, ORDERS, "orders:read");
    access_token(&exchanged);
    assert_eq!(exchanged.json()["refresh_token"], json!(null));
}

#[test]
fn the_scope_is_never_wider() {
    let issuer = BundledIssuer::start();
    let first = refresh_token(&issuer.sign_in("storefront", ALICE_BY_PASSWORD, ORDERS, "offline_access orders:read"));
    let wider = issuer.refresh("storefront", &first, "orders:read orders:write");
    assert_eq!(error(&wider), (400, "invalid_scope".to_owned()));
    refresh_token(&issuer.refresh("storefront", &first, "orders:read"));
}

#[test]
fn a_refresh_is_no_new_login() {
    let (issuer, handle) = BundledIssuer::start_with_handle();
    let (gate, _upstream) = gate(&issuer);
    handle.set_clock_offset(-400);
    let first = issuer.sign_in("storefront", ALICE_BY_PASSWORD, ORDERS, SCOPE);
    handle.set_clock_offset(0);
    let refreshed = access_token(&issuer.refresh("storefront", &refresh_token(&first), ""));
    let order = |token: &str| wire::answer(gate.address, &request("POST", "/orders", &[&bearer(token)]));
    let answer = order(&refreshed);
    let challenge = answer.field("www-authenticate").expect("a challenge");
    let challenge = Challenge::parse(&challenge).expect("a challenge");
    assert_eq!(answer.status, 401);
    assert_eq!(challenge.parameter("error"), Some("insufficient_user_authentication"));
    assert_eq!(challenge.parameter("max_age"), Some("300"));
    let again = access_token(&issuer.sign_in("storefront", ALICE_BY_PASSWORD, ORDERS, SCOPE));
    assert_eq!(order(&again).status, 200);
}
