//! The written form of a route: `METHODS PATH`.

use std::fmt;
use std::sync::Arc;

use actgate_yaml::{Span, Spanned};

use super::methods::{is_registered, is_upper_case_token};

/// A route as it is written.
#[derive(Debug)]
pub(super) struct Pattern {
    /// None is any.
    pub(super) methods: Vec<Box<str>>,
    /// At least one.
    pub(super) segments: Vec<Segment>,
    /// The path in the syntax of `matchit`.
    pub(super) path: String,
    pub(super) span: Span,
}

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

/// How closely a route names a method; a closer one wins on the same path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Closeness {
    Any,
    GetForHead,
    Named,
}

impl Pattern {
    /// The pattern and its name, or why it is invalid.
    pub(super) fn parse(written: &Spanned<String>) -> Result<(Pattern, Arc<str>), &'static str> {
        let text = written.value.trim_ascii();
        let (methods, path) = text
            .split_once(|character: char| character.is_ascii_whitespace())
            .ok_or("it is not `METHODS PATH`")?;
        let path = path.trim_ascii_start();
        let segments = parse_path(path).ok_or(PATH)?;
        let name = format!("{methods} {}", joined(&segments, Segment::to_string)).into();
        let pattern = Pattern {
            methods: parse_methods(methods).ok_or(METHODS)?,
            path: joined(&segments, Segment::of_matchit),
            segments,
            span: written.span(),
        };
        Ok((pattern, name))
    }

    pub(super) fn closeness(&self, method: &str) -> Option<Closeness> {
        let names = |method: &str| self.methods.iter().any(|name| **name == *method);
        match method {
            _ if self.methods.is_empty() => Some(Closeness::Any),
            _ if names(method) => Some(Closeness::Named),
            "HEAD" if names("GET") => Some(Closeness::GetForHead),
            _ => None,
        }
    }

    /// The path with every parameter alike, so that two routes for the same requests look the same.
    pub(super) fn shape(&self) -> String {
        joined(&self.segments, |segment| match segment {
            Segment::Literal(_) => segment.of_matchit(),
            Segment::Parameter(_) => "{}".to_owned(),
            Segment::CatchAll(_) => "{*}".to_owned(),
        })
    }
}

const METHODS: &str = "methods are in upper case, several are separated by commas, `*` is any, a method that is not registered is in double quotes";
const PATH: &str = "the path begins with a slash, and each segment is a text, `{name}`, or, as the last one, `{*name}`";

/// `*`, or methods that are separated by commas. None of them is any.
fn parse_methods(text: &str) -> Option<Vec<Box<str>>> {
    if text == "*" {
        return Some(Vec::new());
    }
    let mut methods: Vec<Box<str>> = Vec::new();
    for written in text.split(',') {
        let method = match written.strip_prefix('"') {
            None => Some(written).filter(|method| is_registered(method)),
            Some(quoted) => quoted.strip_suffix('"').filter(|method| is_upper_case_token(method)),
        }?;
        if methods.iter().any(|other| **other == *method) {
            return None;
        }
        methods.push(method.into());
    }
    Some(methods)
}

/// Segments, each after a slash.
fn parse_path(text: &str) -> Option<Vec<Segment>> {
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

fn joined(segments: &[Segment], written: impl Fn(&Segment) -> String) -> String {
    segments
        .iter()
        .flat_map(|segment| ["/".to_owned(), written(segment)])
        .collect()
}

impl Segment {
    fn parse(written: &str) -> Option<Segment> {
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
    fn of_matchit(&self) -> String {
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
fn is_name(text: &str) -> bool {
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
    let is_refused = |character: char| matches!(character, '"' | '%' | '\\' | ';') || character.is_control();
    let parts: Vec<&str> = quoted.split("\"\"").collect();
    let text = parts.join("\"");
    let is_accepted = !parts.iter().any(|part| part.contains(is_refused)) && !matches!(&*text, "" | "." | "..");
    is_accepted.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(path: &str) -> Option<Vec<Segment>> {
        parse_path(path)
    }

    #[test]
    fn a_segment_is_a_literal_a_parameter_or_the_rest() {
        let literal = |text: &str| Segment::Literal(text.into());
        assert_eq!(segments("/"), Some(vec![literal("")]));
        assert_eq!(
            segments("/v1.0/{id}/é/{*rest}").unwrap(),
            [
                literal("v1.0"),
                Segment::Parameter("id".into()),
                literal("é"),
                Segment::CatchAll("rest".into())
            ]
        );
        assert_eq!(
            segments("/@me/a~b,c=d+!/\"items:batch\"/").unwrap(),
            [
                literal("@me"),
                literal("a~b,c=d+!"),
                literal("items:batch"),
                literal("")
            ]
        );
        assert_eq!(segments(r#"/"a ""b"" {c}""#).unwrap(), [literal(r#"a "b" {c}"#)]);
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
        ] {
            assert_eq!(segments(path), None, "{path}");
        }
    }

    #[test]
    fn methods_are_registered_or_in_quotes() {
        let methods = |text| parse_methods(text).map(|methods| methods.join(" "));
        assert_eq!(methods("*").as_deref(), Some(""));
        assert_eq!(methods("GET,VERSION-CONTROL").as_deref(), Some("GET VERSION-CONTROL"));
        assert_eq!(
            methods(r#""PURGE",GET,"M-SEARCH""#).as_deref(),
            Some("PURGE GET M-SEARCH")
        );
        for text in [
            "",
            ",",
            "GET,",
            ",GET",
            "GET,*",
            "*,GET",
            "get",
            "Get",
            "ANY",
            "ALL",
            "GETT",
            "PRI",
            "--",
            "GET|HEAD",
            "GET,GET",
            "GET,\"GET\"",
            "\"purge\"",
            "\"\"",
            "\"",
            "\"A B\"",
            "PURGE",
            "**",
            "[GET]",
        ] {
            assert_eq!(methods(text), None, "{text}");
        }
    }

    #[test]
    fn braces_of_a_literal_are_no_parameter() {
        let shape = |path: &str| {
            let written = Spanned {
                value: format!("GET {path}"),
                line: 1,
                column: 1,
            };
            Pattern::parse(&written).unwrap().0.shape()
        };
        assert_eq!(shape("/{a}/{*b}"), "/{}/{*}");
        assert_eq!(shape("/\"{}\"/x"), "/{{}}/x");
    }
}
