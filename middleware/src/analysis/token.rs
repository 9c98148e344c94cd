//! The token of a case: its claims, or a fixture of a preset with further claims.

use std::collections::BTreeMap;

use actgate_yaml::{Diagnostics, Spanned, nearest};
use serde_json::{Map, Value};

use super::fixture::{self, Fixture};
use crate::profile::Profile;

/// The written form: claims, or the keys of a token by preset.
pub(super) type TokenDocument = BTreeMap<String, Spanned<Value>>;

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
        diagnostics.push(written.span(), message, nearest(name, &fixture::fixture_names(preset)));
    }
    fixture
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
