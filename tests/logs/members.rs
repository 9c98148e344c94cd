//! What a line has of a token: its id, and a chain that is empty, apart from one that is malformed.

use serde_json::json;

use crate::deployment::Deployment;

#[test]
fn a_line_has_the_id_of_a_verified_token() {
    let deployment = Deployment::with_routes();
    let token = deployment.issuer.token(json!({ "jti": "token-7" }));
    deployment.gate.decide("GET", "/orders/1", &token);
    deployment.gate.decide("GET", "/admin/x", &token);
    let forged = format!("{}x", deployment.issuer.token(json!({ "jti": "token-8" })));
    deployment.gate.decide("GET", "/orders/1", &forged);
    let ids: Vec<_> = deployment
        .gate
        .decisions()
        .iter()
        .map(|event| event["token_id"].clone())
        .collect();
    assert_eq!(ids, [json!("token-7"), json!("token-7"), json!(null)]);
}

#[test]
fn a_malformed_chain_differs_from_none() {
    let deployment = Deployment::with_routes();
    for (claims, code, chain) in [
        (json!({}), "", Some(0)),
        (json!({ "act": { "sub": "agent" } }), "", Some(1)),
        (json!({ "act": {} }), "invalid_chain", None),
        (json!({ "act": null }), "invalid_chain", None),
        (
            json!({ "act": { "sub": "agent", "act": "other" } }),
            "invalid_chain",
            None,
        ),
    ] {
        let known = deployment.gate.decisions().len();
        let (_, found) = deployment
            .gate
            .decide("GET", "/orders/1", &deployment.issuer.token(claims.clone()));
        let event = deployment.gate.decision_after(known);
        assert_eq!(found, code, "{claims}: {event}");
        let actors = event["chain"]["actors"].as_array().map(Vec::len);
        assert_eq!(actors, chain, "{claims}: {event}");
    }
}
