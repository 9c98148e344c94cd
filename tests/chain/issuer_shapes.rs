//! Two forms of real issuers: an autonomous agent as its own actor, and a person with two agents.

use serde_json::{Value, json};

use crate::deployment::Deployment;
use crate::mint::{ISSUER, chain};

const POLICY: &str = r#"
requirements:
  human-must-initiate:
    initiator: { kind: human }
routes:
  - match: GET /human
    require: [human-must-initiate]
  - match: DELETE /human
    require: [human-must-initiate]
  - match: GET /autonomous
    initiator: { kind: agent }
  - match: GET /delegated
    actor: { required: true }
  - match: GET /by-planner
    actor: { one_of: [planner] }
  - match: GET /by-orchestrator
    actor: { one_of: [orchestrator] }
  - match: GET /by-bot
    actor: { one_of: [bot] }
  - match: GET /two-hops
    chain: { max_depth: 2 }
  - match: GET /one-hop
    chain: { max_depth: 1 }
  - match: GET /known-actors
    chain: { all_of: [orchestrator, planner] }
"#;

fn assert_codes(claims: Value, expected: &[(&str, &str)]) {
    let deployment = Deployment::with_policy(POLICY);
    let token = deployment.issuer.token(claims);
    for (n, (target, code)) in expected.iter().enumerate() {
        let status = deployment.status(target, &token);
        let event = deployment.gate.decision_after(n);
        let code = match *code {
            "" => Value::Null,
            code => json!(code),
        };
        assert_eq!(event["code"], code, "{target}: {event}");
        assert_eq!(status, if code.is_null() { 200 } else { 403 }, "{target}");
    }
}

#[test]
fn an_agent_that_is_its_own_actor_is_autonomous() {
    let claims = json!({
        "sub": "bot", "client_id": "bot", "sub_profile": "ai_agent", "act": { "sub": "bot" },
        "aud": ["bot", crate::mint::AUDIENCE],
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    });
    let expected = [
        ("/autonomous", ""),
        ("/human", "initiator_not_human"),
        ("/delegated", "actor_missing"),
        ("/by-bot", "actor_missing"),
        ("/two-hops", ""),
    ];
    assert_codes(claims.clone(), &expected);
    // With an explicit issuer it is the same party.
    let mut named = claims;
    named["act"] = json!({ "sub": "bot", "iss": ISSUER });
    assert_codes(named, &expected);
}

#[test]
fn an_agent_of_another_issuer_is_another_party() {
    let act = json!({ "sub": "bot", "iss": "https://partner.example.com", "sub_profile": "ai_agent" });
    let claims = json!({ "sub": "bot", "sub_profile": "ai_agent", "act": act });
    assert_codes(
        claims,
        &[
            ("/autonomous", ""),
            ("/delegated", ""),
            ("/by-bot", "actor_not_allowed"),
        ],
    );
}

#[test]
fn a_human_with_two_agents_is_the_initiator() {
    let act = chain(&["planner", "orchestrator"]);
    let claims = json!({ "sub": "u1", "sub_profile": "user", "client_id": "planner", "act": act });
    assert_codes(
        claims,
        &[
            ("/human", ""),
            ("/delegated", ""),
            ("/by-planner", ""),
            ("/by-orchestrator", "actor_not_allowed"),
            ("/two-hops", ""),
            ("/one-hop", "chain_too_deep"),
            ("/known-actors", ""),
            ("/autonomous", "initiator_kind_not_allowed"),
        ],
    );
}

#[test]
fn a_human_in_the_chain_of_a_machine_is_not_the_initiator() {
    let act = json!({ "sub": "u1", "sub_profile": "user", "act": { "sub": "u2", "sub_profile": "user" } });
    let claims = |act| json!({ "sub": "bot", "sub_profile": "ai_agent", "act": act });
    assert_codes(
        claims(act),
        &[("/human", "chain_inverted"), ("/autonomous", "chain_inverted")],
    );
    let prior = json!({ "sub": "a1", "act": { "sub": "u2", "sub_profile": "user" } });
    assert_codes(claims(prior), &[("/human", "initiator_not_human")]);
}
