//! The route of a request, with a token or without.

use serde_json::{Value, json};

use super::{ROUTES, configuration, report};
use crate::check::Files;
use crate::deployment::gate::run_to_end;
use crate::mint::TokenIssuer;

const SHOP: &str = "
routes:
  - { match: GET /health, public: true }
  - { match: 'GET /orders/{id}', scopes: [orders:read] }
  - { match: 'DELETE /orders/{id}', scopes: [orders:delete] }
  - { match: '* /files/{*rest}', scopes: [orders:read] }
  - { match: 'POST /files/shared/{id}', scopes: [orders:share] }
";

/// The request line of the report and the checks in words, for a request without a token unless there is one.
fn explained(method: &str, path: &str, token: &str) -> (Option<i32>, Value, Vec<String>) {
    let issuer = TokenIssuer::new();
    let files = Files::new();
    let text = configuration().replace(ROUTES, SHOP);
    let (config, keys) = (
        files.write("actgate.yaml", &text),
        files.write("keys.json", &issuer.document()),
    );
    let arguments = [
        "explain", "--config", &config, "--jwks", &keys, "--method", method, "--path", path, "--json",
    ];
    let output = run_to_end(&arguments, token);
    let report = report(&output);
    let checks = report["checks"].as_array().expect("the checks").iter();
    let word = |check: &Value, member: &str| check[member].as_str().unwrap_or_default().to_owned();
    let checks = checks.map(|check| format!("{}: {}", word(check, "rule"), word(check, "got")));
    let checks = checks.collect();
    (output.status.code(), report, checks)
}

#[test]
fn a_request_without_a_token_passes_the_pipeline_of_the_gate() {
    let no_token = "credential: none";
    for (method, path, status, checks) in [
        ("GET", "/health", json!(null), vec!["route: GET /health"]),
        ("HEAD", "/health?verbose=1", json!(null), vec!["route: GET /health"]),
        (
            "GET",
            "/orders/7",
            json!(401),
            vec!["route: GET /orders/{id}", no_token],
        ),
        (
            "POST",
            "/files/a?next=https://orders.example.com",
            json!(401),
            vec!["route: * /files/{*rest}", no_token],
        ),
        ("GET", "/none", json!(401), vec!["route: none", no_token]),
        (
            "GET",
            "/orders/../health",
            json!(400),
            vec!["route: the request is ambiguous: the path contains a dot segment"],
        ),
        (
            "GET",
            "//health",
            json!(400),
            vec!["route: the request is ambiguous: the path contains an empty segment"],
        ),
        (
            "GET",
            "health",
            json!(400),
            vec!["route: the request is ambiguous: the path does not begin with a slash"],
        ),
    ] {
        let (code, report, found) = explained(method, path, "");
        assert_eq!(
            (&report["status"], found),
            (&status, checks.iter().map(|check| (*check).to_owned()).collect()),
            "{path}"
        );
        let (decision, exit) = if status.is_null() { ("allow", 0) } else { ("deny", 1) };
        assert_eq!((&report["decision"], code), (&json!(decision), Some(exit)), "{path}");
    }
}

/// `actgate run` answers 501 before it looks for a route.
#[test]
fn a_method_that_is_not_forwarded_is_501() {
    let token = TokenIssuer::new().token(json!({}));
    for (method, path, token) in [
        ("TRACE", "/files/a", ""),
        ("TRACE", "/files/a", &*token),
        ("CONNECT", "/health", ""),
        ("TRACE", "/none", ""),
    ] {
        let (code, report, _) = explained(method, path, token);
        assert_eq!(
            (&report["decision"], &report["status"], &report["code"], code),
            (&json!("deny"), &json!(501), &json!("method_not_implemented"), Some(1)),
            "{method} {path}: {report}"
        );
        assert_eq!(report["www_authenticate"], json!(null), "{report}");
    }
    let (_, report, _) = explained("OPTIONS", "/health", "");
    assert_ne!(report["status"], json!(501));
}

#[test]
fn a_missed_route_is_named() {
    for (method, path, got) in [
        ("PUT", "/orders/7", "none: `/orders/{id}` has no PUT"),
        ("POST", "/health", "none: `/health` has no POST"),
        (
            "GET",
            "/Orders/7",
            "none: `GET /orders/{id}` has another spelling of this path",
        ),
        (
            "GET",
            "/health/",
            "none: `GET /health` has another spelling of this path",
        ),
        ("GET", "/elsewhere", "none"),
        (
            "POST",
            "/files/Shared/7",
            "the request is ambiguous: the path in another spelling (case, last slash, blanks or dots at the end of a \
             segment) requires another access: that of `POST /files/shared/{id}`; state `spelling: exact` if the API \
             distinguishes the two",
        ),
        (
            "GET",
            "/orders/7?_method=delete",
            "the request is ambiguous: the method in the query (`_method`) requires another access: that of \
             `DELETE /orders/{id}`; state `spelling: exact` if the API distinguishes the two",
        ),
        (
            "GET",
            "/orders/7?_method=PUT",
            "the request is ambiguous: the method in the query (`_method`) requires another access: the policy has no \
             route for it; state `spelling: exact` if the API distinguishes the two",
        ),
    ] {
        let (_, report, found) = explained(method, path, "");
        assert_eq!(found[0], format!("route: {got}"), "{method} {path}: {report}");
    }
}
