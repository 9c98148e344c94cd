//! The arguments of the command line.

use std::path::PathBuf;

use actgate::profile::Profile;
use actgate_issuer::Registry;
use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};

use crate::cli::admin_arguments::{HEALTH_NOTES, HealthArguments, RELOAD_NOTES, ReloadArguments};
use crate::cli::init::{INIT_NOTES, InitArguments};
use crate::cli::issuer_arguments::{ISSUER_NOTES, IssuerArguments};
use crate::cli::request_headers::{Header, McpMessage, parse_header, parse_message};
use crate::cli::schema::Schema;
use crate::cli::shell::{COMPLETIONS_NOTES, CompletionsArguments, MAN_NOTES, ManArguments};
use crate::cli::tail::arguments::{TAIL_NOTES, TailArguments};
use crate::cli::token::arguments::{TOKEN_NOTES, TokenArguments};
use crate::log::process_log::{LogFormat, LogLevel};

const ABOUT: &str = "Authorizes each request by its delegation chain and a policy";

const EXAMPLES: &str = "\
Examples:
  Run a demonstration, without any setup:
    actgate demo

  Write a first configuration:
    actgate init

  Check a configuration, then put the gate in front of an API:
    actgate check --config actgate.yaml
    actgate run --config actgate.yaml

  Explain why a request is allowed or denied, with a token from standard input:
    actgate explain --config actgate.yaml --method POST --path /refunds < token

  Run the cases of a policy:
    actgate test policy-examples/01-human-must-initiate

  List the presets for the products that issue tokens, and show one:
    actgate issuers
    actgate issuers show keycloak

  Show the words of a policy with examples, all or one:
    actgate help policy
    actgate help policy initiator

  Run an issuer for test tokens:
    actgate issuer --listen 127.0.0.1:9400

  Get a token from it, for a user who signs in with a browser:
    actgate token login --client terminal --resource https://orders.example --scope orders:read

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
  0   success; `explain`: the request is allowed; `test`, `demo --once`: every result is the expected one
  1   an error at run time; `explain`: the request is denied; `test`, `demo --once`: a result is not the expected one;
      `issuer audit verify`: the trail is not valid; `health`: the gate is not ready
  2   the command line is invalid
  69  `reload`, `health`: no gate answers
  78  the configuration or the policy is invalid
  141 what reads standard output ended before the output did";

const TEST_NOTES: &str = include_str!("test_notes.txt");

const RUN_NOTES: &str = concat!(include_str!("run_notes.txt"), include_str!("../config/reference.yaml"));

/// The arguments of the binary.
#[derive(Debug, Parser)]
#[command(name = "actgate", version, disable_help_subcommand = true, about = ABOUT, after_long_help = EXAMPLES)]
#[command(after_help = "`actgate --help` shows examples and exit codes.")]
pub(crate) struct Arguments {
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Log level on standard error [default: info for `run` and `issuer`, otherwise warn]
    #[arg(long, global = true, value_enum)]
    pub(crate) log_level: Option<LogLevel>,
    /// Log format
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
}

/// A command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a first configuration
    #[command(after_help = INIT_NOTES)]
    Init(InitArguments),
    /// Run the gate in front of an API
    #[command(after_help = "`actgate run --help` shows every key of the configuration.", after_long_help = RUN_NOTES)]
    Run(ConfigFile),
    /// Check a configuration and its policy, or the registry or the guard of `actgate issuer`, without network
    #[command(after_help = "\
  actgate check --config actgate.yaml --strict
  actgate check --registry registry.yaml
  actgate check --guard guard.yaml
