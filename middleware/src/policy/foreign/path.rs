//! The part of a text that is a path.

use std::slice;

use super::methods::Extent;
use super::notes::Notes;
use super::segment;
use super::step::{Position, QUERY, Step};
use crate::policy::segment::Segment;

const REGULAR_EXPRESSION: &str = "is part of a regular expression, which a route does not have";

/// The end of a text in a regular expression.
const ENDS: [&str; 3] = ["$", "\\Z", "\\z"];

/// Most paths that one text is read as.
const MAX_PATHS: usize = 8;

/// The paths that a text means: several where a part is optional, none where they are not known.
pub(super) fn read(text: &str, extent: Extent, notes: &mut Notes) -> Vec<Vec<Segment>> {
    let text = text.trim();
    if let Some((path, _)) = text.split_once(" HTTP/") {
        notes.add(&text[path.len() + 1..], "is a version, which a route does not name");
        return read(path, extent, notes);
    }
    if let Some((first, second)) = text.split_once(" /") {
        notes.add(text, "is more than one path");
        let second = format!("/{second}");
        let mut paths = read(first, extent, notes);
        paths.extend(read(&second, extent, notes));
        paths.truncate(MAX_PATHS);
        return paths;
    }
    let text = without_quotes(text, notes);
    let text = without_origin(text, notes);
    let is_anchored = text.starts_with(['/', '^']);
    let is_prefix = (extent == Extent::Prefix || text.starts_with('^')) && !ENDS.iter().any(|end| text.ends_with(end));
    let text = without_anchors(text, notes);
    if !is_anchored && notes.has(REGULAR_EXPRESSION) {
        // It matches within a path.
        return Vec::new();
    }
    let text = with_inner_segments(&text, notes);
    let text = without_query(&text, notes);
    let mut written = split(text);
    match written.first() {
        Some(&"") => drop(written.remove(0)),
        _ => notes.add("", "the path does not begin with a slash"),
    }
    let mut segments = Vec::new();
    let last = written.len().saturating_sub(1);
    for (index, part) in written.into_iter().enumerate() {
        match part {
            "" if index < last => notes.add("//", "is an empty segment, which no accepted path has"),
            "." => notes.add(".", "is a dot segment, which no accepted path has"),
            ".." => {
                notes.add("..", "is a dot segment, which no accepted path has");
                segments.pop();
            }
            part => segments.push(part),
        }
    }
    let last = segments.len().saturating_sub(1);
    let mut steps = Vec::new();
    for (index, part) in segments.iter().enumerate() {
        let position = match index == last {
            true => Position::Last,
            false => Position::BeforeLast,
        };
        steps.extend(segment::read(part, position, notes));
    }
    let mut paths = extended(&steps);
    if is_prefix {
        paths = paths.into_iter().flat_map(with_rest).collect();
    }
    for path in &mut paths {
        finish(path, notes);
    }
    paths
}

/// A path, and the paths that begin with it.
fn with_rest(path: Vec<Segment>) -> Vec<Vec<Segment>> {
    if matches!(path.last(), Some(Segment::CatchAll(_))) {
        return vec![path];
    }
    let mut longer = path.clone();
    if matches!(longer.last(), Some(Segment::Literal(text)) if text.is_empty()) {
        longer.pop();
    }
    longer.push(Segment::CatchAll("rest".into()));
    vec![path, longer]
}

/// The paths of the steps. An optional one at the end is absent only together with all that follow it.
fn extended(steps: &[Step]) -> Vec<Vec<Segment>> {
    let with = |path: &Vec<Segment>, segment: &Segment| [&path[..], slice::from_ref(segment)].concat();
    let mut ended = Vec::new();
    let mut paths = vec![Vec::new()];
    for (index, step) in steps.iter().enumerate() {
        let is_at_end = steps[index..].iter().all(|step| matches!(step, Step::Optional(_)));
        if is_at_end {
            ended.extend(paths.clone());
        }
        let segments = match step {
            Step::One(segment) | Step::Optional(segment) => slice::from_ref(segment),
            Step::Either(segments) => segments,
        };
        let longer = paths
            .iter()
            .flat_map(|path| segments.iter().map(|segment| with(path, segment)));
        let longer: Vec<Vec<Segment>> = longer.take(MAX_PATHS).collect();
        let is_absent = matches!(step, Step::Optional(_)) && !is_at_end;
        paths = if is_absent { [paths, longer].concat() } else { longer };
    }
    ended.extend(paths);
    ended.truncate(MAX_PATHS);
    ended
}

