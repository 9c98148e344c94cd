//! The written form of a route: `METHODS PATH`.

use std::sync::Arc;

use actgate_yaml::{Span, Spanned};

use super::foreign::{Explanation, explain};
use super::mcp::McpMatch;
use super::methods::parse_methods;
use super::segment::{joined, parse_path};

pub(super) use super::segment::Segment;

/// A route as it is written.
#[derive(Debug)]
pub(super) struct Pattern {
    /// None is any.
    pub(super) methods: Vec<Box<str>>,
    /// At least one.
    pub(super) segments: Vec<Segment>,
    /// The path in the syntax of `matchit`.
    pub(super) path: String,
    /// The messages of MCP that it is for; [`None`] for a route without `mcp`.
    pub(super) messages: Option<McpMatch>,
    pub(super) span: Span,
}

/// How closely a route names a method; a closer one wins on the same path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Closeness {
    Any,
    GetForHead,
    Named,
}

/// How many of the paths of a pattern are in some place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overlap {
    None,
    Part,
    Whole,
}

impl Pattern {
    /// The pattern and its name, or why it is invalid.
    pub(super) fn parse(written: &Spanned<String>) -> Result<(Pattern, Arc<str>), Explanation> {
        let text = written.value.trim_ascii();
        Self::parse_valid(text, written.span()).ok_or_else(|| explain(text))
    }

    fn parse_valid(text: &str, span: Span) -> Option<(Pattern, Arc<str>)> {
        let (methods, path) = text.split_once(|character: char| character.is_ascii_whitespace())?;
        let segments = parse_path(path.trim_ascii_start())?;
        let name = format!("{methods} {}", joined(&segments, Segment::to_string)).into();
        let pattern = Pattern {
            methods: parse_methods(methods)?,
            path: joined(&segments, Segment::of_matchit),
            segments,
            messages: None,
            span,
        };
        Some((pattern, name))
    }

    /// Whether a segment of a request can be any text.
    pub(super) fn has_parameter(&self) -> bool {
        self.segments
            .iter()
            .any(|segment| !matches!(segment, Segment::Literal(_)))
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

    /// The path as a policy has it.
    pub(super) fn written_path(&self) -> String {
        joined(&self.segments, Segment::to_string)
    }

    /// Whether the paths of this pattern are at or below `root`.
    pub(super) fn overlap(&self, root: &str) -> Overlap {
        let mut overlap = Overlap::Whole;
        let mut segments = self.segments.iter();
        for name in root.split('/').skip(1) {
            match segments.next() {
                Some(Segment::Literal(text)) if **text == *name => {}
                Some(Segment::Parameter(_)) => overlap = Overlap::Part,
                Some(Segment::CatchAll(_)) => return Overlap::Part,
                Some(Segment::Literal(_)) | None => return Overlap::None,
            }
        }
        overlap
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

/// A route, as a document has it.
#[cfg(feature = "schema")]
pub(super) struct RouteSchema;

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// Methods with commas, or `*` for every registered one; then a path. A method that IANA does not list is written in quotes.
    RouteSchema = "MethodsAndPath", { "type": "string", "pattern": route() };
}

/// The form of a route. What its segments may be is more than a regular expression says.
#[cfg(feature = "schema")]
fn route() -> String {
    let methods = format!(r#"(?:{}|"[^"]+")"#, super::methods::REGISTERED.join("|"));
    format!(r"^\s*(?:\*|{methods}(?:,{methods})*)\s+/")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Result<(Pattern, Arc<str>), Explanation> {
        Pattern::parse(&Spanned {
            value: text.to_owned(),
            line: 1,
            column: 1,
        })
    }

    #[test]
    fn braces_of_a_literal_are_no_parameter() {
        let shape = |path: &str| parsed(&format!("GET {path}")).unwrap().0.shape();
        assert_eq!(shape("/{a}/{*b}"), "/{}/{*}");
        assert_eq!(shape("/\"{}\"/x"), "/{{}}/x");
    }

    /// A path that the pattern matches.
    fn example(segments: &[Segment]) -> String {
        joined(segments, |segment| match segment {
            Segment::Literal(text) => text.to_string(),
            Segment::Parameter(_) => "{any}".to_owned(),
            Segment::CatchAll(_) => "a/b".to_owned(),
        })
    }

    fn segment_text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z]{1,3}",
            "\\{[a-z_][a-z0-9_]{0,2}\\}",
            "\\{\\*[a-z]\\}",
            "\"[ -!#-.0-9:<-@\\[\\]{}|a-c]{1,4}\"",
            "\"[{}\"]{1,6}\"",
            "[-._~@!,+=éÅ٣a]{0,4}",
            "[:*<>$(){}a\"]{1,4}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn an_accepted_pattern_is_one_of_matchit_and_is_printed_as_it_is_read(
            text in prop_oneof![
                prop::collection::vec(segment_text(), 1..5).prop_map(|segments| format!("GET /{}", segments.join("/"))),
                any::<String>(),
            ],
        ) {
            if let Ok((pattern, name)) = parsed(&text) {
                let (again, same) = parsed(&name).unwrap_or_else(|explanation| panic!("{name}: {explanation:?}"));
                prop_assert_eq!(&again.segments, &pattern.segments);
                prop_assert_eq!(same, name);
                let mut router = matchit::Router::new();
                prop_assert!(router.insert(&pattern.path, ()).is_ok(), "{}", pattern.path);
                let path = example(&pattern.segments);
                prop_assert!(router.at(&path).is_ok(), "{} does not match {path}", pattern.path);
            }
        }
    }
}
