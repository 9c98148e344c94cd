//! The actor: similar names, other places, missing, present, of another issuer.

use serde_json::{Value, json};

use crate::deployment::Deployment;
use crate::mint::{ISSUER, TokenIssuer, chain};
use crate::table::{FORBIDDEN, INSUFFICIENT_SCOPE, INVALID_TOKEN, PASSES, Table, Want};
use crate::wire::{bearer, request};

pub const AGENT: &str = "refund-agent-canary";

pub const POLICY: &str = r#"
routes:
  - match: GET /open/{*rest}
    public: true
  - match: GET /orders/{id}
    scopes: [orders:read]
  - match: GET /people/{id}
    actor: { absent: true }
  - match: GET /delegated/{id}
    actor: { required: true }
  - match: GET /named/{id}
    actor: { one_of: [refund-agent-canary] }
  - match: GET /named-elsewhere/{id}
    actor: { one_of: [{ issuer: "https://partner.example.com", subject: refund-agent-canary }] }
  - match: GET /own-issuer/{id}
    actor: { required: true, issuer: "https://idp.example.com" }
  - match: GET /shallow/{id}
    chain: { max_depth: 2 }
  - match: GET /scoped/{id}
    scopes: [admin]
    actor: { one_of: [refund-agent-canary] }
"#;

pub fn deployment() -> Deployment {
    Deployment::with_policy(POLICY)
}

/// Sends GET `target` with `token`.
pub fn row(table: &mut Table<'_>, name: &str, target: &str, token: &str, want: Want) {
    let bytes = request("GET", target, &[&bearer(token)]);
    table.request(&format!("{name} at {target}"), &bytes, want);
}

#[test]
fn the_name_of_the_actor_is_compared_exactly() {
    let deployment = deployment();
    let issuer = &deployment.issuer;
    let mut table = Table::on(&deployment);
    let valid = issuer.token(json!({ "act": { "sub": AGENT } }));
    row(&mut table, "the permitted name", "/named/1", &valid, PASSES);
    for name in [
        "Refund-Agent-canary",
        "REFUND-AGENT-CANARY",
        " refund-agent-canary",
        "refund-agent-canary ",
        "refund-agent-canar",
        "refund-agent-canaryx",
        "xrefund-agent-canary",
        "refund-agent-canary,other",
        "other refund-agent-canary",
        "refund_agent_canary",
        "refund-agent-canary/",
        "refund‐agent‐canary",
        "rеfund-agent-canary",
        "refund-agent-canary\u{200b}",
        "[\"refund-agent-canary\"]",
        "*",
        "",
    ] {
        let want = match name {
            "" => INVALID_TOKEN,
            _ => FORBIDDEN,
        };
        let token = issuer.token(json!({ "act": { "sub": name } }));
        row(&mut table, &format!("{name:?}"), "/named/1", &token, want);
    }
    let nul = issuer.token(json!({ "act": { "sub": "refund-agent-canary\u{0}" } }));
    // Another name is denied with 403, a control character with 401.
    row(&mut table, "a NUL after the name", "/named/1", &nul, INVALID_TOKEN);
    let list = issuer.token(json!({ "act": { "sub": [AGENT] } }));
    row(&mut table, "a list with the name", "/named/1", &list, INVALID_TOKEN);
    table.finish();
}

#[test]
fn only_the_current_actor_is_compared() {
    let deployment = deployment();
    let issuer = &deployment.issuer;
    let mut table = Table::on(&deployment);
    for (what, changes) in [
        ("as a prior actor", json!({ "act": chain(&["other", AGENT]) })),
        (
            "as a prior actor at depth three",
            json!({ "act": chain(&["a", "b", AGENT]) }),
        ),
        (
            "as a prior actor at the far end",
            json!({ "act": chain(&["a", "b", "c", "d", "e", "f", AGENT]) }),
        ),
        ("in may_act", json!({ "may_act": { "sub": AGENT } })),
        (
            "in may_act beside another actor",
            json!({ "may_act": { "sub": AGENT }, "act": { "sub": "other" } }),
        ),
        (
            "in may_act of the actor",
            json!({ "act": { "sub": "other", "may_act": { "sub": AGENT } } }),
        ),
        ("in client_id", json!({ "client_id": AGENT })),
        ("in azp", json!({ "azp": AGENT })),
        (
            "in client_id of the actor",
            json!({ "act": { "sub": "other", "client_id": AGENT } }),
        ),
        ("in sub", json!({ "sub": AGENT, "sub_profile": "ai_agent" })),
        ("in a claim of another case", json!({ "Act": { "sub": AGENT } })),
        ("in a claim in upper case", json!({ "ACT": { "sub": AGENT } })),
        ("in a claim of another name", json!({ "actor": { "sub": AGENT } })),
        (
            "in the display name of another",
            json!({ "act": { "sub": "other", "name": AGENT } }),
        ),
        (
            "in delegated_through",
            json!({ "delegated_through": [{ "sub": AGENT }] }),
        ),
    ] {
        row(&mut table, what, "/named/1", &issuer.token(changes), FORBIDDEN);
    }
    let other = issuer.token(json!({ "act": { "sub": "other" } }));
    for line in [
        "X-Auth-Actor: refund-agent-canary",
        "X_Auth_Actor: refund-agent-canary",
        "Act: refund-agent-canary",
    ] {
        let bytes = request("GET", "/named/1", &[&bearer(&other), line]);
        table.request(&format!("in the request header {line}"), &bytes, FORBIDDEN);
    }
    table.finish();
}

