//! Claims that every token of an issuer must contain, whatever the policy requires.

use std::fmt;
use std::sync::Arc;

use crate::claim_path::DottedPath;
use crate::error::{ConfigError, Error, Reason};
use crate::json::Json;
use crate::look::Look;
use crate::token::VerifiedClaims;

/// A value that a claim is compared with. A text, a whole number and a boolean never equal each other: `"1"` is not `1`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimValue {
    /// A text, compared byte for byte.
    Text(Box<str>),
    /// A whole number.
    Integer(i64),
    /// `true` or `false`.
    Boolean(bool),
}

impl From<&str> for ClaimValue {
    fn from(text: &str) -> Self {
        ClaimValue::Text(text.into())
    }
}

impl From<String> for ClaimValue {
    fn from(text: String) -> Self {
        ClaimValue::Text(text.into())
    }
}

impl From<i64> for ClaimValue {
    fn from(number: i64) -> Self {
        ClaimValue::Integer(number)
    }
}

impl From<bool> for ClaimValue {
    fn from(flag: bool) -> Self {
        ClaimValue::Boolean(flag)
    }
}

/// As in JSON: a text is in quotes, which distinguishes `"1"` from `1`.
impl fmt::Display for ClaimValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClaimValue::Text(text) => write!(f, "{}", serde_json::Value::from(&**text)),
            ClaimValue::Integer(number) => write!(f, "{number}"),
            ClaimValue::Boolean(flag) => write!(f, "{flag}"),
        }
    }
}

impl ClaimValue {
    fn equals(&self, json: &Json<'_>) -> bool {
        match (self, json) {
            (ClaimValue::Text(text), Json::String(claim)) => **text == *claim,
            (ClaimValue::Integer(number), Json::Number(claim)) => claim.as_i64() == Some(*number),
            (ClaimValue::Boolean(flag), Json::Bool(claim)) => flag == claim,
            _ => false,
        }
    }
}

/// A claim that must be present, with one of these values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RequiredClaim {
    /// The exact name of a claim, or a JSON Pointer (RFC 6901) to a value inside one.
    name: Arc<str>,
    values: Box<[ClaimValue]>,
}

