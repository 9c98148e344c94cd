//! Resource URIs: one spelling of each is compared, and a request with any other is 400.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{post, token};
use crate::deployment::Deployment;
use crate::wire;

/// Some resources are for more readers than all others.
const PUBLIC: &str = r#"
routes:
  - match: POST /mcp
    mcp: { method: resources/read, name: ["file:///public/*", "mem:public/*", "https://h.example/pub/*", "db://h/pub/*"] }
    scopes: [read]
  - match: POST /mcp
    scopes: [admin]
"#;

/// Some resources are for fewer readers than all others.
const SECRET: &str = r#"
routes:
  - match: POST /mcp
    mcp:
      method: resources/read
      name: ["file:///secret/*", "mem:secret/*", "https://h.example/secret/*", "db://h/secret/*", "file:///one"]
    scopes: [admin]
  - match: POST /mcp
    mcp: resources/read
    scopes: [read]
"#;

/// The value of `Mcp-Name` for a URI.
fn name(uri: &str) -> String {
    match uri.bytes().all(|byte| matches!(byte, b'!'..=b'~')) {
        true => uri.to_owned(),
        false => format!("=?base64?{}?=", STANDARD.encode(uri)),
    }
}

/// Checks the status for each URI that is read with the scope `read`; every 400 is the error of JSON-RPC for headers.
fn check(policy: &str, rows: &[(u16, &[&str])]) {
    let deployment = Deployment::with_policy(policy);
    let reader = token(&deployment, "read");
    let mut failures = Vec::new();
    for (status, uri) in rows
        .iter()
        .flat_map(|(status, uris)| uris.iter().map(move |uri| (*status, *uri)))
    {
        let name = name(uri);
        let fields = [
            ("MCP-Protocol-Version", "2026-07-28"),
            ("Mcp-Method", "resources/read"),
            ("Mcp-Name", &*name),
        ];
        let answer = wire::answer(deployment.gate.address, &post(&reader, &fields));
        let error = json!({
            "code": -32020,
            "message": "the resource URI in `Mcp-Name` is not in its normal form",
        });
        let is_as_expected = answer.status == status
            && (status != 400 || {
                let mut got = answer.json()["error"].clone();
                got.as_object_mut().and_then(|members| members.remove("data"));
                got == error
            });
        if !is_as_expected {
            failures.push(format!("{uri:?}: {}, not {status}", answer.everything()));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn no_spelling_of_another_resource_is_one_of_the_public_ones() {
    check(
        PUBLIC,
        &[
            (
                200,
                &[
                    "file:///public/a",
                    "mem:public/a",
                    "https://h.example/pub/a",
                    "https://h.example/pub/a?b=c",
                    "db://h/pub/a",
                ],
            ),
            (
                403,
                &["file:///secret", "mem:secret", "db://h/secret/a", "https://h.example/"],
            ),
            (
                400,
                &[
                    "file:///public/../secret",
                    "file:///public/%2e%2e/secret",
                    "file:///public/..%2Fsecret",
                    "file:///public/..%5Csecret",
                    "file:///public/..\\secret",
                    "file:///public/..;/secret",
                    "file:///public//secret",
                    "file:///public/%252E%252E/x",
                    "file:///public/%C0%AE%C0%AE/x",
                    "file:///public/..%00/x",
                    "file:///public/%2Fetc%2Fpasswd",
                    "file:///public/\u{ff0e}\u{ff0e}/x",
                    "file:///public/a?../..",
                    "file:///public/a#/../..",
                    "mem:public/../secret",
                    "mem:public/./../secret",
                    "mem:public/%2e%2e/s",
                    "https://h.example/pub/..%2Fx",
                    "https://h.example:443/pub/a",
                    "db://h/pub/..%2Fx",
                    "db://h/pub/%2F%2E%2E",
                    "db://H/pub/a",
                ],
            ),
        ],
    );
}

#[test]
fn no_spelling_of_a_secret_resource_is_one_of_the_others() {
    check(
        SECRET,
        &[
            (
                200,
                &["file:///pub/a", "mem:pub/a", "db://h:1/secret/a", "custom://app"],
            ),
            (
                403,
                &[
                    "file:///secret/a",
                    "mem:secret/a",
                    "https://h.example/secret/a",
                    "db://h/secret/a",
                    "file:///one",
                ],
            ),
            (
                400,
                &[
                    "db://H/secret/a",
                    "db://u@h/secret/a",
                    "db://h./secret/a",
                    "db://%68/secret/a",
                    "db://h//secret/a",
                    "https://u@h.example/secret/a",
                    "https://h.example./secret/a",
                    "https://h.example/secret%2Fa",
                    "https://h.example//secret/a",
                    "mem:x/../secret/a",
                    "mem:./secret/a",
                    "mem:/secret/a",
                    "MEM:secret/a",
                    "file:///pub/..%2Fsecret/a",
                    "file:///secret%2Fa",
                    "file:///secret;/a",
                    "file:////secret/a",
                    "file://h/secret/a",
                    "file:///one?",
                    "file:///one?x",
                    "file:///one#",
                    "file:///one#x",
                    "file:///one/",
                    "file:///one.",
                    "file:///one%20",
                    "file:///one%00",
                    "file:///%6Fne",
                    "secret/a",
                ],
            ),
        ],
    );
}
