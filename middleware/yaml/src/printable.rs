//! A safe form of untrusted text.

use std::borrow::Cow;

/// Escapes the control characters of a text, those that change the direction of writing, and those that separate lines: a terminal or
/// what reads its lines would obey them.
///
/// What is escaped contains none of them, and so is not escaped again.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match is_obeyed(character) {
            true => safe.extend(character.escape_default()),
            false => safe.push(character),
        }
    }
    Cow::Owned(safe)
}

/// Whether it is a control character, one of the `Bidi_Control` of Unicode, or a line or paragraph separator.
pub(crate) fn is_obeyed(character: char) -> bool {
    let is_direction = || {
        matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
    };
    character.is_control() || is_direction() || matches!(character, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_once() {
        for (text, safe) in [
            ("a\u{1b}[2Jé", "a\\u{1b}[2Jé"),
            ("a\nb\tc\u{7}\u{9b}", "a\\nb\\tc\\u{7}\\u{9b}"),
            (
                "a\u{202e}b\u{2066}c\u{200f}\u{61c}",
                "a\\u{202e}b\\u{2066}c\\u{200f}\\u{61c}",
            ),
            ("a\u{2028}b\u{2029}c\u{85}", "a\\u{2028}b\\u{2029}c\\u{85}"),
            ("שלום \\ 'a'", "שלום \\ 'a'"),
        ] {
            assert_eq!(printable(text), safe);
            assert_eq!(printable(safe), safe);
        }
    }
}
