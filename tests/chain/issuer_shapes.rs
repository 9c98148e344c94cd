//! Two shapes that real issuers write: an autonomous agent whose actor is itself, and a person behind two agents.

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
  - match: GET /ours
    chain: { all_of: [orchestrator, planner] }
"#;

fn judge(claims: Value, expected: &[(&str, &str)]) {
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
fn autonomous_agent_whose_act_sub_equals_its_sub() {
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
    judge(claims.clone(), &expected);
    // The same with its issuer spelled out is the same party.
    let mut named = claims;
    named["act"] = json!({ "sub": "bot", "iss": ISSUER });
    judge(named, &expected);
}

#[test]
fn an_agent_of_the_same_name_elsewhere_is_another_party() {
    let act = json!({ "sub": "bot", "iss": "https://partner.example.com", "sub_profile": "ai_agent" });
    let claims = json!({ "sub": "bot", "sub_profile": "ai_agent", "act": act });
    judge(
        claims,
        &[
            ("/autonomous", ""),
            ("/delegated", ""),
            ("/by-bot", "actor_not_allowed"),
        ],
    );
}

#[test]
fn human_to_agent_to_agent() {
    let act = chain(&["planner", "orchestrator"]);
    let claims = json!({ "sub": "u1", "sub_profile": "user", "client_id": "planner", "act": act });
    judge(
        claims,
        &[
            ("/human", ""),
            ("/delegated", ""),
            ("/by-planner", ""),
            ("/by-orchestrator", "actor_not_allowed"),
            ("/two-hops", ""),
            ("/one-hop", "chain_too_deep"),
            ("/ours", ""),
            ("/autonomous", "initiator_kind_not_allowed"),
        ],
    );
}

#[test]
fn a_person_in_the_chain_does_not_make_a_person_the_initiator() {
    let act = json!({ "sub": "u1", "sub_profile": "user", "act": { "sub": "u2", "sub_profile": "user" } });
    let claims = json!({ "sub": "bot", "sub_profile": "ai_agent", "act": act });
    judge(claims, &[("/human", "initiator_not_human"), ("/autonomous", "")]);
}