Exit code 0, or 78 with every mistake, each as file:line:column: message and a suggested fix.
A warning is no mistake, such as a file that this machine does not have: another one may run the gate, and `actgate run`
does not start without it. With --strict a warning is 78, too.")]
    Check {
        /// The configuration.
        #[command(flatten)]
        file: ConfigFile,
        /// Check this registry instead of a configuration
        #[arg(long, value_name = "FILE", conflicts_with = "config")]
        registry: Option<PathBuf>,
        /// Check this policy on the tokens of an issuer, its `--guard`, instead of a configuration
        #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "registry"])]
        guard: Option<PathBuf>,
        /// Exit with 78 for warnings, too
        #[arg(long, conflicts_with_all = ["registry", "guard"])]
        strict: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Make a running gate read its configuration again, and print what came of it
    #[command(after_help = RELOAD_NOTES)]
    Reload(ReloadArguments),
    /// Ask a running gate whether it is ready
    #[command(after_help = HEALTH_NOTES)]
    Health(HealthArguments),
    /// Show the decision log for people, as it grows
    #[command(after_help = TAIL_NOTES)]
    Tail(TailArguments),
    /// Explain the decision on one request, with every check
    #[command(after_help = "\
The token is read from standard input, never from the command line, which other users of the machine can see.
It is taken as one in `Authorization`, or in the `header` of its issuer.
  actgate explain --method POST --path /refunds < token
  actgate explain --path /orders/1 --at 2026-01-01T12:00:00Z --jwks keys.json < token
  actgate explain --method POST --path /mcp --mcp tools/call:get_order < token
With --claims nothing is verified: the claims are taken as those of a token with a valid signature, without network access.
Their `iss` names the trusted issuer, which may be left out where there is one.
  actgate explain --path /orders/1 --claims claims.json
A line of the decision log has the facts of a verified token with `decision_log: { facts: true }`. It has no query, header and
body: name them with --path, --header and --body, where a rule reads them. A header that is not named is not known, unless
--all-headers states that there is no other one. What depends on a value that is not known, or on a claim of which the line has a
hash alone, is not decided.
  actgate explain --log-line decisions.log --id 019b76da-a800-7000-8000-000000000000
Exit code 0: the request is allowed. 1: it is denied, or an error occurred.")]
    Explain(ExplainArguments),
    /// Run the cases of a policy: requests, each with the decision it is expected to get
    #[command(after_help = TEST_NOTES)]
    Test(TestArguments),
    /// List the presets for the products that issue tokens, or show one
    #[command(after_help = "\
A preset is what `profile` of an issuer names: which tokens of a product are access tokens, and which claims hold their facts.
  actgate issuers                    the presets, and which kinds of initiator each proves
  actgate issuers show keycloak      one preset, as it can be written and changed in a configuration")]
    Issuers {
        /// What to show instead of the list.
        #[command(subcommand)]
        command: Option<IssuersCommand>,
        /// Print one JSON object
        #[arg(long, global = true)]
        json: bool,
    },
    /// Get an access token from a running issuer
    #[command(after_help = TOKEN_NOTES)]
    Token(TokenArguments),
    /// Run the bundled issuer: for demos, tests and development
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "`actgate issuer --help` shows the registry format.",
        after_long_help = format!("{ISSUER_NOTES}{}", Registry::REFERENCE)
    )]
    Issuer(IssuerArguments),
    /// Start an issuer, a sample API and gates, and run real flows
    #[command(after_help = "\
Everything runs in this process, on free loopback ports, without files or network access.
  actgate demo
  actgate demo --once --json")]
    Demo {
        /// Run the scenarios and exit; 0 only if every result is the expected one
        #[arg(long)]
        once: bool,
        /// Print one JSON object for each scenario
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of a file, for editors and validators
    #[command(after_help = "\
The schemas are draft-07. An editor with yaml-language-server (VS Code: the extension YAML of Red Hat; Neovim: yamlls) reads the
one that a comment at the top of a file names, by its path relative to the file or by its URL. It completes keys, shows what each
means, and marks mistakes:
  actgate schema policy > policy.schema.json
  # yaml-language-server: $schema=./policy.schema.json
A file that a schema rejects is invalid; `actgate check` and `actgate test` find more, such as rules that exclude each other.
A line of the decision log may have further members in a later version.")]
    Schema {
        /// The file
        #[arg(value_enum)]
        schema: Schema,
    },
    /// Print the completions of commands and arguments for a shell
    #[command(after_help = COMPLETIONS_NOTES)]
    Completions(CompletionsArguments),
    /// Print the manual page, or write those of all commands
    #[command(after_help = MAN_NOTES)]
    Man(ManArguments),
    /// Show the help of a command, or of the words of a policy
    #[command(after_help = "\
  actgate help run                the help of a command
  actgate help policy             every word of a policy, with an example
  actgate help policy initiator   one word, and those within it
  actgate help policy max_depth   one word, in each of its places
  actgate help policy no_route    what a code of a denial means
Exit code 0, or 2 if there is no such command, word or code.")]
    Help(HelpArguments),
}

