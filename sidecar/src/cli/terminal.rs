//! Colour, where it is wanted.

use std::io::{self, IsTerminal as _, Write as _};

/// Whether text for people carries colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// A terminal, and nobody has asked for plain text.
    On,
    /// A pipe, a file, or `NO_COLOR` is set.
    Off,
}

impl Colour {
    /// For standard output, by what it is and by the convention of <https://no-color.org>.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one variable of the environment that is heeded, by convention of terminals"
    )]
    pub fn of_stdout() -> Colour {
        let asked_for_none = std::env::var("NO_COLOR").is_ok_and(|value| !value.is_empty());
        if io::stdout().is_terminal() && !asked_for_none {
            Colour::On
        } else {
            Colour::Off
        }
    }

    /// What is well.
    pub fn good(self, text: &str) -> String {
        self.wrapped("32", text)
    }

    /// What is not.
    pub fn bad(self, text: &str) -> String {
        self.wrapped("31", text)
    }

    /// What matters less.
    pub fn faint(self, text: &str) -> String {
        self.wrapped("2", text)
    }

    /// What heads a part.
    pub fn strong(self, text: &str) -> String {
        self.wrapped("1", text)
    }

    fn wrapped(self, code: &str, text: &str) -> String {
        match self {
            Colour::On => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Colour::Off => text.to_owned(),
        }
    }
}

/// Writes to standard output.
///
/// # Errors
/// When it cannot be written to: whoever read it has had enough, or a disk is full.
pub fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Writes a line to standard error, if there is anybody to read it.
pub fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Text of a stranger, with everything that could steer a terminal made visible.
pub fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|character| {
            if character.is_control() {
                character.escape_default().collect()
            } else {
                vec![character]
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_only_where_it_is_wanted() {
        assert_eq!(Colour::Off.good("yes"), "yes");
        assert_eq!(Colour::On.bad("no"), "\u{1b}[31mno\u{1b}[0m");
    }

    #[test]
    fn a_stranger_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jé"), "a\\u{1b}[2Jé");
    }
}
