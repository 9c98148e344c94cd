//! The facts of a verified token as a record has them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::recorded_request::RecordedRequest;
use super::recorded_value::{Conceal, RecordedValue};
use crate::json;
use crate::limits::Limits;
use crate::profile::Kind;
use crate::token::ExactValue;

/// Limits on a record, which is untrusted: it fits every token within the default limits.
const LIMITS: Limits = Limits {
    json_depth: 80,
    json_values: 40_000,
    token_bytes: 0,
    header_bytes: 0,
    chain_depth: 16,
    identifier_bytes: 1024,
    cache_bytes: 0,
};

/// The normalised facts of a verified token, without the token: what the checks after its verification read, and the rules of the
/// route that decided.
///
/// Claims that are no normalised fact, and values of the request, are there only where a rule of the route reads them, and each as a
/// keyed hash unless [`Conceal`] shows it. It is made of a [`Decision`](crate::Decision) by [`Authorizer::record`](crate::Authorizer::record), and explained by
/// [`Authorizer::explain_recorded`](crate::Authorizer::explain_recorded), which authorizes nothing.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RecordedFacts {
    /// The issuer of the token.
    pub(super) iss: String,
    /// The initiator.
    pub(super) sub: String,
    /// The kind of the initiator: `human`, `agent`, `service` or `unknown`.
    pub(super) kind: String,
    /// The actors, the current one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) actors: Vec<RecordedActor>,
    /// The audience.
    pub(super) aud: Vec<String>,
    /// When the token expires, in seconds since 1970.
    pub(super) exp: u64,
    /// When the token begins to be valid, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nbf: Option<u64>,
    /// When the token was issued, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) iat: Option<u64>,
    /// The id of the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) jti: Option<String>,
    /// The client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_id: Option<String>,
    /// The scopes, separated by spaces.
    pub(super) scope: String,
    /// When the initiator logged in, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auth_time: Option<u64>,
    /// The authentication context class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) acr: Option<String>,
    /// The authentication methods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) amr: Vec<String>,
    /// `acr`, `amr` and `auth_time` of another form than they have to be, with the form.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) unknown: BTreeMap<String, Form>,
    /// What the token is bound to.
    #[serde(default, skip_serializing_if = "Bound::is_nothing")]
    pub(super) bound: Bound,
    /// Whether the issuer states that the chain is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) chain_complete: Option<bool>,
    /// The claims that rules of the route read, by their names or paths as the rules write them; `null` for one that the token does
    /// not have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) claims: BTreeMap<String, Option<RecordedValue>>,
    /// What rules of the route, the route and the resource depend on of the request.
    #[serde(default, skip_serializing_if = "RecordedRequest::is_empty")]
    pub(crate) request: RecordedRequest,
    /// The bytes of all claims.
    pub(super) bytes: usize,
    /// Identifies the key of the hashes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hash_key: Option<String>,
    /// What each fact comes from, in the order in which an explanation shows them.
    pub(super) from: Vec<RecordedSource>,
}

/// An actor.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct RecordedActor {
    /// The issuer that names it.
    pub(super) iss: String,
    /// Its subject.
    pub(super) sub: String,
    /// Its kind: `human`, `agent`, `service` or `unknown`.
    pub(super) kind: String,
}

/// A fact, and the claim or the evidence that it comes from.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct RecordedSource {
    /// The name of the fact.
    pub(super) fact: String,
    /// Its value, where it is none of those above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<String>,
    /// What it comes from.
    pub(super) source: String,
}

/// The form of a claim in place of its value.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum Form {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// A number.
    Number,
    /// A text.
    Text,
    /// A list without items.
    EmptyList,
    /// A list with items.
    List,
    /// An object.
    Object,
}

/// What a token is bound to.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum Bound {
    /// Nothing: it is a bearer token.
    #[default]
    Nothing,
    /// A certificate.
    Certificate(
        /// The thumbprint of the certificate.
        String,
    ),
    /// A key whose proof is not accepted.
    Unsupported,
}

/// Why a text is no record of facts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RecordedFactsError(String);

/// Prints no value: debug output ends up in logs.
impl fmt::Debug for RecordedFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedFacts").finish_non_exhaustive()
    }
}

impl Bound {
    fn is_nothing(&self) -> bool {
        matches!(self, Bound::Nothing)
    }
}

impl Form {
    pub(super) fn of(value: &serde_json::Value) -> Form {
        use serde_json::Value;
        match value {
            Value::Null => Form::Null,
            Value::Bool(_) => Form::Boolean,
            Value::Number(_) => Form::Number,
            Value::String(_) => Form::Text,
            Value::Array(items) if items.is_empty() => Form::EmptyList,
            Value::Array(_) => Form::List,
            Value::Object(_) => Form::Object,
        }
    }

    /// A value of this form.
    pub(super) fn value(self) -> ExactValue {
        match self {
            Form::Null => ExactValue::Null,
            Form::Boolean => ExactValue::Bool(false),
            Form::Number => ExactValue::Number("0".into()),
            Form::Text => ExactValue::Text(Box::default()),
            Form::EmptyList => ExactValue::List(Vec::new()),
            Form::List => ExactValue::List(vec![ExactValue::Null]),
            Form::Object => ExactValue::Object(BTreeMap::new()),
        }
    }
}

