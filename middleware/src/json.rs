//! Strict JSON for tokens: bounded and unambiguous.
//!
//! Duplicate names at any depth, lone surrogates, nesting and sizes over the limits are rejected
//! (RFC 7519 section 4 allows the last duplicate to win; two parsers then read two tokens).

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::limits::Limits;

/// Why a text is no strict JSON object. It contains no part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonError {
    /// Not UTF-8, a mistake in the syntax, a number out of range, a value of another type, or bytes after the object.
    Invalid,
    /// An object has two members of one name.
    Duplicate,
    /// It is nested deeper, or has more values, than the limits.
    TooLarge,
}

/// One JSON value. Strings without escapes are borrowed from the text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    String(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Object<'a>),
}

/// The members of a JSON object in the order of the text, each name once.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Object<'a> {
    pub(crate) fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The one member; [`None`] of an object with more, or without any.
    pub(crate) fn only_member(&self) -> Option<(&str, &Json<'a>)> {
        match &*self.0 {
            [(name, value)] => Some((name, value)),
            _ => None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a member out, so that large values move instead of being copied.
    pub(crate) fn take(&mut self, name: &str) -> Option<Json<'a>> {
        let at = self.0.iter().position(|(key, _)| key == name)?;
        Some(self.0.swap_remove(at).1)
    }
}

impl<'a> Json<'a> {
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }
}

/// The type of a value in words.
pub(crate) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Reads one JSON object and nothing after it.
///
/// # Errors
/// [`JsonError`].
pub(crate) fn object<'a>(text: &'a [u8], limits: &Limits) -> Result<Object<'a>, JsonError> {
    let text = std::str::from_utf8(text).map_err(|_| JsonError::Invalid)?;
    let mut reading = Reading {
        // The object itself is one value more.
        budget: limits.json_values.saturating_add(1),
        failure: JsonError::Invalid,
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let strict = Strict {
        depth: limits.json_depth,
        reading: &mut reading,
    };
    let value = strict.deserialize(&mut deserializer);
    let value = value.map_err(|_| reading.failure)?;
    deserializer.end().map_err(|_| JsonError::Invalid)?;
    match value {
        Json::Object(object) => Ok(object),
        _ => Err(JsonError::Invalid),
    }
}

/// The state of one document.
struct Reading {
    /// How many values are still accepted.
    budget: usize,
    /// Why the document is rejected: errors of serde are texts.
    failure: JsonError,
}

impl Reading {
    fn fail<E: serde::de::Error>(&mut self, failure: JsonError) -> E {
        self.failure = failure;
        E::custom("rejected")
    }
}

struct Strict<'r> {
    depth: usize,
    reading: &'r mut Reading,
}

impl Strict<'_> {
    fn enter<E: serde::de::Error>(&mut self) -> Result<Strict<'_>, E> {
        let reading = &mut *self.reading;
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Strict { depth, reading }),
            None => Err(reading.fail(JsonError::TooLarge)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        match self.reading.budget.checked_sub(1) {
            Some(left) => self.reading.budget = left,
            None => return Err(self.reading.fail(JsonError::TooLarge)),
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Json<'de>, E> {
        serde_json::Number::from_f64(value)
            .map(Json::Number)
            .ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Json<'de>, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self.enter()?)? {
            array.push(item);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Json<'de>, A::Error> {
        // The claims of a usual token fit without growing.
        let mut members: Vec<(Cow<'de, str>, Json<'de>)> = Vec::with_capacity(16);
        while let Some(Name(name)) = entries.next_key()? {
            // Few members: a linear search beats hashing. The budget bounds the square of it.
            if members.iter().any(|(earlier, _)| *earlier == name) {
                return Err(self.reading.fail(JsonError::Duplicate));
            }
            let value = entries.next_value_seed(self.enter()?)?;
            members.push((name, value));
        }
        Ok(Json::Object(Object(members)))
    }
}

/// A member's name; `Cow` alone would always be copied by serde.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Object<'_>, JsonError> {
        object(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn duplicate_names_are_rejected_at_any_depth_and_in_any_spelling() {
        assert!(read(r#"{"a":1,"b":2}"#).is_ok());
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":1}"#,
            r#"{"x":[{"a":1,"a":2}]}"#,
            r#"{"a":1,"a":"#,
        ] {
            assert_eq!(read(text), Err(JsonError::Duplicate), "{text}");
        }
    }

    #[test]
    fn other_values_and_invalid_json_are_rejected() {
        for text in [
            "",
            "null",
            "[]",
            "\"a\"",
            "{} {}",
            "{}x",
            "{\"a\":NaN}",
            "{\"a\":1e999}",
            "{'a':1}",
            "{\"a\":1,}",
            "\u{feff}{}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":01}",
            "{\"a\":\"\n\"}",
        ] {
            assert_eq!(read(text), Err(JsonError::Invalid), "{text:?}");
        }
        let bytes = b"{\"a\":\"\xff\"}";
        assert_eq!(object(bytes, &Limits::default()), Err(JsonError::Invalid));
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let nested = |depth: usize| format!("{}0{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        assert!(read(&nested(32)).is_ok());
        assert_eq!(read(&nested(33)), Err(JsonError::TooLarge));
        assert_eq!(read(&nested(100_000)), Err(JsonError::TooLarge));
        let wide = |count: usize| format!("{{\"a\":[{}]}}", vec!["0"; count].join(","));
        assert!(read(&wide(1023)).is_ok());
        assert_eq!(read(&wide(1024)), Err(JsonError::TooLarge));
    }
}
