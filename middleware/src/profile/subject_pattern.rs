//! Subjects by their text, their beginning or their end.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _};

/// A subject, with at most one `*` at its beginning or its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SubjectPattern {
    Exact(Box<str>),
    Prefix(Box<str>),
    Suffix(Box<str>),
}

impl SubjectPattern {
    pub(super) fn matches(&self, subject: &str) -> bool {
        match self {
            SubjectPattern::Exact(text) => *subject == **text,
            SubjectPattern::Prefix(text) => subject.len() > text.len() && subject.starts_with(&**text),
            SubjectPattern::Suffix(text) => subject.len() > text.len() && subject.ends_with(&**text),
        }
    }

    fn parse(text: &str) -> Result<SubjectPattern, String> {
        if text.trim().is_empty() || text.trim() != text || text.contains(char::is_control) {
            return Err(
                "a subject has no blank at an end and no control character\nwrite it as the token has it".into(),
            );
        }
        let invalid = |what: &str, help: &str| Err(format!("`{text}` {what}\n{help}"));
        match (text.strip_suffix('*'), text.strip_prefix('*')) {
            (Some(""), _) => invalid("matches every subject", "write a part of the subject beside the `*`"),
            (Some(rest), None) if !rest.contains('*') => Ok(SubjectPattern::Prefix(rest.into())),
            (None, Some(rest)) if !rest.contains('*') => Ok(SubjectPattern::Suffix(rest.into())),
            (None, None) if !text.contains('*') => Ok(SubjectPattern::Exact(text.into())),
            _ => invalid("has more than a `*` at one end", "write `begin*` or `*end`"),
        }
    }
}

impl fmt::Display for SubjectPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SubjectPattern::Exact(text) => f.write_str(text),
            SubjectPattern::Prefix(text) => write!(f, "{text}*"),
            SubjectPattern::Suffix(text) => write!(f, "*{text}"),
        }
    }
}

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// A subject, or the text at its beginning or end with one `*` beside it.
    SubjectPattern = "SubjectPattern", { "type": "string", "pattern": r"^([^*\s]([^*]*[^*\s])?\*?|[^*\s].*[^*]\*|\*[^*]*[^*\s])$" };
}

impl<'de> Deserialize<'de> for SubjectPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SubjectPattern::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_at_one_end() {
        let matches = |pattern: &str, subject: &str| SubjectPattern::parse(pattern).unwrap().matches(subject);
        assert!(matches("auth0|*", "auth0|64f") && !matches("auth0|*", "auth0|") && !matches("auth0|*", "x"));
        assert!(matches("*@clients", "a@clients") && !matches("*@clients", "@clients"));
        assert!(matches("alice", "alice") && !matches("alice", "Alice"));
        for bad in ["*", "**", "a*b", "*a*", "", " a", "a\n"] {
            assert!(SubjectPattern::parse(bad).is_err(), "{bad:?}");
        }
    }
}
