//! Headers that an operator has removed from every request, beside those that a client must not send.

use std::sync::Arc;

use actgate::request::header_name;
use http::HeaderName;

/// Headers that the decision on a request, its framing or its body depends on. A server would read another request without them.
const REQUIRED: [&str; 14] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "origin",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "mcp-",
];

/// The names and the beginnings of names of removed headers. None unless they are configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DroppedHeaders(Arc<[Pattern]>);

/// Headers by their name, or by its beginning, in any spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    Name(String),
    Prefix(String),
}

/// Why a text is no [`Pattern`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatternError {
    /// It is neither a header name nor a beginning of one with `*` behind it.
    Invalid,
    /// It covers this header, which is required.
    Required(&'static str),
}

impl Pattern {
    /// Reads `X-Name` or `X-Prefix-*`.
    pub(crate) fn parse(text: &str) -> Result<Pattern, PatternError> {
        let (pattern, beginning) = match text.strip_suffix('*') {
            Some(prefix) => (Pattern::Prefix(prefix.to_owned()), prefix),
            None => (Pattern::Name(text.to_owned()), text),
        };
        if beginning.contains('*') || HeaderName::try_from(beginning).is_err() {
            return Err(PatternError::Invalid);
        }
        match REQUIRED.into_iter().find(|required| pattern.covers(required)) {
            Some(required) => Err(PatternError::Required(required)),
            None if header_name::begins_with(text, "mcp-") => Err(PatternError::Required("mcp-")),
            None => Ok(pattern),
        }
    }

    fn covers(&self, name: &str) -> bool {
        match self {
            Pattern::Name(own) => header_name::same(own, name),
            Pattern::Prefix(prefix) => header_name::begins_with(name, prefix),
        }
    }
}

impl FromIterator<Pattern> for DroppedHeaders {
    fn from_iter<T: IntoIterator<Item = Pattern>>(patterns: T) -> Self {
        DroppedHeaders(patterns.into_iter().collect())
    }
}

impl DroppedHeaders {
    /// Whether a header of this name is removed.
    pub(crate) fn covers(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| pattern.covers(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_beginnings_cover_every_spelling() {
        let dropped: DroppedHeaders = ["X-Tenant", "X-Debug-*"]
            .map(|text| Pattern::parse(text).unwrap())
            .into_iter()
            .collect();
        for name in [
            "x-tenant",
            "X_TENANT",
            "x.tenant",
            "x-debug-",
            "X_Debug.Level",
            "x-debug-a-b",
        ] {
            assert!(dropped.covers(name), "{name}");
        }
        for name in ["x-tenants", "x-tenan", "xtenant", "x-debug", "x-debugger"] {
            assert!(!dropped.covers(name), "{name}");
        }
        assert!(!DroppedHeaders::default().covers("x-tenant"));
    }

    #[test]
    fn a_required_header_cannot_be_removed() {
        for (text, error) in [
            ("", PatternError::Invalid),
            ("*", PatternError::Invalid),
            ("*-x", PatternError::Invalid),
            ("x-*-y", PatternError::Invalid),
            ("x a", PatternError::Invalid),
            ("X-Tenant: a", PatternError::Invalid),
            ("Authorization", PatternError::Required("authorization")),
            ("content_type", PatternError::Required("content-type")),
            ("content-*", PatternError::Required("content-encoding")),
            ("h*", PatternError::Required("host")),
            ("mcp-*", PatternError::Required("mcp-")),
            ("Mcp-Method", PatternError::Required("mcp-")),
        ] {
            assert_eq!(Pattern::parse(text), Err(error), "{text}");
        }
        for text in ["Cookie", "x-*", "Accept-Encoding", "Range"] {
            assert!(Pattern::parse(text).is_ok(), "{text}");
        }
    }
}
