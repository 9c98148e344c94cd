//! Every key of the policy with a token that satisfies it and one that does not: the status, the challenge, and the code
//! and the rule in the decision log. A key that is read but not enforced fails here.

use std::fmt::Write;

use serde_json::json;

use crate::deployment::Deployment;
use crate::policy::actor_rows::actor_rows;
use crate::policy::chain_rows::chain_rows;
use crate::policy::initiator_rows::{claim_rows, initiator_rows, scope_rows};
use crate::policy::registry_rows::{REGISTRY, registry_rows};
use crate::policy::row::Row;
use crate::policy::token_rows::token_rows;
use crate::wire;
use crate::wire::challenge::Challenge;

const REQUIREMENTS: &str = "
scopes:
  implies: { root: [orders:admin], orders:admin: [orders:read, orders:write] }
requirements:
  people:
    initiator: { kind: human }
  fresh-people:
    require: [people]
    initiator: { amr: [mfa] }
";

#[test]
fn each_key_of_the_policy_is_enforced() {
    let parts = [
        scope_rows(),
        initiator_rows(),
        claim_rows(),
        token_rows(),
        actor_rows(),
        chain_rows(),
        registry_rows(),
    ];
    let rows: Vec<Row> = parts.into_iter().flatten().collect();
    let mut policy = format!("{REQUIREMENTS}{REGISTRY}routes:\n");
    for (n, row) in rows.iter().enumerate() {
        let flow = row
            .condition
            .strip_prefix("{ ")
            .and_then(|inner| inner.strip_suffix(" }"));
        let flow = flow.unwrap_or(&row.condition);
        let _ = writeln!(policy, "  - {{ match: GET /row/{n}, {flow} }}");
    }
    let deployment = Deployment::with_policy(&policy);
    let mut failures = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        for fault in faults(&deployment, n, row) {
            failures.push(format!("row {n}, {}: {fault}", row.condition));
        }
    }
    assert!(
        failures.is_empty(),
        "{} failures:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

fn faults(deployment: &Deployment, n: usize, row: &Row) -> Vec<String> {
    // Each request has one event: the next two are those of this row.
    let mut faults = Vec::new();
    let target = format!("/row/{n}");
    let satisfying = deployment.issuer.token(row.satisfying.clone());
    let passed = wire::get(deployment.gate.address, &target, &satisfying);
    if passed.status != 200 {
        faults.push(format!("{} instead of 200: {}", passed.status, row.satisfying));
    }
    let first = deployment.gate.decision_after(2 * n);
    if first["decision"] != json!("allow") {
        faults.push(format!("logged as {first}"));
    }
    let violating = deployment.issuer.token(row.violating.clone());
    let before = deployment.upstream.count();
    let denied = wire::get(deployment.gate.address, &target, &violating);
    if denied.status != row.status {
        faults.push(format!("{}, not {}", denied.status, row.status));
    }
    if deployment.upstream.count() != before {
        faults.push("it was forwarded".into());
    }
    let challenge = denied.field("www-authenticate");
    let challenge = challenge.map(|field| Challenge::parse(&field).expect("a challenge"));
    match (&challenge, row.challenge) {
        (None, []) => {}
        (Some(challenge), [_, ..]) => {
            let differing = row
                .challenge
                .iter()
                .filter(|(name, value)| challenge.parameter(name) != Some(value));
            faults.extend(differing.map(|(name, value)| format!("no {name}={value:?} in {challenge:?}")));
        }
        _ => faults.push(format!("challenge {challenge:?}, not {:?}", row.challenge)),
    }
    if denied.everything().contains("canary") || denied.text().contains(row.rule) {
        faults.push(format!("the answer reveals the reason: {}", denied.text()));
    }
    let event = deployment.gate.decision_after(2 * n + 1);
    let rule = format!("GET {target}: {}", row.rule);
    for (name, wanted) in [("code", row.code), ("rule", &rule), ("decision", "deny")] {
        if event[name] != json!(wanted) {
            faults.push(format!("logged {name} {}, not {wanted:?}", event[name]));
        }
    }
    if event["id"] != denied.json()["decision"] {
        faults.push(format!("id {} and {}", event["id"], denied.json()["decision"]));
    }
    faults
}
