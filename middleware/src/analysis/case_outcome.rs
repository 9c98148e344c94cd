//! The decision on a request, as a case states it.

use std::fmt;

use actgate_yaml::{Diagnostics, Spanned, closest};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The decision on a request, as a case states it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
#[non_exhaustive]
pub enum CaseOutcome {
    /// The request is allowed.
    Allow,
    /// It is denied.
    #[non_exhaustive]
    Deny {
        /// The stable code.
        code: String,
        /// The status of the response.
        status: u16,
    },
}

impl CaseOutcome {
    /// A denial.
    pub fn deny(code: impl Into<String>, status: u16) -> CaseOutcome {
        let code = code.into();
        CaseOutcome::Deny { code, status }
    }

    /// Whether the request is allowed.
    pub fn is_allowed(&self) -> bool {
        matches!(self, CaseOutcome::Allow)
    }
}

impl From<Result<(), &Error>> for CaseOutcome {
    fn from(outcome: Result<(), &Error>) -> CaseOutcome {
        outcome.map_or_else(
            |error| CaseOutcome::deny(error.code(), error.status().as_u16()),
            |()| CaseOutcome::Allow,
        )
    }
}

/// `allow`, or `deny CODE (STATUS)`.
impl fmt::Display for CaseOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CaseOutcome::Allow => f.write_str("allow"),
            CaseOutcome::Deny { code, status } => write!(f, "deny {code} ({status})"),
        }
    }
}

/// The codes of limits: a case is one request, and nothing counts it.
const OF_LIMITS: [&str; 2] = ["limit_exceeded", "limit_unavailable"];

/// The codes that a case can expect.
fn possible_codes() -> Vec<&'static str> {
    let codes = Error::codes().iter().copied();
    codes.filter(|code| !OF_LIMITS.contains(code)).collect()
}

/// The written form of a denial.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    feature = "schema",
    schemars(rename = "Denial", description = "The request is denied.")
)]
struct DenialDocument {
    /// The stable code of the denial.
    /// Example: `initiator_not_human`
    #[cfg_attr(feature = "schema", schemars(extend("enum" = possible_codes())))]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    deny: Code,
    /// The status of the response. Default: the one that the code usually has; it is 403 for most rules.
    /// Example: `403`
    #[cfg_attr(feature = "schema", schemars(range(min = 400, max = 599)))]
    status: Option<u16>,
}

/// A code, before it is compared with those that there are.
struct Code(String);

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CodeVisitor;
        impl Visitor<'_> for CodeVisitor {
            type Value = Code;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a code\nwrite `{ deny: CODE }`; a status is beside it: `{ deny: CODE, status: VALUE }`")
            }

            fn visit_str<E: de::Error>(self, code: &str) -> Result<Code, E> {
                Ok(Code(code.to_owned()))
            }
        }
        deserializer.deserialize_str(CodeVisitor)
    }
}

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// The decision on a request: `allow`, or a denial with its code and its status.
    CaseOutcome = "Decision", { "anyOf": [{ "const": "allow" }, generator.subschema_for::<DenialDocument>()] };
}

impl<'de> Deserialize<'de> for CaseOutcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OutcomeVisitor;
        impl<'de> Visitor<'de> for OutcomeVisitor {
            type Value = CaseOutcome;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`allow`, or a mapping with `deny`\nwrite `allow`, or `{ deny: CODE }`")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<CaseOutcome, E> {
                match word {
                    "allow" => Ok(CaseOutcome::Allow),
                    other if closest(other, &["allow"]).is_some_and(|(distance, _)| distance < 2) => {
                        Err(E::unknown_variant(other, &["allow"]))
                    }
                    other => {
                        let code = Error::codes().iter().find(|code| **code == other);
                        let code = code.copied().unwrap_or("initiator_not_human");
                        Err(E::custom(format!(
                            "unknown word `{other}`\nwrite `allow`, or `{{ deny: {code} }}`"
                        )))
                    }
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<CaseOutcome, A::Error> {
                let denial = DenialDocument::deserialize(MapAccessDeserializer::new(members))?;
                let Code(code) = denial.deny;
                let status = denial.status.unwrap_or_else(|| Error::usual_status(&code));
                Ok(CaseOutcome::deny(code, status))
            }
        }
        deserializer.deserialize_any(OutcomeVisitor)
    }
}

/// Reports a code or a status that no denial has.
pub(super) fn check_outcome(written: &Spanned<CaseOutcome>, diagnostics: &mut Diagnostics) {
    let CaseOutcome::Deny { code, status } = &written.value else {
        return;
    };
    if !(400..=599).contains(status) {
        let message = format!("{status} is no status of a denied request");
        diagnostics.push(written.span(), message, "write the one of the code, from 400 to 599");
    }
    if OF_LIMITS.contains(&&**code) {
        let message = format!("no case has `{code}`: limits are not counted in cases");
        let help = "write the decision on a request within the limit, which is that of the rules";
        diagnostics.push(written.span(), message, help);
        return;
    }
    if !Error::codes().contains(&&**code) {
        let message = format!("`{code}` is no code of a denial");
        let possible = possible_codes();
        let near = closest(code, &possible).filter(|(distance, known)| distance * 3 <= known.len());
        let help = match (&**code, near) {
            ("invalid_token", _) => {
                "write the reason for it, such as `invalid_claim`, `invalid_signature` or `malformed_token`".to_owned()
            }
            ("access_denied", _) => "write the code of the rule, such as `initiator_not_human`".to_owned(),
            ("insufficient_user_authentication", _) => "write `auth_too_old` or `acr_not_met`".to_owned(),
            (_, Some((_, known))) => format!("did you mean `{known}`?"),
            _ => "write it as in `initiator_not_human`; `actgate help policy` has the code of each rule, `actgate schema cases` \
                  every code"
                .to_owned(),
        };
        diagnostics.push(written.span(), message, help);
    }
}
