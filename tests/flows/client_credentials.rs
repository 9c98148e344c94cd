//! Client credentials: an agent on its own.

use serde_json::json;

use super::{Api, ORDERS, check_issuer, issuer, own_token};
use crate::deployment::bundled_issuer::claims;
use crate::wire;

const LOGS: &str = "https://logs.example";

const POLICY: &str = "
routes:
  - match: GET /logs
    scopes: [logs:read]
  - match: DELETE /logs
    scopes: [logs:write]
  - match: GET /reports
    scopes: [logs:read]
    initiator: { kind: human }
";

#[test]
fn an_agent_on_its_own() {
    let (issuer, _) = issuer();
    let logs = Api::protect(&issuer, LOGS, POLICY);
    let other = Api::protect(&issuer, ORDERS, POLICY);
    let answer = issuer.client_credentials("bot", LOGS, "logs:read");
    let json = answer.json();
    assert!(
        json.get("id_token").is_none() && json.get("refresh_token").is_none(),
        "{json}"
    );
    let token = own_token(&issuer, "bot", LOGS, "logs:read");
    let token_claims = claims(&token);
    for (name, value) in [
        ("sub", "bot"),
        ("sub_profile", "ai_agent"),
        ("client_id", "bot"),
        ("aud", LOGS),
        ("scope", "logs:read"),
    ] {
        assert_eq!(token_claims[name], json!(value), "{name}");
    }
    assert!(token_claims.get("act").is_none(), "{token_claims}");

    logs.check(&[
        ("GET with scope logs:read", "GET /logs", &token, "200 allowed", "bot"),
        (
            "a route that needs logs:write",
            "DELETE /logs",
            &token,
            "403 insufficient_scope",
            "bot",
        ),
        (
            "human must initiate",
            "GET /reports",
            &token,
            "403 initiator_not_human",
            "bot",
        ),
    ]);
    other.check(&[("the same at another API", "GET /logs", &token, "401 invalid_claim", "")]);

    let public = [("grant_type", "client_credentials"), ("client_id", "app")];
    check_issuer(&[
        (
            "scope not registered",
            issuer.client_credentials("bot", LOGS, "orders:read"),
            "400 invalid_scope",
        ),
        (
            "public client",
            wire::post_form(issuer.address, "/token", &[], &public),
            "400 unauthorized_client",
        ),
        (
            "unknown resource",
            issuer.client_credentials("bot", "https://nowhere.example", "logs:read"),
            "400 invalid_target",
        ),
    ]);
}
