//! Segments with regular expressions and wildcards, and text beside parameters.

use super::lexical::{embedded_name, group, has_plain_backslash, is_character_class, is_everything};
use super::step::{Part, Position, Step};
use crate::policy::segment::Segment;

const REGULAR_EXPRESSION: &str = "is a regular expression, which a route does not have";
const WILDCARD: &str = "is a wildcard, which a route does not have";
const MIXED_WILDCARD: &str = "has a wildcard beside other text, but a parameter is a whole segment";

/// Any text up to the end of the path, after the begin of a segment.
const ENDINGS: &[&str] = &["(.*)?", "(/.*)", "(/.*)?", "(/|$)", "(/|$)(.*)", "(?:/.*)?"];

/// `*`, `**`, `.*`, `...`, `+`.
pub(super) fn wildcard(part: Part<'_, '_>) -> Step {
    let is_expression = part.text.starts_with(['.', '(', '[']) && part.text != "...";
    let what = if is_expression { REGULAR_EXPRESSION } else { WILDCARD };
    part.rest(None, what)
}

/// The steps of a text that is neither a wildcard nor a parameter as a whole.
pub(super) fn read(part: Part<'_, '_>) -> Vec<Step> {
    let text = part.text;
    if let Some((inner, after)) = group(text, '(', ')')
        && matches!(after, "" | "?" | "*" | "+")
    {
        return vec![parentheses(part, inner, after)];
    }
    if has_plain_backslash(text) {
        return vec![part.literal()];
    }
    if is_character_class(text) || text.starts_with('\\') {
        return vec![part.widened(name_of(text), REGULAR_EXPRESSION)];
    }
    if text
        .split('|')
        .all(|word| !word.is_empty() && Segment::parse(word).is_some())
    {
        return vec![part.either(text.split('|').collect())];
    }
    let begin = text
        .find(['*', '('])
        .map_or(text.len(), |begin| begin - usize::from(text[..begin].ends_with('.')));
    let (before, after) = text.split_at(begin);
    let is_ending = is_everything(after) || ENDINGS.contains(&after);
    if is_ending && part.position == Position::Last && !before.is_empty() && Segment::parse(before).is_some() {
        part.notes.add(
            after,
            if after.starts_with('*') {
                WILDCARD
            } else {
                REGULAR_EXPRESSION
            },
        );
        let rest = Segment::CatchAll("rest".into());
        return vec![Step::One(Segment::Literal(before.into())), Step::Optional(rest)];
    }
    vec![match embedded_name(text) {
        Some("") => part.widened("name", MIXED_WILDCARD),
        Some(name) => part.mixed(name),
        None => part.literal(),
    }]
}

/// A group, with what follows it.
fn parentheses(part: Part<'_, '_>, inner: &str, quantifier: &str) -> Step {
    let is_optional = quantifier == "?";
    let inner = inner.strip_prefix("?:").unwrap_or(inner);
    let named = ["?P<", "?<"]
        .iter()
        .find_map(|begin| inner.strip_prefix(begin)?.split_once('>'));
    let (name, body) = named.map_or((None, inner), |(name, body)| (Some(name), body));
    if is_everything(body) {
        return part.rest(name, REGULAR_EXPRESSION);
    }
    let words: Vec<&str> = body.split('|').collect();
    let is_word = |word: &&str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if name.is_none() && !is_optional && words.iter().all(is_word) {
        return part.either(words);
    }
    let name = name.unwrap_or_else(|| name_of(body));
    match is_optional {
        true => {
            part.notes.add_widened(part.text, REGULAR_EXPRESSION);
            part.optional(name)
        }
        false => part.widened(name, REGULAR_EXPRESSION),
    }
}

/// A name for what an expression matches.
fn name_of(expression: &str) -> &'static str {
    let is_number = expression.starts_with("[0-9]") || expression.starts_with("\\d");
    if is_number { "id" } else { "name" }
}
