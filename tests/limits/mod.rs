//! Limits of parties, over the wire: a gate that counts in its memory.

mod uncounted;

use serde_json::json;

use crate::check::output_text;
use crate::deployment::Deployment;
use crate::deployment::gate::run_to_end;
use crate::mint::chain;
use crate::wire::{self, bearer, get, request};

const POLICY: &str = "
limit: { per: client, rate: 3/d, mode: shadow }
routes:
  - { match: GET /open, public: true }
  - { match: POST /refunds, limit: { per: [initiator, actor], rate: 30/m, burst: 2 } }
  - match: GET /orders
";

#[test]
fn a_party_with_too_many_requests_gets_429_and_the_upstream_none_of_them() {
    let deployment = Deployment::with_policy(POLICY);
    let gate = &deployment.gate;
    let refund = |token: &str| wire::answer(gate.address, &request("POST", "/refunds", &[&bearer(token)]));
    let alice = deployment.issuer.token(json!({ "act": chain(&["bot"]) }));
    let other = deployment.issuer.token(json!({ "act": chain(&["other"]) }));
    for (token, status) in [
        (&alice, 200),
        (&other, 200),
        (&alice, 200),
        (&alice, 429),
        (&other, 200),
        (&other, 429),
    ] {
        assert_eq!(refund(token).status, status);
    }
    let denied = refund(&alice);
    let wait = denied
        .field("retry-after")
        .and_then(|seconds| seconds.parse::<u64>().ok());
    assert!(matches!(wait, Some(1 | 2)), "{}", denied.everything());
    assert_eq!(denied.field("www-authenticate"), None);
    assert!(denied.text().contains("too_many_requests"), "{}", denied.text());
    assert_eq!(deployment.upstream.count(), 4);
    let event = gate.decision_after(6);
    assert_eq!(
        (&event["code"], &event["status"]),
        (&json!("limit_exceeded"), &json!(429)),
        "{event}"
    );
    assert_eq!(event["rule"], json!("POST /refunds: limit"), "{event}");
    let reason = "the party has made more than 30/m (2 at once) by initiator and actor (POST /refunds: limit)";
    assert_eq!(event["reason"], json!(reason), "{event}");
    assert!(matches!(event["retry_after"].as_u64(), Some(1 | 2)), "{event}");

    let call = ["Content-Type: application/grpc", &bearer(&alice)].map(str::to_owned);
    let call = wire::answer(gate.address, &request("POST", "/refunds", &[&call[0], &call[1]]));
    let status = (
        call.status,
        call.field("grpc-status"),
        call.field("retry-after").is_some(),
    );
    assert_eq!(status, (200, Some("8".to_owned()), true));

    let counted = wire::answer(gate.admin, &request("GET", "/metrics", &[])).text();
    let series = r#"actgate_requests_total{code="limit_exceeded",decision="deny",route="POST /refunds"} 4"#;
    assert!(counted.contains(series), "{counted}");
}

#[test]
fn a_reload_goes_on_counting_and_a_limit_in_shadow_is_recorded() {
    let deployment = Deployment::with_policy(POLICY);
    let gate = &deployment.gate;
    let token = deployment.issuer.token(json!({}));
    for _ in 0..3 {
        assert_eq!(gate.decide("GET", "/orders", &token), (200, String::new()));
    }
    let written = gate.read("actgate.yaml").unwrap().replace("3/d, mode: shadow", "3/d");
    gate.write("actgate.yaml", &written.replace("GET /open", "GET /opened"));
    assert_eq!(gate.reload().0, Some(0));
    assert_eq!(
        gate.decide("GET", "/orders", &token),
        (429, "limit_exceeded".to_owned())
    );
    assert_eq!(
        get(gate.address, "/opened", "none").status,
        200,
        "a public route has no limit"
    );

    gate.write("actgate.yaml", &written.replace("3/d", "3/d, mode: shadow"));
    assert_eq!(gate.reload().0, Some(0));
    let known = gate.decisions().len();
    assert_eq!(get(gate.address, "/orders", &token).status, 200);
    let event = gate.decision_after(known);
    assert_eq!(event["shadow"]["code"], json!("limit_exceeded"), "{event}");
    assert_eq!(event["shadow"]["rule"], json!("limit of the policy"), "{event}");
}

#[test]
fn an_explanation_counts_nothing_and_says_so() {
    let deployment = Deployment::with_policy("routes: [{ match: GET /orders, limit: { per: actor, rate: 1/d } }]\n");
    let file = deployment.gate.path("actgate.yaml");
    let token = deployment.issuer.token(json!({}));
    let arguments = [
        "explain",
        "--config",
        &file.to_string_lossy(),
        "--method",
        "GET",
        "--path",
        "/orders",
    ]
    .map(str::to_owned);
    for _ in 0..2 {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = run_to_end(&arguments, &token);
        let text = output_text(&output);
        assert!(output.status.success(), "{text}");
        assert!(
            text.contains(
                "note: `GET /orders: limit` is not counted here; the gate denies what is beyond 1/d by actor"
            ),
            "{text}"
        );
    }
}
