//! The issuers that the gate trusts, and their tokens: the fixtures of the presets.

use actgate::profile::Profile;
use serde_json::Value;

use super::fixture::{self, Fixture, Names};
use crate::mint::{AUDIENCE, TokenIssuer, now, sign};
use crate::structure::source::root;

/// An issuer that the gate trusts, and its tokens.
pub struct Trusted {
    pub identifier: String,
    /// The value of `profile` in a configuration.
    pub profile: String,
    pub fixtures: Vec<Fixture>,
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
    fixture::read(&root().join("middleware/tests/profiles"), name)
}

fn names(issuer: &str) -> Names<'_> {
    Names {
        issuer,
        audience: AUDIENCE,
    }
}

impl Fixture {
    /// The token, signed with the first key of `keys`.
    pub fn token(&self, keys: &TokenIssuer, issuer: &str) -> String {
        let key = keys.key("es256");
        let header = self.header(key.algorithm(), &key.kid);
        let claims = self.claims(names(issuer), now() + 600);
        sign(key, key.algorithm(), header.to_string(), claims.to_string())
    }

    /// What the gate reads from it.
    pub fn read_from(&self, issuer: &str) -> Value {
        self.expected(names(issuer))
    }
}
