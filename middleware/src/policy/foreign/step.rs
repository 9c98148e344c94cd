//! What one segment of a foreign path means in a route.

use super::lexical::{decoded, identifier};
use super::notes::Notes;
use crate::policy::segment::Segment;
use crate::request::is_look_alike;

#[derive(Debug)]
pub(super) enum Step {
    One(Segment),
    /// The segment or none.
    Optional(Segment),
    /// One of these.
    Either(Vec<Segment>),
}

/// Where a segment is in its path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    BeforeLast,
    Last,
}

/// One segment that is not valid in a route.
pub(super) struct Part<'t, 'n> {
    pub(super) text: &'t str,
    pub(super) position: Position,
    pub(super) notes: &'n mut Notes,
}

pub(super) const QUERY: &str = "is a query, which a route does not match";
/// Such a segment is no mistake of notation: its route is dead.
pub(super) const LOOK_ALIKE: &str =
    "has a look-alike of `.`, `/`, `\\`, `;`, `%`, `#` or `?`, which no accepted path has";
pub(super) const OPTIONAL: &str = "is optional, which a segment of a route is not";
const SEVERAL: &str = "matches several segments, which only the last segment of a route can";
const MIXED: &str = "has a parameter beside other text, but a parameter is a whole segment";
const ALTERNATIVES: &str = "lists alternatives, which a segment of a route does not have";

impl Part<'_, '_> {
    /// A parameter of this name.
    pub(super) fn parameter(self, name: &str, what: &'static str) -> Step {
        self.notes.add(self.text, what);
        Step::One(Segment::Parameter(identifier(name)))
    }

    /// A parameter of this name in the place of something that restricts its text.
    pub(super) fn widened(self, name: &str, what: &'static str) -> Step {
        self.notes.add_widened(self.text, what);
        Step::One(Segment::Parameter(identifier(name)))
    }

    /// A parameter in the place of one that is a part of a segment.
    pub(super) fn mixed(self, name: &str) -> Step {
        self.widened(name, MIXED)
    }

    /// A parameter of this name, or no segment.
    pub(super) fn optional(self, name: &str) -> Step {
        self.notes.add(self.text, OPTIONAL);
        Step::Optional(Segment::Parameter(identifier(name)))
    }

    /// The rest of the path. Without a name it may be a wildcard for one segment elsewhere.
    pub(super) fn rest(self, name: Option<&str>, what: &'static str) -> Step {
        self.notes.add(self.text, what);
        if self.position == Position::Last {
            return Step::One(Segment::CatchAll(identifier(name.unwrap_or("rest"))));
        }
        if name.is_some() || self.text.starts_with("**") {
            self.notes.add(self.text, SEVERAL);
        }
        Step::One(Segment::Parameter(identifier(name.unwrap_or("name"))))
    }

    /// One of several literals.
    pub(super) fn either(self, words: Vec<&str>) -> Step {
        self.notes.add(self.text, ALTERNATIVES);
        let literals = words.into_iter().map(|word| Segment::Literal(word.into()));
        Step::Either(literals.collect())
    }

    /// A text that needs quotes, has an escape, or that no path has.
    pub(super) fn literal(self) -> Step {
        let decoded = decoded(self.text);
        let text = decoded.as_deref().unwrap_or(self.text);
        let is_impossible = text.contains(['/', '\\', ';', '%']) || text.contains(char::is_control);
        let what = match &decoded {
            _ if text.contains(is_look_alike) => LOOK_ALIKE,
            _ if is_impossible => "has a character that no accepted path has",
            Some(_) => "has an escape, but a path is written without",
            None => "has characters that need double quotes in a route",
        };
        self.notes.add(self.text, what);
        Step::One(Segment::Literal(text.into()))
    }
}
