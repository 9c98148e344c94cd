//! The part of a text that names methods.

use actgate_yaml::closest;

use super::notes::Notes;
use crate::policy::methods::{REGISTERED, is_registered, is_upper_case_token};

/// What other products call all methods.
const ALL: &[&str] = &["*", "**", "ANY", "ALL", "EVERY", "USE", "HANDLE", "ROUTE"];
/// Words that begin a location of nginx.
const LOCATION: &[&str] = &["location", "~", "~*", "=", "^~"];

/// The methods of a text, and the rest of it.
pub(super) struct Methods<'t> {
    /// As a policy has them.
    pub(super) methods: String,
    /// Whether the text has none.
    pub(super) is_missing: bool,
    /// The registered method that a misspelled one most likely means.
    pub(super) meant: Option<String>,
    pub(super) extent: Extent,
    pub(super) path: &'t str,
}

/// What of a request's path is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    Prefix,
}

pub(super) fn read<'t>(text: &'t str, notes: &mut Notes) -> Methods<'t> {
    let (head, path) = split(text);
    if text[head.len()..].starts_with(['/', ':']) && !head.is_empty() {
        notes.add("", "a space is missing between the methods and the path");
    }
    let mut methods: Vec<String> = Vec::new();
    let mut meant = None;
    let mut is_location = false;
    let words: Vec<&str> = head.split_ascii_whitespace().collect();
    let is_list =
        head.contains(['|', '[', '(', '/', ' ']) || head.contains(",,") || head.starts_with(',') || head.ends_with(',');
    if is_list && !words.iter().any(|word| LOCATION.contains(word)) {
        notes.add(
            head,
            "lists methods, which a route separates by commas alone, as in `GET,POST`",
        );
    }
    for word in words {
        if LOCATION.contains(&word) {
            is_location = true;
            notes.add(word, "begins a location of nginx, which a route does not have");
            continue;
        }
        for written in word.split(SEPARATORS).filter(|part| !part.is_empty()) {
            let method = read_one(written, &mut meant, notes);
            match method {
                Some(method) if !methods.contains(&method) => methods.push(method),
                Some(_) => notes.add(written, "occurs twice"),
                None => {}
            }
        }
    }
    if methods.len() > 1 && methods.iter().any(|method| method == "*") {
        notes.add("*", "is every registered method, beside which no other is named");
        methods = vec!["*".to_owned()];
    }
    let is_missing = methods.is_empty() && !is_location;
    if is_missing {
        notes.add("", "the method is missing");
    }
    let extent = match is_location && !head.split_ascii_whitespace().any(|word| word == "=") {
        true => Extent::Prefix,
        false => Extent::Whole,
    };
    let default = if is_location { "*" } else { "GET" };
    Methods {
        methods: if methods.is_empty() {
            default.to_owned()
        } else {
            methods.join(",")
        },
        is_missing,
        meant,
        extent,
        path,
    }
}

/// One method as a policy has it.
fn read_one(written: &str, meant: &mut Option<String>, notes: &mut Notes) -> Option<String> {
    if let Some(quoted) = written.strip_prefix('"') {
        let method = quoted.trim_end_matches('"').to_ascii_uppercase();
        if method != quoted.trim_end_matches('"') {
            notes.add(written, "has a lower-case letter, which no accepted method has");
        }
        return is_upper_case_token(&method).then(|| format!("\"{method}\""));
    }
    let upper = written.to_ascii_uppercase();
    if ALL.contains(&&*upper) {
        if written != "*" {
            notes.add(written, "is not a method; `*` is every registered one");
        }
        return Some("*".to_owned());
    }
    if is_registered(&upper) {
        if upper != written {
            notes.add(written, "is not in upper case");
        }
        return Some(upper);
    }
    if !upper.contains(|character: char| character.is_ascii_alphabetic()) || !is_upper_case_token(&upper) {
        notes.add(written, "is not a method");
        return None;
    }
    match closest(&upper, REGISTERED) {
        Some((1, method)) => {
            *meant = Some(method.to_owned());
            notes.add(written, "is not a registered method");
            Some(method.to_owned())
        }
        _ => {
            notes.add(written, "is not a registered method, and any other is in double quotes");
            Some(format!("\"{upper}\""))
        }
    }
}

const SEPARATORS: &[char] = &[',', '|', '/', '[', ']', '(', ')', '\'', '`', ':'];

/// The words that name methods, and what follows them.
fn split(text: &str) -> (&str, &str) {
    let mut path = text;
    let mut is_first = true;
    while let Some(word) = path.split_ascii_whitespace().next() {
        let rest = path.trim_ascii_start()[word.len()..].trim_ascii_start();
        let parts = || word.split(SEPARATORS).filter(|part| !part.is_empty());
        let is_known = |part: &str| {
            let upper = part.to_ascii_uppercase();
            is_registered(&upper) || ALL.contains(&&*upper) || LOCATION.contains(&part) || part.starts_with('"')
        };
        let is_path = word.starts_with(['/', '"']) && !(word.starts_with('"') && is_quoted_method(word));
        let is_word = |part: &str| {
            part.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        let is_every_path = !is_first && rest.is_empty() && matches!(word, "*" | "**");
        let is_methods = !is_path
            && !is_every_path
            && (parts().all(is_known)
                || is_first && parts().all(is_word) && (!rest.is_empty() || is_upper_case_token(word)));
        if !is_methods {
            break;
        }
        path = rest;
        is_first = false;
    }
    let head = &text[..text.len() - path.len()];
    let (method, after) = path.split_at(path.find(['/', ':']).unwrap_or(0));
    if head.is_empty() && is_registered(method) {
        return (method, after.strip_prefix(':').unwrap_or(after).trim_ascii_start());
    }
    (head.trim_ascii(), path)
}

/// Whether the first of several methods of a word is in double quotes.
fn is_quoted_method(word: &str) -> bool {
    let quoted = word[1..].split('"').next().unwrap_or_default();
    !quoted.contains('/') && is_upper_case_token(&quoted.to_ascii_uppercase())
}
