//! CIBA in poll mode: the user is elsewhere.

use serde_json::json;

use super::{Api, ORDERS, U1_BY_PASSWORD, check_issuer, issuer};
use crate::deployment::bundled_issuer::{BundledIssuer, access_token, claims, error};
use crate::wire::Answer;

const POLICY: &str = "
routes:
  - match: GET /orders
    scopes: [orders:read]
    initiator: { kind: human }
  - match: POST /orders
    scopes: [orders:read]
    initiator: { kind: human, max_auth_age: 5m }
";

/// Asks u1, and returns the identifier of the request.
fn ask(issuer: &BundledIssuer) -> String {
    let form = [
        ("scope", "openid orders:read"),
        ("resource", ORDERS),
        ("login_hint", "u1"),
        ("binding_message", "Order 7"),
    ];
    let answer = issuer.post_as("orch", "/bc-authorize", &form);
    assert_eq!(answer.status, 200, "{}", answer.everything());
    let json = answer.json();
    assert_eq!((&json["expires_in"], &json["interval"]), (&json!(300), &json!(5)));
    json["auth_req_id"].as_str().expect("an identifier").to_owned()
}

fn poll(issuer: &BundledIssuer, client: &str, id: &str) -> Answer {
    let form = [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", id)];
    issuer.token(client, &form)
}

fn decide(issuer: &BundledIssuer, id: &str, decision: &str) {
    let (code, _) = id.split_once('.').expect("a code");
    let page = issuer.approve(&format!("/ciba/{code}"), U1_BY_PASSWORD, decision);
    assert_eq!(page.status, 200, "{}", page.everything());
}

#[test]
fn a_user_who_is_elsewhere_approves() {
    let (issuer, handle) = issuer();
    let orders = Api::protect(&issuer, ORDERS, POLICY);
    // The request is older than `max_auth_age`, the approval is not.
    handle.set_clock_offset(-400);
    let id = ask(&issuer);
    assert_eq!(
        error(&poll(&issuer, "orch", &id)),
        (400, "authorization_pending".into())
    );
    handle.set_clock_offset(-250);
    decide(&issuer, &id, "allow");
    handle.set_clock_offset(-150);
    let answer = poll(&issuer, "orch", &id);
    assert!(answer.json()["id_token"].is_string());
    let token = access_token(&answer);
    let token_claims = claims(&token);
    assert_eq!(
        (&token_claims["sub"], &token_claims["amr"], &token_claims["act"]["sub"]),
        (&json!("u1"), &json!(["pwd"]), &json!("orch"))
    );
    // The same a second time, with an approval that is older than the policy allows.
    handle.set_clock_offset(-340);
    let old = ask(&issuer);
    decide(&issuer, &old, "allow");
    handle.set_clock_offset(-90);
    let old = access_token(&poll(&issuer, "orch", &old));
    handle.set_clock_offset(0);
    orders.check(&[
        ("human must initiate", "GET /orders", &token, "200 allowed", "u1 > orch"),
        (
            "max_auth_age from the approval",
            "POST /orders",
            &token,
            "200 allowed",
            "u1 > orch",
        ),
        (
            "an older approval",
            "POST /orders",
            &old,
            "401 auth_too_old",
            "u1 > orch",
        ),
        (
            "the same without max_auth_age",
            "GET /orders",
            &old,
            "200 allowed",
            "u1 > orch",
        ),
    ]);
    check_issuer(&[("second redemption", poll(&issuer, "orch", &id), "400 invalid_grant")]);
}

#[test]
fn polls_without_a_token() {
    let (issuer, handle) = issuer();
    let id = ask(&issuer);
    check_issuer(&[
        ("waiting", poll(&issuer, "orch", &id), "400 authorization_pending"),
        ("faster than the interval", poll(&issuer, "orch", &id), "400 slow_down"),
    ]);
    handle.set_clock_offset(7);
    check_issuer(&[("the interval has grown", poll(&issuer, "orch", &id), "400 slow_down")]);
    let denied = ask(&issuer);
    decide(&issuer, &denied, "deny");
    let late = ask(&issuer);
    let (of_another, without_grant) = (poll(&issuer, "tool", &id), poll(&issuer, "bot", &id));
    check_issuer(&[
        ("the user denies", poll(&issuer, "orch", &denied), "400 access_denied"),
        ("other client", of_another, "400 invalid_grant"),
        ("a client without the grant", without_grant, "400 unauthorized_client"),
    ]);
    handle.set_clock_offset(400);
    check_issuer(&[("too late", poll(&issuer, "orch", &late), "400 expired_token")]);
}
