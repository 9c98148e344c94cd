//! Text for a terminal: styles, and a safe form of untrusted text.

use anstyle::{AnsiColor, Style};
use textwrap::{WordSeparator, WordSplitter, WrapAlgorithm};

use super::verbatim::Verbatim;

/// How much further the rest of a line begins.
const HANGING_INDENT: usize = 4;

/// A success.
pub(crate) fn good(text: &str) -> String {
    styled(AnsiColor::Green.on_default(), text)
}

/// A failure.
pub(crate) fn bad(text: &str) -> String {
    styled(AnsiColor::Red.on_default(), text)
}

/// Secondary text.
pub(crate) fn faint(text: &str) -> String {
    styled(Style::new().dimmed(), text)
}

/// A heading.
pub(crate) fn strong(text: &str) -> String {
    styled(Style::new().bold(), text)
}

fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Escapes the control characters of untrusted text, those that change its direction, and those that separate lines.
pub(crate) fn printable(text: &str) -> String {
    actgate_yaml::printable(text).into_owned()
}

/// The same for a text of several lines.
pub(crate) fn printable_lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// The text with its longer lines broken between words. The rest of a line is indented below it; an excerpt of a file and a command stay as they are.
pub(crate) fn fitted(text: &str, width: usize) -> String {
    let mut fitted = String::with_capacity(text.len());
    let mut verbatim = Verbatim::default();
    for line in text.split_inclusive('\n') {
        let content = line.strip_suffix('\n').unwrap_or(line);
        let is_copied = verbatim.is_copied(content);
        if is_copied || textwrap::core::display_width(content) <= width || is_excerpt(content) {
            fitted.push_str(line);
            continue;
        }
        let indent = content.len() - content.trim_start_matches(' ').len();
        let rest = " ".repeat(indent + HANGING_INDENT);
        let options = textwrap::Options::new(width)
            .break_words(false)
            .word_splitter(WordSplitter::NoHyphenation)
            .word_separator(WordSeparator::AsciiSpace)
            .wrap_algorithm(WrapAlgorithm::FirstFit)
            .subsequent_indent(&rest);
        fitted.push_str(&textwrap::fill(content, options));
        if line.ends_with('\n') {
            fitted.push('\n');
        }
    }
    fitted
}

/// Whether a line shows one of a file after its number, or marks a place below it.
fn is_excerpt(line: &str) -> bool {
    let digits = |character: char| character == ' ' || character.is_ascii_digit();
    line.trim_start_matches(digits).starts_with("| ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_broken_between_words_and_its_rest_indented() {
        let text = format!("short\n  {} one two three four\n\n", bad("✗"));
        assert_eq!(fitted(&text, 80), text);
        let expected = format!("short\n  {} one two\n      three\n      four\n\n", bad("✗"));
        assert_eq!(fitted(&text, 12), expected);
        assert_eq!(
            fitted("a-long-word-without-end next", 10),
            "a-long-word-without-end\n    next"
        );
        let excerpt = "  16 |     initiator: { kind: human }\n     |                ^\n";
        assert_eq!(fitted(excerpt, 12), excerpt);
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(printable("a\u{1b}[2Jé\u{202e}"), "a\\u{1b}[2Jé\\u{202e}");
        assert_eq!(printable_lines("a\u{1b}\n\nb\u{7}\n"), "a\\u{1b}\n\nb\\u{7}\n");
    }
}
