//! The agents that the owner knows: who is denied, and whose owner the decision log and `explain` show.

use serde_json::{Value, json};

use crate::check::{Files, output_text};
use crate::deployment::Deployment;
use crate::deployment::gate::run_to_end;
use crate::mint::{AUDIENCE, ISSUER, TokenIssuer, chain};

const POLICY: &str = "
agents:
  - { subject: refund-agent, owner: payments-team@example.com, groups: [payments], tenant: T1 }
  - { subject: plain-agent }
unregistered_agents: deny
routes:
  - { match: GET /open, public: true }
  - { match: GET /orders, scopes: { none_of: [never] } }
  - { match: GET /refunds, actor: { group: payments, same_tenant: tid } }
";

#[test]
fn the_owner_of_the_agent_that_acts_is_in_the_decision_log() {
    let deployment = Deployment::with_policy(POLICY);
    let by = |names: &[&str]| json!({ "act": chain(names) });
    let owner = json!("payments-team@example.com");
    let itself = |name: &str| json!({ "sub": name, "sub_profile": "ai_agent" });
    let rows: Vec<(&str, Value, u16, &str, Value)> = vec![
        ("/orders", by(&["refund-agent"]), 200, "", owner.clone()),
        ("/orders", by(&["refund-agent", "old"]), 200, "", owner.clone()),
        ("/orders", itself("refund-agent"), 200, "", owner.clone()),
        ("/orders", by(&["plain-agent"]), 200, "", Value::Null),
        ("/orders", by(&["plain-agent", "refund-agent"]), 200, "", Value::Null),
        ("/orders", json!({}), 200, "", Value::Null),
        ("/orders", by(&["other"]), 403, "agent_not_registered", Value::Null),
        ("/orders", itself("other"), 403, "agent_not_registered", Value::Null),
        (
            "/refunds",
            by(&["refund-agent"]),
            403,
            "actor_tenant_mismatch",
            owner.clone(),
        ),
        ("/missing", by(&["refund-agent"]), 403, "no_route", owner.clone()),
        (
            "/orders",
            json!({ "exp": 7, "act": chain(&["refund-agent"]) }),
            401,
            "invalid_claim",
            Value::Null,
        ),
        ("/open", by(&["refund-agent"]), 200, "", Value::Null),
    ];
    for (n, (path, claims, status, code, owner)) in rows.into_iter().enumerate() {
        let token = deployment.issuer.token(claims.clone());
        assert_eq!(deployment.status(path, &token), status, "{path} {claims}");
        let event = deployment.gate.decision_after(n);
        assert_eq!(event["code"].as_str().unwrap_or_default(), code, "{event}");
        assert_eq!(event.get("agent_owner").cloned().unwrap_or_default(), owner, "{event}");
        if code == "agent_not_registered" {
            assert_eq!(event["rule"], json!("GET /orders: unregistered_agents"), "{event}");
        }
    }
}

#[test]
fn explain_shows_what_the_policy_states_of_the_agent_that_acts() {
    let issuer = TokenIssuer::new();
    let files = Files::new();
    let gate = "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\n";
    let text = format!("{gate}audience: {AUDIENCE}\nissuers:\n  - issuer: {ISSUER}\n{POLICY}");
    let (config, keys) = (
        files.write("actgate.yaml", &text),
        files.write("keys.json", &issuer.document()),
    );
    let explain = |path: &str, claims: Value| {
        let mut arguments = vec!["explain", "--config", &config, "--jwks", &keys, "--path", path];
        let token = issuer.token(claims);
        let text = output_text(&run_to_end(&arguments, &token));
        arguments.push("--json");
        let output = run_to_end(&arguments, &token);
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        (text, report)
    };
    let entry = json!({
        "subject": "refund-agent", "issuer": null, "owner": "payments-team@example.com", "groups": ["payments"], "tenant": "T1",
    });
    let line =
        "refund-agent is one of `agents` of the policy: owner payments-team@example.com, group payments, tenant T1\n";
    let (text, report) = explain("/orders", json!({ "act": chain(&["refund-agent"]) }));
    assert!(text.contains(line), "{text}");
    assert_eq!((&report["decision"], &report["agent"]), (&json!("allow"), &entry));
    let (text, report) = explain("/refunds", json!({ "tid": "T2", "act": chain(&["refund-agent"]) }));
    assert!(text.contains(line), "{text}");
    let mismatch =
        "actor.same_tenant: expected an agent of the tenant in the claim tid, \"T2\", got refund-agent of tenant T1";
    assert!(text.contains(mismatch), "{text}");
    assert_eq!(
        (&report["code"], &report["agent"]),
        (&json!("actor_tenant_mismatch"), &entry)
    );
    let (text, _) = explain("/orders", json!({ "act": chain(&["plain-agent"]) }));
    assert!(
        text.contains("plain-agent is one of `agents` of the policy\n"),
        "{text}"
    );
    let (text, report) = explain("/orders", json!({ "act": chain(&["other"]) }));
    let unknown =
        "unregistered_agents: expected no agent that is not in `agents`, got other (agent), which is not in `agents`";
    assert!(text.contains(unknown) && !text.contains("is one of `agents`"), "{text}");
    assert_eq!(
        (&report["code"], &report["agent"]),
        (&json!("agent_not_registered"), &Value::Null)
    );
}
