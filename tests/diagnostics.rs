//! A file with a mistake of each kind: all are reported in one run, each with its place and a help text.

use std::process::Output;

use crate::check::{CONFIGURATION, Files, output_text, place};
use crate::deployment::gate::run_to_end;

const POLICY: &str = "\
requirements:
  human-must-initiate:
    initiator: { kind: humann }
routes:
  - match: GET /orders/{id}
    scope: [orders:read]
  - match: GET /reports
    chain: { max_depth: two }
  - match: GET orders
    public: true
";

const REGISTRY: &str = "\
resources:
  https://orders.example: { scopes: [orders:read] }
users:
  alice: { password: wonderland, second_facter: '246810', scopes: [orders:read] }
clients:
  warehouse:
    profile: servise
    secret: warehouse-secret
    grants: [client_credentials]
    scopes: orders:read
    resources: [https://orders.example]
  storefront:
    profile: native_app
    grants: [authorization_code]
    redirect_uris: [not-a-uri]
    scopes: [orders:read]
    resources: [https://orders.example]
";

#[test]
fn every_mistake_of_a_policy_is_reported() {
    let files = Files::new();
    let policy = files.write("policy.yaml", POLICY);
    let (rest, _) = CONFIGURATION.split_at(CONFIGURATION.find("requirements:").expect("the policy"));
    let configuration = files.write("actgate.yaml", &format!("{rest}policy: policy.yaml\n"));
    let output = run_to_end(&["check", "--config", &configuration], "");
    assert_reported(&output, &policy, POLICY, ["humann", "scope:", "two", "GET orders"]);
}

#[test]
fn every_mistake_of_a_configuration_is_reported() {
    let mut text = CONFIGURATION.to_owned();
    for (right, wrong) in [
        ("cooldown:", "cooldwon:"),
        ("profile: rfc9068", "profile: rfc9086"),
        ("[ES256, RS256]", "ES256"),
        ("leeway: 30s", "leeway: 61s"),
    ] {
        text = text.replacen(right, wrong, 1);
    }
    let files = Files::new();
    let configuration = files.write("actgate.yaml", &text);
    let output = run_to_end(&["check", "--config", &configuration], "");
    assert_reported(&output, &configuration, &text, ["61s", "ES256", "rfc9086", "cooldwon"]);
}

#[test]
fn every_mistake_of_a_registry_is_reported() {
    let files = Files::new();
    let registry = files.write("registry.yaml", REGISTRY);
    for command in [&["check"][..], &["issuer", "--listen", "127.0.0.1:0"]] {
        let output = run_to_end(&[command, &["--registry", &registry]].concat(), "");
        assert_reported(
            &output,
            &registry,
            REGISTRY,
            ["second_facter", "servise", "orders:read\n    resources", "not-a-uri"],
        );
    }
}

/// Fails unless exactly the mistakes that begin at `needles` are reported, each with a help text.
fn assert_reported(output: &Output, file: &str, text: &str, needles: [&str; 4]) {
    let reported = output_text(output);
    assert_eq!(output.status.code(), Some(78), "{reported}");
    let lines: Vec<&str> = reported.lines().collect();
    let places = lines.iter().enumerate().filter(|(_, line)| line.starts_with(file));
    let places: Vec<usize> = places.map(|(at, _)| at).collect();
    let mut expected = needles.map(|needle| place(text, needle));
    expected.sort_unstable();
    assert_eq!(places.len(), expected.len(), "{reported}");
    for (at, (line, column)) in places.into_iter().zip(expected) {
        let prefix = format!("{file}:{line}:{column}: ");
        assert!(lines[at].starts_with(&prefix), "{prefix} in\n{reported}");
        let help = lines.get(at + 1).and_then(|line| line.strip_prefix("  help: "));
        assert!(
            help.is_some_and(|help| !help.is_empty()),
            "no help for {prefix} in\n{reported}"
        );
    }
}
