//! The arguments of `tail`.

use std::path::PathBuf;

use actgate::Error;
use actgate_yaml::nearest;
use clap::{Args, ValueEnum};

use crate::cli::code_words::{gate_codes, of_caller};

pub(crate) const TAIL_NOTES: &str = "\
A line of the decision log is shown in one line: the time, the decision, the status, the request, the chain, of a denial the code, the
reason and the rule, and at the end its id, for `actgate explain --log-line FILE --id ID`, and that of its trace. The file is followed when it is rotated, deleted or truncated.
  actgate tail                                      the log of actgate.yaml, as it grows
  actgate tail decisions.log --decision deny --code no_route
  actgate tail decisions.log --party refund-agent --json
  actgate run | actgate tail -
Exit code 1 if the file cannot be read, 2 if the command line is invalid, 78 if the configuration is.";

/// The arguments of `tail`.
#[derive(Debug, Args)]
pub(crate) struct TailArguments {
    /// Decision log; `-` is standard input [default: that of the configuration]
    #[arg(value_name = "FILE", conflicts_with = "config")]
    pub(crate) file: Option<PathBuf>,
    /// Configuration that names the log
    #[arg(short, long, value_name = "FILE", default_value = "actgate.yaml")]
    pub(crate) config: PathBuf,
    /// Show only decisions of this kind
    #[arg(long, value_enum)]
    pub(crate) decision: Option<Shown>,
    /// Show only decisions with this code, in force or in shadow; more than once for several
    #[arg(long, value_name = "CODE", value_parser = parse_code)]
    pub(crate) code: Vec<String>,
    /// Show only decisions whose route contains this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) route: Option<String>,
    /// Show only decisions with this subject in their chain, or with this client
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) party: Option<String>,
    /// Show only decisions on requests of this trace: its id, or a whole `traceparent`
    #[arg(long, value_name = "TRACE_ID", value_parser = parse_trace)]
    pub(crate) trace: Option<String>,
    /// How many lines are shown first, of the last 4 MiB
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 10)]
    pub(crate) lines: usize,
    /// End after these lines
    #[arg(long)]
    pub(crate) no_follow: bool,
    /// Print the lines as they are
    #[arg(long)]
    pub(crate) json: bool,
}

/// A kind of decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shown {
    /// Requests that are forwarded
    Allow,
    /// Requests that are not
    Deny,
}

/// A code that a line can have.
fn parse_code(text: &str) -> Result<String, String> {
    let codes: Vec<&str> = Error::codes().iter().copied().chain(gate_codes()).collect();
    if codes.contains(&text) {
        return Ok(text.to_owned());
    }
    if let Some((code, _, meaning)) = of_caller(text) {
        return Err(format!("no line has `{code}`\n  help: {meaning}"));
    }
    let near = nearest(text, &codes);
    let help = match near.starts_with("did you mean") {
        true => &near,
        false => "`actgate help policy CODE` describes a code, such as `no_route`",
    };
    Err(format!("no line has this code\n  help: {help}"))
}

/// The id in a `traceparent`, or an id by itself.
fn parse_trace(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.trim().split('-').collect();
    let id = match parts[..] {
        [_, id, _, _] => id,
        _ => text.trim(),
    };
    let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    match is_id {
        true => Ok(id.to_ascii_lowercase()),
        false => Err("the id of a trace has 32 hexadecimal digits".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_no_line_has_is_an_error() {
        for code in ["no_route", "limit_exceeded", "misdirected_request"] {
            assert_eq!(parse_code(code).as_deref(), Ok(code));
        }
        for (code, help) in [
            ("no_rout", "did you mean `no_route`?"),
            ("too_many_requests", "The decision log has `limit_exceeded`"),
            ("nope_nope_nope", "`actgate help policy CODE`"),
        ] {
            let error = parse_code(code).unwrap_err();
            assert!(error.contains(help), "{error}");
        }
    }

    #[test]
    fn a_trace_is_named_by_its_id_or_by_a_traceparent() {
        const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
        for text in [
            ID,
            "4BF92F3577B34DA6A3CE929D0E0E4736",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(parse_trace(text).as_deref(), Ok(ID));
        }
        for text in [
            "",
            "4bf9",
            "00-4bf9-00f067aa0ba902b7-01",
            &format!("{ID}0"),
            &ID.replace('4', "g"),
        ] {
            let error = parse_trace(text).unwrap_err();
            assert!(error.contains("32 hexadecimal digits"), "{text}");
        }
    }
}
