//! The token of a case: its claims, or a fixture of a preset with further claims.

use std::collections::BTreeMap;

use actgate_yaml::{Diagnostics, Spanned, nearest};
#[cfg(feature = "schema")]
use serde_json::json;
use serde_json::{Map, Value};

use super::fixture::{self, Fixture};
use crate::profile::Profile;

/// The written form: claims, or the keys of a token by preset.
pub(super) type TokenDocument = BTreeMap<String, Spanned<Value>>;

/// The token of a case, as a document has it.
#[cfg(feature = "schema")]
pub(super) struct TokenSchema;

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// The claims of the token, or a token by preset. Claims that are left out (`iss`, `aud`, `exp`, `sub`, …) are valid ones; one that is
    /// `null` is not in the token. Without a token the request has none.
    TokenSchema = "Token", {
        "type": "object",
        "examples": [
            { "sub": "u1", "sub_profile": "user", "scope": "orders:read" },
            { "preset": "keycloak", "fixture": "human", "claims": { "scope": "orders:read" } },
        ],
        "properties": claims_and_keys(),
        "if": { "anyOf": KEYS.map(|key| json!({ "required": [key] })) },
        "then": { "propertyNames": { "enum": KEYS }, "dependencies": { "fixture": ["preset"] } },
        "allOf": Profile::names().iter().map(|preset| json!({
            "if": { "required": ["preset"], "properties": { "preset": { "const": preset } } },
            "then": { "properties": { "fixture": { "enum": fixture::fixture_names(preset) } } },
        })).collect::<Vec<_>>(),
    };
}

/// The claims, and the keys of a token by preset.
#[cfg(feature = "schema")]
fn claims_and_keys() -> Value {
    let mut properties = claims();
    properties["preset"] = json!({
        "description": "The preset of the issuer of the token, in place of its claims. `actgate issuers` lists them.",
        "enum": Profile::names(),
        "examples": ["keycloak"],
    });
    properties["fixture"] = json!({
        "description": "A token of the product: `human`, `machine`, `delegated` or `id-token`, or the whole name of a fixture.",
        "type": "string",
        "examples": ["human"],
    });
    properties["claims"] = json!({
        "description": "Claims in place of those of the fixture; one that is `null` is not in the token.",
        "type": "object",
        "properties": claims(),
        "examples": [{ "scope": "orders:read" }],
    });
    properties
}

/// The claims that rules read. Each can have any value: a case may be about a malformed one.
#[cfg(feature = "schema")]
fn claims() -> Value {
    let described = [
        ("iss", "The issuer. Default: the first one of the file."),
        ("sub", "The subject: the initiator."),
        ("aud", "The audience. Default: the one of the gate."),
        (
            "exp",
            "The end of its validity, in seconds since 1970. Default: after the request.",
        ),
        ("nbf", "The beginning of its validity, in seconds since 1970."),
        ("iat", "The time of its issue, in seconds since 1970."),
        ("jti", "The id of the token."),
        ("client_id", "The client that presents the token."),
        ("azp", "The client that presents the token, as OpenID Connect names it."),
        ("scope", "The scopes, with one space between two of them."),
        (
            "sub_profile",
            "What the subject is: `user`, `ai_agent` or `service` (OAuth Entity Profiles).",
        ),
        (
            "act",
            "The current actor, with the prior ones nested in it (RFC 8693 section 4.1).",
        ),
        (
            "may_act",
            "The party that may act for the subject (RFC 8693 section 4.4).",
        ),
        ("amr", "The methods of the login (RFC 8176)."),
        ("acr", "The authentication context of the login."),
        ("auth_time", "The time of the login, in seconds since 1970."),
        ("authorization_details", "What the token is granted for (RFC 9396)."),
        ("cnf", "The key that the token is bound to (RFC 7800)."),
    ];
    let described = described.map(|(name, description)| (name.to_owned(), json!({ "description": description })));
    Value::Object(described.into_iter().collect())
}

/// The keys of a token by preset. One of them makes a mapping such a token, and no list of claims.
const KEYS: [&str; 3] = ["claims", "fixture", "preset"];

/// The token of a case, which is not signed.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseToken {
    preset: Option<&'static str>,
    fixture: Option<Fixture>,
    claims: Map<String, Value>,
}

