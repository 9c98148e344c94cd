//! The presets, by the tokens that each issuer product writes: one JSON file of fixtures for each.

#![allow(clippy::unwrap_used, reason = "a fixture that cannot be read fails the test")]

use std::fs;
use std::path::Path;

use actgate::profile::Profile;
use actgate::request::{Presented, Target};
use actgate::testing::TestIssuer;
use actgate::{Authorizer, Error, Explanation, Policy};
use http::{Method, Uri};
use serde::Deserialize;
use serde_json::{Value, json};

/// One token and what is read from it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    name: String,
    #[serde(default)]
    header: Value,
    claims: Value,
    expect: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, untagged)]
enum Expected {
    Identity(Value),
    Denied { error: String },
}

#[test]
fn every_preset_reads_its_fixtures() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/profiles");
    for name in Profile::names() {
        let text = fs::read_to_string(folder.join(format!("{name}.json"))).expect(name);
        let fixtures: Vec<Fixture> = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!fixtures.is_empty(), "{name}");
        for fixture in fixtures {
            let got = read(name.parse().unwrap(), &fixture);
            let expected = match &fixture.expect {
                Expected::Denied { error } => json!({ "error": error }),
                Expected::Identity(identity) => identity.clone(),
            };
            assert_eq!(got, expected, "{name}: {}", fixture.name);
        }
    }
}

/// The identity of a token, or the message of the error.
fn read(profile: Profile, fixture: &Fixture) -> Value {
    let issuer = TestIssuer::new().unwrap();
    let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap().profile(profile);
    let policy = Policy::from_yaml("routes: [{ match: GET / }]").unwrap();
    let authorizer = Authorizer::builder().issuer(trusted).policy(policy).build().unwrap();
    let mut header = json!({"alg": "ES256", "kid": "testing"});
    let mut claims = json!({"iss": TestIssuer::ISSUER, "aud": TestIssuer::AUDIENCE, "exp": TestIssuer::NOW + 300});
    extend(&mut header, &fixture.header);
    extend(&mut claims, &fixture.claims);
    let token = issuer.token_with_header(header, claims).unwrap();
    let uri = Uri::from_static("/");
    let target = Target::new(&Method::GET, &uri).unwrap();
    let explanation = authorizer.explain(&Presented::token(&target, &token), TestIssuer::NOW);
    identity(&explanation).unwrap_or_else(|error| json!({ "error": error.to_string() }))
}

fn identity(explanation: &Explanation) -> Result<Value, Error> {
    let decision = explanation.decision();
    decision.outcome().map_err(Clone::clone)?;
    let identity = decision.identity().unwrap();
    let current = identity.chain().current();
    Ok(json!({
        "subject": identity.subject(),
        "kind": identity.kind().to_string(),
        "client": identity.client(),
        "scopes": identity.scopes().collect::<Vec<_>>(),
        "actor": current.map(|actor| actor.party().subject()),
        "depth": identity.chain().depth(),
    }))
}

fn extend(object: &mut Value, members: &Value) {
    let members = members.as_object().into_iter().flatten();
    for (name, value) in members {
        object[name.as_str()] = value.clone();
    }
}
