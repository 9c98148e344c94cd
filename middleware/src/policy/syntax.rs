//! The common syntax of rules, and the report of mistakes in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use actgate_yaml::{Diagnostics, Omissions, Span, parse_duration};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

use super::agents::KnownAgents;
use super::exact;
use super::segment::Segment;

/// Texts that are checked where they are read.
macro_rules! texts {
    ($($(#[$doc:meta])* $Text:ident: $is_valid:expr, $mistake:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) struct $Text(Box<str>);

        impl<'de> Deserialize<'de> for $Text {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                exact::deserialize(deserializer)
            }
        }

        impl TryFrom<Box<str>> for $Text {
            type Error = &'static str;
            fn try_from(text: Box<str>) -> Result<Self, &'static str> {
                let is_valid: fn(&str) -> bool = $is_valid;
                if is_valid(&text) { Ok($Text(text)) } else { Err($mistake) }
            }
        }

        impl Deref for $Text {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $Text {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

texts! {
    /// A name: neither blank nor with control characters.
    Name: |text| !text.trim().is_empty() && !text.chars().any(char::is_control),
        "a name is blank or contains a control character\nwrite the name as the token has it";
    /// One word of printable ASCII without quotes and backslashes, as `scope` and `acr_values` list them (RFC 6749
    /// section 3.3). Anything else could not occur in a token, or would occur there as two words.
    Word: |text| !text.is_empty() && text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)),
        "expected one word of printable ASCII without quotes and backslashes\nwrite several words as a list";
}

impl Name {
    /// A text that is known to be a name.
    pub(super) fn from_valid(text: Box<str>) -> Name {
        Name(text)
    }
}

/// The longest duration of a rule: ten years. A longer one would be a rule that always is met.
const MAX_SECONDS: u64 = 3650 * 86_400;

/// A duration such as `5m` or `1h 30m`: whole seconds, at least one, at most [`MAX_SECONDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seconds(pub(super) u64);

/// `true`, of a key that is a rule where it is written. `false` would look like a rule and require nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stated;

impl<'de> Deserialize<'de> for Stated {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct True;
        impl Visitor<'_> for True {
            type Value = Stated;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`true`\nwrite `true` without quotes, or remove the key")
            }
            fn visit_bool<E: Error>(self, is_stated: bool) -> Result<Stated, E> {
                match is_stated {
                    true => Ok(Stated),
                    false => Err(E::custom("`false` requires nothing\nwrite `true`, or remove the key")),
                }
            }
        }
        deserializer.deserialize_bool(True)
    }
}

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// A name, as the token has it.
    Name = "Name", { "anyOf": [
        generator.subschema_for::<exact::ExactText>(),
        generator.subschema_for::<exact::Literal>(),
    ] };
    /// One word of printable ASCII, as the token has it.
    Word = "Word", { "anyOf": [
        { "type": "string", "pattern": r"^[!#-)+-\[\]-~]+$" },
        generator.subschema_for::<exact::Literal>(),
    ] };
    /// A duration of at least one second: `30s`, `5m`, `1h 30m` or `30d`.
    Seconds = "Duration", { "type": "string", "pattern": r"^(?=.*[1-9])\s*([0-9]+\s*[smhd]\s*)+$" };
    /// `true`. Without the rule: leave the key out.
    Stated = "True", { "const": true };
}

/// Items as `explain` shows them.
pub(super) fn joined<'i, T: fmt::Display + 'i>(items: impl IntoIterator<Item = &'i T>, separator: &str) -> String {
    items.into_iter().map(T::to_string).collect::<Vec<_>>().join(separator)
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Duration;
        impl Visitor<'_> for Duration {
            type Value = Seconds;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration of at least one second\nwrite it as `30s`, `5m` or `1h`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Seconds, E> {
                let shown = exact::shown(text);
                let duration =
                    parse_duration(text).map_err(|help| E::custom(format!("`{shown}` is not a duration\n{help}")))?;
                match duration.as_secs() {
                    _ if text.contains("ms") => Err(E::invalid_value(Unexpected::Str(text), &self)),
                    0 => Err(E::invalid_value(Unexpected::Str(text), &self)),
                    seconds if seconds > MAX_SECONDS => Err(E::custom(format!(
                        "`{shown}` is out of range: from 1s to 3650d\nwrite a duration in this range"
                    ))),
                    seconds => Ok(Seconds(seconds)),
                }
            }
        }
        deserializer.deserialize_str(Duration)
    }
}