impl CaseToken {
    /// The preset that its issuer has to have; [`None`] where any issuer is meant.
    pub fn preset(&self) -> Option<&'static str> {
        self.preset
    }

    /// The claims that the case writes. A claim that is `null` is to be left out of the token.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The `typ` in the header of a token by preset; [`None`] for a header without it.
    ///
    /// It is that of the fixture, or of the first one of the preset.
    pub fn header_type(&self) -> Option<String> {
        let preset = self.preset?;
        let own = self.fixture.clone();
        let fixture = own.or_else(|| fixture::of(preset).into_iter().next())?;
        fixture.header_type().map(str::to_owned)
    }

    /// The claims of its fixture, for an issuer and an audience; empty without a fixture.
    pub fn fixture_claims(&self, issuer: &str, audience: &str) -> Map<String, Value> {
        let claims = self.fixture.as_ref().map(|fixture| fixture.claims.clone());
        let mut claims = Value::Object(claims.unwrap_or_default());
        fill(&mut claims, issuer, audience);
        match claims {
            Value::Object(claims) => claims,
            _ => Map::new(),
        }
    }

    /// Reads the written form. [`None`] for one with a mistake.
    pub(super) fn compile(document: Spanned<TokenDocument>, diagnostics: &mut Diagnostics) -> Option<CaseToken> {
        let span = document.span();
        let mut members = document.value;
        if !KEYS.iter().any(|key| members.contains_key(*key)) {
            let claims = members.into_iter().map(|(name, value)| (name, value.value));
            return Some(CaseToken {
                preset: None,
                fixture: None,
                claims: claims.collect(),
            });
        }
        let before = diagnostics.len();
        let preset = members.remove("preset");
        let fixture = members.remove("fixture");
        let claims = members.remove("claims");
        for (key, value) in members {
            let help = "a token by preset has `preset`, `fixture` and `claims`: write this claim within `claims`";
            diagnostics.push(value.span(), format!("unknown key `{key}`"), help);
        }
        let claims = match claims {
            None => Map::new(),
            Some(Spanned {
                value: Value::Object(claims),
                ..
            }) => claims,
            Some(other) => {
                let help = "write them as a mapping: `claims: { sub: u1 }`";
                diagnostics.push(other.span(), "the claims of a token are a mapping", help);
                Map::new()
            }
        };
        let preset = preset.and_then(|written| known_preset(&written, diagnostics));
        let fixture = match (fixture, preset) {
            (None, _) => None,
            (Some(written), Some(preset)) => known_fixture(&written, preset, diagnostics),
            (Some(_), None) => {
                if diagnostics.len() == before {
                    let message = "a fixture is a token of a preset";
                    diagnostics.push(span, message, "add `preset: NAME`; `actgate issuers` lists them");
                }
                None
            }
        };
        (diagnostics.len() == before).then_some(CaseToken {
            preset,
            fixture,
            claims,
        })
    }
}

fn known_preset(written: &Spanned<Value>, diagnostics: &mut Diagnostics) -> Option<&'static str> {
    let name = written.value.as_str().unwrap_or_default();
    let known = Profile::names().iter().copied().find(|known| *known == name);
    if known.is_none() {
        let message = format!("unknown preset `{name}`");
        diagnostics.push(written.span(), message, nearest(name, Profile::names()));
    }
    known
}

fn known_fixture(written: &Spanned<Value>, preset: &str, diagnostics: &mut Diagnostics) -> Option<Fixture> {
    let name = written.value.as_str().unwrap_or_default();
    let fixture = fixture::named(preset, name);
    if fixture.is_none() {
        let message = format!("`{preset}` has no fixture `{name}`");
        let names = fixture::fixture_names(preset);
        let help = match nearest(name, &names) {
            help if help.starts_with("did you mean") => help,
            _ => listed(&names),
        };
        diagnostics.push(written.span(), message, help);
    }
    fixture
}

/// The fixtures with a short name, and how many others there are.
fn listed(names: &[impl AsRef<str>]) -> String {
    let names = || names.iter().map(AsRef::as_ref);
    let short: Vec<String> = names()
        .filter(|name| !name.contains(' '))
        .map(|name| format!("`{name}`"))
        .collect();
    let others = match names().count() - short.len() {
        0 => String::new(),
        count => format!("; {count} more are described by a sentence, in the fixtures of the preset"),
    };
    format!("expected one of {}{others}", short.join(", "))
}

/// Replaces `{issuer}` and `{audience}`, and makes claims `null` that are `{absent}`.
fn fill(value: &mut Value, issuer: &str, audience: &str) {
    match value {
        Value::String(text) if text == "{issuer}" => issuer.clone_into(text),
        Value::String(text) if text == "{audience}" => audience.clone_into(text),
        Value::String(text) if text == "{absent}" => *value = Value::Null,
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, issuer, audience)),
        Value::Object(members) => members.values_mut().for_each(|member| fill(member, issuer, audience)),
        _ => {}
    }
}
