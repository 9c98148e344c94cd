//! The keys: files that are no key set, and keys that cannot be fetched.

use std::net::TcpListener;

use serde_json::json;

use super::{check, configuration, explain, report};
use crate::check::{Files, output_text};
use crate::deployment::gate::run_to_end;
use crate::mint::signing_key::{Curve, SigningKey};
use crate::mint::{ISSUER, TokenIssuer};

#[test]
fn a_file_that_is_no_key_set_is_named_with_its_fault() {
    let issuer = TokenIssuer::new();
    let key = SigningKey::ec("a", Curve::P256).jwk(Some("ES256"));
    let huge = format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(300 * 1024));
    let not_a_set = "this is not a JWK set:";
    for (document, fault) in [
        (
            "<html>".to_owned(),
            format!("{not_a_set} the document is HTML or XML, not JSON"),
        ),
        (String::new(), format!("{not_a_set} the document is empty")),
        ("{}".to_owned(), format!("{not_a_set} it has no `keys`")),
        (
            key.to_string(),
            format!("{not_a_set} it is one JWK; a set has its keys in a list `keys`"),
        ),
        (
            "-----BEGIN PUBLIC KEY-----\n".to_owned(),
            format!("{not_a_set} the document is PEM, not JSON"),
        ),
        (
            json!({ "issuer": ISSUER, "jwks_uri": "https://idp.example.com/jwks" }).to_string(),
            format!("{not_a_set} it has a `jwks_uri` and no `keys`, as the metadata of an issuer has"),
        ),
        (huge, "the document is longer than 262144 bytes".to_owned()),
        (
            json!({ "keys": [{ "kty": "oct", "kid": "a" }] }).to_string(),
            "the set contains no usable key: kid `a`: it is symmetric".to_owned(),
        ),
    ] {
        let output = explain(&document, "/orders/1", &issuer.token(json!({})));
        let text = output_text(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        let wanted = format!("keys.json, for issuer {ISSUER}: {fault}");
        assert!(text.contains(&wanted), "{wanted} in {text}");
    }
    let files = Files::new();
    let config = files.write("actgate.yaml", &configuration());
    let folder = std::path::Path::new(&config)
        .parent()
        .expect("a folder")
        .to_string_lossy()
        .into_owned();
    for (file, fault) in [
        (
            format!("{folder}/missing.json"),
            "the file cannot be read: No such file",
        ),
        (folder.clone(), "this is a folder, not a file"),
    ] {
        let arguments = ["explain", "--config", &config, "--jwks", &file, "--path", "/orders/1"];
        let output = run_to_end(&arguments, "a.b.c");
        let text = output_text(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(&format!("{file}: {fault}")), "{text}");
    }
}

#[test]
fn keys_that_cannot_be_fetched_are_explained_with_their_cause() {
    let issuer = TokenIssuer::new();
    // A connection to it is accepted by the system and never answered.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let silent = (silent.local_addr().expect("its address"), Some(silent));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let closed = (listener.local_addr().expect("its address"), None);
    drop(listener);
    for ((address, _listener), timeout, cause, notices) in [
        (silent, "3s", "no complete answer within 3s", 1),
        (closed, "500ms", "Connection refused", 0),
    ] {
        let files = Files::new();
        let uri = format!("http://{address}/jwks");
        let source = format!("  - issuer: {ISSUER}\n    jwks_uri: {uri}\n    keys: {{ timeout: {timeout} }}\n");
        let text = configuration().replace(&format!("  - issuer: {ISSUER}\n"), &source);
        let config = files.write("actgate.yaml", &text);
        let arguments = ["explain", "--config", &config, "--path", "/orders/1", "--json"];
        let output = run_to_end(&arguments, &issuer.token(json!({})));
        let report = report(&output);
        assert_eq!(
            (&report["status"], output.status.code()),
            (&json!(503), Some(1)),
            "{report}"
        );
        let got = check(&report, "key")["got"].as_str().expect("a text").to_owned();
        let start = format!("the signing keys of issuer `{ISSUER}` are unavailable: {uri}: ");
        assert!(got.starts_with(&start) && got.contains(cause), "{got}");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(stderr.matches("fetching keys…").count(), notices, "{stderr}");
        // Without a token no key is used.
        let output = run_to_end(&arguments, "");
        assert_eq!((output.status.code(), output.stderr), (Some(1), Vec::new()));
    }
}
