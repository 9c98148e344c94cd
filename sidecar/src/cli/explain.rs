//! `actgate explain`: every check for one token and one request.

use std::fmt::{Display, Write as _};
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use actgate::challenge::Challenge;
use actgate::clock::Clock;
use actgate::policy::{Check, Outcome, Tier};
use actgate::request::{Presented, Target};
use actgate::{Authorizer, Error, Explanation, Identity};
use http::uri::PathAndQuery;
use serde::Serialize;
use serde_json::json;

use crate::cli::arguments::ExplainArguments;
use crate::cli::chain_tree;
use crate::cli::output::{Output, print, print_json};
use crate::cli::terminal::{bad, faint, good, printable, strong};
use crate::cli::unverified_chain::unverified_chain;
use crate::config::{self, Settings};
use crate::exit::Failure;
use crate::headers::chain_json::Chain;
use crate::log::decision_log::Effect;

/// The longest token that is read from standard input, far above the limit of the authorizer.
const MAX_INPUT_BYTES: u64 = 256 * 1024;

/// The last second of the year 9999, the latest that can be written.
const LATEST_TIME: u64 = 253_402_300_799;

/// Explains the decision on one request, on standard output. A denied request is [`Failure::Denied`].
pub(crate) async fn explain(arguments: &ExplainArguments) -> Result<(), Failure> {
    let settings = config::load(&arguments.file.config)?;
    let authorizer = match &arguments.jwks {
        Some(file) => with_key_set(settings, file)?,
        None => with_fetched_keys(settings).await?,
    };
    let token = read_token()?;
    let now = arguments.at.unwrap_or_else(|| Clock::system().now());
    let report = Report::of(&authorizer, arguments, &token, now);
    match Output::of(arguments.json) {
        Output::Json => print_json(&report.json())?,
        Output::Text => print(&report.text())?,
    }
    if report.error.is_none() {
        Ok(())
    } else {
        Err(Failure::Denied)
    }
}

/// An authorizer with the keys in a file: nothing is fetched.
fn with_key_set(settings: Settings, file: &Path) -> Result<Authorizer, Failure> {
    let failed = |error: &dyn Display| Failure::runtime(&file.display().to_string(), error);
    let document = std::fs::read(file).map_err(|error| failed(&error))?;
    let mut builder = settings.authorizer;
    for issuer in settings.issuers {
        let issuer = issuer.trusted.key_set(&document).map_err(|error| failed(&error))?;
        builder = builder.issuer(issuer);
    }
    builder.build().map_err(|error| Failure::runtime("authorizer", error))
}

/// An authorizer that has fetched its keys, or has tried to for the time limit of one attempt.
async fn with_fetched_keys(settings: Settings) -> Result<Authorizer, Failure> {
    let authorizer = settings.authorizer().build().and_then(|authorizer| authorizer.start());
    let authorizer = authorizer.map_err(|error| Failure::runtime("authorizer", error))?;
    let longest = settings.issuers.iter().map(|issuer| issuer.fetch_timeout).max();
    let limit = longest.unwrap_or_default() + Duration::from_millis(100);
    // Keys that are missing after it are explained as for a request: they are unavailable.
    let _ = tokio::time::timeout(limit, authorizer.ready()).await;
    Ok(authorizer)
}

fn read_token() -> Result<String, Failure> {
    let mut text = String::new();
    let input = std::io::stdin().lock().take(MAX_INPUT_BYTES).read_to_string(&mut text);
    input.map_err(|error| Failure::runtime("token on standard input", error))?;
    Ok(text.trim().to_owned())
}

/// The explained decision.
struct Report<'a> {
    arguments: &'a ExplainArguments,
    token: &'a str,
    now: u64,
    explanation: Option<Explanation>,
    error: Option<Error>,
    challenge: Option<Challenge>,
}

