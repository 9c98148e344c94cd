//! Words and names that the project does not use, with what it uses in their place.

use std::fs;

use crate::structure::source::{root, tracked_files};

/// How a pattern is compared with the text. No letter follows or precedes a match.
#[derive(Clone, Copy, PartialEq)]
enum Match {
    /// A word or a phrase of prose, in any case; `_` separates words.
    Word,
    /// The beginning of a word of prose, in any case.
    Beginning,
    /// A name in code, in exactly this case; `_` and digits belong to a name.
    Name,
    /// The name of a struct, an enum, a trait, a type, a function or a module, where it is defined.
    Item,
    /// The beginning of a name in code, before a capital letter.
    Prefix,
    /// Exactly this text, anywhere.
    Text,
}

/// A pattern and its replacement.
struct Entry<'t>(Match, &'t str, &'t str);

/// A line for each: how it is compared, the pattern, and what the project uses.
const ENTRIES: &str = include_str!("words.txt");

fn entries() -> Vec<Entry<'static>> {
    let lines = ENTRIES.lines().filter(|line| !line.starts_with('#'));
    let entry = |line: &'static str| {
        let mut parts = line.split(" | ");
        let (Some(way), Some(pattern), Some(replacement), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            panic!("no entry: {line}");
        };
        Entry(Match::named(way), pattern, replacement)
    };
    lines.map(entry).collect()
}

impl Match {
    fn named(name: &str) -> Match {
        match name {
            "Word" => Match::Word,
            "Beginning" => Match::Beginning,
            "Name" => Match::Name,
            "Item" => Match::Item,
            "Prefix" => Match::Prefix,
            "Text" => Match::Text,
            other => panic!("no way to compare: {other}"),
        }
    }
}

/// Files that may have any word: the table of old and new names, and this list.
const EXCEPT: &[&str] = &["CHANGELOG.md", "tests/structure/words.rs"];

#[test]
fn no_file_has_a_word_that_the_project_does_not_use() {
    let entries = entries();
    assert!(entries.len() > 80, "{} entries", entries.len());
    let mut found = Vec::new();
    for path in tracked_text_files() {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        for (number, line) in text.lines().enumerate() {
            if is_question(line) {
                found.push(format!(
                    "{path}:{}: a question as a comment: {}",
                    number + 1,
                    line.trim()
                ));
            }
            for Entry(way, pattern, replacement) in &entries {
                if has(line, *way, pattern) {
                    let line = line.trim();
                    found.push(format!("{path}:{}: {pattern} ({replacement}): {line}", number + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{} lines\n{}", found.len(), found.join("\n"));
}

fn is_question(line: &str) -> bool {
    let line = line.trim();
    (line.starts_with("//") || line.starts_with('#')) && line.ends_with('?') && !line.ends_with(")?")
}

fn tracked_text_files() -> Vec<String> {
    let is_text = |path: &String| {
        let extension = path.rsplit('.').next().unwrap_or_default();
        (["rs", "md", "yaml", "toml", "html"].contains(&extension) || path == ".ci/run")
            && !EXCEPT.contains(&path.as_str())
    };
    let files: Vec<String> = tracked_files().into_iter().filter(is_text).collect();
    assert!(files.len() > 100, "{} tracked files", files.len());
    files
}

fn has(line: &str, way: Match, pattern: &str) -> bool {
    let is_of_word = |c: char| match way {
        Match::Word | Match::Beginning => c.is_alphabetic(),
        _ => c.is_alphanumeric() || c == '_',
    };
    let (line, pattern) = match way {
        Match::Word | Match::Beginning => (line.to_lowercase(), pattern.to_lowercase()),
        _ => (line.to_owned(), pattern.to_owned()),
    };
    line.match_indices(&pattern).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + pattern.len()..].chars().next();
        let begins = !before.is_some_and(is_of_word);
        match way {
            Match::Text => true,
            Match::Item => {
                let item = line[..at].trim_end().rsplit(' ').next();
                let is_item = matches!(item, Some("struct" | "enum" | "trait" | "type" | "fn" | "mod"));
                is_item && !after.is_some_and(is_of_word)
            }
            Match::Beginning => begins,
            Match::Prefix => begins && after.is_some_and(char::is_uppercase),
            Match::Word | Match::Name => begins && !after.is_some_and(is_of_word),
        }
    })
}

#[test]
fn patterns_match_whole_words() {
    assert!(has("a Verdict: x", Match::Beginning, "verdict") && has("verdicts", Match::Beginning, "verdict"));
    assert!(has("the_route", Match::Word, "route") && !has("reroute", Match::Word, "route"));
    assert!(has("WE deny", Match::Word, "we") && !has("web", Match::Word, "we"));
    assert!(has("self_act,", Match::Name, "self_act") && !has("self_actor", Match::Name, "self_act"));
    assert!(has("WrittenIssuer", Match::Prefix, "Written") && !has("Written once", Match::Prefix, "Written"));
    assert!(has("pub struct Known {", Match::Item, "Known") && !has("Known keys", Match::Item, "Known"));
    assert!(is_question("/// Is it?") && !is_question("let value = read()?"));
    assert!(has("expect: { refuse: x }", Match::Text, "refuse:"));
}
