//! Strict JSON for tokens and request bodies: bounded and unambiguous.
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

/// One JSON value. Strings without escapes are borrowed from the text. `N` is a number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json<'a, N = serde_json::Number> {
    Null,
    Bool(bool),
    Number(N),
    String(Cow<'a, str>),
    Array(Vec<Json<'a, N>>),
    Object(Object<'a, N>),
}

/// The members of a JSON object in the order of the text, each name once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Object<'a, N = serde_json::Number>(Vec<(Cow<'a, str>, Json<'a, N>)>);

impl<N> Default for Object<'_, N> {
    fn default() -> Self {
        Object(Vec::new())
    }
}

impl<'a, N> Object<'a, N> {
    pub(crate) fn get(&self, name: &str) -> Option<&Json<'a, N>> {
        self.0.iter().find(|(key, _)| same(key, name)).map(|(_, value)| value)
    }

    /// The names of all members.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// Sets a member at the path of names; an object on the way is added where it is missing, and takes the place of another value.
    pub(crate) fn set(&mut self, path: &[Box<str>], value: Json<'a, N>) {
        let Some((name, rest)) = path.split_first() else {
            return;
        };
        let value = match rest {
            [] => value,
            rest => {
                let mut inner = match self.take(name) {
                    Some(Json::Object(inner)) => inner,
                    _ => Object::default(),
                };
                inner.set(rest, value);
                Json::Object(inner)
            }
        };
        self.take(name);
        self.0.push((Cow::Owned(name.to_string()), value));
    }

    /// The one member; [`None`] of an object with more, or without any.
    pub(crate) fn only_member(&self) -> Option<(&str, &Json<'a, N>)> {
        match &*self.0 {
            [(name, value)] => Some((name, value)),
            _ => None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a member out, so that large values move instead of being copied.
    pub(crate) fn take(&mut self, name: &str) -> Option<Json<'a, N>> {
        let at = self.0.iter().position(|(key, _)| same(key, name))?;
        Some(self.0.swap_remove(at).1)
    }
}

impl Object<'_, &str> {
    /// How many bytes a text of the object has at least.
    pub(crate) fn least_bytes(&self) -> u64 {
        let members = self
            .0
            .iter()
            .map(|(name, value)| text_bytes(name) + 1 + value.least_bytes());
        members.sum::<u64>() + 1 + self.0.len().max(1) as u64
    }
}

impl Json<'_, &str> {
    fn least_bytes(&self) -> u64 {
        match self {
            Json::Null | Json::Bool(true) => 4,
            Json::Bool(false) => 5,
            Json::Number(written) => written.len() as u64,
            Json::String(text) => text_bytes(text),
            Json::Array(items) => {
                let items_bytes: u64 = items.iter().map(Json::least_bytes).sum();
                items_bytes + 1 + items.len().max(1) as u64
            }
            Json::Object(object) => object.least_bytes(),
        }
    }
}

/// The bytes of a text in quotes, with its escapes.
fn text_bytes(text: &str) -> u64 {
    let escaped = text.bytes().filter(|byte| matches!(byte, b'"' | b'\\' | ..=0x1f));
    (text.len() + escaped.count() + 2) as u64
}

impl<N> Json<'_, N> {
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
    object_of(as_text(text)?, limits)
}

/// As [`object`], of a text that is known to be UTF-8.
///
/// # Errors
/// [`JsonError`].
pub(crate) fn object_of<'a>(text: &'a str, limits: &Limits) -> Result<Object<'a>, JsonError> {
    read(text, limits, |_| Parsed)
}

/// The text; [`JsonError::Invalid`] for what is not UTF-8.
pub(crate) fn as_text(text: &[u8]) -> Result<&str, JsonError> {
    std::str::from_utf8(text).map_err(|_| JsonError::Invalid)
}

/// As [`object`], with each number as it is written.
///
/// # Errors
/// [`JsonError`].
pub(crate) fn object_as_written<'a>(text: &'a [u8], limits: &Limits) -> Result<Object<'a, &'a str>, JsonError> {
    read(as_text(text)?, limits, |rest| Written { rest })
}

fn read<'a, S: Numbers<'a>>(
    text: &'a str,
    limits: &Limits,
    numbers: impl FnOnce(&'a str) -> S,
) -> Result<Object<'a, S::Number>, JsonError> {
    let mut reading = Reading {
        // The object itself is one value more.
        budget: limits.json_values.saturating_add(1),
        failure: JsonError::Invalid,
        numbers: numbers(text),
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let strict = Strict {
        depth: limits.json_depth,
        is_outermost: true,
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

/// What becomes of the numbers of a document, in the order of the text.
trait Numbers<'a> {
    type Number;

    /// The next number, which is parsed as `number`.
    fn next(&mut self, number: serde_json::Number) -> Option<Self::Number>;
}

/// Numbers as serde reads them: those with a fraction or an exponent are rounded.
struct Parsed;

impl Numbers<'_> for Parsed {
    type Number = serde_json::Number;

    fn next(&mut self, number: serde_json::Number) -> Option<serde_json::Number> {
        Some(number)
    }
}

/// Numbers as they are written.
struct Written<'a> {
    /// The text behind the last number.
    rest: &'a str,
}