impl Command {
    /// The log level without an argument.
    pub(crate) fn default_log_level(&self) -> LogLevel {
        match self {
            Command::Run(_) | Command::Issuer(_) => LogLevel::Info,
            Command::Check { .. }
            | Command::Explain(_)
            | Command::Reload(_)
            | Command::Health(_)
            | Command::Tail(_)
            | Command::Test(_)
            | Command::Issuers { .. }
            | Command::Demo { .. }
            | Command::Token(_)
            | Command::Schema { .. }
            | Command::Init(_)
            | Command::Completions(_)
            | Command::Man(_)
            | Command::Help(_) => LogLevel::Warn,
        }
    }
}

/// What `issuers` shows.
#[derive(Debug, Subcommand)]
pub(crate) enum IssuersCommand {
    /// Print a preset as it can be written in an entry of `issuers`, with what to configure at the issuer
    Show {
        /// Name of the preset
        #[arg(value_parser = PossibleValuesParser::new(Profile::names()))]
        name: String,
    },
}

/// The file of the configuration.
#[derive(Debug, Args)]
pub(crate) struct ConfigFile {
    /// Configuration
    #[arg(short, long, value_name = "FILE", default_value = "actgate.yaml")]
    pub(crate) config: PathBuf,
}

/// The arguments of `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// The configuration.
    #[command(flatten)]
    pub(crate) file: ConfigFile,
    /// Method of the request [default: GET, or that of the line]
    #[arg(long)]
    pub(crate) method: Option<http::Method>,
    /// Path of the request, with its query [default: that of the line, whose query is not known; `/a?` has none]
    #[arg(long, required_unless_present = "log_line")]
    pub(crate) path: Option<String>,
    /// Message of MCP: its method, and its name after a colon, such as `tools/call:get_order`
    #[arg(long, value_name = "METHOD[:NAME]", value_parser = parse_message)]
    pub(crate) mcp: Option<McpMessage>,
    /// Header of the request, such as `Host: orders.example.com` or `Origin: https://app.example`; more than once for several
    #[arg(long = "header", value_name = "HEADER", value_parser = parse_header)]
    pub(crate) headers: Vec<Header>,
    /// The request has no other header than those of `--header` and `--mcp`; without it, the others are not known
    #[arg(long, requires = "log_line")]
    pub(crate) all_headers: bool,
    /// Body of the request, which is `application/json` unless a `--header` names another type; `@FILE` reads it from a file
    #[arg(long, value_name = "JSON|@FILE")]
    pub(crate) body: Option<String>,
    /// The request has no body, and no type of one unless a `--header` names it; without it and --body, it is not known
    #[arg(long, conflicts_with = "body")]
    pub(crate) no_body: bool,
    /// Time of the request: RFC 3339, or seconds since 1970 [default: now, or that of the line]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) at: Option<u64>,
    /// JWK set with the keys of every issuer, instead of fetching them
    #[arg(long, value_name = "FILE")]
    pub(crate) jwks: Option<PathBuf>,
    /// Claims in place of a token, as a JSON object; `-` is standard input. Nothing of them is verified
    #[arg(long, value_name = "FILE", conflicts_with = "jwks")]
    pub(crate) claims: Option<PathBuf>,
    /// Line of the decision log with `facts` in place of a token; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["jwks", "claims"])]
    pub(crate) log_line: Option<PathBuf>,
    /// Id of the line in a log with several
    #[arg(long, value_name = "ID", requires = "log_line")]
    pub(crate) id: Option<uuid::Uuid>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// The arguments of `test`.
