//! The arguments of `tail`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

pub(crate) const TAIL_NOTES: &str = "\
A line of the decision log is shown in one line: the time, the decision, the status, the request, the chain, and of a denial the code,
the reason and the rule. The file is followed when it is rotated, deleted or truncated.
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
    #[arg(long, value_name = "CODE")]
    pub(crate) code: Vec<String>,
    /// Show only decisions whose route contains this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) route: Option<String>,
    /// Show only decisions with this subject in their chain, or with this client
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) party: Option<String>,
    /// Show only decisions on requests of this trace
    #[arg(long, value_name = "TRACE_ID")]
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
