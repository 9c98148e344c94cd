//! Claims on the login (`auth_time`, `acr`, `amr`) of another type are unknown: they meet no rule, and matter to no other.

use serde_json::{Value, json};

use crate::deployment::Deployment;
use crate::mint::now;
use crate::wire;

const POLICY: &str = "
routes:
  - match: GET /any
    scopes: [orders:read]
  - match: GET /auth_time
    initiator: { max_auth_age: 1h }
  - match: GET /acr
    initiator: { acr: ['2', phr] }
  - match: GET /amr
    initiator: { amr: mfa }
  - match: GET /one
    any_of: [{ initiator: { amr: mfa } }, { client: { one_of: [other] }, initiator: { acr: phr } }]
";

/// A claim, values of another form than OpenID Connect Core section 2 defines, and the denial of the rule on it.
fn unknown() -> Vec<(&'static str, Vec<Value>, u16, &'static str)> {
    let date = now();
    let date_text = date.to_string();
    let of_no_claim = [json!(null), json!(true), json!({}), json!([7]), json!([["mfa"]])];
    let with = |odd: Vec<Value>| odd.into_iter().chain(of_no_claim.clone()).collect();
    let dates = vec![
        json!("2026-11-26T01:00:00Z"),
        json!(date_text),
        json!([date]),
        json!(-1),
        json!(-0.5),
        json!(1e300),
        json!(""),
    ];
    vec![
        ("auth_time", with(dates), 401, "auth_too_old"),
        (
            "acr",
            with(vec![json!(2), json!(["2"]), json!(["phr"])]),
            401,
            "acr_not_met",
        ),
        (
            "amr",
            with(vec![json!("mfa"), json!(["mfa", 7]), json!({ "mfa": true })]),
            403,
            "amr_not_met",
        ),
    ]
}

#[test]
fn a_claim_of_another_type_is_unknown_to_the_rules_on_it_alone() {
    let deployment = Deployment::with_policy(POLICY);
    let mut failures = Vec::new();
    let mut sent = 0;
    let mut expect = |target: &str, changes: &Value, wanted: (u16, Option<&str>)| {
        let answer = wire::get(
            deployment.gate.address,
            target,
            &deployment.issuer.token(changes.clone()),
        );
        let event = deployment.gate.decision_after(sent);
        sent += 1;
        let got = (answer.status, event["code"].as_str());
        if got != wanted {
            failures.push(format!("{target} {changes}: {got:?} instead of {wanted:?}"));
        }
    };
    for (claim, values, status, code) in unknown() {
        for value in values {
            let changes = json!({ claim: value });
            expect("/any", &changes, (200, None));
            expect(&format!("/{claim}"), &changes, (status, Some(code)));
            expect("/one", &changes, (403, Some("any_of_not_met")));
        }
    }
    let known = json!({ "auth_time": now() as f64 - 0.5, "acr": "2", "amr": ["pwd", "mfa"] });
    for target in ["/any", "/auth_time", "/acr", "/amr", "/one"] {
        expect(target, &known, (200, None));
    }
    let future = json!({ "auth_time": now() + 3600 });
    expect("/any", &future, (200, None));
    expect("/auth_time", &future, (401, Some("auth_too_old")));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
