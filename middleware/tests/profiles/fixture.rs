//! The form of a fixture: one token, and what is read from it. The tests of the library and those of the binary include this
//! file.

use std::fs;
use std::path::Path;

use actgate::Identity;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// One token and what is read from it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fixture {
    #[serde(default)]
    pub(crate) case: Option<Case>,
    pub(crate) name: String,
    /// The profile of a token in `others.json`, as YAML.
    #[serde(default)]
    pub(crate) profile: Option<String>,
    #[serde(default)]
    header: Map<String, Value>,
    claims: Map<String, Value>,
    pub(crate) expect: Value,
}

/// What every preset has a fixture of.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Case {
    Human,
    Machine,
    Delegated,
    IdToken,
    Trap,
}

/// The issuer and the audience of the tokens.
#[derive(Clone, Copy)]
pub(crate) struct Names<'n> {
    pub(crate) issuer: &'n str,
    pub(crate) audience: &'n str,
}

/// The fixtures of one file.
pub(crate) fn read(folder: &Path, name: &str) -> Vec<Fixture> {
    let text = fs::read_to_string(folder.join(format!("{name}.json"))).expect(name);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

impl Fixture {
    /// The header of the token, with the members that its key requires.
    pub(crate) fn header(&self, algorithm: &str, kid: &str) -> Value {
        let mut header = json!({ "alg": algorithm, "kid": kid });
        extend(&mut header, &self.header);
        header
    }

    /// The claims of the token, which expires at this time unless the fixture has another.
    pub(crate) fn claims(&self, names: Names<'_>, expires: u64) -> Value {
        let mut claims = json!({ "iss": "{issuer}", "aud": "{audience}", "exp": expires });
        extend(&mut claims, &self.claims);
        fill(&mut claims, names);
        claims
    }

    /// What is read from the token: an identity, or an error.
    pub(crate) fn expected(&self, names: Names<'_>) -> Value {
        let mut expected = self.expect.clone();
        fill(&mut expected, names);
        expected
    }
}

fn extend(object: &mut Value, members: &Map<String, Value>) {
    object.as_object_mut().expect("an object").extend(members.clone());
}

/// Replaces `{issuer}` and `{audience}`, and removes claims that are `{absent}`.
fn fill(value: &mut Value, names: Names<'_>) {
    match value {
        Value::String(text) if text == "{issuer}" => *text = names.issuer.to_owned(),
        Value::String(text) if text == "{audience}" => *text = names.audience.to_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, names)),
        Value::Object(members) => {
            members.retain(|_, member| member != "{absent}");
            members.values_mut().for_each(|member| fill(member, names));
        }
        _ => {}
    }
}

/// The facts of an identity in the form that fixtures expect.
pub(crate) fn identity(identity: &Identity) -> Value {
    let chain = identity.chain();
    let current = chain.current();
    let prior = chain.prior().iter().map(|actor| actor.party().subject());
    json!({
        "subject": identity.subject(),
        "kind": identity.kind().to_string(),
        "client": identity.client(),
        "scopes": identity.scopes().collect::<Vec<_>>(),
        "actor": current.map(|actor| actor.party().subject()),
        "actor_kind": current.map(|actor| actor.kind().to_string()),
        "prior": prior.collect::<Vec<_>>(),
        "depth": chain.depth(),
    })
}
