//! A reload changes the decisions for servers that enforce them, and not where they are asked for.

use super::routes;
use crate::decision_api::Decisions;
use crate::deployment::Configuration;
use crate::wire;

#[test]
fn decision_apis_follow_the_configuration() {
    let configuration = Configuration::of_policy(&routes("orders:read"));
    let decisions = Decisions::start_with("  forward_auth: nginx\n", configuration);
    let gate = &decisions.deployment.gate;
    let asked = wire::request(
        "GET",
        "/forward-auth",
        &[
            "X-Original-Method: GET",
            "X-Original-Uri: /orders/1",
            "X-Original-Host: orders.example.com",
            "X-Forwarded-Proto: https",
            "X-Forwarded-For: 192.0.2.7",
            &decisions.deployment.reader(),
        ],
    );
    let status = || wire::answer(decisions.address, &asked).status;
    assert_eq!(status(), 200);
    let replace = |from: &str, to: &str| {
        let text = gate.read("actgate.yaml").expect("the configuration");
        assert!(text.contains(from), "{text}");
        gate.write("actgate.yaml", &text.replace(from, to));
        gate.reload()
    };
    let (code, printed) = replace("[orders:read]", "[orders:write]");
    assert_eq!((code, status()), (Some(0), 403), "{printed}");
    let (code, printed) = replace(
        "decision_api:\n  listen: 127.0.0.1:0",
        "decision_api:\n  listen: 127.0.0.1:1",
    );
    assert_eq!((code, status()), (Some(78), 403), "{printed}");
    let expected = "`listen` of `decision_api` cannot change while the gate runs";
    assert!(printed.contains(expected), "{printed}");
}
