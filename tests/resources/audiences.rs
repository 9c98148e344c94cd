//! Audiences of a resource in the tokens of one issuer, and the issuers that its metadata lists.

use serde_json::{Value, json};

use crate::deployment::gate::Gate;
use crate::issuers::Issuer;
use crate::mint::claims;
use crate::wire::{answer, request};

const RESOURCE: &str = "https://api.example.com";

fn gate(issuers: &[(&Issuer, &str)], resource: &str) -> Gate {
    let entry = |(issuer, rest): &(&Issuer, &str)| {
        let (name, keys) = (&issuer.name, issuer.keys.jwks_uri());
        format!("  - issuer: {name}\n    jwks_uri: {keys}\n{rest}")
    };
    let entries: String = issuers.iter().map(entry).collect();
    let text = crate::issuers::configuration(&entries);
    let top = format!("audience: {}\n", crate::mint::AUDIENCE);
    assert!(text.contains(&top));
    let resources = format!("resources:\n  - resource: {RESOURCE}\n    path: /\n{resource}");
    let gate = Gate::run(&text.replace(&top, &resources));
    gate.wait_until_ready();
    gate
}

#[test]
fn an_audience_of_one_issuer_is_accepted_from_no_other() {
    let [one, two, three] = ["https://one.example", "https://two.example", "https://three.example"].map(Issuer::named);
    let gate = gate(
        &[(&one, ""), (&two, ""), (&three, "")],
        "    audience:\n      - api\n      - { 'https://one.example': client-1, 'https://two.example': [client-2, client-3] }\n",
    );
    for (issuer, accepted) in [
        (&one, &["client-1"][..]),
        (&two, &["client-2", "client-3"]),
        (&three, &["api", RESOURCE]),
    ] {
        for audience in ["client-1", "client-2", "client-3", "api", RESOURCE] {
            let token = claims(json!({ "iss": issuer.name, "aud": audience }));
            let token = issuer.signer.signed(&token);
            let status = if accepted.contains(&audience) { 200 } else { 401 };
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
fn the_metadata_lists_issuers_where_clients_can_obtain_tokens_or_those_that_are_written() {
    let [people, jobs] = ["https://people.example", "https://jobs.example"].map(Issuer::named);
    let issuers = [(&people, ""), (&jobs, "    profile: github-actions\n")];
    let listed = |resource: &str| -> Value {
        let gate = gate(&issuers, resource);
        let request = request("GET", "/.well-known/oauth-protected-resource", &[]);
        answer(gate.address, &request).json()["authorization_servers"].clone()
    };
    assert_eq!(listed(""), json!(["https://people.example"]));
    assert_eq!(
        listed("    authorization_servers: [https://login.example]\n"),
        json!(["https://login.example"])
    );
    assert_eq!(listed("    authorization_servers: []\n"), Value::Null);
}
