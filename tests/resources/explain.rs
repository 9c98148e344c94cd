//! The resource of a request, as `actgate explain` shows it.

use serde_json::{Value, json};

use super::{ADMIN, ORDERS, RESOURCES, ROUTES};
use crate::check::Files;
use crate::deployment::gate::run_to_end;
use crate::mint::{ISSUER, TokenIssuer};

/// The status of GET `path` at `host` with a token for orders, the checks of this name in words, and the notes.
fn explained(host: &str, path: &str) -> (Option<i32>, Vec<String>, Value) {
    let issuer = TokenIssuer::new();
    let files = Files::new();
    let text = format!(
        "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\nissuers:\n  - issuer: {ISSUER}\n{RESOURCES}{ROUTES}"
    );
    let (config, keys) = (
        files.write("actgate.yaml", &text),
        files.write("keys.json", &issuer.document()),
    );
    let host = format!("Host: {host}");
    let arguments = [
        "explain", "--config", &config, "--jwks", &keys, "--header", &host, "--path", path, "--json",
    ];
    let output = run_to_end(&arguments, &issuer.token(json!({ "aud": ORDERS })));
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let checks = report["checks"].as_array().expect("the checks").iter();
    let of_resource =
        checks.filter(|check| ["resource", "audience"].contains(&check["rule"].as_str().unwrap_or_default()));
    let words =
        of_resource.map(|check| format!("{} {}: {}", check["rule"], check["expected"], check["got"]).replace('"', ""));
    (output.status.code(), words.collect(), report["notes"].clone())
}

#[test]
fn the_resource_of_the_host_and_path_is_shown() {
    let place = "resource a resource of the host and the path";
    for (host, path, code, resource, audience) in [
        ("api.example.com", "/orders/1", Some(0), ORDERS, ORDERS),
        ("admin.example.com", "/orders/1", Some(1), ADMIN, ADMIN),
        (
            "api.example.com",
            "/page",
            Some(1),
            "none at this host and path",
            "no resource at this host and path",
        ),
    ] {
        let (got, words, notes) = explained(host, path);
        let expected = [
            format!("{place}: {resource}"),
            format!("audience for {audience}: {ORDERS}"),
        ];
        assert_eq!(
            (got, words, notes),
            (code, expected.to_vec(), json!([])),
            "{path} at {host}"
        );
    }
}

#[test]
fn a_path_of_metadata_has_a_note() {
    let (_, _, notes) = explained("api.example.com", "/.well-known/oauth-protected-resource/orders");
    let note = notes[0].as_str().unwrap_or_default();
    assert!(note.contains("answers this path itself"), "{notes}");
}
