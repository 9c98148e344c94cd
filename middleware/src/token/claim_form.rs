//! What came in the place of a claim of another form, in words: for `explain`, never for enforcement.

use serde_json::{Map, Value};

use crate::json::type_of;
use crate::profile::{Profile, ScopeClaim};

/// What a malformed claim of this payload is, and what it is expected to be; without its value.
pub(super) fn describe(payload: &[u8], claim: &str, profile: &Profile) -> Option<String> {
    let claims: Map<String, Value> = serde_json::from_slice(payload).ok()?;
    let found = found(claims.get(claim)?);
    Some(format!("{found}, expected {}", expected(claim, profile)))
}

fn found(value: &Value) -> &'static str {
    match value {
        Value::String(text) if text.trim().is_empty() => "an empty text",
        Value::String(text) if text.contains(char::is_control) => "a text with a control character",
        Value::Array(items) if items.is_empty() => "an empty list",
        Value::Array(items) if !items.iter().all(Value::is_string) => "a list with a value that is no text",
        Value::Array(items) if items.iter().any(|item| item == "") => "a list with an empty text",
        value => type_of(value),
    }
}

fn expected(claim: &str, profile: &Profile) -> String {
    let text_or_list = "a text or a list of texts";
    let named = |scope| match scope {
        ScopeClaim::Text(name) => (name, "a text"),
        ScopeClaim::TextOrList(name) => (name, text_or_list),
    };
    let (scope, form) = named(profile.scope);
    match (claim, profile.scope_copy.map(named)) {
        ("exp" | "nbf" | "iat", _) => "seconds since 1970".to_owned(),
        ("cnf", _) => "an object".to_owned(),
        ("chain_complete", _) => "a boolean".to_owned(),
        (claim, _) if claim == profile.audience => text_or_list.to_owned(),
        (claim, _) if claim == scope => form.to_owned(),
        (claim, Some((copy, form))) if claim == copy => format!("{form} with the scopes of `{scope}`"),
        _ => "a text".to_owned(),
    }
}