impl RecordedFacts {
    /// Reads a record that was written as JSON. The text is untrusted.
    ///
    /// # Errors
    /// For a text that is no strict JSON, is too long or nested too deep, lacks a member or has another one, and for values that no
    /// token has.
    pub fn from_json(text: &str) -> Result<RecordedFacts, RecordedFactsError> {
        let error = |error: &dyn fmt::Display| RecordedFactsError(error.to_string());
        json::object(text.as_bytes(), &LIMITS).map_err(|found| match found {
            json::JsonError::Invalid => error(&"they are not one JSON object"),
            json::JsonError::Duplicate => error(&"an object has two members of one name"),
            json::JsonError::TooLarge => error(&"they are nested too deep, or have too many values"),
        })?;
        let facts: RecordedFacts = serde_json::from_str(text).map_err(|found| error(&found))?;
        let parties = facts.actors.iter().map(|actor| (&actor.iss, &actor.sub));
        for (issuer, subject) in parties.chain([(&facts.iss, &facts.sub)]) {
            if [issuer, subject].into_iter().any(|text| !is_identifier(text)) {
                return Err(error(&"a party has no identifier that a token can have"));
            }
        }
        if facts.actors.len() > LIMITS.chain_depth {
            return Err(error(&"they have more actors than a token can have"));
        }
        let kinds = facts.actors.iter().map(|actor| &actor.kind).chain([&facts.kind]);
        if kinds.into_iter().any(|kind| kind_of(kind).is_none()) {
            return Err(error(&"a kind is none of human, agent, service and unknown"));
        }
        Ok(facts)
    }

    /// The issuer of the token.
    pub fn issuer(&self) -> &str {
        &self.iss
    }

    /// Whether the hashes are of the key of `conceal`; there may be none.
    pub fn has_key_of(&self, conceal: &dyn Conceal) -> bool {
        self.hash_key.as_deref().is_none_or(|key| key == conceal.key_id())
    }

    /// Whether a claim, or a value of the request, is there only by its hash.
    pub fn has_hashes(&self) -> bool {
        self.claims.values().flatten().any(RecordedValue::has_hash) || self.request.has_hashes()
    }

    /// The host of the request, where resources are chosen by it.
    pub fn host(&self) -> Option<&str> {
        self.request.host.as_deref()
    }
}

fn is_identifier(text: &str) -> bool {
    let is_blank = text.trim().is_empty();
    !is_blank && text.len() <= LIMITS.identifier_bytes && !text.contains(char::is_control)
}

/// The kind of a name.
pub(super) fn kind_of(text: &str) -> Option<Kind> {
    let kinds = [Kind::Human, Kind::Agent, Kind::Service, Kind::Unknown];
    kinds.into_iter().find(|kind| kind.to_string() == text)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn valid() -> Value {
        json!({
            "iss": "https://idp.example", "sub": "u", "kind": "human", "aud": ["a"], "exp": 2, "scope": "", "bytes": 9, "from": [],
            "actors": [{ "iss": "https://idp.example", "sub": "bot", "kind": "agent" }],
            "claims": { "a": null, "b": { "text": "x" }, "c": { "list": ["null", { "value": 1.50 }] } },
        })
    }

    fn error(facts: &str) -> String {
        RecordedFacts::from_json(facts).map(drop).unwrap_err().to_string()
    }

    #[test]
    fn a_record_is_read_strictly() {
        let read = RecordedFacts::from_json(&valid().to_string()).unwrap();
        assert!(read.has_hashes() && read.issuer() == "https://idp.example");
        assert_eq!(format!("{read:?}"), "RecordedFacts { .. }");
        for (member, value, message) in [
            ("sub", json!(""), "no identifier"),
            ("sub", json!("a\nb"), "no identifier"),
            ("sub", json!("x".repeat(1025)), "no identifier"),
            ("iss", json!(" "), "no identifier"),
            ("kind", json!("person"), "a kind is none of"),
            ("exp", json!(-1), "invalid value"),
            ("aud", json!("a"), "invalid type"),
            ("other", json!(1), "unknown field `other`"),
            ("claims", json!({ "a": { "plain": 1 } }), "unknown variant `plain`"),
            ("actors", json!(vec![valid()["actors"][0].clone(); 17]), "more actors"),
        ] {
            let mut facts = valid();
            facts[member] = value;
            let found = error(&facts.to_string());
            assert!(found.contains(message), "{member}: {found}");
        }
        let doubled = valid().to_string().replace("{\"actors\"", "{\"exp\":1,\"actors\"");
        assert!(error(&doubled).contains("two members of one name"), "{doubled}");
        let deep = format!("{{\"iss\":{}", "[".repeat(100_000));
        assert!(error(&deep).contains("nested too deep"));
        for text in ["", "null", "[]", "{}", "{"] {
            assert!(RecordedFacts::from_json(text).is_err(), "{text}");
        }
    }
}
