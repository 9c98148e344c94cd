//! What came in the place of a claim of another form, in words: for `explain`, never for enforcement.

use serde_json::{Map, Value};

use crate::json::type_of;
use crate::profile::{ClaimName, Profile, ScopeForm};

/// What a malformed claim of this payload is, and what it is expected to be; without its value.
pub(crate) fn describe(payload: &[u8], claim: &str, profile: &Profile) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_is_described_by_its_form_and_the_expected_one_without_its_value() {
        let list_only = "scope: { claim: scp, form: list }\naudience: { claim: aud, substitute: azp }";
        let (standard, listed) = (Profile::default(), Profile::from_yaml(list_only).unwrap());
        let repeated = "a text or a list of texts with the same scopes as `scope`, which it repeats";
        for (profile, claim, value, found, expected) in [
            (&standard, "sub", json!(null), "null", "a text"),
            (&standard, "sub", json!(" "), "an empty text", "a text"),
            (
                &standard,
                "sub",
                json!("a\u{7}b"),
                "a text with a control character",
                "a text",
            ),
            (&standard, "sub", json!("hidden"), "a text", "a text"),
            (&standard, "exp", json!("hidden"), "a text", "seconds since 1970"),
            (&standard, "nbf", json!(true), "a boolean", "seconds since 1970"),
            (&standard, "iat", json!({}), "an object", "seconds since 1970"),
            (&standard, "cnf", json!(7), "a number", "an object"),
            (&standard, "chain_complete", json!("hidden"), "a text", "a boolean"),
            (&standard, "scope", json!(["hidden"]), "a list", "a text"),
            (&standard, "scp", json!(7), "a number", repeated),
            (&listed, "scp", json!("hidden"), "a text", "a list of texts"),
            (
                &standard,
                "aud",
                json!([]),
                "an empty list",
                "a text or a list of texts",
            ),
            (
                &standard,
                "aud",
                json!(["hidden", 7]),
                "a list with a value that is no text",
                "a text or a list of texts",
            ),
            (
                &standard,
                "aud",
                json!(["hidden", ""]),
                "a list with an empty text",
                "a text or a list of texts",
            ),
            (&standard, "azp", json!(7), "a number", "a text"),
            (&listed, "azp", json!(7), "a number", "a text or a list of texts"),
        ] {
            let payload = json!({ claim: value }).to_string();
            let described = describe(payload.as_bytes(), claim, profile);
            assert_eq!(
                described,
                Some(format!("{found}, expected {expected}")),
                "{claim}: {value}"
            );
        }
        assert_eq!(describe(b"{}", "sub", &standard), None);
        assert_eq!(describe(b"[]", "sub", &standard), None);
    }
}
