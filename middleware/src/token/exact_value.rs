//! JSON values whose numbers keep their text: floating point would round them.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::claim_path;

/// A value within a verified token.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum ExactValue {
    Null,
    Bool(bool),
    /// The number as the token has it.
    Number(Box<str>),
    Text(Box<str>),
    List(Vec<ExactValue>),
    Object(BTreeMap<Box<str>, ExactValue>),
}

impl ExactValue {
    /// Reads the member of an object. The text is that of a token, which was read as strict JSON: its names are unique, and its
    /// depth is limited.
    pub(super) fn member(payload: &str, name: &str) -> Option<ExactValue> {
        let members: BTreeMap<Box<str>, &RawValue> = serde_json::from_str(payload).ok()?;
        ExactValue::read(members.get(name)?)
    }

    /// Reads one value. A text that is not read as strict JSON before may be nested deeper than a stack permits.
    pub(crate) fn read(raw: &RawValue) -> Option<ExactValue> {
        let text = raw.get();
        Some(match text.as_bytes().first()? {
            b'{' => {
                let members: BTreeMap<Box<str>, &RawValue> = serde_json::from_str(text).ok()?;
                let members = members.into_iter();
                let members = members.map(|(name, value)| Some((name, ExactValue::read(value)?)));
                ExactValue::Object(members.collect::<Option<_>>()?)
            }
            b'[' => {
                let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                ExactValue::List(items.into_iter().map(ExactValue::read).collect::<Option<_>>()?)
            }
            b'"' => ExactValue::Text(serde_json::from_str(text).ok()?),
            b'n' => ExactValue::Null,
            b't' => ExactValue::Bool(true),
            b'f' => ExactValue::Bool(false),
            _ => ExactValue::Number(text.into()),
        })
    }

    /// The value as JSON. Its numbers are as they were read.
    pub(crate) fn write(&self, json: &mut String) {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        match self {
            ExactValue::Null => json.push_str("null"),
            ExactValue::Bool(value) => json.push_str(if *value { "true" } else { "false" }),
            ExactValue::Number(number) => json.push_str(number),
            ExactValue::Text(value) => json.push_str(&text(value)),
            ExactValue::List(items) => {
                json.push('[');
                for (index, item) in items.iter().enumerate() {
                    json.push_str(if index > 0 { "," } else { "" });
                    item.write(json);
                }
                json.push(']');
            }
            ExactValue::Object(members) => {
                json.push('{');
                for (index, (name, member)) in members.iter().enumerate() {
                    json.push_str(if index > 0 { "," } else { "" });
                    json.push_str(&text(name));
                    json.push(':');
                    member.write(json);
                }
                json.push('}');
            }
        }
    }

    /// Sets the value at a path. What is on the way and is neither an object nor a list with that item is replaced by an object.
    pub(crate) fn set(&mut self, path: &[&str], value: ExactValue) {
        let Some((step, rest)) = path.split_first() else {
            *self = value;
            return;
        };
        if let ExactValue::List(items) = self
            && let Some(item) = claim_path::index(step).and_then(|index| items.get_mut(index))
        {
            return item.set(rest, value);
        }
        if !matches!(self, ExactValue::Object(_)) {
            *self = ExactValue::Object(BTreeMap::new());
        }
        if let ExactValue::Object(members) = self {
            members
                .entry((*step).into())
                .or_insert(ExactValue::Null)
                .set(rest, value);
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&ExactValue> {
        match self {
            ExactValue::Object(members) => members.get(name),
            _ => None,
        }
    }

    /// The value at the path of names or places in lists.
    pub(crate) fn at<'p>(&self, mut path: impl Iterator<Item = &'p str>) -> Option<&ExactValue> {
        path.try_fold(self, |value, step| match value {
            ExactValue::Object(members) => members.get(step),
            ExactValue::List(items) => items.get(claim_path::index(step)?),
            _ => None,
        })
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            ExactValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is a list with this text in it.
    pub(crate) fn lists(&self, wanted: &str) -> bool {
        match self {
            ExactValue::List(items) => items.iter().any(|item| item.as_text() == Some(wanted)),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_its_text_and_a_text_is_decoded() {
        let payload = r#"{"a": {"n": [500.000000000000001, 1e400, "\u0061/b", null, true]}, "b": 1}"#;
        let value = ExactValue::member(payload, "a").unwrap();
        let at = |path: &[&str]| value.at(path.iter().copied());
        assert!(matches!(at(&["n", "0"]), Some(ExactValue::Number(text)) if **text == *"500.000000000000001"));
        assert!(matches!(at(&["n", "1"]), Some(ExactValue::Number(text)) if **text == *"1e400"));
        assert_eq!(at(&["n", "2"]).and_then(ExactValue::as_text), Some("a/b"));
        assert!(at(&["n", "3"]) == Some(&ExactValue::Null) && at(&["n", "4"]) == Some(&ExactValue::Bool(true)));
        for path in [
            &["n", "5"][..],
            &["n", "00"],
            &["n", "+1"],
            &["n", "-1"],
            &["m"],
            &["n", "0", "x"],
        ] {
            assert!(at(path).is_none(), "{path:?}");
        }
        assert!(
            value
                .get("n")
                .is_some_and(|list| list.lists("a/b") && !list.lists("500"))
        );
        assert!(ExactValue::member(payload, "c").is_none() && ExactValue::member("[]", "a").is_none());
    }

    #[test]
    fn a_boolean_is_no_number() {
        let value = ExactValue::member(r#"{"a": [true, false]}"#, "a").unwrap();
        let at = |place| value.at([place].into_iter());
        assert!(at("0") == Some(&ExactValue::Bool(true)));
        assert!(at("1") == Some(&ExactValue::Bool(false)));
    }
}
