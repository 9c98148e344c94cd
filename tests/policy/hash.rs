//! The hash of the policy, in each line of the decision log and in the first line of the process log.

use actgate::Policy;
use serde_json::json;

use crate::deployment::{Deployment, ROUTES};
use crate::wire;

#[test]
fn each_decision_names_its_policy() {
    let deployment = Deployment::with_routes();
    let policy = Policy::from_yaml(ROUTES).unwrap();
    let hash = policy.hash().as_str();
    let first = deployment.gate.process.stderr();
    assert!(
        first
            .iter()
            .any(|line| line.contains(&format!("actgate: policy {hash}"))),
        "{first:?}"
    );
    let token = deployment.issuer.token(json!({}));
    for (count, (target, status)) in [("/orders/1", 200), ("/none", 403), ("/orders/..", 400)]
        .into_iter()
        .enumerate()
    {
        let answer = wire::get(deployment.gate.address, target, &token);
        assert_eq!(answer.status, status, "{target}");
        let event = deployment.gate.decision_after(count);
        let expected = (status != 400).then_some(hash);
        assert_eq!(event["policy_hash"].as_str(), expected, "{event}");
    }
}
