//! What the gate itself checks of an explained request: its host, and whether it is a preflight.

use serde_json::{Value, json};

use super::{configuration, report};
use crate::check::{Files, output_text};
use crate::deployment::gate::run_to_end;
use crate::mint::TokenIssuer;

/// The exit code and the report of GET `/orders/1`, or of another method, with these headers.
fn explained(method: &str, headers: &[&str]) -> (Option<i32>, Value, String) {
    let issuer = TokenIssuer::new();
    let files = Files::new();
    let text = configuration().replace(
        "issuers:",
        "hosts: [orders.example.com]\ncors: { origins: [https://app.example.com] }\nissuers:",
    );
    let (config, keys) = (
        files.write("actgate.yaml", &text),
        files.write("keys.json", &issuer.document()),
    );
    let path = ["--path", "/orders/1", "--method", method];
    let mut arguments = [&["explain", "--config", &config, "--jwks", &keys], &path[..]].concat();
    for header in headers {
        arguments.extend(["--header", header]);
    }
    let token = issuer.token(json!({}));
    let text = output_text(&run_to_end(&arguments, &token));
    arguments.push("--json");
    let output = run_to_end(&arguments, &token);
    (output.status.code(), report(&output), text)
}

#[test]
fn the_host_is_checked_as_the_gate_does() {
    let (code, report, text) = explained("GET", &["Host: orders.example.com"]);
    assert_eq!((code, &report["decision"]), (Some(0), &json!("allow")), "{text}");
    assert!(text.contains("✓ host: `orders.example.com` is served"), "{text}");
    assert!(text.contains("not checked: the connection"), "{text}");
    let (code, report, text) = explained("GET", &["Host: other.example"]);
    assert_eq!(
        (code, &report["status"], &report["code"]),
        (Some(1), &json!(421), &json!("misdirected_request")),
        "{text}"
    );
    assert!(
        text.contains("✗ host: `other.example` is not served; add it to `hosts`"),
        "{text}"
    );
    let (code, _, text) = explained("GET", &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("not checked: the host (name it with"), "{text}");
}

#[test]
fn a_preflight_is_answered_by_the_gate_or_says_what_it_lacks() {
    let ask = |origin| [origin, "Access-Control-Request-Method: GET"];
    let (code, report, text) = explained("OPTIONS", &ask("Origin: https://app.example.com"));
    assert_eq!(
        (code, &report["status"], &report["code"]),
        (Some(0), &json!(204), &json!("cors_preflight")),
        "{text}"
    );
    assert!(
        text.contains("allowed: the gate answers this preflight itself, with 204"),
        "{text}"
    );
    let (code, _, text) = explained("OPTIONS", &ask("Origin: https://evil.example"));
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("✗ preflight: it is not granted, since its origin is not one of `cors: { origins }`"),
        "{text}"
    );
}

#[test]
fn which_of_several_upstreams_a_request_is_for_is_decided_as_the_gate_does() {
    let issuer = TokenIssuer::new();
    let files = Files::new();
    let written = configuration();
    let upstream = written
        .lines()
        .find(|line| line.starts_with("upstream: "))
        .expect("one");
    let several = "upstreams: [{ url: 'http://127.0.0.1:9000' }, { url: 'http://127.0.0.1:9001', path: /orders }]";
    let text = written
        .replace(upstream, several)
        .replace(super::ROUTES, "routes: [{ match: 'GET /{*rest}', public: true }]\n");
    let (config, keys) = (
        files.write("actgate.yaml", &text),
        files.write("keys.json", &issuer.document()),
    );
    for (path, code, shown) in [
        ("/orders/1", 0, "✓ upstream: http://127.0.0.1:9001"),
        ("/other", 0, "✓ upstream: http://127.0.0.1:9000"),
        ("/Orders/1", 1, "✗ upstream: "),
    ] {
        let arguments = ["explain", "--config", &config, "--jwks", &keys, "--path", path];
        let output = run_to_end(&arguments, "");
        let text = output_text(&output);
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains(shown), "{text}");
    }
}
