//! `claims` of an issuer: every token has them, whatever the policy allows.

use serde_json::{Value, json};

use crate::check::Files;
use crate::deployment::{Configuration, Deployment, ROUTES};
use crate::mint::{AUDIENCE, ISSUER, TokenIssuer};
use crate::table::{INVALID_TOKEN, PASSES, Table};

const CLAIMS: &str = "    claims: { owner_id: '123', level: [1, 2], verified: true, /kubernetes.io/namespace: prod }\n";

fn with(changes: Value) -> Value {
    let mut claims = json!({
        "owner_id": "123", "level": 2, "verified": true, "kubernetes.io": { "namespace": "prod" },
    });
    let changes = changes.as_object().expect("an object").clone();
    let claims_object = claims.as_object_mut().expect("an object");
    claims_object.extend(changes);
    claims_object.retain(|_, value| *value != json!("LEFT OUT"));
    claims
}

#[test]
fn every_required_claim_is_compared_with_its_type() {
    let configuration = Configuration::of_issuer(CLAIMS);
    let deployment = Deployment::start(TokenIssuer::new(), &configuration);
    let mut table = Table::on(&deployment);
    let all = deployment.issuer.token(with(json!({})));
    for time in ["fresh", "cached"] {
        table.token(time, &all, PASSES);
    }
    let left_out = "LEFT OUT";
    for (what, changes) in [
        ("another owner", json!({ "owner_id": "124" })),
        ("a longer text", json!({ "owner_id": "1234" })),
        ("a number for a text", json!({ "owner_id": 123 })),
        ("a list with the value", json!({ "owner_id": ["123"] })),
        ("null", json!({ "owner_id": null })),
        ("no owner", json!({ "owner_id": left_out })),
        ("a text for a number", json!({ "level": "1" })),
        ("another number", json!({ "level": 3 })),
        ("a fraction", json!({ "level": 1.5 })),
        ("a text for a boolean", json!({ "verified": "true" })),
        ("false", json!({ "verified": false })),
        ("another namespace", json!({ "kubernetes.io": { "namespace": "dev" } })),
        ("no namespace", json!({ "kubernetes.io": {} })),
        (
            "a name with a slash",
            json!({ "kubernetes.io": left_out, "kubernetes.io/namespace": "prod" }),
        ),
    ] {
        let token = deployment.issuer.token(with(changes));
        for time in ["first", "again"] {
            table.token(&format!("{what}, {time}"), &token, INVALID_TOKEN);
        }
    }
    table.token("the first one again", &all, PASSES);
    table.finish();
    let is_denied = |event: &Value| event["code"] == json!("invalid_claim");
    deployment.wait_until("logged", || deployment.gate.decisions().iter().any(is_denied));
}

#[test]
fn each_required_claim_is_explained() {
    let files = Files::new();
    let issuer = TokenIssuer::new();
    let keys = files.write("keys.json", &issuer.document());
    let configuration = format!(
        "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\naudience: {AUDIENCE}\nissuers:\n  - issuer: {ISSUER}\n{CLAIMS}{ROUTES}"
    );
    let config = files.write("actgate.yaml", &configuration);
    let checks = |changes: Value| {
        let report = super::explained(&config, &keys, &issuer.token(with(changes)));
        let all = report["checks"].as_array().expect("the checks").clone();
        let required = all.into_iter().filter(|check| check["rule"] == json!("required claim"));
        let required = required.map(|check| [check["expected"].clone(), check["got"].clone(), check["passed"].clone()]);
        (report["code"].clone(), required.collect::<Vec<_>>())
    };
    let prefix = "every token of the issuer has";
    let namespace = json!(format!("{prefix} `/kubernetes.io/namespace` is \"prod\""));
    let level = json!(format!("{prefix} `level` is 1 or 2"));
    let owner = json!(format!("{prefix} `owner_id` is \"123\""));
    let passed = |got: &str| (json!(got), json!(true));
    let (code, required) = checks(json!({ "owner_id": "124" }));
    let rows = [
        (&namespace, passed("\"prod\"")),
        (&level, passed("2")),
        (&owner, (json!("\"124\""), json!(false))),
    ];
    let rows = rows.map(|(expected, (got, passed))| [expected.clone(), got, passed]);
    assert_eq!((code, required), (json!("invalid_claim"), rows.to_vec()));
    let (code, required) = checks(json!({ "kubernetes.io": "LEFT OUT" }));
    let row = [namespace.clone(), json!("no such claim"), json!(false)];
    assert_eq!((code, required), (json!("invalid_claim"), vec![row]));
    assert_eq!(checks(json!({})).1.len(), 4);
}