/// Makes a path well-formed: only the last segment is a rest or empty, and no two parameters have one name.
fn finish(path: &mut Vec<Segment>, notes: &mut Notes) {
    if path.is_empty() {
        path.push(Segment::Literal("".into()));
    }
    let last = path.len() - 1;
    let mut names: Vec<Box<str>> = Vec::new();
    for (index, segment) in path.iter_mut().enumerate() {
        if let Segment::CatchAll(name) = segment
            && index < last
        {
            notes.add(
                &format!("{{*{name}}}"),
                "matches the rest of a path, so that no segment follows it",
            );
            *segment = Segment::Parameter(name.clone());
        }
        if let Segment::Parameter(name) | Segment::CatchAll(name) = segment {
            let given = name.clone();
            let mut number = 1;
            while names.contains(name) {
                number += 1;
                *name = format!("{given}{number}").into();
            }
            names.push(name.clone());
        }
    }
    let mut index = 0;
    path.retain(|segment| {
        index += 1;
        index > last || *segment != Segment::Literal("".into())
    });
}

fn without_quotes<'t>(text: &'t str, notes: &mut Notes) -> &'t str {
    for quote in ['"', '\'', '`'] {
        let inner = text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
        if let Some(inner) = inner {
            notes.add(text, "is in quotes, which only one segment can be");
            return inner;
        }
    }
    text
}

/// The path without scheme and host.
fn without_origin<'t>(text: &'t str, notes: &mut Notes) -> &'t str {
    let (scheme, after) = text.split_once("://").unwrap_or(("", text));
    let end = after.find('/').unwrap_or(after.len());
    let (host, path) = after.split_at(end);
    let is_host = |text: &str| {
        let name = text.split(':').next().unwrap_or(text);
        let is_name = name.contains('.') || name == "localhost";
        is_name
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
            && !name.starts_with('.')
    };
    let has_scheme = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if has_scheme || is_host(host) && !path.is_empty() {
        notes.add(
            &text[..text.len() - path.len()],
            "is a host, which a route does not name",
        );
        return if path.is_empty() { "/" } else { path };
    }
    text
}

/// The path without `^`, `$` and the escapes of a regular expression.
fn without_anchors(text: &str, notes: &mut Notes) -> String {
    let mut text = text;
    if let Some(inner) = text
        .strip_prefix("/^")
        .and_then(|text| text.trim_end_matches(['i', 'u']).strip_suffix('/'))
    {
        notes.add("/^", REGULAR_EXPRESSION);
        text = inner;
    }
    for begin in ["^", "\\A"] {
        if let Some(rest) = text.strip_prefix(begin) {
            notes.add(begin, REGULAR_EXPRESSION);
            text = rest;
        }
    }
    for end in ENDS {
        if let Some(rest) = text.strip_suffix(end)
            && !rest.is_empty()
        {
            notes.add(end, REGULAR_EXPRESSION);
            text = rest;
        }
    }
    let mut unescaped = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match characters.peek() {
            // An escaped punctuation mark is the mark.
            Some(next) if character == '\\' && "/.-_@:".contains(*next) => notes.add("\\", REGULAR_EXPRESSION),
            _ => unescaped.push(character),
        }
    }
    unescaped
}

/// `{name=a/*}` as `a/*`, `a{/b}` as `a/{b}`, and `a(/b)` as it is.
fn with_inner_segments(text: &str, notes: &mut Notes) -> String {
    if text.contains("{/") {
        notes.add(
            &text[text.find("{/").unwrap_or(0)..],
            "is a URI template, which a route is not",
        );
    }
    let mut text = text.replace("{/", "/{");
    while text.starts_with("//{") {
        text.remove(0);
    }
    let template = text.match_indices('=').find_map(|(equals, _)| {
        let begin = text[..equals].rfind('{')?;
        let end = equals + text[equals..].find('}')?;
        let value = &text[equals + 1..end];
        value.contains('/').then(|| (begin, value.to_owned(), end + 1))
    });
    if let Some((begin, value, end)) = template {
        notes.add(
            &text[begin..end],
            "is a path template, which a parameter of a route is not",
        );
        text.replace_range(begin..end, &value);
    }
    text.replace("//{", "/{")
}

/// The path up to its query or fragment.
fn without_query<'t>(text: &'t str, notes: &mut Notes) -> &'t str {
    let mut depth = 0_usize;
    for (index, character) in text.char_indices() {
        let rest = &text[index + character.len_utf8()..];
        match character {
            '(' | '[' | '{' | '<' => depth += 1,
            ')' | ']' | '}' | '>' => depth = depth.saturating_sub(1),
            '#' if depth == 0 && !rest.starts_with('{') => {
                notes.add(&text[index..], "is a fragment, which no request has");
                return &text[..index];
            }
            '?' if depth == 0 && !matches!(rest.chars().next(), None | Some('/' | '?' | '*')) => {
                notes.add(&text[index..], QUERY);
                return &text[..index];
            }
            _ => {}
        }
    }
    text
}

/// The parts between the slashes outside of brackets.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let parts: Vec<&str> = text
        .split(|character| {
            match character {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            character == '/' && depth == 0
        })
        .collect();
    if depth == 0 { parts } else { text.split('/').collect() }
}
