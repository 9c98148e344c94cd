//! The place of a character of an expression within the file of the policy.

use std::iter::Peekable;
use std::str::Chars;

/// Line and column of the character at a byte of a scalar, which begins at a line and a column. That of the scalar itself where the way
/// it is written does not show it: a folded text, an escape of another kind.
pub(super) fn within(source: &str, (line, column): (u64, u64), value: &str, offset: usize) -> (u64, u64) {
    let found = || {
        let lines: Vec<&str> = source.lines().collect();
        let first = usize::try_from(line.checked_sub(1)?).ok()?;
        let start = usize::try_from(column.checked_sub(1)?).ok()?;
        let before = value.get(..offset)?;
        let written = Scalar {
            lines,
            line: first,
            start,
        };
        written.place(before, value)
    };
    found().unwrap_or((line, column))
}

/// A scalar as it is written: where its text begins, or its quote.
struct Scalar<'s> {
    lines: Vec<&'s str>,
    line: usize,
    start: usize,
}

impl Scalar<'_> {
    fn place(&self, before: &str, value: &str) -> Option<(u64, u64)> {
        if let Some(place) = self.as_written(before, value) {
            return Some(place);
        }
        let text = self.after_start(self.line)?;
        match text.chars().next()? {
            quote @ ('\'' | '"') => self.on_line(quote, text.get(1..)?, before),
            _ => None,
        }
    }

    /// Without quotes each line of the value is a line of the file, after the same indentation.
    fn as_written(&self, before: &str, value: &str) -> Option<(u64, u64)> {
        let (down, last) = (before.matches('\n').count(), before.rsplit('\n').next()?);
        let is_written = |(index, line): (usize, &str)| {
            let written = self.after_start(self.line + index);
            line.is_empty() || written.is_some_and(|written| written.starts_with(line))
        };
        let all = value.lines().enumerate().all(is_written);
        all.then(|| self.at(self.line + down, self.start + last.chars().count()))
    }

    /// A line from the column where the scalar begins.
    fn after_start(&self, line: usize) -> Option<&str> {
        let line = self.lines.get(line)?;
        let (start, _) = line.char_indices().nth(self.start)?;
        line.get(start..)
    }

    /// Follows what is written between quotes until the text before the place is read.
    fn on_line(&self, quote: char, written: &str, before: &str) -> Option<(u64, u64)> {
        let mut characters = written.chars().peekable();
        let mut column = self.start + 1;
        for expected in before.chars() {
            let (character, length) = next(&mut characters, quote)?;
            if character != expected {
                return None;
            }
            column += length;
        }
        characters.peek()?;
        Some(self.at(self.line, column))
    }

    fn at(&self, line: usize, column: usize) -> (u64, u64) {
        (line as u64 + 1, column as u64 + 1)
    }
}

/// The next character of a quoted text, and how many are written for it.
fn next(characters: &mut Peekable<Chars<'_>>, quote: char) -> Option<(char, usize)> {
    match characters.next()? {
        '\'' if quote == '\'' => characters.next_if_eq(&'\'').map(|character| (character, 2)),
        '\\' if quote == '"' => {
            let escaped = characters
                .next()
                .filter(|character| matches!(character, '"' | '\\' | '/'))?;
            Some((escaped, 2))
        }
        '"' if quote == '"' => None,
        character => Some((character, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_found_in_every_way_of_writing() {
        let of = |source: &str, place: (u64, u64), value: &str, token: &str| {
            within(source, place, value, value.find(token).unwrap())
        };
        for (source, place, value, expected) in [
            ("e: a == b", (1, 4), "a == b", (1, 9)),
            ("e: 'a == b'", (1, 4), "a == b", (1, 10)),
            ("e: \"a == b\"", (1, 4), "a == b", (1, 10)),
            ("x: y\ne: 'a == ''ü'' && b'", (2, 4), "a == 'ü' && b", (2, 19)),
            ("e: \"a == \\\"x\\\" && b\"", (1, 4), "a == \"x\" && b", (1, 19)),
            ("e: |\n  a ==\n    b\n", (2, 3), "a ==\n  b\n", (3, 5)),
            ("e: |-\n  \"a\"\n\n  == b", (2, 3), "\"a\"\n\n== b", (4, 6)),
            // The place of the text itself.
            ("e: >\n  a ==\n  b\n", (2, 3), "a == b\n", (2, 3)),
            ("e: 'a ==\n  b'", (1, 4), "a == b", (1, 4)),
            ("e: \"a \\x3d= b\"", (1, 4), "a == b", (1, 4)),
            ("", (0, 0), "a == b", (0, 0)),
        ] {
            assert_eq!(of(source, place, value, "b"), expected, "{source}");
        }
        assert_eq!(within("e: 'a'", (1, 4), "a", 1), (1, 6));
    }
}
