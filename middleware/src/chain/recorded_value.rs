//! A value as a record has it: as it is, or by keyed hashes of what is within it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::token::ExactValue;

/// Which values a record shows, and the keyed hash in place of every other one.
pub trait Conceal {
    /// Whether the value at this place is recorded as it is. A place is what a rule writes: the name of a claim, or its path
    /// (`/realm_access/roles`).
    fn shows(&self, place: &str) -> bool;

    /// Whether the value of the request at this place is recorded as it is: `query.NAME`, `headers.NAME`, `json.POINTER` and
    /// `arguments.POINTER` as a rule reads it, and `mcp.name`. Without an implementation, none is.
    fn shows_of_request(&self, _place: &str) -> bool {
        false
    }

    /// The keyed hash of a value, such as HMAC-SHA-256 in text. Equal values have equal hashes, and nothing else may follow from it.
    fn hash(&self, value: &[u8]) -> String;

    /// Identifies the key without revealing it: hashes of another one are not compared.
    fn key_id(&self) -> &str;
}

/// A value of a claim, or of a request. A text, a number and a boolean that are not shown are a keyed hash; a list and an object keep
/// their form.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum RecordedValue {
    /// The value as it is, which the configuration lists.
    Value(
        /// The value.
        #[cfg_attr(feature = "schema", schemars(with = "serde_json::Value"))]
        Box<RawValue>,
    ),
    /// The hash of a text.
    Text(
        /// The hash.
        String,
    ),
    /// The hash of a whole number that is written with digits alone.
    Integer(
        /// The hash.
        String,
    ),
    /// The hash of any other number.
    Number(
        /// The hash.
        String,
    ),
    /// The hash of `true` or `false`.
    Boolean(
        /// The hash.
        String,
    ),
    /// `null`
    Null,
    /// A list with its items.
    List(
        /// The items.
        Vec<RecordedValue>,
    ),
    /// An object with the members that rules read.
    Object(
        /// The members.
        BTreeMap<String, RecordedValue>,
    ),
}

/// The longest text or number of a request that is recorded as it is, in bytes: a caller chooses it.
const MAX_SHOWN_BYTES: usize = 1024;

impl RecordedValue {
    /// The value at a place of a request. Of a list and of an object it has the form alone, since no rule reads into them.
    pub(crate) fn of_request(value: &ExactValue, place: &str, conceal: &dyn Conceal) -> RecordedValue {
        let is_short = match value {
            ExactValue::Text(text) | ExactValue::Number(text) => text.len() <= MAX_SHOWN_BYTES,
            _ => true,
        };
        let value = match value {
            ExactValue::List(_) => &ExactValue::List(Vec::new()),
            ExactValue::Object(_) => &ExactValue::Object(BTreeMap::new()),
            value => value,
        };
        if is_short && conceal.shows_of_request(place) {
            return RecordedValue::shown(value).unwrap_or(RecordedValue::Null);
        }
        RecordedValue::concealed(value, &hashed_place(place), &BTreeSet::new(), conceal)
    }

    fn shown(value: &ExactValue) -> Option<RecordedValue> {
        let mut json = String::new();
        value.write(&mut json);
        RawValue::from_string(json).ok().map(RecordedValue::Value)
    }

    /// Whether something of it is there only by its hash.
    pub(crate) fn has_hash(&self) -> bool {
        match self {
            RecordedValue::Value(_) | RecordedValue::Null => false,
            RecordedValue::Text(_)
            | RecordedValue::Integer(_)
            | RecordedValue::Number(_)
            | RecordedValue::Boolean(_) => true,
            RecordedValue::List(items) => items.iter().any(RecordedValue::has_hash),
            RecordedValue::Object(members) => members.values().any(RecordedValue::has_hash),
        }
    }

    /// The value at a place. Of an object that is not shown, only members of these names are recorded.
    pub(crate) fn of(value: &ExactValue, place: &str, names: &BTreeSet<&str>, conceal: &dyn Conceal) -> RecordedValue {
        if conceal.shows(place)
            && let Some(shown) = RecordedValue::shown(value)
        {
            return shown;
        }
        RecordedValue::concealed(value, place, names, conceal)
    }

