//! The facts that an expression names, and the types of values.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What holds facts, which are read one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Object {
    Initiator,
    Actor,
    Token,
    Claims,
    Params,
    Request,
    Headers,
}

/// A fact that is a value by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Single {
    Client,
    Scopes,
    Chain,
    Now,
}

/// What an expression can begin a name with.
pub(super) const ROOTS: [&str; 10] = [
    "initiator",
    "actor",
    "chain",
    "client",
    "scopes",
    "claims",
    "token",
    "request",
    "params",
    "now",
];

/// What is known of the value of an expression before it is evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Null,
    Actor,
    List(Box<Type>),
    /// A claim, or what is within one.
    Any,
}

impl Type {
    pub(super) fn list_of(item: Type) -> Type {
        Type::List(Box::new(item))
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Type::Int | Type::Uint | Type::Double)
    }

    /// Whether values of the two types can be equal.
    pub(super) fn may_equal(&self, other: &Type) -> bool {
        match (self, other) {
            (Type::Any, _) | (_, Type::Any) => true,
            (Type::List(one), Type::List(other)) => one.may_equal(other),
            (one, other) => one == other || one.is_number() && other.is_number(),
        }
    }
}

/// The type as a message has it.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Bool => "`true` or `false`",
            Type::Int | Type::Uint | Type::Double => "a number",
            Type::Text => "a text",
            Type::Null => "`null`",
            Type::Actor => "an actor",
            Type::List(_) => "a list",
            Type::Any => "any value",
        })
    }
}

impl Single {
    pub(super) fn named(name: &str) -> Option<(Single, Type)> {
        Some(match name {
            "client" => (Single::Client, Type::Text),
            "scopes" => (Single::Scopes, Type::list_of(Type::Text)),
            "chain" => (Single::Chain, Type::list_of(Type::Actor)),
            "now" => (Single::Now, Type::Int),
            _ => return None,
        })
    }
}

impl Object {
    pub(super) fn named(name: &str) -> Option<Object> {
        Some(match name {
            "initiator" => Object::Initiator,
            "actor" => Object::Actor,
            "token" => Object::Token,
            "claims" => Object::Claims,
            "params" => Object::Params,
            "request" => Object::Request,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Object::Initiator => "initiator",
            Object::Actor => "actor",
            Object::Token => "token",
            Object::Claims => "claims",
            Object::Params => "params",
            Object::Request => "request",
            Object::Headers => "request.headers",
        }
    }

    /// The members, where they are the same for every token and route.
    pub(super) fn members(self) -> &'static [&'static str] {
        match self {
            Object::Initiator => &["issuer", "subject", "kind", "amr", "acr", "auth_time"],
            Object::Actor => &["issuer", "subject", "kind"],
            Object::Token => &["iat", "nbf", "exp", "jti", "aud"],
            Object::Request => &["method", "headers"],
            Object::Claims | Object::Params | Object::Headers => &[],
        }
    }

    /// The type of a member.
    pub(super) fn type_of(self, member: &str) -> Type {
        match (self, member) {
            (Object::Claims, _) => Type::Any,
            (Object::Initiator, "amr") | (Object::Token, "aud") => Type::list_of(Type::Text),
            (Object::Initiator, "auth_time") | (Object::Token, "iat" | "nbf" | "exp") => Type::Int,
            _ => Type::Text,
        }
    }
}

/// Where a parameter of a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Segments {
    /// One segment, by its place from the first one.
    One(usize),
    /// The segments from a place on.
    Rest(usize),
}

impl Segments {
    /// One segment of a path, or the segments from one on. An escaped slash is a part of a segment.
    pub(super) fn of(self, path: &str) -> Option<Cow<'_, str>> {
        let path = path.strip_prefix('/')?;
        let found = match self {
            Segments::One(index) => path.split('/').nth(index)?,
            Segments::Rest(0) => path,
            Segments::Rest(index) => {
                let (slash, _) = path.match_indices('/').nth(index - 1)?;
                &path[slash + 1..]
            }
        };
        Some(match found.contains('%') {
            true => Cow::Owned(found.replace("%2F", "/")),
            false => Cow::Borrowed(found),
        })
    }
}

/// What an expression reads: nothing else is converted.
#[derive(Debug, Default)]
pub(super) struct Reads {
    pub(super) singles: BTreeSet<Single>,
    pub(super) members: BTreeMap<Object, BTreeSet<Box<str>>>,
    /// The place of each parameter of the path, where the route is known.
    pub(super) params: BTreeMap<Box<str>, Segments>,
    /// Whether a condition of it reads no fact.
    pub(super) has_constant: bool,
}

impl Reads {
    pub(super) fn with_constant(self, has_constant: bool) -> Reads {
        Reads { has_constant, ..self }
    }
}
