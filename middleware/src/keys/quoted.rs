//! A text from an issuer, as a message shows it.

use std::fmt;

/// The most characters that are shown.
const MAX_SHOWN: usize = 200;

/// Shows a text in backticks: bounded, and without characters that could break a line of a log or hide a part of it.
pub(super) struct Quoted<'t>(pub(super) &'t str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`")?;
        for character in self.0.chars().take(MAX_SHOWN) {
            match character {
                '`' => f.write_str("'")?,
                character if character == ' ' || character.is_alphanumeric() || character.is_ascii_graphic() => {
                    fmt::Write::write_char(f, character)?;
                }
                character => write!(f, "{}", character.escape_unicode())?,
            }
        }
        f.write_str(match self.0.chars().nth(MAX_SHOWN) {
            Some(_) => "…`",
            None => "`",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_bounded_and_printable() {
        let shown = |text: &str| Quoted(text).to_string();
        assert_eq!(shown("https://idp.example/ü"), "`https://idp.example/ü`");
        assert_eq!(shown("a\r\n\u{1b}[31m"), r"`a\u{d}\u{a}\u{1b}[31m`");
        assert_eq!(shown("\u{202e}\u{2028}\u{feff}"), r"`\u{202e}\u{2028}\u{feff}`");
        assert_eq!(shown("a`b"), "`a'b`");
        assert_eq!(shown(&"é".repeat(201)), format!("`{}…`", "é".repeat(200)));
        assert_eq!(shown(""), "``");
    }
}
