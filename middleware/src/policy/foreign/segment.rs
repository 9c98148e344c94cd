//! One segment of a path as other products write it.

use super::braces;
use super::expressions;
use super::lexical::{group, is_character_class, is_everything, is_name, is_variable, is_wildcard, word_length};
use super::notes::Notes;
use super::step::{LOOK_ALIKE, OPTIONAL, Part, Position, QUERY, Step};
use crate::policy::segment::Segment;
use crate::request::is_look_alike;

const EXPRESS: &str = "is a parameter as Express and Rails write it";
const EXPRESS_EXPRESSION: &str = "is a parameter with a regular expression as Express writes it";
const FLASK: &str = "is a parameter as Flask and Django write it";
const FLASK_CONVERTER: &str = "is a parameter with a converter as Flask and Django write it";
const NEXT: &str = "is a parameter as Next.js writes it";
const ASP_NET: &str = "is a token of ASP.NET";
const DOLLAR: &str = "is a parameter as another product writes it";
const REST: &str = "is the rest of a path as another product writes it";
const TEMPLATE: &str = "is a variable of a template, which is not replaced here";
const NAMED_WILDCARD: &str = "is a wildcard with a name, which a route has in braces";

/// The steps of one segment that is neither empty nor a dot segment.
pub(super) fn read(text: &str, position: Position, notes: &mut Notes) -> Vec<Step> {
    if text.is_empty() && position == Position::BeforeLast {
        return Vec::new();
    }
    if let Some(segment) = Segment::parse(text) {
        return vec![Step::One(segment)];
    }
    if text == "?" {
        notes.add("/?", OPTIONAL);
        return vec![Step::Optional(Segment::Literal("".into()))];
    }
    if let Some((before, what)) = without_ending(text) {
        notes.add(&text[before.len()..], what);
        return if before.is_empty() {
            Vec::new()
        } else {
            read(before, position, notes)
        };
    }
    if text.contains(is_look_alike) {
        notes.add(text, LOOK_ALIKE);
        return vec![Step::One(Segment::Literal(text.trim_matches('"').into()))];
    }
    if text.starts_with('"') || text.ends_with('"') {
        notes.add(text, "is not one segment in double quotes");
        return read(text.trim_matches('"'), position, notes);
    }
    if let Some((before, inner)) = optional_group(text) {
        notes.add(&text[before.len()..], OPTIONAL);
        let mut steps = read(before, Position::BeforeLast, notes);
        steps.extend(read(inner, position, notes).into_iter().map(optional));
        return steps;
    }
    foreign(Part { text, position, notes })
}

fn optional(step: Step) -> Step {
    match step {
        Step::One(segment) => Step::Optional(segment),
        other => other,
    }
}

/// The text before a path parameter, a query or an optional format, and which of them it is.
fn without_ending(text: &str) -> Option<(&str, &'static str)> {
    let is_outside = |before: &str| before.matches(['{', '(']).count() == before.matches(['}', ')']).count();
    let endings = [
        (";", "is a path parameter, which no accepted path has"),
        ("(.:", OPTIONAL),
        ("{?", QUERY),
        ("{&", QUERY),
        ("{#", QUERY),
    ];
    endings.iter().find_map(|(ending, what)| {
        let before = &text[..text.find(ending)?];
        is_outside(before).then_some((before, *what))
    })
}

/// `a(/b)`, `a(/b)?` as `a` and `b`, and `(:b)`.
fn optional_group(text: &str) -> Option<(&str, &str)> {
    let (before, inner) = match text.strip_prefix('(') {
        Some(inner) if inner.starts_with([':', '$', '*']) => ("", inner),
        _ => text.split_once("(/")?,
    };
    let inner = inner.strip_suffix(")?").or_else(|| inner.strip_suffix(')'))?;
    (!inner.is_empty() && !inner.contains(['/', '|', '(', ')'])).then_some((before, inner))
}

fn foreign(part: Part<'_, '_>) -> Vec<Step> {
    let text = part.text;
    vec![match text.chars().next() {
        _ if is_wildcard(text) => expressions::wildcard(part),
        _ if is_variable(text) => part.parameter(text, TEMPLATE),
        Some(':') if word_length(&text[1..]) > 0 => colon(part),
        Some('<') if text.ends_with('>') && text.matches('<').count() == 1 => angle(part),
        Some('[') if text.ends_with(']') && !is_character_class(text) => bracket(part),
        Some('$') if word_length(&text[1..]) > 0 || text == "$" => dollar(part),
        Some('*') if is_name(&text[1..]) => part.rest(Some(&text[1..]), NAMED_WILDCARD),
        _ if braces::is_whole(text) => return braces::read(part),
        _ => return expressions::read(part),
    }]
}

/// `:id`, `:id?`, `:id(\d+)`, `:rest*`, `:rest(.*)`.
fn colon(part: Part<'_, '_>) -> Step {
    let (name, after) = part.text[1..].split_at(word_length(&part.text[1..]));
    match group(after, '(', ')') {
        _ if after.is_empty() => part.parameter(name, EXPRESS),
        _ if after == "?" => part.optional(name),
        _ if matches!(after, "*" | "+") => part.rest(Some(name), EXPRESS),
        Some((inner, "")) if is_everything(inner) => part.rest(Some(name), EXPRESS),
        Some((_, "" | "?")) => part.widened(name, EXPRESS_EXPRESSION),
        _ => part.mixed(name),
    }
}

/// `<id>`, `<int:id>`, `<path:rest>`, and `<id:int>` as Bottle writes it.
fn angle(part: Part<'_, '_>) -> Step {
    const CONVERTERS: &[&str] = &[
        "string", "str", "int", "float", "path", "uuid", "slug", "any", "default", "regex",
    ];
    let inner = &part.text[1..part.text.len() - 1];
    let is_converter = |word: &str| CONVERTERS.contains(&word.split('(').next().unwrap_or(word));
    let (converter, name) = match inner.split_once(':') {
        Some((before, _)) if is_converter(before) => inner.rsplit_once(':').unwrap_or((before, inner)),
        Some((name, converter)) => (converter, name),
        None => ("", inner),
    };
    match converter {
        "path" => part.rest(Some(name), FLASK),
        _ if name.ends_with("..") => part.rest(Some(name.trim_end_matches('.')), REST),
        "" | "string" | "str" | "default" => part.parameter(name, FLASK),
        _ => part.widened(name, FLASK_CONVERTER),
    }
}

/// `[id]`, `[...slug]`, `[[...slug]]`.
fn bracket(part: Part<'_, '_>) -> Step {
    let text = part.text;
    let inner = text.trim_start_matches('[').trim_end_matches(']');
    let name = inner.trim_start_matches('.');
    let name = &name[..word_length(name)];
    let is_optional = text.starts_with("[[");
    if is_optional {
        part.notes.add(text, OPTIONAL);
    }
    let step = match inner {
        "controller" | "action" | "area" => part.parameter(name, ASP_NET),
        _ if inner.starts_with("...") => part.rest(Some(name), NEXT),
        _ => part.parameter(name, NEXT),
    };
    if is_optional { optional(step) } else { step }
}

/// `$id`, and `$` as the rest.
fn dollar(part: Part<'_, '_>) -> Step {
    let name = &part.text[1..];
    match name {
        "" => part.rest(None, REST),
        _ if is_name(name) => part.parameter(name, DOLLAR),
        _ => part.mixed(&name[..word_length(name)]),
    }
}
