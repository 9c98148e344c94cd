//! `audience` of an issuer, in place of the one at the top for its tokens.

use serde_json::{Value, json};

use super::Issuer;
use crate::check::{Files, output_text};
use crate::deployment::BRISK;
use crate::deployment::gate::{Gate, run_to_end};
use crate::deployment::upstream::Upstream;
use crate::mint::{AUDIENCE, claims};

/// A configuration with and without an audience at the top.
fn configuration(top: &str, issuers: &str) -> String {
    let text = super::configuration(issuers);
    text.replace(&format!("audience: {AUDIENCE}\n"), top)
}

fn entry(issuer: &Issuer, audience: &str) -> String {
    let (name, keys) = (&issuer.name, issuer.keys.jwks_uri());
    format!("  - issuer: {name}\n    jwks_uri: {keys}\n{audience}{BRISK}")
}

#[test]
fn the_audiences_of_an_issuer_are_for_its_tokens_alone() {
    let [one, two, three] = ["https://one.example", "https://two.example", "https://three.example"].map(Issuer::named);
    let issuers = [
        entry(&one, "    audience: client-1\n"),
        entry(&two, "    audience: [client-2, client-3]\n"),
        entry(&three, ""),
    ];
    let gate = Gate::run(&configuration("audience: api\n", &issuers.concat()));
    gate.wait_until_ready();
    for (issuer, accepted) in [
        (&one, &["client-1"][..]),
        (&two, &["client-2", "client-3"]),
        (&three, &["api"]),
    ] {
        for audience in ["client-1", "client-2", "client-3", "api"] {
            let token = |audience: Value| {
                issuer
                    .signer
                    .signed(&claims(json!({ "iss": issuer.name, "aud": audience })))
            };
            let status = if accepted.contains(&audience) { 200 } else { 401 };
            let token = token(json!(audience));
            for time in ["fresh", "again"] {
                assert_eq!(
                    issuer.status(&gate, &token),
                    status,
                    "{} {audience} {time}",
                    issuer.name
                );
            }
        }
    }
}

#[test]
fn the_audience_at_the_top_is_needed_by_issuers_without_one() {
    let [one, two] = ["https://one.example", "https://two.example"].map(Issuer::named);
    let own = entry(&one, "    audience: client-1\n");
    let gate = Gate::run(&configuration("", &own));
    gate.wait_until_ready();
    let token = one
        .signer
        .signed(&claims(json!({ "iss": one.name, "aud": "client-1" })));
    assert_eq!(one.status(&gate, &token), 200);

    let files = Files::new();
    let config = files.write("actgate.yaml", &configuration("", &own));
    let output = run_to_end(&["check", "--config", &config], "");
    let text = output_text(&output);
    assert!(
        text.contains("; audience: client-1)\n") && !text.contains("  audience  "),
        "{text}"
    );
    let config = files.write("actgate.yaml", &configuration("", &(own + &entry(&two, ""))));
    let output = run_to_end(&["check", "--config", &config], "");
    let text = output_text(&output);
    assert_eq!(output.status.code(), Some(78), "{text}");
    assert!(
        text.starts_with(&format!("{config}: the key `audience` is missing\n  help: ")),
        "{text}"
    );
}

/// The host of an audience is one that the target of a request may name.
#[test]
fn the_host_of_an_audience_of_an_issuer_is_accepted_in_a_target() {
    let one = Issuer::named("https://one.example");
    let upstream = Upstream::start().address();
    let text = configuration("", &entry(&one, "    audience: http://orders.own.example\n"));
    let (_, rest) = text.split_once("\nadmin").expect("the addresses");
    let text = format!("listen: 127.0.0.1:0\nupstream: http://{upstream}\nadmin{rest}");
    let gate = Gate::run(&text);
    for (host, status) in [("orders.own.example", 200), ("other.example", 421)] {
        let request = format!("GET http://{host}/open/x HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        assert_eq!(
            crate::wire::answer(gate.address, request.as_bytes()).status,
            status,
            "{host}"
        );
    }
}
