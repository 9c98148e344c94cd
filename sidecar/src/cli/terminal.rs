//! Text for a terminal: styles, and a safe form of untrusted text.

use anstyle::{AnsiColor, Style};

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

/// Escapes the control characters of untrusted text, and those that change its direction.
pub(crate) fn printable(text: &str) -> String {
    actgate_yaml::printable(text).into_owned()
}

/// The same for a text of several lines.
pub(crate) fn printable_lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(printable("a\u{1b}[2Jé\u{202e}"), "a\\u{1b}[2Jé\\u{202e}");
        assert_eq!(printable_lines("a\u{1b}\n\nb\u{7}\n"), "a\\u{1b}\n\nb\\u{7}\n");
    }
}
