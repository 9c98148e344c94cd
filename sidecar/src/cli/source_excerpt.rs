//! The lines of a file that its mistakes are in, each with a mark below.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use actgate_yaml::{Diagnostic, Diagnostics};

use crate::cli::terminal::printable;
use crate::files::text_file::read_text;

/// The most characters of a line that are shown, from its beginning to a little after the mistake.
const MAX_WIDTH: usize = 160;

/// The mistakes, each with its line and a caret below its column. A line that cannot be read again is left out.
pub(crate) fn with_excerpts(mistakes: &Diagnostics) -> String {
    with_labelled_excerpts(mistakes, "")
}

/// The same, each after a label.
pub(crate) fn with_labelled_excerpts(mistakes: &Diagnostics, label: &str) -> String {
    let mut files: BTreeMap<PathBuf, Option<String>> = BTreeMap::new();
    let mut text = String::new();
    for mistake in mistakes.iter() {
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = write!(text, "{label}{mistake}");
        let Some(file) = &mistake.file else { continue };
        let lines = files.entry(file.clone()).or_insert_with(|| content(file));
        if let Some(excerpt) = lines.as_deref().and_then(|lines| excerpt(lines, mistake)) {
            text.push_str(&excerpt);
        }
    }
    text
}

/// A pipe is read once, and a terminal would wait for input.
fn content(file: &Path) -> Option<String> {
    let is_file = std::fs::metadata(file).is_ok_and(|found| found.is_file());
    is_file.then(|| read_text(file).ok()).flatten()
}

fn excerpt(content: &str, mistake: &Diagnostic) -> Option<String> {
    let index = usize::try_from(mistake.line.checked_sub(1)?).ok()?;
    let column = usize::try_from(mistake.column.checked_sub(1)?).ok()?;
    let line = content.lines().nth(index)?.replace('\t', " ");
    if column > line.chars().count() || column >= MAX_WIDTH || may_hold_secret(&line) {
        return None;
    }
    let shown: String = line.chars().take(MAX_WIDTH).collect();
    // What is escaped is wider.
    let before = printable(&shown.chars().take(column).collect::<String>());
    let before = " ".repeat(before.chars().count());
    let (number, shown) = (mistake.line.to_string(), printable(&shown));
    let margin = " ".repeat(number.len());
    Some(format!("\n  {number} | {}\n  {margin} | {before}^", shown.trim_end()))
}

/// Whether a line has a URL with a user, a password or a query.
fn may_hold_secret(line: &str) -> bool {
    line.split("://").skip(1).any(|rest| {
        let end = rest.find(|end: char| end.is_whitespace() || matches!(end, '"' | '\'' | ',' | '}' | ']'));
        rest[..end.unwrap_or(rest.len())].contains(['@', '?'])
    })
}

#[cfg(test)]
mod tests {
    use actgate_yaml::Span;

    use super::*;

    fn excerpt_at(content: &str, line: u64, column: u64) -> Option<String> {
        excerpt(content, &Diagnostic::new(Span { line, column }, "", ""))
    }

    #[test]
    fn the_caret_is_below_the_column() {
        let content = "routes:\n  - match: GÉT /a\n\tb\n";
        let shown = |line, column| excerpt_at(content, line, column);
        assert_eq!(
            shown(2, 12),
            Some("\n  2 |   - match: GÉT /a\n    |            ^".to_owned())
        );
        assert_eq!(shown(3, 2), Some("\n  3 |  b\n    |  ^".to_owned()));
        assert_eq!(shown(1, 8), Some("\n  1 | routes:\n    |        ^".to_owned()));
    }

    #[test]
    fn a_place_that_is_not_in_the_file_has_no_excerpt() {
        let long = "a".repeat(1_000);
        for (line, column) in [(0, 0), (1, 0), (2, 1), (1, 1_002), (1, 500)] {
            assert_eq!(excerpt_at(&long, line, column), None, "{line}:{column}");
        }
        assert!(excerpt_at(&long, 1, 3).is_some_and(|shown| shown.len() < 400));
    }

    #[test]
    fn a_url_that_may_hold_a_secret_is_not_shown() {
        for (line, is_shown) in [
            ("redis: redis://gate:hunter2@h", false),
            ("redis: 'redis+unix:///r.sock?pass=hunter2'", false),
            ("{ a: http://h, redis: \"redis://:hunter2@h\" }", false),
            ("{ a: 'http://h/', b: 'a@b?' }", true),
        ] {
            assert_eq!(excerpt_at(line, 1, 1).is_some(), is_shown, "{line}");
        }
    }

    #[test]
    fn control_characters_of_the_file_are_escaped() {
        assert_eq!(
            excerpt_at("a\u{1b}[2J", 1, 1),
            Some("\n  1 | a\\u{1b}[2J\n    | ^".to_owned())
        );
        assert_eq!(
            excerpt_at("a\u{202e}bc", 1, 4),
            Some("\n  1 | a\\u{202e}bc\n    |           ^".to_owned()),
            "the caret is below what follows the escape"
        );
    }
}
