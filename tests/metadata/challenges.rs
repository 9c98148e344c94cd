//! What a challenge names: the metadata of the resource, and the scopes of the route.

use serde_json::json;

use crate::deployment::Deployment;
use crate::mint::AUDIENCE;
use crate::wire::challenge::Challenge;
use crate::wire::{Answer, answer, bearer, request};

const POLICY: &str = "
routes:
  - match: GET /orders
    scopes: [orders:read, offline_access]
  - match: POST /orders
    scopes: { all_of: [orders:read], any_of: [orders:write, orders:admin] }
  - match: GET /plain
  - match: GET /fresh
    scopes: [orders:read]
    initiator: { max_auth_age: 5m }
  - match: GET /agents
    scopes: [orders:read]
    initiator: { kind: agent }
";

fn parameter(answer: &Answer, name: &str) -> Option<String> {
    let field = answer.field("www-authenticate")?;
    let challenge = Challenge::parse(&field).unwrap_or_else(|error| panic!("{error}: {field}"));
    challenge.parameter(name).map(str::to_owned)
}

#[test]
fn each_denial_names_what_a_client_can_ask_for() {
    let deployment = Deployment::with_policy(POLICY);
    let token = |claims| bearer(&deployment.issuer.token(claims));
    let (reader, empty) = (token(json!({})), token(json!({ "scope": "" })));
    let elsewhere = token(json!({ "aud": "https://other.example" }));
    let metadata = format!("{AUDIENCE}/.well-known/oauth-protected-resource");
    let metadata = Some(metadata.as_str());
    for (method, path, credential, status, scope, named) in [
        ("GET", "/orders", None, 401, Some("orders:read"), metadata),
        ("GET", "/orders", Some(&elsewhere), 401, Some("orders:read"), metadata),
        (
            "POST",
            "/orders",
            None,
            401,
            Some("orders:read orders:write orders:admin"),
            metadata,
        ),
        ("GET", "/plain", None, 401, None, metadata),
        ("GET", "/plain", Some(&elsewhere), 401, None, metadata),
        ("GET", "/unknown", None, 401, None, metadata),
        ("GET", "/fresh", Some(&reader), 401, Some("orders:read"), metadata),
        ("GET", "/orders", Some(&empty), 403, Some("orders:read"), metadata),
        ("GET", "/agents", Some(&reader), 403, None, None),
        ("GET", "/unknown", Some(&reader), 403, None, None),
        ("GET", "/orders?access_token=x", Some(&reader), 400, None, None),
        ("GET", "/orders//", None, 400, None, None),
    ] {
        let fields: Vec<&str> = credential.map(String::as_str).into_iter().collect();
        let got = answer(deployment.gate.address, &request(method, path, &fields));
        assert_eq!(got.status, status, "{method} {path}");
        assert_eq!(parameter(&got, "scope").as_deref(), scope, "{method} {path} {status}");
        assert_eq!(
            parameter(&got, "resource_metadata").as_deref(),
            named,
            "{method} {path} {status}"
        );
    }
    assert_eq!(deployment.upstream.count(), 0);
}
