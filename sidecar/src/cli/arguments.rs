//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

const ABOUT: &str = "Judges every request by who acts, and on whose authority";

const EXAMPLES: &str = "\
Examples:
  See it work, with nothing to set up:
    actgate demo

  Check a configuration, then put the gate in front of an API:
    actgate check --config actgate.yaml
    actgate run --config actgate.yaml

  Ask why a request is allowed or refused, with a token from standard input:
    actgate explain --config actgate.yaml --method POST --path /refunds < token

  Get tokens to try it with:
    actgate issuer --listen 127.0.0.1:9400

A configuration for an API on port 9000:
    listen: 127.0.0.1:8080
    upstream: http://127.0.0.1:9000
    admin: 127.0.0.1:9901
    audience: https://orders.example.com
    issuers:
      - issuer: https://idp.example.com
    requirements:
      human-must-initiate:
        initiator: { kind: human }
    routes:
      - match: GET /health
        public: true
      - match: GET /orders/{id}
        scopes: [orders:read]
      - match: POST /refunds
        scopes: [refunds:write]
        require: [human-must-initiate]

Exit codes:
  0   all is well; `explain`: the request is allowed; `demo --once`: every verdict was the expected one
  1   a failure at run time; `explain`: the request is refused; `demo --once`: a verdict was not the expected one
  2   the command line is wrong
  78  the configuration or the policy is wrong";

const RUN_NOTES: &str = concat!(
    "\
The decision log, one JSON object a request, goes to standard output unless `decision_log` names a file.
SIGTERM or SIGINT drains: readiness is withdrawn, nothing new is accepted, what is in flight ends, exit 0.
A second signal ends at once, exit 1. SIGHUP is ignored: a changed configuration takes a restart.
Neither log holds up a request: what its reader does not take is dropped and counted.
A client that takes no byte of an answer for 30 seconds is cut off.

Every key of the configuration, with its default unless the comment says otherwise (a 15-line one is enough, see `actgate --help`):

",
    include_str!("../config/reference.yaml")
);

/// Judges every request by who acts, and on whose authority.
#[derive(Debug, Parser)]
#[command(name = "actgate", version, about = ABOUT, after_long_help = EXAMPLES, after_help = "`actgate --help` shows examples and exit codes.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How much of what the process does is told on standard error [default: info for `run` and `issuer`, else warn].
    #[arg(long, global = true, value_enum)]
    pub log_level: Option<LogLevel>,
    /// How it is told.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// What the binary does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the gate in front of an API
    #[command(after_help = "`actgate run --help` shows every key of the configuration.", after_long_help = RUN_NOTES)]
    Run(ConfigFile),
    /// Check a configuration and its policy, without network
    #[command(after_help = "Exit code 0, or 78 with every mistake that was found, each as file:line:column.")]
    Check {
        /// The configuration.
        #[command(flatten)]
        file: ConfigFile,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Explain the verdict on one request, with every check
    #[command(after_help = "\
The token is read from standard input, never from the command line, which other users of the machine can see.
  actgate explain --method POST --path /refunds < token
  actgate explain --path /orders/1 --at 2026-01-01T12:00:00Z --jwks keys.json < token
Exit code 0: the request is allowed. 1: it is refused, or it could not be judged.")]
    Explain(Explain),
    /// Run the bundled issuer: for demos, tests and development
    #[command(after_help = "\
It listens on loopback unless told otherwise, and its keys live as long as the process.
  actgate issuer --listen 127.0.0.1:9400
  actgate issuer --registry registry.yaml --signing rs256")]
    Issuer(Issuer),
    /// Start issuer, sample API and gate together and play real flows
    #[command(after_help = "\
Everything runs in this process, on free ports of loopback. It needs no file and no network.
  actgate demo
  actgate demo --once --json")]
    Demo {
        /// Play the scenarios and exit; 0 only if every verdict was the expected one.
        #[arg(long)]
        once: bool,
        /// Print one JSON object a scenario.
        #[arg(long)]
        json: bool,
    },
}

impl Command {
    /// How much is told unless the command line says otherwise: what runs for long tells more.
    pub fn default_log_level(&self) -> LogLevel {
        match self {
            Command::Run(_) | Command::Issuer(_) => LogLevel::Info,
            Command::Check { .. } | Command::Explain(_) | Command::Demo { .. } => LogLevel::Warn,
        }
    }
}

/// Where the configuration is.
#[derive(Debug, Args)]
pub struct ConfigFile {
    /// The configuration.
    #[arg(short, long, value_name = "FILE", default_value = "actgate.yaml")]
    pub config: PathBuf,
}

/// What `explain` is asked.
#[derive(Debug, Args)]
pub struct Explain {
    /// The configuration.
    #[command(flatten)]
    pub file: ConfigFile,
    /// Method of the request.
    #[arg(long, default_value = "GET")]
    pub method: http::Method,
    /// Path of the request, with its query if it has one.
    #[arg(long)]
    pub path: String,
    /// The time to judge by: RFC 3339, or seconds since 1970. Now, unless said otherwise.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub at: Option<u64>,
    /// Take the keys of every issuer from this JWK set instead of fetching them.
    #[arg(long, value_name = "FILE")]
    pub jwks: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// How the bundled issuer is run.
#[derive(Debug, Args)]
pub struct Issuer {
    /// Where it listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9400")]
    pub listen: SocketAddr,
    /// Its identifier; the URL it listens on, unless said otherwise.
    #[arg(long, value_name = "URL")]
    pub issuer: Option<String>,
    /// Clients, users and resources; a built-in set for trying things out, unless said otherwise.
    #[arg(long, value_name = "FILE")]
    pub registry: Option<PathBuf>,
    /// What its tokens are signed with.
    #[arg(long, value_enum, default_value_t = Signing::Es256)]
    pub signing: Signing,
}

/// What tokens are signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Signing {
    /// ECDSA on P-256.
    Es256,
    /// RSA PKCS#1 with SHA-256.
    Rs256,
    /// Ed25519.
    Eddsa,
}

/// How much is told on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Failures only.
    Error,
    /// And what an operator should look at.
    Warn,
    /// And what happens to the process.
    Info,
    /// And what happens to connections.
    Debug,
}

/// How it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A line of text for each event.
    Text,
    /// A line of JSON for each event.
    Json,
}

/// Reads a time of day: RFC 3339 or seconds since 1970.
fn moment(text: &str) -> Result<u64, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    let time = humantime::parse_rfc3339(text)
        .map_err(|_| "expected a time such as 2026-01-01T12:00:00Z, or seconds since 1970".to_owned())?;
    time.duration_since(std::time::UNIX_EPOCH)
        .map(|since| since.as_secs())
        .map_err(|_| "times before 1970 are not known".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_moment_is_rfc_3339_or_seconds() {
        assert_eq!(moment("2026-01-01T00:00:00Z"), Ok(1_767_225_600));
        assert_eq!(moment("1767225600"), Ok(1_767_225_600));
        assert!(moment("tomorrow").is_err());
    }
}
