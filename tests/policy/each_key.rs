//! Every key of the policy with a token that meets it and one that does not: the status, the challenge, and the code
//! and the rule in the decision log. A key that is read and not enforced shows here.

use std::fmt::Write;

use serde_json::json;

use crate::deployment::Deployment;
use crate::policy::actor_rows::{actor_rows, chain_rows};
use crate::policy::initiator_rows::{claim_rows, initiator_rows, scope_rows};
use crate::policy::row::Row;
use crate::wire;
use crate::wire::challenge::Challenge;

const REQUIREMENTS: &str = "
requirements:
  people:
    initiator: { kind: human }
  fresh-people:
    require: [people]
    initiator: { amr: [mfa] }
";

#[test]
fn each_key_of_the_policy_is_enforced() {
    let parts = [scope_rows(), initiator_rows(), claim_rows(), actor_rows(), chain_rows()];
    let rows: Vec<Row> = parts.into_iter().flatten().collect();
    let mut policy = REQUIREMENTS.to_owned() + "routes:\n";
    for (n, row) in rows.iter().enumerate() {
        let flow = row.demand.strip_prefix("{ ").and_then(|inner| inner.strip_suffix(" }"));
        let flow = flow.unwrap_or(&row.demand);
        let _ = writeln!(policy, "  - {{ match: GET /row/{n}, {flow} }}");
    }
    let deployment = Deployment::with_policy(&policy);
    let mut failures = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        for fault in faults(&deployment, n, row) {
            failures.push(format!("row {n}, {}: {fault}", row.demand));
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
    // One request, one event: those of this row are the next two.
    let mut faults = Vec::new();
    let target = format!("/row/{n}");
    let good = deployment.issuer.token(row.good.clone());
    let passed = wire::get(deployment.gate.address, &target, &good);
    if passed.status != 200 {
        faults.push(format!("{} where it should pass: {}", passed.status, row.good));
    }
    let first = deployment.gate.decision_after(2 * n);
    if first["verdict"] != json!("allow") {
        faults.push(format!("logged as {first}"));
    }
    let bad = deployment.issuer.token(row.bad.clone());
    let before = deployment.upstream.count();
    let refused = wire::get(deployment.gate.address, &target, &bad);
    if refused.status != row.status {
        faults.push(format!("{}, not {}", refused.status, row.status));
    }
    if deployment.upstream.count() != before {
        faults.push("it went upstream".into());
    }
    let challenge = refused.field("www-authenticate");
    let challenge = challenge.map(|field| Challenge::parse(&field).expect("a challenge"));
    match (&challenge, row.challenge) {
        (None, []) => {}
        (Some(told), [_, ..]) => {
            let differing = row
                .challenge
                .iter()
                .filter(|(name, value)| told.parameter(name) != Some(value));
            faults.extend(differing.map(|(name, value)| format!("no {name}={value:?} in {told:?}")));
        }
        _ => faults.push(format!("challenge {challenge:?}, not {:?}", row.challenge)),
    }
    if refused.everything().contains("canary") || refused.text().contains(row.rule) {
        faults.push(format!("the caller is told too much: {}", refused.text()));
    }
    let event = deployment.gate.decision_after(2 * n + 1);
    let rule = format!("GET {target}: {}", row.rule);
    for (name, wanted) in [("code", row.code), ("rule", &rule), ("verdict", "refuse")] {
        if event[name] != json!(wanted) {
            faults.push(format!("logged {name} {}, not {wanted:?}", event[name]));
        }
    }
    if event["id"] != refused.json()["decision"] {
        faults.push(format!("id {} and {}", event["id"], refused.json()["decision"]));
    }
    faults
}
