//! `jwks_file`: the keys of an issuer from a file, without network.

use serde_json::{Value, json};

use crate::check::{Files, output_text};
use crate::deployment::gate::{Gate, run_to_end};
use crate::mint::{TokenIssuer, claims, forged_token};
use crate::wire;

#[test]
fn a_gate_with_a_key_file_is_ready_at_once_without_network() {
    let signer = TokenIssuer::new();
    for name in ["https://unreachable.invalid", "rke"] {
        let issuers = format!("  - issuer: {name}\n    jwks_file: keys/idp.json\n    algorithms: [ES256]\n");
        let gate = Gate::run_beside(
            &super::configuration(&issuers),
            &[("keys/idp.json", &signer.document())],
        );
        assert_eq!(gate.readiness(), 200, "{name}");
        let token = signer.signed(&claims(json!({ "iss": name })));
        for time in ["fresh", "cached"] {
            assert_eq!(
                wire::get(gate.address, "/orders/1", &token).status,
                200,
                "{name} {time}"
            );
        }
        assert_eq!(
            wire::get(gate.address, "/orders/1", &forged_token()).status,
            401,
            "{name}"
        );
    }
}

#[test]
fn check_names_the_key_file() {
    let files = Files::new();
    let keys = files.write("idp.json", &TokenIssuer::new().document());
    let issuers = "  - issuer: https://idp.example.com\n    jwks_file: idp.json\n";
    let config = files.write("actgate.yaml", &super::configuration(issuers));
    let output = run_to_end(&["check", "--config", &config], "");
    let text = output_text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let line = format!("  issuer    https://idp.example.com (keys: {keys})\n");
    assert!(text.contains(&line) && !text.contains("warning"), "{text}");
    let output = run_to_end(&["check", "--json", "--config", &config], "");
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let issuer = json!({ "issuer": "https://idp.example.com", "jwks_file": keys, "profile": "rfc9068" });
    assert_eq!(report["issuers"][0], issuer, "{report}");
}

/// No part of a secret is printed.
#[test]
fn a_secret_in_a_key_file_is_named_and_not_printed() {
    let mut private = TokenIssuer::new();
    let mut copied = private.key("es256").jwk(Some("ES256"));
    copied["d"] = json!("SECRET-canary");
    copied["kid"] = json!("copied");
    private.publish(copied);
    let mut symmetric = TokenIssuer::new();
    symmetric.publish(json!({ "kty": "oct", "kid": "shared", "k": "SECRET-canary" }));
    let alone = json!({ "keys": [{ "kty": "oct", "kid": "shared", "k": "SECRET-canary" }] });
    for (document, reason) in [
        (
            private.document(),
            "the set contains a secret: kid `copied`: it contains a private key (`d`)",
        ),
        (
            symmetric.document(),
            "the set contains a secret: kid `shared`: it is symmetric",
        ),
        (
            alone.to_string(),
            "the set contains a secret: kid `shared`: it is symmetric",
        ),
    ] {
        let files = Files::new();
        let keys = files.write("idp.json", &document);
        let issuers = "  - issuer: https://idp.example.com\n    jwks_file: idp.json\n";
        let config = files.write("actgate.yaml", &super::configuration(issuers));
        for command in ["check", "run"] {
            let output = run_to_end(&[command, "--config", &config], "");
            let text = output_text(&output);
            assert_eq!(output.status.code(), Some(78), "{text}");
            assert!(text.contains(&format!("{config}:7:16: `{keys}`: {reason}")), "{text}");
            assert!(
                text.contains("\n  help: publish the public keys of the issuer alone"),
                "{text}"
            );
            assert!(!text.contains("SECRET"), "{text}");
        }
    }
}