impl RequiredClaim {
    /// # Errors
    /// [`ConfigError::RequiredClaim`] for what no token can contain.
    pub(crate) fn new(name: &str, values: Vec<ClaimValue>) -> Result<RequiredClaim, ConfigError> {
        let invalid = |reason, help| {
            Err(ConfigError::RequiredClaim {
                claim: name.escape_debug().to_string(),
                reason,
                help,
            })
        };
        if name.trim_matches('/').is_empty() || name.contains(char::is_control) {
            return invalid(
                "it is not the name of a claim",
                "write the name as the issuer writes it",
            );
        }
        if let Some(DottedPath { message, help }) = DottedPath::of(name) {
            return Err(ConfigError::DottedClaim { message, help });
        }
        if name.contains('*') {
            return invalid("the name of a claim has no wildcard", "write the name in full");
        }
        if values.is_empty() {
            return invalid("it has no value", "write at least one value that the claim must have");
        }
        for value in &values {
            let ClaimValue::Text(text) = value else { continue };
            if text.is_empty() || text.trim() != &**text || text.contains(char::is_control) {
                return invalid(
                    "a value is empty, has a blank at an end, or has a control character",
                    "write the value as the issuer writes it",
                );
            }
            if Look::is_expanded(text) {
                return invalid(
                    "a value is a pattern, and values are compared as they are written",
                    "write each value in full",
                );
            }
        }
        Ok(RequiredClaim {
            name: name.into(),
            values: values.into(),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether only texts are accepted.
    pub(crate) fn is_text(&self) -> bool {
        self.values.iter().all(|value| matches!(value, ClaimValue::Text(_)))
    }

    /// Whether a text is an accepted value.
    pub(crate) fn accepts_text(&self, text: &str) -> bool {
        let is = |value: &ClaimValue| matches!(value, ClaimValue::Text(accepted) if **accepted == *text);
        self.values.iter().any(is)
    }

    /// Checks the claim. One of another type, a list included, is not an accepted one.
    ///
    /// # Errors
    /// [`Error::RequiredClaim`].
    pub(crate) fn check(&self, claims: &VerifiedClaims<'_>) -> Result<(), Error> {
        let reason = match claims.find(&self.name) {
            None => Reason::Missing,
            Some(claim) if self.values.iter().any(|value| value.equals(claim)) => return Ok(()),
            Some(_) => Reason::Mismatch,
        };
        Err(Error::RequiredClaim {
            claim: Arc::clone(&self.name),
            reason,
        })
    }

    /// What is accepted, in words.
    pub(crate) fn expected(&self) -> String {
        let values: Vec<_> = self.values.iter().map(ToString::to_string).collect();
        format!("`{}` is {}", self.name, values.join(" or "))
    }

    /// What the token contains, in words.
    pub(crate) fn found(&self, claims: &VerifiedClaims<'_>) -> String {
        match claims.find(&self.name) {
            None => "no such claim".to_owned(),
            Some(Json::Null) => "null".to_owned(),
            Some(Json::Bool(flag)) => flag.to_string(),
            Some(Json::Number(number)) => number.to_string(),
            Some(Json::String(text)) => serde_json::Value::from(&**text).to_string(),
            Some(Json::Array(_)) => "a list".to_owned(),
            Some(Json::Object(_)) => "an object".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn required(name: &str, values: &[ClaimValue]) -> Result<RequiredClaim, ConfigError> {
        RequiredClaim::new(name, values.to_vec())
    }

    /// The result of one required claim, and what is reported as found.
    fn checked(name: &str, values: &[ClaimValue]) -> (Result<(), Reason>, String) {
        let claims = json!({
            "owner": "123", "level": 3, "whole": 3.0, "big": u64::MAX, "flag": true, "list": ["123"], "none": null,
            "kubernetes.io": { "namespace": "prod", "a/b": "c" }, "/owner": "literal",
        });
        let text = claims.to_string();
        let claims = VerifiedClaims::for_tests(&text).unwrap();
        let required = required(name, values).unwrap();
        let result = required.check(&claims).map_err(|error| match error {
            Error::RequiredClaim { claim, reason } if *claim == *name => reason,
            other => panic!("{other:?}"),
        });
        (result, required.found(&claims))
    }

    #[test]
    fn a_claim_is_compared_with_its_type() {
        for (name, value) in [
            ("owner", ClaimValue::from("123")),
            ("level", 3.into()),
            ("flag", true.into()),
            ("/owner", "123".into()),
            ("/kubernetes.io/namespace", "prod".into()),
            ("/kubernetes.io/a~1b", "c".into()),
        ] {
            assert_eq!(checked(name, std::slice::from_ref(&value)).0, Ok(()), "{name} {value}");
        }
        for (name, value, found) in [
            ("owner", ClaimValue::from(123), r#""123""#),
            ("owner", "1234".into(), r#""123""#),
            ("owner", "12".into(), r#""123""#),
            ("level", "3".into(), "3"),
            ("level", 4.into(), "3"),
            ("whole", 3.into(), "3.0"),
            ("big", (-1).into(), "18446744073709551615"),
            ("flag", "true".into(), "true"),
            ("flag", false.into(), "true"),
            ("list", "123".into(), "a list"),
            ("none", "null".into(), "null"),
            ("/kubernetes.io", "prod".into(), "an object"),
        ] {
            let (result, shown) = checked(name, std::slice::from_ref(&value));
            assert_eq!((result, &*shown), (Err(Reason::Mismatch), found), "{name} {value}");
        }
        for name in [
            "Owner",
            "owners",
            "/kubernetes.io/pod",
            "/owner/x",
            "kubernetes.io/namespace",
        ] {
            let (result, shown) = checked(name, &["123".into()]);
            assert_eq!((result, &*shown), (Err(Reason::Missing), "no such claim"), "{name}");
        }
        assert_eq!(checked("owner", &["1".into(), "123".into()]).0, Ok(()));
    }

    #[test]
    fn what_no_token_can_contain_is_an_error() {
        for (name, values) in [
            ("", vec![ClaimValue::from("a")]),
            ("/", vec!["a".into()]),
            ("a\n", vec!["a".into()]),
            ("a*", vec!["a".into()]),
            ("a", vec![]),
            ("a", vec!["".into()]),
            ("a", vec![" b".into()]),
            ("a", vec!["b\u{7}".into()]),
            ("a", vec!["b".into(), "acme/*".into()]),
            ("a", vec!["${OWNER}".into()]),
        ] {
            let result = required(name, &values);
            assert!(
                matches!(result, Err(ConfigError::RequiredClaim { .. })),
                "{name} {values:?}"
            );
        }
    }

    #[test]
    fn what_is_expected_shows_the_type() {
        let expected = required("a", &["1".into(), 1.into(), true.into()]).unwrap().expected();
        assert_eq!(expected, r#"`a` is "1" or 1 or true"#);
    }
}
