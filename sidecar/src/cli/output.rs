//! Standard output and standard error of the commands.

use std::io::{self, ErrorKind, IsTerminal as _, Write};
use std::process::ExitCode;

use serde::Serialize;

use crate::cli::terminal::fitted;
use crate::cli::wrapped_help::wrapped;
use crate::exit::{Context as _, Failure};

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

/// The width of the terminal that standard output is; [`None`] where it is none.
pub(crate) fn terminal_width() -> Option<usize> {
    io::stdout().is_terminal().then(textwrap::termwidth)
}

/// Writes text to standard output: fitted to a terminal, and without its styles where it is none.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let stdout = anstream::stdout();
    match stdout.is_terminal() {
        true => write(stdout.lock(), &fitted(text, textwrap::termwidth())),
        false => write(stdout.lock(), text),
    }
}

/// Writes the help that is asked for, or what is wrong with the command line, and returns the exit code.
pub(crate) fn print_usage(usage: &clap::Error) -> ExitCode {
    let text = usage.render().ansi().to_string();
    if usage.use_stderr() {
        let stderr = anstream::stderr();
        let fitted = stderr.is_terminal().then(|| wrapped(&text, textwrap::termwidth()));
        // Without standard error the exit code says it.
        let _ = stderr.lock().write_all(fitted.unwrap_or(text).as_bytes());
        return u8::try_from(usage.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
    }
    let stdout = anstream::stdout();
    let written = match stdout.is_terminal() {
        true => write(stdout.lock(), &wrapped(&text, textwrap::termwidth())),
        false => write(stdout.lock(), &text),
    };
    written.map_or_else(|failure| failure.code(), |()| ExitCode::SUCCESS)
}

/// Writes a line to standard output as it is.
pub(crate) fn print_line(line: &str) -> Result<(), Failure> {
    write(io::stdout().lock(), &format!("{line}\n"))
}

/// Writes a value as a line of JSON to standard output.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let json = serde_json::to_string(value).context("standard output")?;
    write(io::stdout().lock(), &format!("{json}\n"))
}

fn write(mut stdout: impl Write, text: &str) -> Result<(), Failure> {
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::OutputClosed),
        written => written.context("standard output"),
    }
}

/// Writes lines to standard error, fitted to a terminal. Errors are ignored.
pub(crate) fn eprint_line(line: &str) {
    let stderr = io::stderr();
    let _ = match stderr.is_terminal() {
        true => writeln!(stderr.lock(), "{}", fitted(line, textwrap::termwidth())),
        false => writeln!(stderr.lock(), "{line}"),
    };
}
