//! `actgate init`: a first configuration.

use std::fs::OpenOptions;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::output::{eprint_line, print};
use crate::config;
use crate::exit::{Context as _, Failure};

pub(crate) const INIT_NOTES: &str = "\
  actgate init
  actgate init --issuer https://idp.example.com --audience https://orders.example.com --upstream http://127.0.0.1:9000
  actgate init --yes
A value that is not given is asked for on a terminal; an empty answer takes the default. With --yes, or where standard input is no
terminal, the default is taken: the issuer and the audience of `actgate issuer`. A file that exists is not changed.

Exit codes:
  0   the configuration is written, and starts
  1   the file exists, or cannot be written
  2   the command line is invalid
  78  a configuration with these values would be invalid; nothing is written";

/// The arguments of `init`.
#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// File to write
    #[arg(short, long, value_name = "FILE", default_value = "actgate.yaml")]
    config: PathBuf,
    /// Issuer of the tokens, as in their `iss` [default: http://127.0.0.1:9400]
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// Audience of the tokens, as in their `aud` [default: https://orders.example]
    #[arg(long)]
    audience: Option<String>,
    /// Address of the API [default: http://127.0.0.1:9000]
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// Ask for nothing, and take the defaults
    #[arg(long)]
    yes: bool,
}

/// Where the bundled issuer listens without arguments.
const ISSUER: &str = "http://127.0.0.1:9400";
/// An audience that it issues tokens for without a registry.
const AUDIENCE: &str = "https://orders.example";
const UPSTREAM: &str = "http://127.0.0.1:9000";

/// Writes a configuration that `actgate run` starts with.
pub(crate) fn init(arguments: &InitArguments) -> Result<(), Failure> {
    let file = &arguments.config;
    let asks = !arguments.yes && io::stdin().is_terminal();
    let answer = |given: &Option<String>, question: &str, default: &str| match given {
        Some(given) => Ok(given.clone()),
        None if asks => ask(question, default),
        None => Ok(default.to_owned()),
    };
    let issuer = answer(&arguments.issuer, "Issuer of the tokens, as in their `iss`", ISSUER)?;
    let audience = answer(
        &arguments.audience,
        "Audience of the tokens, as in their `aud`",
        AUDIENCE,
    )?;
    let upstream = answer(&arguments.upstream, "Address of the API", UPSTREAM)?;
    let text = configuration(&issuer, &audience, &upstream);
    config::parse(file, &text).map_err(Failure::CheckedConfiguration)?;
    write(file, &text)?;
    print(&next_steps(file, &issuer, &audience))
}

fn ask(question: &str, default: &str) -> Result<String, Failure> {
    eprint_line(&format!("{question} [{default}]:"));
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).context("standard input")?;
    let answer = answer.trim();
    Ok(if answer.is_empty() { default } else { answer }.to_owned())
}

/// Writes a file that is not there.
fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let created = OpenOptions::new().write(true).create_new(true).open(file);
    let written = created.and_then(|mut created| created.write_all(text.as_bytes()));
    written.context(file.display())
}

/// A policy to begin with.
const POLICY: &str = "\
requirements:
  human-must-initiate:
    initiator: { kind: human }
routes:                     # the most specific match wins; no match is denied
  - match: GET /health
    public: true
  - match: GET /orders/{id}
    scopes: [orders:read]
  - match: POST /refunds
    scopes: [refunds:write]
    require: [human-must-initiate]
";

fn configuration(issuer: &str, audience: &str, upstream: &str) -> String {
    let (issuer, audience, upstream) = (value(issuer), value(audience), value(upstream));
    format!(
        "# `actgate run --help` shows every key, `actgate help policy` every word of the policy.
listen: 127.0.0.1:8080
upstream: {upstream}        # the API, which must be reachable through the gate alone
admin: 127.0.0.1:9901       # /livez, /readyz, /metrics
audience: {audience}
issuers:
  - issuer: {issuer}
    # profile: keycloak     # the product of the issuer; `actgate issuers` lists them
{POLICY}"
    )
}

/// A value as YAML: a URL plain, anything else in double quotes, as JSON has them.
fn value(text: &str) -> String {
    let is_url = text.contains("://")
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b":/._~-".contains(&byte));
    match is_url && !text.ends_with(':') {
        true => text.to_owned(),
        false => serde_json::Value::from(text).to_string(),
    }
}

fn next_steps(file: &Path, issuer: &str, audience: &str) -> String {
    let named = match file == Path::new("actgate.yaml") {
        true => String::new(),
        false => format!(" --config {}", file.display()),
    };
    let mut text = format!("{} is written. What comes next:\n\n", file.display());
    let width = "actgate check".len() + named.len();
    let mut step = |command: &str, about: &str| text.push_str(&format!("  {command:<width$}  # {about}\n"));
    if issuer == ISSUER {
        step("actgate issuer", "an issuer for tests, in a second terminal");
    }
    step(&format!("actgate check{named}"), "after each change of the file");
    step(&format!("actgate run{named}"), "the gate on http://127.0.0.1:8080");
    if issuer == ISSUER && audience == AUDIENCE {
        text.push_str(
            "\nA first request, with a token of the issuer:\n\n  \
             token=$(ACTGATE_CLIENT_SECRET=warehouse-secret actgate token client-credentials \\\n    \
             --client warehouse --resource https://orders.example --scope orders:read)\n  \
             curl -i -H \"Authorization: Bearer $token\" http://127.0.0.1:8080/orders/1\n\n\
             502 is the answer of a gate that allows the request and whose API does not run.\n",
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_any_characters_stays_a_value() {
        assert_eq!(
            value("https://idp.example:8443/realms/a_b~c"),
            "https://idp.example:8443/realms/a_b~c"
        );
        for text in [
            "orders",
            "a b",
            "#x",
            "\"",
            "a: b",
            "x://:",
            "https://a #b",
            "@a",
            "\\",
            "null",
            "a\nb: c",
        ] {
            assert!(value(text).starts_with('"'), "{text}");
            let settings = config::parse(Path::new("a"), &configuration(ISSUER, text, UPSTREAM));
            assert!(settings.is_ok() || text.contains('\n'), "{text}");
        }
    }

    #[test]
    fn the_configuration_with_defaults_is_valid() {
        let text = configuration(ISSUER, AUDIENCE, UPSTREAM);
        assert!(config::parse(Path::new("actgate.yaml"), &text).is_ok(), "{text}");
    }
}
