//! Authorization code with PKCE: the user is present.

use serde_json::json;

use super::{Api, ORDERS, U1_BY_PASSWORD, check_issuer, issuer};
use crate::deployment::bundled_issuer::{BundledIssuer, access_token, claims, refresh_token};
use crate::wire::{self, Answer, request};

const POLICY: &str = "
routes:
  - match: GET /orders
    scopes: [orders:read]
    initiator: { kind: human }
  - match: GET /people
    scopes: [orders:read]
    initiator: { kind: human }
    actor: { absent: true }
  - match: DELETE /orders
    scopes: [orders:write]
";

const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-0123456789";
const SCOPE: &str = "openid offline_access orders:read";

fn redeem(issuer: &BundledIssuer, client: &str, code: &str, verifier: Option<&str>) -> Answer {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", "https://web.example/callback"),
    ];
    form.extend(verifier.map(|verifier| ("code_verifier", verifier)));
    issuer.token(client, &form)
}

#[test]
fn a_user_through_an_application_and_through_an_agent() {
    let (issuer, _) = issuer();
    let orders = Api::protect(&issuer, ORDERS, POLICY);
    let web = issuer.sign_in("web", U1_BY_PASSWORD, ORDERS, SCOPE);
    let agent = issuer.sign_in("orch", U1_BY_PASSWORD, ORDERS, SCOPE);
    assert!(agent.json()["id_token"].is_string() && agent.json()["refresh_token"].is_string());
    let (web, agent) = (access_token(&web), access_token(&agent));
    let claims = claims(&agent);
    assert_eq!(
        (
            &claims["sub"],
            &claims["sub_profile"],
            &claims["client_id"],
            &claims["amr"]
        ),
        (&json!("u1"), &json!("user"), &json!("orch"), &json!(["pwd"]))
    );
    assert_eq!(
        claims["act"],
        json!({ "iss": issuer.url(), "sub": "orch", "sub_profile": "ai_agent" })
    );
    orders.check(&[
        (
            "human must initiate: agent",
            "GET /orders",
            &agent,
            "200 allowed",
            "u1 > orch",
        ),
        (
            "human must initiate: application",
            "GET /orders",
            &web,
            "200 allowed",
            "u1",
        ),
        ("people only: application", "GET /people", &web, "200 allowed", "u1"),
        (
            "people only: agent",
            "GET /people",
            &agent,
            "403 actor_present",
            "u1 > orch",
        ),
        (
            "more than was granted",
            "DELETE /orders",
            &web,
            "403 insufficient_scope",
            "u1",
        ),
    ]);
}

#[test]
fn what_the_user_denies_and_withdraws() {
    let (issuer, _) = issuer();
    let query = issuer.authorization_query("web", ORDERS, SCOPE, VERIFIER, &[]);
    let back = issuer.decide_on_pages(&query, U1_BY_PASSWORD, "deny");
    let error = back.query_pairs().find(|(name, _)| name == "error");
    assert_eq!(error.expect("an error").1, "access_denied", "{back}");

    let first = issuer.sign_in("web", U1_BY_PASSWORD, super::ORCH, SCOPE);
    issuer.withdraw_consent("u1", "password-of-u1", "web");
    let exchange = super::exchange(&issuer, "orch", &access_token(&first), ORDERS, "orders:read");
    check_issuer(&[
        (
            "refresh",
            issuer.refresh("web", &refresh_token(&first), ""),
            "400 invalid_grant",
        ),
        ("exchange", exchange, "400 invalid_request"),
    ]);
}

#[test]
fn codes_that_give_no_token() {
    let (issuer, handle) = issuer();
    let code = || issuer.code("web", U1_BY_PASSWORD, ORDERS, SCOPE, VERIFIER);
    let wrong = VERIFIER.replace('a', "b");
    let expired = code();
    handle.set_clock_offset(900);
    let expired = redeem(&issuer, "web", &expired, Some(VERIFIER));
    handle.set_clock_offset(0);
    let twice = code();
    let first = redeem(&issuer, "web", &twice, Some(VERIFIER));
    let token = access_token(&first);
    assert!(issuer.is_active("monitor", &token));
    check_issuer(&[
        (
            "wrong verifier",
            redeem(&issuer, "web", &code(), Some(&wrong)),
            "400 invalid_grant",
        ),
        (
            "missing verifier",
            redeem(&issuer, "web", &code(), None),
            "400 invalid_request",
        ),
        (
            "other client",
            redeem(&issuer, "orch", &code(), Some(VERIFIER)),
            "400 invalid_grant",
        ),
        ("expired code", expired, "400 invalid_grant"),
        (
            "code twice",
            redeem(&issuer, "web", &twice, Some(VERIFIER)),
            "400 invalid_grant",
        ),
        (
            "code twice revokes what it gave",
            issuer.refresh("web", &refresh_token(&first), ""),
            "400 invalid_grant",
        ),
    ]);
    assert!(!issuer.is_active("monitor", &token), "a code used twice");
}

#[test]
fn requests_that_are_not_redirected() {
    let (issuer, _) = issuer();
    let usual = issuer.authorization_query("web", ORDERS, SCOPE, VERIFIER, &[]);
    for (what, query) in [
        ("unknown client", usual.replace("client_id=web", "client_id=unknown")),
        ("redirect URI not exact", usual.replace("callback", "callback2")),
    ] {
        let page = wire::answer(
            issuer.address,
            &request("GET", &format!("/authorize?{query}"), &["Host: localhost"]),
        );
        assert_eq!((page.status, page.field("location")), (400, None), "{what}");
    }
}