#[derive(Debug, Args)]
pub(crate) struct TestArguments {
    /// Folders with a policy and its cases [default: .]
    #[arg(value_name = "FOLDER", conflicts_with = "config")]
    pub(crate) folders: Vec<PathBuf>,
    /// Configuration whose policy and issuers decide the cases of `--cases`
    #[arg(short, long, value_name = "FILE", requires = "cases")]
    pub(crate) config: Option<PathBuf>,
    /// Cases for `--config`; more than once for several files
    #[arg(long, value_name = "FILE", requires = "config")]
    pub(crate) cases: Vec<PathBuf>,
    /// Run only the cases whose route contains this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) route: Option<String>,
    /// Run only the cases whose name contains this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) case: Option<String>,
    /// Fail where the cases reach less of a policy than so many per cent of its branches
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100), conflicts_with_all = ["route", "case"])]
    pub(crate) min_coverage: Option<u8>,
    /// Measure the time of a decision of each policy, in nanoseconds
    #[arg(long)]
    pub(crate) bench: bool,
    /// Write the results as JUnit XML, which CI systems read
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

impl TestArguments {
    /// Whether cases are left out.
    pub(crate) fn is_filtered(&self) -> bool {
        self.route.is_some() || self.case.is_some()
    }
}

/// The arguments of `help`.
#[derive(Debug, Args)]
pub(crate) struct HelpArguments {
    /// A command, or `policy` and perhaps a word of a policy
    #[arg(value_name = "COMMAND | policy [WORD]", hide_possible_values = true)]
    pub(crate) topic: Vec<String>,
    /// Print the words of a policy as a page in Markdown
    #[arg(long)]
    pub(crate) markdown: bool,
}

/// The last second of the year 9999, which is the last one that RFC 3339 can write.
const LAST_SECOND: u64 = 253_402_300_799;

/// Reads a time: RFC 3339 or seconds since 1970.
fn parse_time(text: &str) -> Result<u64, String> {
    if text.parse::<u128>().is_ok() {
        let seconds = text.parse().ok().filter(|seconds| *seconds <= LAST_SECOND);
        return seconds.ok_or_else(|| "times after the year 9999 are not supported".to_owned());
    }
    let time: jiff::Timestamp = text.parse().map_err(|_| {
        "expected a time such as 2026-01-01T12:00:00Z or 2026-01-01T13:00:00+01:00, or seconds since 1970".to_owned()
    })?;
    u64::try_from(time.as_second()).map_err(|_| "times before 1970 are not supported".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_help_of_each_command_has_an_example() {
        let mut root = Arguments::command();
        let names: Vec<String> = root
            .get_subcommands()
            .map(|command| command.get_name().to_owned())
            .collect();
        assert!(names.len() > 12, "{names:?}");
        for name in names {
            let command = root.find_subcommand_mut(&name).expect("the command");
            let help = command.render_long_help().to_string();
            let example = format!("  actgate {name}");
            let has_example = help
                .lines()
                .any(|line| line.starts_with(&example) || line.contains(&format!("| actgate {name}")));
            assert!(has_example, "{name}: {help}");
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_time_is_rfc_3339_or_seconds() {
        assert_eq!(parse_time("2026-01-01T00:00:00Z"), Ok(1_767_225_600));
        assert_eq!(parse_time("2026-01-01T01:30:00+01:30"), Ok(1_767_225_600));
        assert_eq!(parse_time("2025-12-31T23:00:00-01:00"), Ok(1_767_225_600));
        assert!(parse_time("2026-01-01T00:00:00").is_err(), "of no known offset");
        assert!(parse_time("1969-12-31T23:59:59Z").is_err());
        assert_eq!(parse_time("1767225600"), Ok(1_767_225_600));
        assert!(parse_time("tomorrow").is_err());
        assert_eq!(parse_time("253402300799"), Ok(LAST_SECOND));
        for late in ["253402300800", "18446744073709551615", "18446744073709551616"] {
            let error = parse_time(late).unwrap_err();
            assert!(error.contains("9999"), "{late}: {error}");
        }
    }
}
