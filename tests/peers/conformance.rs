//! The MCP conformance suite against a server behind the gate.
//!
//! The suite has no scenario for a resource server that demands tokens, and sends none. A front adds one to each request, and
//! the suite runs twice: at the server itself, and through the gate. What the server passes has to pass through the gate.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::deployment::bundled_issuer::{ALICE_BY_PASSWORD, BundledIssuer, ORDERS, access_token, gate_for};
use crate::peers::front::Front;
use crate::peers::program::{Service, installed};

/// Routes of the endpoint for every message.
const ROUTES: &str = "
routes:
  - match: POST /mcp
    scopes: [orders:read]
  - match: GET /mcp
    scopes: [orders:read]
  - match: DELETE /mcp
    scopes: [orders:read]
";

/// A route for some messages: the gate compares the headers of all messages with what revision 2026-07-28 says of them.
const ROUTE_FOR_TOOLS: &str = "  - match: POST /mcp
    mcp: tools/call
    scopes: [orders:read]
";

/// A check that fails through the gate alone, and why: scenario, check, reason.
type Expectation = (&'static str, &'static str, &'static str);

/// With routes for some messages.
const EXPECTED_TO_FAIL: &[Expectation] = &[(
    "server-stateless",
    "sep-2575-http-server-error-jsonrpc-id",
    "the gate reads no body, so its answer to malformed headers has no id, as an intermediary may",
)];

/// The number of failures of each check, by scenario.
type Failures = BTreeMap<(String, String), usize>;

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn revision_2026_07_28_conforms_behind_the_gate() {
    let server = Service::start("conformance_server.js");
    let (_, itself) = run("2026-07-28", server.address);
    conforms("2026-07-28", &server, &itself, |_| ROUTES.to_owned(), &[]);
    // The suite sends the address that it is given as the origin of a page.
    let routes = |front: &Front| format!("mcp: {{ origins: \"{}\" }}\n{ROUTES}{ROUTE_FOR_TOOLS}", front.url(""));
    conforms("2026-07-28", &server, &itself, routes, EXPECTED_TO_FAIL);
    println!("  not applicable: auth/* and authorization-*, which try clients and authorization servers");
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn revision_2025_11_25_conforms_behind_the_gate() {
    let server = Service::start("conformance_server.js");
    let (_, itself) = run("2025-11-25", server.address);
    conforms("2025-11-25", &server, &itself, |_| ROUTES.to_owned(), &[]);
}

/// Runs the scenarios of a revision through a gate: the checks that fail are those that fail at the server itself, and `expected`.
fn conforms(
    revision: &str,
    server: &Service,
    itself: &Failures,
    policy: impl Fn(&Front) -> String,
    expected: &[Expectation],
) {
    let issuer = BundledIssuer::start();
    let token = access_token(&issuer.sign_in("storefront", ALICE_BY_PASSWORD, ORDERS, "orders:read"));
    let front = Front::with_token(&token);
    let gate = gate_for(&issuer, server.address, ORDERS, &policy(&front));
    front.forward_to(gate.address);

    let (passed, behind) = run(revision, front.address);
    let more = behind
        .iter()
        .filter(|(check, failures)| **failures > itself.get(*check).copied().unwrap_or(0));
    let lost: Vec<_> = more.map(|((scenario, check), _)| (&**scenario, &**check)).collect();
    let known: Vec<_> = expected
        .iter()
        .map(|(scenario, check, _)| (*scenario, *check))
        .collect();
    assert_eq!(lost, known, "the checks of {revision} that fail through the gate alone");
    println!("MCP conformance {revision}: {passed} checks pass behind the gate");
    for (scenario, check, reason) in expected {
        println!("  expected to fail: {scenario}, {check}: {reason}");
    }
    let without: BTreeSet<_> = itself.keys().map(|(scenario, _)| family(scenario)).collect();
    let without: Vec<_> = without.into_iter().collect();
    println!(
        "  fail at the server too, which lacks what they call: {}",
        without.join(", ")
    );
}

/// The number of checks that pass at this address, and the others.
fn run(revision: &str, address: SocketAddr) -> (usize, Failures) {
    let results = TempDir::new().expect("a folder");
    let suite = "node_modules/@modelcontextprotocol/conformance/dist/index.js";
    let output = Command::new("timeout")
        .arg("300")
        .arg(installed("node_modules/.bin/node"))
        .arg(installed(suite))
        .args([
            "server",
            "--url",
            &format!("http://{address}/mcp"),
            "--requirements",
            revision,
        ])
        .arg("--output-dir")
        .arg(results.path())
        .output()
        .expect("the suite runs");
    let (mut passed, mut failures) = (0, Failures::new());
    for folder in std::fs::read_dir(results.path()).expect("the results") {
        let folder = folder.expect("a result");
        let text = std::fs::read_to_string(folder.path().join("checks.json")).expect("the checks");
        let checks: Vec<Value> = serde_json::from_str(&text).expect("JSON");
        for check in checks {
            match check["status"].as_str() {
                Some("SUCCESS") => passed += 1,
                Some("FAILURE") => {
                    let id = check["id"].as_str().expect("an id").to_owned();
                    *failures
                        .entry((scenario(&folder.file_name().to_string_lossy()), id))
                        .or_default() += 1;
                }
                _ => {}
            }
        }
    }
    assert!(passed > 50, "no results: {}", String::from_utf8_lossy(&output.stderr));
    (passed, failures)
}

/// The scenario, or the pattern of the many that begin alike.
fn family(scenario: &str) -> &str {
    let families = ["tasks-*", "input-required-result-*", "elicitation-*"];
    let mut all = families.into_iter();
    all.find(|family| scenario.starts_with(family.trim_end_matches('*')))
        .unwrap_or(scenario)
}

/// The scenario in the name of a folder with its results: `server-NAME-2026-11-26T05-09-07-012Z`.
fn scenario(folder: &str) -> String {
    let name = folder.strip_prefix("server-").unwrap_or(folder);
    let time = name.len().saturating_sub("-2026-11-26T05-09-07-012Z".len());
    name[..time].to_owned()
}