#[test]
fn an_actor_is_required_or_absent() {
    let deployment = deployment();
    let issuer = &deployment.issuer;
    let mut table = Table::on(&deployment);
    let alone = issuer.token(json!({}));
    let delegated = issuer.token(json!({ "act": { "sub": AGENT } }));
    let itself =
        issuer.token(json!({ "sub": "bot-canary", "sub_profile": "ai_agent", "act": { "sub": "bot-canary" } }));
    row(
        &mut table,
        "actor required, none present",
        "/delegated/1",
        &alone,
        FORBIDDEN,
    );
    row(
        &mut table,
        "actor required, none present",
        "/named/1",
        &alone,
        FORBIDDEN,
    );
    row(
        &mut table,
        "actor required, the actor is the subject",
        "/delegated/1",
        &itself,
        FORBIDDEN,
    );
    row(
        &mut table,
        "actor required, present",
        "/delegated/1",
        &delegated,
        PASSES,
    );
    row(&mut table, "actor absent, none present", "/people/1", &alone, PASSES);
    for (what, act) in [
        ("any", json!({ "sub": AGENT })),
        (
            "with another issuer",
            json!({ "sub": AGENT, "iss": "https://partner.example.com" }),
        ),
        ("of kind user", json!({ "sub": "admin-canary", "sub_profile": "user" })),
        ("a chain", chain(&["a", "b", "c"])),
    ] {
        let token = issuer.token(json!({ "act": act }));
        row(
            &mut table,
            &format!("actor absent: {what}"),
            "/people/1",
            &token,
            FORBIDDEN,
        );
    }
    table.finish();
}

#[test]
fn an_actor_of_another_issuer_is_another_party() {
    let deployment = deployment();
    let issuer = &deployment.issuer;
    let mut table = Table::on(&deployment);
    let act = |iss: Value| issuer.token(json!({ "act": { "sub": AGENT, "iss": iss } }));
    row(
        &mut table,
        "the issuer of the token, explicit",
        "/named/1",
        &act(json!(ISSUER)),
        PASSES,
    );
    row(
        &mut table,
        "the issuer of the token, explicit",
        "/own-issuer/1",
        &act(json!(ISSUER)),
        PASSES,
    );
    for (iss, want) in [
        (json!("https://partner.example.com"), FORBIDDEN),
        (json!("https://evil.example.com"), FORBIDDEN),
        (json!("https://idp.example.com/"), FORBIDDEN),
        (json!("https://IDP.example.com"), FORBIDDEN),
        (json!("https://idp.example.com:443"), FORBIDDEN),
        (json!("http://idp.example.com"), FORBIDDEN),
        (json!(""), INVALID_TOKEN),
        (json!(1), INVALID_TOKEN),
        (json!(null), INVALID_TOKEN),
        (json!([ISSUER]), INVALID_TOKEN),
        (json!({ "iss": ISSUER }), INVALID_TOKEN),
    ] {
        let token = act(iss.clone());
        row(&mut table, &format!("act.iss {iss}"), "/named/1", &token, want);
        row(&mut table, &format!("act.iss {iss}"), "/own-issuer/1", &token, want);
    }
    let partner = act(json!("https://partner.example.com"));
    row(
        &mut table,
        "the pair the policy names",
        "/named-elsewhere/1",
        &partner,
        PASSES,
    );
    let own = issuer.token(json!({ "act": { "sub": AGENT } }));
    row(
        &mut table,
        "missing where another is required",
        "/named-elsewhere/1",
        &own,
        FORBIDDEN,
    );
    table.finish();
}

#[test]
fn an_actor_in_a_forged_token_is_denied() {
    let deployment = deployment();
    let untrusted = TokenIssuer::new();
    let mut table = Table::on(&deployment);
    let token = untrusted.token(json!({ "act": { "sub": AGENT } }));
    for target in ["/named/1", "/delegated/1", "/people/1", "/scoped/1"] {
        row(&mut table, "an actor in a forged token", target, &token, INVALID_TOKEN);
    }
    table.finish();
}

/// RFC 8693 section 4.1: other claims inside `act` do not affect the decision.
#[test]
fn other_claims_inside_act_have_no_effect() {
    let deployment = deployment();
    let issuer = &deployment.issuer;
    let mut table = Table::on(&deployment);
    let loaded = json!({
        "sub": AGENT, "exp": 1, "nbf": 99_999_999_999_u64, "aud": "https://other.example.com",
        "scope": "admin", "amr": ["mfa"], "auth_time": 1, "roles": ["admin"], "cnf": { "jkt": "x" },
        "client_profile": "user",
    });
    let token = issuer.token(json!({ "act": loaded }));
    row(
        &mut table,
        "past dates, other audience, a confirmation",
        "/named/1",
        &token,
        PASSES,
    );
    row(
        &mut table,
        "a scope inside act grants nothing",
        "/scoped/1",
        &token,
        INSUFFICIENT_SCOPE,
    );
    table.finish();
}
