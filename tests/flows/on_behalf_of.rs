//! On behalf of: an agent exchanges the token of a user.

use serde_json::json;

use super::{Api, ORCH, ORDERS, U1_BY_PASSWORD, check_issuer, exchange, exchange_for, issuer, own_token};
use crate::deployment::bundled_issuer::{ACCESS_TOKEN, EXCHANGE, access_token, claims};
use crate::wire;

const POLICY: &str = "
routes:
  - match: GET /orders
    scopes: [orders:read]
    initiator: { kind: human }
    actor: { one_of: [orch] }
    client: { one_of: [orch] }
";

const INBOUND: &str = "
routes:
  - match: POST /tasks
    initiator: { kind: human }
";

#[test]
fn an_agent_exchanges_the_token_of_a_user() {
    let (issuer, _) = issuer();
    let orders = Api::protect(&issuer, ORDERS, POLICY);
    let inbound = Api::protect(&issuer, ORCH, INBOUND);
    let scope = "orders:read orders:refund";
    let subject = access_token(&issuer.sign_in("web", U1_BY_PASSWORD, ORCH, scope));
    let elsewhere = access_token(&issuer.sign_in("web", U1_BY_PASSWORD, ORDERS, scope));
    inbound.check(&[
        ("the agent's own API", "POST /tasks", &subject, "200 allowed", "u1"),
        (
            "the same with another audience",
            "POST /tasks",
            &elsewhere,
            "401 invalid_claim",
            "",
        ),
    ]);
    assert_eq!(
        wire::answer(inbound.gate.address, &wire::request("POST", "/tasks", &[])).status,
        401,
        "no token"
    );

    let answer = exchange(&issuer, "orch", &subject, ORDERS, "orders:read");
    let json = answer.json();
    assert_eq!(json["issued_token_type"], ACCESS_TOKEN);
    assert_eq!(json["refresh_token"], json!(null));
    let token = access_token(&answer);
    let (before, after) = (claims(&subject), claims(&token));
    for (name, value) in [
        ("sub", "u1"),
        ("client_id", "orch"),
        ("aud", ORDERS),
        ("scope", "orders:read"),
    ] {
        assert_eq!(after[name], json!(value), "{name}");
    }
    assert_eq!(
        after["act"],
        json!({ "iss": issuer.url(), "sub": "orch", "sub_profile": "ai_agent" })
    );
    assert!(after["exp"].as_u64() <= before["exp"].as_u64());
    assert!(after.get("may_act").is_none(), "`may_act` is never copied");
    orders.check(&[
        (
            "the new token at orders",
            "GET /orders",
            &token,
            "200 allowed",
            "u1 > orch",
        ),
        (
            "the subject token at orders",
            "GET /orders",
            &subject,
            "401 invalid_claim",
            "",
        ),
    ]);

    let other = access_token(&issuer.sign_in("web", ("u2", "password-of-u2", ""), ORCH, "orders:read"));
    let own = own_token(&issuer, "orch", ORCH, "orders:read");
    let with_actor = |actor: &str, kind: &str| {
        let form = [
            ("grant_type", EXCHANGE),
            ("subject_token", &*subject),
            ("subject_token_type", ACCESS_TOKEN),
            ("actor_token", actor),
            ("actor_token_type", kind),
            ("resource", ORDERS),
            ("scope", "orders:read"),
        ];
        let form: Vec<_> = form.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        issuer.token("orch", &form)
    };
    assert_eq!(with_actor(&own, ACCESS_TOKEN).status, 200);
    check_issuer(&[
        (
            "more scope than the subject token has",
            exchange(&issuer, "orch", &subject, ORDERS, "orders:read orders:write"),
            "400 invalid_scope",
        ),
        (
            "a user for whom the agent may not act",
            exchange(&issuer, "orch", &other, ORDERS, "orders:read"),
            "400 invalid_request",
        ),
        (
            "actor_token without its type",
            with_actor(&own, ""),
            "400 invalid_request",
        ),
        (
            "an actor token that has an actor",
            with_actor(&token, ACCESS_TOKEN),
            "400 invalid_request",
        ),
        (
            "two resources",
            exchange_for(
                &issuer,
                "orch",
                &subject,
                &[ORDERS, "https://analytics.example"],
                "orders:read",
            ),
            "400 invalid_target",
        ),
    ]);
}
