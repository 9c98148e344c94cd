//! The metadata of a resource (RFC 9728): its document, its address, and the challenges that name it.

mod challenges;

use serde_json::{Value, json};

use crate::deployment::{Configuration, Deployment};
use crate::mint::{AUDIENCE, ISSUER};
use crate::wire::{answer, bearer, request};

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

#[test]
fn the_document_lists_the_issuer_and_the_scopes_of_the_routes() {
    let deployment = Deployment::with_routes();
    let got = answer(deployment.gate.address, &request("GET", WELL_KNOWN, &[]));
    assert_eq!(got.status, 200);
    let document: Value = got.json();
    assert_eq!(
        document,
        json!({
            "resource": AUDIENCE,
            "authorization_servers": [ISSUER],
            "scopes_supported": ["orders:read", "orders:write", "admin"],
            "bearer_methods_supported": ["header"],
        })
    );
    let event = deployment.gate.decision_after(0);
    assert_eq!(
        (&event["decision"], &event["code"]),
        (&json!("allow"), &json!("resource_metadata"))
    );
}

#[test]
fn each_method_and_path_has_its_answer_and_none_reaches_the_upstream() {
    let deployment = Deployment::with_policy("routes: [{ match: '* /{*rest}', public: true }]\n");
    let token = bearer(&deployment.issuer.token(json!({})));
    let path = |rest: &str| format!("{WELL_KNOWN}{rest}");
    for (method, target, status) in [
        ("GET", path(""), 200),
        ("HEAD", path(""), 200),
        ("OPTIONS", path(""), 204),
        ("POST", path(""), 405),
        ("PUT", path(""), 405),
        ("DELETE", path(""), 405),
        ("GET", path("?a=b"), 200),
        ("GET", "/.well-known/oauth%2dprotected%2Dresource".to_owned(), 200),
        ("GET", path("/"), 404),
        ("GET", path("/orders"), 404),
        ("HEAD", path("/orders"), 404),
        ("OPTIONS", path("/orders"), 404),
        ("GET", path("//"), 400),
        ("GET", path("/%2e%2e"), 400),
    ] {
        for credential in [&[][..], &[token.as_str()][..]] {
            let got = answer(deployment.gate.address, &request(method, &target, credential));
            assert_eq!(got.status, status, "{method} {target}");
            let open = got.field("access-control-allow-origin");
            assert_eq!(open.as_deref(), (status != 400).then_some("*"), "{method} {target}");
        }
    }
    assert_eq!(deployment.upstream.count(), 0);
    let other = answer(deployment.gate.address, &request("GET", &path("s"), &[]));
    assert_eq!((other.status, deployment.upstream.count()), (200, 1), "another path");
}

#[test]
fn a_script_of_any_origin_can_read_it() {
    let deployment = Deployment::with_routes();
    let ask = |method, fields: &[&str]| answer(deployment.gate.address, &request(method, WELL_KNOWN, fields));
    let origin = "Origin: https://client.example";
    let preflight = [
        origin,
        "Access-Control-Request-Method: GET",
        "Access-Control-Request-Headers: mcp-protocol-version",
    ];
    let allowed = ask("OPTIONS", &preflight);
    assert_eq!(allowed.status, 204);
    assert_eq!(
        allowed.field("access-control-allow-methods").as_deref(),
        Some("GET, HEAD, OPTIONS")
    );
    assert_eq!(allowed.field("access-control-allow-headers").as_deref(), Some("*"));
    let (got, head) = (ask("GET", &[origin]), ask("HEAD", &[origin]));
    for name in [
        "access-control-allow-origin",
        "cache-control",
        "content-length",
        "content-type",
    ] {
        assert!(got.field(name).is_some(), "{name}");
        assert_eq!(got.field(name), head.field(name), "{name}");
    }
    assert_eq!(got.field("content-type").as_deref(), Some("application/json"));
    assert_eq!(got.field("content-length"), Some(got.body.len().to_string()));
}

#[test]
fn metadata_that_the_api_publishes_itself_is_forwarded() {
    let configuration = Configuration {
        top: "resource_metadata: https://docs.example.com/metadata\n".to_owned(),
        ..Configuration::of_policy("routes: [{ match: 'GET /.well-known/{*rest}', public: true }, { match: GET / }]\n")
    };
    let deployment = Deployment::start(crate::mint::TokenIssuer::new(), &configuration);
    let got = answer(deployment.gate.address, &request("GET", WELL_KNOWN, &[]));
    assert_eq!((got.status, deployment.upstream.count()), (200, 1));
    let bare = answer(deployment.gate.address, &request("GET", "/", &[]));
    let challenge = bare.field("www-authenticate").unwrap_or_default();
    assert!(
        challenge.contains(r#"resource_metadata="https://docs.example.com/metadata""#),
        "{challenge}"
    );
}
