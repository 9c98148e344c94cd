//! A JSON value, and the members of an object.

use std::borrow::Cow;

use serde_json::{Map, Value};

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
#[derive(Clone, Debug)]
pub(crate) struct Object<'a, N = serde_json::Number> {
    members: Vec<(Cow<'a, str>, Json<'a, N>)>,
    /// The marks of all names that it has or had.
    marks: u64,
}

/// Up to this number of members a name is compared with each one.
const FEW_MEMBERS: usize = 64;

impl<N> Default for Object<'_, N> {
    fn default() -> Self {
        Object::with_capacity(0)
    }
}

impl<N: PartialEq> PartialEq for Object<'_, N> {
    fn eq(&self, other: &Self) -> bool {
        self.members == other.members
    }
}

impl<'a, N> Object<'a, N> {
    pub(super) fn with_capacity(members: usize) -> Self {
        Object {
            members: Vec::with_capacity(members),
            marks: 0,
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Json<'a, N>> {
        // A decision reads many claims that a token does not have, and most of them have a mark of their own.
        if self.marks & mark(name) == 0 {
            return None;
        }
        let mut members = self.members.iter();
        members.find(|(key, _)| same(key, name)).map(|(_, value)| value)
    }

    /// Notes the name of the next member. It is `false` if one of few members has that name; among many there is no search, and
    /// [`has_duplicate`](Self::has_duplicate) is for these.
    pub(super) fn note(&mut self, name: &str) -> bool {
        let mark = mark(name);
        let is_marked = self.marks & mark != 0;
        self.marks |= mark;
        !is_marked || self.members.len() > FEW_MEMBERS || !self.members.iter().any(|(key, _)| same(key, name))
    }

    /// Adds the member whose name has been noted.
    pub(super) fn push(&mut self, name: Cow<'a, str>, value: Json<'a, N>) {
        self.members.push((name, value));
    }

    /// Whether one of many members has the name of another.
    pub(super) fn has_duplicate(&self) -> bool {
        if self.members.len() <= FEW_MEMBERS {
            return false;
        }
        let mut names: Vec<&str> = self.names().collect();
        names.sort_unstable();
        names.windows(2).any(|pair| pair[0] == pair[1])
    }

    /// The names of all members.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(name, _)| &**name)
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
        self.note(name);
        self.push(Cow::Owned(name.to_string()), value);
    }

    /// The one member; [`None`] of an object with more, or without any.
    pub(crate) fn only_member(&self) -> Option<(&str, &Json<'a, N>)> {
        match &*self.members {
            [(name, value)] => Some((name, value)),
            _ => None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Takes a member out, so that large values move instead of being copied.
    pub(crate) fn take(&mut self, name: &str) -> Option<Json<'a, N>> {
        let at = self.members.iter().position(|(key, _)| same(key, name))?;
        Some(self.members.swap_remove(at).1)
    }
}

impl Object<'_> {
    /// The members as serde_json has them.
    pub(crate) fn into_map(self) -> Map<String, Value> {
        let members = self.members.into_iter();
        members.map(|(name, value)| (name.into_owned(), value.into())).collect()
    }
}

impl From<Json<'_>> for Value {
    fn from(json: Json<'_>) -> Value {
        match json {
            Json::Null => Value::Null,
            Json::Bool(flag) => Value::Bool(flag),
            Json::Number(number) => Value::Number(number),
            Json::String(text) => Value::String(text.into_owned()),
            Json::Array(items) => Value::Array(items.into_iter().map(Value::from).collect()),
            Json::Object(object) => Value::Object(object.into_map()),
        }
    }
}

impl Object<'_, &str> {
    /// How many bytes a text of the object has at least.
    pub(crate) fn least_bytes(&self) -> u64 {
        let members = self
            .members
            .iter()
            .map(|(name, value)| text_bytes(name) + 1 + value.least_bytes());
        members.sum::<u64>() + 1 + self.members.len().max(1) as u64
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

/// One bit of 64 for a name. Those of the claims of usual tokens differ.
fn mark(name: &str) -> u64 {
    let ends = match name.as_bytes() {
        [first, .., last] => u32::from(*first) + u32::from(*last) * 3,
        _ => 0,
    };
    1_u64.rotate_left(ends + name.len() as u32 * 2)
}

/// Whether two names are the same. Those of one length mostly differ at their end, and a call to compare them takes longer.
fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.as_bytes().last() == other.as_bytes().last() && one == other
}
