//! `actgate check`.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use actgate::keys::Source;
use serde::Serialize;

use crate::cli::terminal::print;
use crate::config::{self, IssuerSettings, Problem, Settings};
use crate::exit::Failure;

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// Reads a configuration and its policy and says what it found, on standard output. Nothing is fetched and no socket is opened.
///
/// # Errors
/// A wrong configuration; for people it is printed by the caller, with every other failure.
pub fn check(file: &Path, output: Output) -> Result<(), Failure> {
    let loaded = config::load(file);
    if output == Output::Json {
        let report = match &loaded {
            Ok(settings) => Report {
                ok: true,
                problems: &[],
                summary: Some(Summary::of(settings)),
            },
            Err(problems) => Report {
                ok: false,
                problems: &problems.0,
                summary: None,
            },
        };
        print(&format!("{}\n", serde_json::to_string(&report).unwrap_or_default()))?;
        return loaded.map(|_| ()).map_err(|_| Failure::ConfigurationTold);
    }
    Ok(print(&Summary::of(&loaded?).to_string())?)
}

#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    problems: &'a [Problem],
    #[serde(flatten)]
    summary: Option<Summary<'a>>,
}

/// What a configuration comes to.
#[derive(Serialize)]
struct Summary<'a> {
    file: &'a Path,
    listen: SocketAddr,
    upstream: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin: Option<SocketAddr>,
    audience: &'a [String],
    issuers: Vec<IssuerSummary<'a>>,
    policy: &'a Path,
    routes: usize,
    requirements: usize,
}

#[derive(Serialize)]
struct IssuerSummary<'a> {
    issuer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<&'a str>,
}

impl<'a> Summary<'a> {
    fn of(settings: &'a Settings) -> Summary<'a> {
        let issuer = |issuer: &'a IssuerSettings| IssuerSummary {
            issuer: &issuer.issuer,
            jwks_uri: match &issuer.source {
                Source::JwksUri(uri) => Some(uri),
                Source::Discovery => None,
            },
        };
        Summary {
            file: &settings.file,
            listen: settings.listen,
            upstream: format!("http://{}", settings.upstream),
            admin: settings.admin,
            audience: &settings.trust.audiences,
            issuers: settings.trust.issuers.iter().map(issuer).collect(),
            policy: &settings.policy_file,
            routes: settings.trust.policy.routes().count(),
            requirements: settings.trust.policy.requirements().count(),
        }
    }
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: no mistakes found", self.file.display())?;
        writeln!(f, "  listen    {}  ->  {}", self.listen, self.upstream)?;
        match self.admin {
            Some(admin) => writeln!(f, "  admin     {admin} (/livez, /readyz)")?,
            None => writeln!(f, "  admin     none")?,
        }
        writeln!(f, "  audience  {}", self.audience.join(", "))?;
        for issuer in &self.issuers {
            writeln!(
                f,
                "  issuer    {} (keys: {})",
                issuer.issuer,
                issuer.jwks_uri.unwrap_or("by discovery")
            )?;
        }
        writeln!(
            f,
            "  policy    {}: {}, {}",
            self.policy.display(),
            counted(self.routes, "route"),
            counted(self.requirements, "requirement")
        )
    }
}
fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
