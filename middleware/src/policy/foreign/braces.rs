//! Segments in braces as other products write them.

use super::lexical::{group, is_everything, word_length};
use super::step::{Part, QUERY, Step};
use crate::policy::segment::Segment;

const NO_NAME: &str = "has no name";
const NOT_A_NAME: &str = "has a name with other characters than letters, digits and `_`";
const BEGINS_WITH_DIGIT: &str = "has a name that begins with a digit";
const CONSTRAINT: &str = "has a constraint, which a parameter of a route does not have";
const EXPRESSION: &str = "has a regular expression, which a parameter of a route does not have";
const DEFAULT: &str = "has a default value, which a parameter of a route does not have";
const TEMPLATE: &str = "is a variable of a template, which is not replaced here";
const URI_TEMPLATE: &str = "is a URI template, which a route is not";
const PATH_TEMPLATE: &str = "is a path template, which a parameter of a route is not";
const REST: &str = "is the rest of a path as another product writes it";
const REST_OF_GO: &str = "is the rest of a path as Go writes it";
const REST_OF_ASP_NET: &str = "is the rest of a path as ASP.NET writes it";
const REST_OF_API_GATEWAY: &str = "is the rest of a path as API Gateway writes it";
const END_OF_GO: &str = "is the end of a path as Go writes it; a path ends with its last segment";

/// Whether a text is one pair of braces, perhaps with a quantifier.
pub(super) fn is_whole(text: &str) -> bool {
    group(text, '{', '}').is_some_and(|(_, after)| matches!(after, "" | "?" | "*" | "+"))
}

/// The steps of a text that is one pair of braces.
pub(super) fn read(part: Part<'_, '_>) -> Vec<Step> {
    let (inner, quantifier) = group(part.text, '{', '}').unwrap_or(("", ""));
    let inner = inner.trim();
    if inner.starts_with('{') {
        return vec![part.parameter(inner.trim_matches(['{', '}']), TEMPLATE)];
    }
    match inner {
        "" => return vec![part.parameter("name", NO_NAME)],
        "*" | "**" => return vec![part.rest(None, NO_NAME)],
        "$" => {
            part.notes.add(part.text, END_OF_GO);
            return vec![Step::One(Segment::Literal("".into()))];
        }
        _ => {}
    }
    let begin = inner
        .find(|character: char| !"*.+#/;?&".contains(character))
        .unwrap_or(inner.len());
    let (operator, inner) = inner.split_at(begin);
    let (name, tail) = inner.split_at(word_length(inner));
    match operator {
        "" => {}
        "**" => return vec![part.rest(Some(name), REST_OF_ASP_NET)],
        "*" | "..." => return vec![part.rest(Some(name), REST)],
        "+" | "#" => return vec![part.rest(Some(name), URI_TEMPLATE)],
        "?" | "&" => {
            part.notes.add(part.text, QUERY);
            return Vec::new();
        }
        _ => return vec![part.parameter(name, URI_TEMPLATE)],
    }
    vec![named(part, inner, name, tail, quantifier)]
}

/// `{name…}` with what follows the name.
fn named(part: Part<'_, '_>, inner: &str, name: &str, tail: &str, quantifier: &str) -> Step {
    let is_optional = tail.ends_with('?') || quantifier == "?";
    match tail.trim_end_matches('?') {
        _ if name.is_empty() => part.parameter(inner, NOT_A_NAME),
        "..." => part.rest(Some(name), REST_OF_GO),
        "+" => part.rest(Some(name), REST_OF_API_GATEWAY),
        "*" | ":path" | ":*" | ":**" => part.rest(Some(name), REST),
        "=**" => part.rest(Some(name), PATH_TEMPLATE),
        "=*" => part.parameter(name, PATH_TEMPLATE),
        _ if matches!(quantifier, "*" | "+") => part.rest(Some(name), REST),
        "" if is_optional => part.optional(name),
        "" if name.starts_with(|first: char| first.is_ascii_digit()) && !name.contains('-') => {
            part.parameter(name, BEGINS_WITH_DIGIT)
        }
        "" => part.parameter(name, NOT_A_NAME),
        tail if tail.strip_prefix(':').is_some_and(is_everything) => part.rest(Some(name), EXPRESSION),
        tail if tail.starts_with('=') => {
            part.notes.add(part.text, DEFAULT);
            part.optional(name)
        }
        tail if tail.starts_with(',') => part.either(inner.split(',').map(str::trim).collect()),
        tail => {
            let is_expression = tail.contains(['[', '\\', '*', '+', '^', '$', '.', '|']);
            let what = if is_expression { EXPRESSION } else { CONSTRAINT };
            if is_optional {
                part.notes.add_widened(part.text, what);
                return part.optional(name);
            }
            part.widened(name, what)
        }
    }
}
