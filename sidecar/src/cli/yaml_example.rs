//! A value as YAML, as a person writes it.

use serde_json::Value;

use crate::cli::policy_words::rank;

/// The lines of a mapping: each key with its value on the same line as far as it fits.
pub(crate) fn lines(value: &Value, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    block(value, width, &mut lines);
    lines
}

/// The same on one line.
pub(crate) fn line(value: &Value) -> String {
    match value {
        Value::Object(members) if members.len() == 1 => pairs(value, false).join(""),
        _ => flow(value, false),
    }
}

fn block(value: &Value, width: usize, lines: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for key in sorted(members.keys()) {
                let value = &members[key];
                let (key, whole) = (scalar(key, false), flow(value, false));
                let fits = key.len() + 2 + whole.len() <= width;
                match value {
                    Value::Object(_) | Value::Array(_) if !fits => {
                        lines.push(format!("{key}:"));
                        indented(value, width, "  ", "  ", lines);
                    }
                    _ => lines.push(format!("{key}: {whole}")),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                let whole = flow(item, false);
                match item {
                    Value::Object(_) if whole.len() + 2 > width => indented(item, width, "- ", "  ", lines),
                    _ => lines.push(format!("- {whole}")),
                }
            }
        }
        _ => lines.push(flow(value, false)),
    }
}

/// Adds a value whose first line begins with one text, and the others with another.
fn indented(value: &Value, width: usize, first: &str, other: &str, lines: &mut Vec<String>) {
    let mut within = Vec::new();
    block(value, width.saturating_sub(other.len()), &mut within);
    let begins = std::iter::once(first).chain(std::iter::repeat(other));
    lines.extend(within.iter().zip(begins).map(|(line, begin)| format!("{begin}{line}")));
}

fn flow(value: &Value, is_within: bool) -> String {
    match value {
        Value::String(text) => scalar(text, is_within),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| flow(item, true)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(_) => format!("{{ {} }}", pairs(value, true).join(", ")),
        _ => value.to_string(),
    }
}

fn pairs(value: &Value, is_within: bool) -> Vec<String> {
    let members = value.as_object().into_iter().flatten();
    let mut members: Vec<_> = members.collect();
    members.sort_by_key(|(key, _)| (rank(key), key.as_str()));
    let pair = |(key, value): (&String, &Value)| format!("{}: {}", scalar(key, true), flow(value, is_within));
    members.into_iter().map(pair).collect()
}

fn sorted<'k>(keys: impl Iterator<Item = &'k String>) -> Vec<&'k str> {
    let mut keys: Vec<&str> = keys.map(String::as_str).collect();
    keys.sort_by_key(|key| (rank(key), *key));
    keys
}

/// A text without quotes where YAML and the reader of policies take it for the same text.
fn scalar(text: &str, is_within: bool) -> String {
    let is_word = |word: &str| matches!(word, "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "~");
    let is_number = text.starts_with(|first: char| first.is_ascii_digit()) && !text.contains(char::is_alphabetic);
    let begins = text.starts_with(|first: char| first.is_alphanumeric() || "/_".contains(first));
    let has_mark = text.contains(": ") || text.contains(" #") || text.contains('"') || text.ends_with([':', ' ']);
    let is_divided = is_within && text.contains([',', '[', ']', '{', '}', '*']);
    if begins && !has_mark && !is_divided && !is_number && !is_word(text) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "''"))
}
