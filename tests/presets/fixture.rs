//! The fixtures of the presets, which the tests of the library read too.

use std::fs;

use actgate::profile::Profile;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::mint::{AUDIENCE, TokenIssuer, now, sign};
use crate::structure::source::root;

/// An issuer that the gate trusts, and its tokens.
pub struct Trusted {
    pub identifier: String,
    /// The value of `profile` in a configuration.
    pub profile: String,
    pub fixtures: Vec<Fixture>,
}

/// One token and what is read from it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    #[serde(default, rename = "case")]
    _case: Option<String>,
    pub name: String,
    /// The profile of a token in `others.json`.
    #[serde(default)]
    profile: Option<String>,
    #[serde(default)]
    header: Map<String, Value>,
    claims: Map<String, Value>,
    expect: Value,
}

/// The issuer of each preset, and one for each token of another product.
pub fn trusted() -> Vec<Trusted> {
    let presets = Profile::names().iter().map(|name| Trusted {
        identifier: format!("https://{name}.example.com"),
        profile: (*name).to_owned(),
        fixtures: fixtures(name),
    });
    let others = fixtures("others")
        .into_iter()
        .enumerate()
        .map(|(number, fixture)| Trusted {
            identifier: format!("https://other-{number}.example.com"),
            profile: fixture.profile.clone().expect("a profile"),
            fixtures: vec![fixture],
        });
    // The tokens of this trust domain, without `iss`, are among the fixtures of its preset.
    let domain = Trusted {
        identifier: "spiffe://td.example".to_owned(),
        profile: "spiffe".to_owned(),
        fixtures: Vec::new(),
    };
    presets.chain(others).chain([domain]).collect()
}

fn fixtures(name: &str) -> Vec<Fixture> {
    let path = root().join(format!("middleware/tests/profiles/{name}.json"));
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

impl Fixture {
    /// The token, signed with the first key of `keys`.
    pub fn token(&self, keys: &TokenIssuer, issuer: &str) -> String {
        let key = keys.key("es256");
        let mut header = json!({ "alg": key.algorithm(), "kid": key.kid });
        let mut claims = json!({ "iss": "{issuer}", "aud": "{audience}", "exp": now() + 600 });
        extend(&mut header, &self.header);
        extend(&mut claims, &self.claims);
        fill(&mut claims, issuer);
        sign(key, key.algorithm(), header.to_string(), claims.to_string())
    }

    /// What is read from it.
    pub fn expected(&self, issuer: &str) -> Value {
        let mut expected = self.expect.clone();
        fill(&mut expected, issuer);
        expected
    }
}

fn extend(object: &mut Value, members: &Map<String, Value>) {
    object.as_object_mut().expect("an object").extend(members.clone());
}

/// Replaces `{issuer}` and `{audience}`, and removes claims that are `{absent}`.
fn fill(value: &mut Value, issuer: &str) {
    match value {
        Value::String(text) if text == "{issuer}" => *text = issuer.to_owned(),
        Value::String(text) if text == "{audience}" => *text = AUDIENCE.to_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, issuer)),
        Value::Object(members) => {
            members.retain(|_, member| member != "{absent}");
            members.values_mut().for_each(|member| fill(member, issuer));
        }
        _ => {}
    }
}
