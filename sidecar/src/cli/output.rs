//! Standard output and standard error of the commands.

use std::io::{self, Write as _};

use serde::Serialize;

/// The format of a command's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Text for people.
    Text,
    /// One JSON object, or one for each result.
    Json,
}

impl Output {
    /// JSON if `json` is given on the command line.
    pub(crate) fn of(json: bool) -> Output {
        if json { Output::Json } else { Output::Text }
    }
}

/// Writes text to standard output, without its styles where it is not a terminal.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Writes a value as a line of JSON to standard output.
pub(crate) fn print_json(value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    let mut stdout = io::stdout().lock();
    stdout.write_all(&line)?;
    stdout.flush()
}

/// Writes a line to standard error. Errors are ignored.
pub(crate) fn eprint_line(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