/// What a rule reads while a policy is compiled: the report of mistakes, and what the requirement asks for elsewhere.
pub(super) struct Context<'r> {
    /// The text of the document.
    #[cfg_attr(
        not(feature = "cel"),
        expect(dead_code, reason = "only expressions have places within a text")
    )]
    pub(super) source: &'r str,
    pub(super) omissions: &'r Omissions,
    pub(super) diagnostics: &'r mut Diagnostics,
    /// The scopes that the requirement requires, all of them.
    pub(super) scopes: Vec<Word>,
    /// Whether the requirement is, or may be, that of a route for calls of tools of MCP.
    pub(super) is_tool_call: bool,
    /// The path of the route; [`None`] for a requirement that is no route's.
    pub(super) path: Option<Vec<Segment>>,
    /// The hierarchy of the scopes.
    pub(super) implied_by: ImpliedBy,
    /// The agents that the owner knows.
    pub(super) agents: KnownAgents,
    /// The headers that expressions read.
    pub(super) read_headers: BTreeSet<Box<str>>,
    /// How many rules are compiled.
    pub(super) compiled: usize,
    /// What is valid, and is probably a mistake.
    pub(super) warnings: Diagnostics,
}

/// The scopes that imply each scope, also by way of others, in their order.
pub(super) type ImpliedBy = BTreeMap<Word, Arc<[Word]>>;

impl Context<'_> {
    pub(super) fn mistake(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.diagnostics.push(span, message, help);
    }

    /// Reports a mistake, unless something within the place could not be read and is reported already.
    pub(super) fn mistake_if_whole(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        if !self.omissions.within(span) {
            self.mistake(span, message, help);
        }
    }

    /// Reports an item that is in the list of a key and in `none_of`.
    pub(super) fn contradiction<T: PartialEq + fmt::Display>(
        &mut self,
        span: Span,
        key: &str,
        accepted: Option<&[T]>,
        excluded: Option<&[T]>,
    ) {
        let mut accepted = accepted.unwrap_or_default().iter();
        if let Some(item) = accepted.find(|item| excluded.unwrap_or_default().contains(item)) {
            let message = format!("`{item}` is in `{key}` and in `none_of`, and so is never accepted");
            self.mistake(span, message, "remove it from one of the two");
        }
    }

    /// Reports an empty key: it would look like a check but check nothing.
    pub(super) fn empty(&mut self, span: Span, key: &str) {
        self.mistake_if_whole(
            span,
            format!("`{key}` is empty"),
            "write what it requires, or remove it",
        );
    }
}

/// The conditions written under one key, each with the word it is written as.
pub(super) type Conditions<C> = Vec<(Box<str>, C)>;

/// Collects the conditions written under one key, which is to hold at least one.
pub(super) struct Collector<'c, 'r, C> {
    key: &'static str,
    span: Span,
    context: &'c mut Context<'r>,
    conditions: Conditions<C>,
    has_mistake: bool,
}

impl<'c, 'r, C> Collector<'c, 'r, C> {
    pub(super) fn new(key: &'static str, span: Span, context: &'c mut Context<'r>) -> Self {
        Collector {
            key,
            span,
            context,
            conditions: Vec::new(),
            has_mistake: false,
        }
    }

    /// Records that a condition is left out for a mistake that is reported.
    pub(super) fn has_mistake(&mut self) {
        self.has_mistake = true;
    }

    pub(super) fn add(&mut self, word: &str, condition: C) {
        self.conditions.push((word.into(), condition));
    }

    /// Adds the condition of a list, if the list is written; an empty one is a mistake.
    pub(super) fn list<T: Clone>(&mut self, word: &str, list: Option<&[T]>, condition: impl FnOnce(Box<[T]>) -> C) {
        match list {
            None => {}
            Some([]) => self.empty(word),
            Some(list) => self.add(word, condition(list.into())),
        }
    }

    /// Reports an empty list.
    pub(super) fn empty(&mut self, word: &str) {
        self.has_mistake = true;
        let key = if word.is_empty() { self.key } else { word };
        self.context.empty(self.span, key);
    }

    pub(super) fn finish(self) -> Conditions<C> {
        if self.conditions.is_empty() && !self.has_mistake {
            self.context.empty(self.span, self.key);
        }
        self.conditions
    }
}