    fn concealed(value: &ExactValue, place: &str, names: &BTreeSet<&str>, conceal: &dyn Conceal) -> RecordedValue {
        let hash = || hash_of(value, place, conceal);
        match value {
            ExactValue::Null => RecordedValue::Null,
            ExactValue::Bool(_) => RecordedValue::Boolean(hash()),
            ExactValue::Number(text) if is_integer(text) => RecordedValue::Integer(hash()),
            ExactValue::Number(_) => RecordedValue::Number(hash()),
            ExactValue::Text(_) => RecordedValue::Text(hash()),
            ExactValue::List(items) => {
                let items = items.iter();
                let items = items.map(|item| RecordedValue::concealed(item, place, names, conceal));
                RecordedValue::List(items.collect())
            }
            ExactValue::Object(members) => {
                let members = members.iter().filter(|(name, _)| names.contains(&***name));
                let of_one = |value| RecordedValue::concealed(value, place, names, conceal);
                RecordedValue::Object(members.map(|(name, value)| (name.to_string(), of_one(value))).collect())
            }
        }
    }

    /// The value again, as far as its hashes are those of known values.
    pub(crate) fn restore(&self, restoring: &mut Restoring) -> ExactValue {
        match self {
            RecordedValue::Value(raw) => ExactValue::read(raw).unwrap_or(ExactValue::Null),
            RecordedValue::Null => ExactValue::Null,
            RecordedValue::Text(hash) => restoring.known(hash).unwrap_or_else(|| {
                restoring.missing(Missing::Text);
                ExactValue::Text(format!("#{hash}").into())
            }),
            RecordedValue::Integer(hash) | RecordedValue::Number(hash) => restoring.known(hash).unwrap_or_else(|| {
                restoring.missing(Missing::Other);
                ExactValue::Number("0".into())
            }),
            RecordedValue::Boolean(hash) => restoring.known(hash).unwrap_or_else(|| {
                restoring.missing(Missing::Other);
                ExactValue::Bool(false)
            }),
            RecordedValue::List(items) => ExactValue::List(items.iter().map(|item| item.restore(restoring)).collect()),
            RecordedValue::Object(members) => {
                let members = members.iter();
                let members = members.map(|(name, value)| ((**name).into(), value.restore(restoring)));
                ExactValue::Object(members.collect())
            }
        }
    }
}

/// What is missing of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Missing {
    /// Nothing: it is known.
    #[default]
    Nothing,
    /// Texts that are none of those that they are compared with.
    Text,
    /// A value of which nothing is known.
    Other,
}

/// The values that the hashes of one place can be of.
pub(crate) struct Restoring {
    known: HashMap<String, ExactValue>,
    /// Whether the hashes are of the key with which values are compared.
    has_key: bool,
    pub(crate) missing: Missing,
}

/// A place of a request, apart from the claims.
fn hashed_place(place: &str) -> String {
    format!("\0request.{place}")
}

impl Restoring {
    /// The same for a place of a request.
    pub(crate) fn of_request<'v>(
        place: &str,
        candidates: impl IntoIterator<Item = &'v ExactValue>,
        conceal: Option<&dyn Conceal>,
    ) -> Restoring {
        Restoring::new(&hashed_place(place), candidates, conceal)
    }

    /// `conceal` has the key of the hashes; [`None`] where it is not known. `candidates` are texts, numbers and booleans.
    pub(crate) fn new<'v>(
        place: &str,
        candidates: impl IntoIterator<Item = &'v ExactValue>,
        conceal: Option<&dyn Conceal>,
    ) -> Restoring {
        let candidates = candidates.into_iter();
        let known = conceal.map(|conceal| {
            let hashed = candidates.map(|value| (hash_of(value, place, conceal), value.clone()));
            hashed.collect()
        });
        Restoring {
            known: known.unwrap_or_default(),
            has_key: conceal.is_some(),
            missing: Missing::Nothing,
        }
    }

    fn known(&self, hash: &str) -> Option<ExactValue> {
        self.known.get(hash).cloned()
    }

    fn missing(&mut self, missing: Missing) {
        let missing = if self.has_key { missing } else { Missing::Other };
        self.missing = self.missing.max(missing);
    }
}

