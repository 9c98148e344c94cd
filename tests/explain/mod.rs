//! `actgate explain`: a request explained by the checks that the gate makes.

mod body;
mod change;
mod claims;
mod gate;
mod help;
mod input;
mod keys;
mod limited_line;
mod limits;
mod line;
mod recorded_request;
mod request;
mod token;
mod undecided_line;

use std::process::Output;

use serde_json::{Value, json};

use crate::check::{Files, output_text};
use crate::deployment::gate::run_to_end;
use crate::mint::{AUDIENCE, ISSUER};

pub const ROUTES: &str = "
routes:
  - match: GET /orders/{id}
    scopes: [orders:read]
  - match: GET /fresh
    initiator: { max_auth_age: 5m, acr: phr, amr: mfa }
";

pub fn configuration() -> String {
    format!(
        "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\naudience: {AUDIENCE}\nissuers:\n  - issuer: {ISSUER}\n{ROUTES}"
    )
}

/// Explains GET `path` for the text on standard input, with this key set.
fn explain(keys: &str, path: &str, input: &str) -> Output {
    let files = Files::new();
    let (config, keys) = (
        files.write("actgate.yaml", &configuration()),
        files.write("keys.json", keys),
    );
    let arguments = [
        "explain", "--config", &config, "--jwks", &keys, "--path", path, "--json",
    ];
    run_to_end(&arguments, input)
}

pub fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", output_text(output)))
}

/// The check of this name.
fn check(report: &Value, rule: &str) -> Value {
    let checks = report["checks"].as_array().expect("the checks");
    let named = checks.iter().find(|check| check["rule"] == json!(rule));
    named.unwrap_or_else(|| panic!("no check {rule}: {report}")).clone()
}