impl<'a> Report<'a> {
    fn of(authorizer: &Authorizer, arguments: &'a ExplainArguments, token: &'a str, now: u64) -> Report<'a> {
        let (explanation, error) = match explain_request(authorizer, arguments, token, now) {
            Ok(explanation) => {
                let error = explanation.decision().error().cloned();
                (Some(explanation), error)
            }
            Err(error) => (None, Some(error)),
        };
        Report {
            arguments,
            token,
            now,
            explanation,
            challenge: error.as_ref().map(|error| authorizer.challenge(error)),
            error,
        }
    }

    fn route(&self) -> Option<&str> {
        self.explanation.as_ref()?.decision().route()
    }

    fn identity(&self) -> Option<&Identity> {
        self.explanation.as_ref()?.decision().identity()
    }

    fn checks(&self) -> &[Check] {
        self.explanation.as_ref().map(Explanation::checks).unwrap_or_default()
    }

    fn www_authenticate(&self) -> Option<&str> {
        self.challenge.as_ref()?.www_authenticate()?.to_str().ok()
    }

    fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_text(&mut text);
        text
    }

    fn write_text(&self, text: &mut String) -> std::fmt::Result {
        let request = printable(&format!("{} {}", self.arguments.method, self.arguments.path));
        writeln!(text, "{}  at {}", strong(&request), rfc3339(self.now))?;
        self.write_chain(text)?;
        let mut tier = None;
        for check in self.checks() {
            if tier.replace(check.tier) != Some(check.tier) {
                writeln!(text, "\n{}", faint(heading(check.tier)))?;
            }
            self.write_check(text, check, 2)?;
        }
        match &self.error {
            None => writeln!(text, "\n{}: the request is forwarded to the upstream", good("allowed"))?,
            Some(error) => writeln!(
                text,
                "\n{} {}: {error} ({})",
                bad("denied"),
                error.status(),
                error.code()
            )?,
        }
        if let Some(header) = self.www_authenticate() {
            writeln!(text, "  www-authenticate: {header}")?;
        }
        Ok(())
    }

    fn write_chain(&self, text: &mut String) -> std::fmt::Result {
        if let Some(identity) = self.identity() {
            let nodes = chain_tree::nodes(&Chain::of(identity), identity.issuer());
            write!(text, "\n{}", chain_tree::draw(&nodes))?;
        } else if self.error.is_some() {
            let nodes = unverified_chain(self.token);
            if !nodes.is_empty() {
                let note = faint("from the claims of the token, which was not accepted");
                writeln!(text, "\n{}{note}", chain_tree::draw(&nodes))?;
            }
        }
        Ok(())
    }

    fn write_check(&self, text: &mut String, check: &Check, indent: usize) -> std::fmt::Result {
        // Each rule of a route begins with the route, which is known by now.
        let rule = self
            .route()
            .and_then(|route| check.rule.strip_prefix(route)?.strip_prefix(": "));
        let rule = printable(rule.unwrap_or(&check.rule));
        let (expected, got) = (printable(&check.expected), printable(&check.got));
        let (mark, code) = match check.outcome {
            Outcome::Passed => (good("✓"), String::new()),
            Outcome::Failed => (bad("✗"), format!("  {}", bad(check.code.unwrap_or_default()))),
        };
        writeln!(
            text,
            "{:indent$}{mark} {rule}: expected {expected}, got {got}{code}",
            ""
        )?;
        for check in check.alternatives.iter().flatten() {
            self.write_check(text, check, indent + 2)?;
        }
        Ok(())
    }

    fn json(&self) -> serde_json::Value {
        let error = self.error.as_ref();
        json!({
            "method": self.arguments.method.as_str(),
            "path": self.arguments.path,
            "at": rfc3339(self.now),
            "route": self.route(),
            "decision": if error.is_none() { Effect::Allow } else { Effect::Deny },
            "status": error.map(Error::status),
            "code": error.map(Error::code),
            "rule": error.and_then(Error::rule),
            "www_authenticate": self.www_authenticate(),
            "chain": self.identity().map(Chain::of),
            "checks": self.checks().iter().map(CheckJson::of).collect::<Vec<_>>(),
        })
    }
}

#[derive(Serialize)]
struct CheckJson<'a> {
    rule: &'a str,
    tier: String,
    passed: bool,
    expected: &'a str,
    got: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alternatives: Vec<Vec<CheckJson<'a>>>,
}

impl<'a> CheckJson<'a> {
    fn of(check: &'a Check) -> CheckJson<'a> {
        CheckJson {
            rule: &check.rule,
            tier: check.tier.to_string(),
            passed: check.outcome == Outcome::Passed,
            expected: &check.expected,
            got: &check.got,
            code: check.code,
            alternatives: check
                .alternatives
                .iter()
                .map(|checks| checks.iter().map(CheckJson::of).collect())
                .collect(),
        }
    }
}

fn explain_request(
    authorizer: &Authorizer,
    arguments: &ExplainArguments,
    token: &str,
    now: u64,
) -> Result<Explanation, Error> {
    let invalid = |reason| Error::InvalidRequest { reason };
    if arguments.path.contains('#') {
        return Err(invalid("the request target has a fragment"));
    }
    if !arguments.path.starts_with('/') {
        return Err(invalid("the path does not begin with a slash"));
    }
    if token.is_empty() {
        return Err(Error::MissingToken);
    }
    let path: PathAndQuery = arguments.path.parse().map_err(|_| invalid("the path is invalid"))?;
    let uri = path.into();
    let target = Target::new(&arguments.method, &uri)?;
    Ok(authorizer.explain(&Presented::token(target, token), now))
}

fn heading(tier: Tier) -> &'static str {
    match tier {
        Tier::Token => "token",
        Tier::Scope => "scope",
        Tier::Core => "initiator, current actor and claims",
        Tier::History => "prior actors",
    }
}

fn rfc3339(seconds: u64) -> String {
    let time = std::time::UNIX_EPOCH + Duration::from_secs(seconds.min(LATEST_TIME));
    humantime::format_rfc3339_seconds(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(rfc3339(1_767_225_600), "2026-01-01T00:00:00Z");
        assert_eq!(rfc3339(u64::MAX), "9999-12-31T23:59:59Z");
    }
}