impl<'a> Numbers<'a> for Written<'a> {
    type Number = &'a str;

    fn next(&mut self, _: serde_json::Number) -> Option<&'a str> {
        let bytes = self.rest.as_bytes();
        let mut at = 0;
        // Outside of strings, a digit or a minus is the beginning of a number.
        while !matches!(bytes.get(at)?, b'-' | b'0'..=b'9') {
            at += match bytes[at] {
                b'"' => length_of_string(&bytes[at..])?,
                _ => 1,
            };
        }
        let number = &bytes[at..];
        let is_part = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
        let end = at + number.iter().take_while(|byte| is_part(byte)).count();
        let written = self.rest.get(at..end)?;
        self.rest = self.rest.get(end..)?;
        Some(written)
    }
}

/// The length of the string at the beginning, with its quotes.
fn length_of_string(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The state of one document.
struct Reading<S> {
    /// How many values are still accepted.
    budget: usize,
    /// Why the document is rejected: errors of serde are texts.
    failure: JsonError,
    numbers: S,
}

impl<S> Reading<S> {
    fn fail<E: serde::de::Error>(&mut self, failure: JsonError) -> E {
        self.failure = failure;
        E::custom("rejected")
    }
}

struct Strict<'r, S> {
    depth: usize,
    is_outermost: bool,
    reading: &'r mut Reading<S>,
}

impl<S> Strict<'_, S> {
    fn enter<E: serde::de::Error>(&mut self) -> Result<Strict<'_, S>, E> {
        let reading = &mut *self.reading;
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Strict {
                depth,
                is_outermost: false,
                reading,
            }),
            None => Err(reading.fail(JsonError::TooLarge)),
        }
    }

    fn number<'de, E: serde::de::Error>(self, number: serde_json::Number) -> Result<Json<'de, S::Number>, E>
    where
        S: Numbers<'de>,
    {
        let number = self.reading.numbers.next(number);
        number.map(Json::Number).ok_or_else(|| E::custom("not a number"))
    }
}

impl<'de, S: Numbers<'de>> DeserializeSeed<'de> for Strict<'_, S> {
    type Value = Json<'de, S::Number>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        match self.reading.budget.checked_sub(1) {
            Some(left) => self.reading.budget = left,
            None => return Err(self.reading.fail(JsonError::TooLarge)),
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: Numbers<'de>> Visitor<'de> for Strict<'_, S> {
    type Value = Json<'de, S::Number>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Self::Value, E> {
        self.number(value.into())
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Self::Value, E> {
        self.number(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Self::Value, E> {
        let number = serde_json::Number::from_f64(value);
        self.number(number.ok_or_else(|| E::custom("not a finite number"))?)
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Json::String(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Json::String(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self.enter()?)? {
            array.push(item);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Self::Value, A::Error> {
        // The claims of a usual token fit without growing. A text can hold thousands of objects within it, which are small.
        let capacity = if self.is_outermost { 16 } else { 0 };
        let mut members: Vec<(Cow<'de, str>, Json<'de, S::Number>)> = Vec::with_capacity(capacity);
        while let Some(Name(name)) = entries.next_key()? {
            // Few members: a linear search beats hashing.
            if members.len() <= FEW_MEMBERS && members.iter().any(|(earlier, _)| same(earlier, &name)) {
                return Err(self.reading.fail(JsonError::Duplicate));
            }
            let value = entries.next_value_seed(self.enter()?)?;
            members.push((name, value));
        }
        if members.len() > FEW_MEMBERS && has_duplicate(&members) {
            return Err(self.reading.fail(JsonError::Duplicate));
        }
        Ok(Json::Object(Object(members)))
    }
}

/// Up to this number the names of an object are compared pair by pair.
const FEW_MEMBERS: usize = 64;

fn has_duplicate<V>(members: &[(Cow<'_, str>, V)]) -> bool {
    let mut names: Vec<&str> = members.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}

/// Whether two names are the same. Those of one length mostly differ at their end, and a call to compare them takes longer.
fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.as_bytes().last() == other.as_bytes().last() && one == other
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
    fn duplicate_names_among_many_are_rejected() {
        let wide = |names: &[usize]| {
            let members: Vec<String> = names.iter().map(|name| format!("\"a{name}\":0")).collect();
            format!("{{{}}}", members.join(","))
        };
        let mut names: Vec<usize> = (0..500).collect();
        assert!(read(&wide(&names)).is_ok());
        for twice in [0, 63, 64, 65, 498] {
            names[499] = twice;
            assert_eq!(read(&wide(&names)), Err(JsonError::Duplicate), "{twice}");
        }
    }

    #[test]
    fn numbers_are_kept_as_they_are_written() {
        let text =
            r#"{"a-1\"2":500.000000000000001,"b":[5e2,-0,{"c":"9\\","d":18446744073709551616}],"e":"1","f":1E-3}"#;
        let object = object_as_written(text.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(object.get("a-1\"2"), Some(&Json::Number("500.000000000000001")));
        assert_eq!(object.get("f"), Some(&Json::Number("1E-3")));
        let Some(Json::Array(items)) = object.get("b") else {
            panic!("{object:?}")
        };
        assert_eq!(items[..2], [Json::Number("5e2"), Json::Number("-0")]);
        let Json::Object(inner) = &items[2] else {
            panic!("{items:?}")
        };
        assert_eq!(inner.get("d"), Some(&Json::Number("18446744073709551616")));
        let overflow = object_as_written(b"{\"a\":1e400}", &Limits::default());
        assert_eq!(overflow, Err(JsonError::Invalid));
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
