//! What came in the place of a claim of another form, in words: for `explain`, never for enforcement.

use serde_json::{Map, Value};

use crate::json::type_of;
use crate::profile::{ClaimName, Profile, ScopeForm};

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
    const TEXT_OR_LIST: &str = "a text or a list of texts";
    let is_audience = |name: ClaimName| name.as_str() == claim;
    let scope = profile.scope.iter().position(|scope| scope.claim.as_str() == claim);
    match (claim, scope) {
        ("exp" | "nbf" | "iat", _) => "seconds since 1970".to_owned(),
        ("cnf", _) => "an object".to_owned(),
        ("chain_complete", _) => "a boolean".to_owned(),
        (_, Some(index)) => {
            let form = match profile.scope[index].form {
                ScopeForm::Text => "a text",
                ScopeForm::List => "a list of texts",
                ScopeForm::TextOrList => TEXT_OR_LIST,
            };
            match profile.scope.first() {
                Some(first) if index > 0 => {
                    format!("{form} with the same scopes as `{}`, which it repeats", first.claim)
                }
                _ => form.to_owned(),
            }
        }
        _ if is_audience(profile.audience.claim) || profile.audience.substitute.is_some_and(is_audience) => {
            TEXT_OR_LIST.to_owned()
        }
        _ => "a text".to_owned(),
    }
}
