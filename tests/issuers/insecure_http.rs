//! `insecure_http`: keys over plain http from another host than loopback.

use serde_json::json;

use crate::check::{Files, output_text};
use crate::deployment::BRISK;
use crate::deployment::gate::{Gate, run_to_end};
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::mint::{TokenIssuer, claims};
use crate::wire;

/// An address of the key server that is not on loopback by its text: it leads to this machine.
fn elsewhere(keys: &KeyServer) -> String {
    keys.url().replace("127.0.0.1", "0.0.0.0")
}

#[test]
fn keys_and_metadata_over_plain_http_need_it_and_are_warned_of_at_each_start() {
    let signer = TokenIssuer::new();
    let keys = KeyServer::start(Conduct::Publish(signer.document()));
    let base = elsewhere(&keys);
    keys.claim_to_be(&base);
    for (name, lines) in [
        (base.clone(), String::new()),
        ("rke".to_owned(), format!("    jwks_uri: {base}/jwks\n")),
        (
            "https://idp.example.com".to_owned(),
            format!("    jwks_uri: {base}/jwks\n"),
        ),
    ] {
        let issuers = format!("  - issuer: {name}\n{lines}    insecure_http: true\n{BRISK}");
        let gate = Gate::run(&super::configuration(&issuers));
        gate.wait_until_ready();
        let token = signer.signed(&claims(json!({ "iss": name })));
        assert_eq!(wire::get(gate.address, "/orders/1", &token).status, 200, "{name}");
        let warning = ["WARN", "keys are fetched over plain http", &*name];
        gate.process.wait_for_line(&warning);
        let lines = gate.process.stderr();
        let warnings = lines
            .iter()
            .filter(|line| warning.iter().all(|part| line.contains(part)));
        assert_eq!(warnings.count(), 1, "{lines:#?}");

        let files = Files::new();
        let config = files.write("actgate.yaml", &super::configuration(&issuers));
        let output = run_to_end(&["check", "--config", &config], "");
        let text = output_text(&output);
        assert_eq!(output.status.code(), Some(0), "{text}");
        let warning =
            format!("the keys of issuer `{name}` are fetched over plain http\n  help: a party on the network");
        assert!(
            text.contains(&format!("warning: {config}:")) && text.contains(&warning),
            "{text}"
        );

        let without = issuers.replace("    insecure_http: true\n", "");
        let config = files.write("actgate.yaml", &super::configuration(&without));
        let output = run_to_end(&["check", "--config", &config], "");
        let text = output_text(&output);
        assert_eq!(output.status.code(), Some(78), "{text}");
        assert!(
            text.contains("keys are fetched over https, or over http on loopback only"),
            "{text}"
        );
    }
}