/// The hash of a scalar at a place. It binds the place and the type, so that equal values of two claims have two hashes.
fn hash_of(value: &ExactValue, place: &str, conceal: &dyn Conceal) -> String {
    let (form, text) = match value {
        ExactValue::Text(text) => ("text", &**text),
        ExactValue::Number(text) => ("number", &**text),
        ExactValue::Bool(true) => ("boolean", "true"),
        ExactValue::Bool(false) => ("boolean", "false"),
        ExactValue::Null | ExactValue::List(_) | ExactValue::Object(_) => ("", ""),
    };
    conceal.hash(format!("{place}\0{form}\0{text}").as_bytes())
}

/// Whether a number has one text: a whole one without sign of zero, fraction and exponent.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    text != "-0" && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Named(&'static [&'static str]);

    impl Conceal for Named {
        fn shows(&self, place: &str) -> bool {
            self.0.contains(&place)
        }

        fn hash(&self, value: &[u8]) -> String {
            format!(
                "{}",
                value
                    .iter()
                    .fold(7_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add((*byte).into()))
            )
        }

        fn key_id(&self) -> &str {
            "testing"
        }
    }

    fn value(json: &str) -> ExactValue {
        ExactValue::read(&RawValue::from_string(json.to_owned()).unwrap()).unwrap()
    }

    const JSON: &str = r#"{"a":["x",1,1.50,true,null],"b":{"a":"y"},"c":"secret"}"#;

    #[test]
    fn a_value_that_is_shown_is_exact() {
        let recorded = RecordedValue::of(&value(JSON), "claim", &BTreeSet::new(), &Named(&["claim"]));
        let text = serde_json::to_string(&recorded).unwrap();
        assert_eq!(text, format!(r#"{{"value":{JSON}}}"#));
        let again: RecordedValue = serde_json::from_str(&text).unwrap();
        let mut restoring = Restoring::new("claim", [], None);
        assert!(again.restore(&mut restoring) == value(JSON) && restoring.missing == Missing::Nothing);
    }

    #[test]
    fn a_value_that_is_not_shown_keeps_its_form_alone() {
        let names = BTreeSet::from(["a", "b"]);
        let recorded = RecordedValue::of(&value(JSON), "claim", &names, &Named(&[]));
        let text = serde_json::to_string(&recorded).unwrap();
        for secret in ["\"x\"", "\"y\"", "secret", "1.5", "true", "\"c\""] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
        let again: RecordedValue = serde_json::from_str(&text).unwrap();
        let candidates = [r#""x""#, r#""y""#, "1", "true", "2"].map(value);
        let mut restoring = Restoring::new("claim", &candidates, Some(&Named(&[])));
        let restored = again.restore(&mut restoring);
        assert!(restored.at(["a", "0"].into_iter()) == Some(&value(r#""x""#)));
        assert!(restored.at(["a", "1"].into_iter()) == Some(&value("1")));
        assert!(restored.at(["b", "a"].into_iter()) == Some(&value(r#""y""#)) && restored.get("c").is_none());
        assert_eq!(restoring.missing, Missing::Other, "1.50 is not known");
    }

    #[test]
    fn what_is_not_known_of_a_text_depends_on_the_key() {
        let recorded = RecordedValue::of(&value(r#""x""#), "claim", &BTreeSet::new(), &Named(&[]));
        let missing = |place: &str, candidates: &[ExactValue], key: Option<&dyn Conceal>| {
            let mut restoring = Restoring::new(place, candidates, key);
            recorded.restore(&mut restoring);
            restoring.missing
        };
        let (x, y) = (value(r#""x""#), value(r#""y""#));
        assert_eq!(
            missing("claim", std::slice::from_ref(&x), Some(&Named(&[]))),
            Missing::Nothing
        );
        assert_eq!(missing("claim", &[y], Some(&Named(&[]))), Missing::Text);
        assert_eq!(
            missing("other", std::slice::from_ref(&x), Some(&Named(&[]))),
            Missing::Text
        );
        assert_eq!(missing("claim", &[x], None), Missing::Other);
    }

    #[test]
    fn a_number_has_one_text_or_is_not_compared() {
        for (text, expected) in [
            ("0", true),
            ("-7", true),
            ("12", true),
            ("-0", false),
            ("1.0", false),
            ("1e2", false),
        ] {
            assert_eq!(is_integer(text), expected, "{text}");
        }
    }
}
