//! One segment of the path of a route.

use std::fmt;

use crate::request::is_look_alike;

/// What is between two slashes of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// This text, without escapes and quotes. Only the last segment may be empty: the path ends with a slash.
    Literal(Box<str>),
    /// `{name}`: any one segment.
    Parameter(Box<str>),
    /// `{*name}`, always the last segment: the rest of the path, which is not empty.
    CatchAll(Box<str>),
}

/// The segments of a path, each after a slash, if it is well-formed.
pub(super) fn parse_path(text: &str) -> Option<Vec<Segment>> {
    let segments: Option<Vec<Segment>> = text.strip_prefix('/')?.split('/').map(Segment::parse).collect();
    segments.filter(|segments| {
        let before_last = &segments[..segments.len() - 1];
        before_last.iter().all(|segment| match segment {
            Segment::Literal(text) => !text.is_empty(),
            Segment::Parameter(_) => true,
            Segment::CatchAll(_) => false,
        })
    })
}

/// A path of segments.
pub(super) fn joined(segments: &[Segment], written: impl Fn(&Segment) -> String) -> String {
    segments
        .iter()
        .flat_map(|segment| ["/".to_owned(), written(segment)])
        .collect()
}

impl Segment {
    pub(super) fn parse(written: &str) -> Option<Segment> {
        if let Some(quoted) = written.strip_prefix('"') {
            return unquoted(quoted.strip_suffix('"')?).map(|text| Segment::Literal(text.into()));
        }
        if let Some(name) = written.strip_prefix('{') {
            let name = name.strip_suffix('}')?;
            return match name.strip_prefix('*') {
                Some(name) => is_name(name).then(|| Segment::CatchAll(name.into())),
                None => is_name(name).then(|| Segment::Parameter(name.into())),
            };
        }
        is_plain(written).then(|| Segment::Literal(written.into()))
    }

    /// The segment in the syntax of `matchit`.
    pub(super) fn of_matchit(&self) -> String {
        match self {
            Segment::Literal(text) => text.replace('{', "{{").replace('}', "}}"),
            Segment::Parameter(name) => format!("{{{name}}}"),
            Segment::CatchAll(name) => format!("{{*{name}}}"),
        }
    }
}

/// The segment as a policy has it.
impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Segment::Literal(text) if is_plain(text) => f.write_str(text),
            Segment::Literal(text) => write!(f, "\"{}\"", text.replace('"', "\"\"")),
            Segment::Parameter(name) => write!(f, "{{{name}}}"),
            Segment::CatchAll(name) => write!(f, "{{*{name}}}"),
        }
    }
}

/// The name of a parameter.
pub(super) fn is_name(text: &str) -> bool {
    let is_word = |character: char| character == '_' || character.is_ascii_alphanumeric();
    text.starts_with(|first: char| is_word(first) && !first.is_ascii_digit()) && text.chars().all(is_word)
}

/// Whether a literal needs no quotes: it has no character that a pattern of another product could have.
///
/// Unreserved characters (RFC 3986 section 2.3), `@ ! , + =`, and the letters and digits of every script. Dots alone
/// and `+` alone are wildcards elsewhere.
fn is_plain(text: &str) -> bool {
    let is_allowed = |character: char| character.is_alphanumeric() || "-._~@!,+=".contains(character);
    let is_wildcard = !text.is_empty() && text.bytes().all(|byte| byte == b'.') || text == "+";
    text.chars().all(is_allowed) && !is_wildcard
}

/// The text of a literal in double quotes, where two of them are one, unless no request has such a segment.
fn unquoted(quoted: &str) -> Option<String> {
    let is_refused = |character: char| {
        matches!(character, '"' | '%' | '\\' | ';') || character.is_control() || is_look_alike(character)
    };
    let parts: Vec<&str> = quoted.split("\"\"").collect();
    let text = parts.join("\"");
    let is_accepted = !parts.iter().any(|part| part.contains(is_refused)) && !matches!(&*text, "" | "." | "..");
    is_accepted.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_a_literal_a_parameter_or_the_rest() {
        let literal = |text: &str| Segment::Literal(text.into());
        assert_eq!(parse_path("/"), Some(vec![literal("")]));
        assert_eq!(
            parse_path("/v1.0/{id}/é/{*rest}").unwrap(),
            [
                literal("v1.0"),
                Segment::Parameter("id".into()),
                literal("é"),
                Segment::CatchAll("rest".into())
            ]
        );
        assert_eq!(
            parse_path("/@me/a~b,c=d+!/\"items:batch\"/").unwrap(),
            [
                literal("@me"),
                literal("a~b,c=d+!"),
                literal("items:batch"),
                literal("")
            ]
        );
        assert_eq!(parse_path(r#"/"a ""b"" {c}""#).unwrap(), [literal(r#"a "b" {c}"#)]);
    }

    #[test]
    fn everything_else_is_no_path() {
        for path in [
            "",
            "a",
            "//",
            "/a//b",
            "/.",
            "/..",
            "/...",
            "/+",
            "/a/./b",
            "/*",
            "/**",
            "/a*",
            "/:id",
            "/<id>",
            "/[id]",
            "/$id",
            "/a$",
            "/(.*)",
            "/.*",
            "/{",
            "/}",
            "/{}",
            "/{*}",
            "/{*a}/b",
            "/{*a}/",
            "/{a}b",
            "/b{a}",
            "/{a}{b}",
            "/{{a}}",
            "/{a:int}",
            "/{a?}",
            "/{a-b}",
            "/{1a}",
            "/{é}",
            "/{a }",
            "/a b",
            "/a%20b",
            "/a?b",
            "/a#b",
            "/a;b",
            "/a\\b",
            "/a:b",
            "/a'b",
            "/a&b",
            "/\"\"",
            "/\"a",
            "/a\"",
            "/\"a\"b",
            "/\"a\"\"",
            "/\"a/b\"",
            "/\"a%2fb\"",
            "/\"a;b\"",
            "/\"a\\b\"",
            "/\"..\"",
            "/\"a\tb\"",
            "/\"a\"b\"",
            "/a\u{301}",
            "/\u{ff0e}",
            "/\"なぜ？\"",
            "/\"ａ／ｂ\"",
            "/\"a…\"",
            "/\"a\u{2215}b\"",
            "/\"50\u{fe6a}\"",
            "/\"\u{feff}a\"",
        ] {
            assert_eq!(parse_path(path), None, "{path}");
        }
    }
}
