//! `actgate explain`: one token, one request, every check.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use actgate::challenge::Challenge;
use actgate::clock::Clock;
use actgate::keys::{HttpFetch, KeySet, RemoteKeys};
use actgate::policy::{Outcome, Tier};
use actgate::target::Target;
use actgate::{Authorizer, Error, Explanation};
use http::uri::PathAndQuery;
use serde::Serialize;
use serde_json::json;

use crate::cli::arguments;
use crate::cli::chain_tree::{self, Node};
use crate::cli::check::Output;
use crate::cli::terminal::{Colour, print, printable};
use crate::cli::unverified_chain::claimed_chain;
use crate::config::{self, Settings};
use crate::exit::Failure;
use crate::headers::identity::Chain;

/// Longest token that is read from standard input; the authorizer's own limit is far below.
const MAX_INPUT_BYTES: u64 = 256 * 1024;

/// Explains the verdict on one request, on standard output.
///
/// # Errors
/// A wrong configuration, keys that cannot be read, or, as [`Failure::No`], a request that is refused.
pub async fn explain(arguments: &arguments::Explain, output: Output) -> Result<(), Failure> {
    let settings = config::load(&arguments.file.config)?;
    let authorizer = match &arguments.jwks {
        Some(file) => with_key_set(settings, file)?,
        None => with_fetched_keys(settings).await?,
    };
    let token = read_token()?;
    let now = arguments.at.unwrap_or_else(|| Clock::system().now());
    let answer = Answer::to(&authorizer, arguments, &token, now);
    match output {
        Output::Json => print(&format!("{}\n", answer.json()))?,
        Output::Text => print(&answer.text(Colour::of_stdout()))?,
    }
    if answer.error.is_none() {
        Ok(())
    } else {
        Err(Failure::No)
    }
}

/// An authorizer that has its keys from a file: nothing is fetched.
fn with_key_set(settings: Settings, file: &Path) -> Result<Authorizer, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::runtime(&file.display().to_string(), error);
    let document = std::fs::read(file).map_err(|error| failed(&error))?;
    // Once here, so that a broken file is told as such; then once for each issuer, for its algorithms.
    for issuer in &settings.trust.issuers {
        KeySet::from_json(&document, &issuer.algorithms).map_err(|error| failed(&error))?;
    }
    let keys = |issuer: &config::IssuerSettings| {
        KeySet::from_json(&document, &issuer.algorithms)
            .map_err(|_| actgate::ConfigError::NoAlgorithm(issuer.issuer.clone()))
    };
    settings
        .trust
        .authorizer(keys)
        .map_err(|error| Failure::runtime("authorizer", error))
}

/// An authorizer that has fetched its keys, or has tried to for as long as the configuration allows one attempt.
async fn with_fetched_keys(settings: Settings) -> Result<Authorizer, Failure> {
    let failed = |error| Failure::runtime("authorizer", error);
    let longest = settings
        .trust
        .issuers
        .iter()
        .map(|issuer| issuer.schedule.timeout)
        .max();
    let mut fetched: Vec<RemoteKeys> = Vec::new();
    for issuer in &settings.trust.issuers {
        fetched.push(issuer.remote_keys(HttpFetch::new().map_err(failed)?).map_err(failed)?);
    }
    let deadline = tokio::time::Instant::now() + longest.unwrap_or_default() + Duration::from_millis(100);
    for keys in &fetched {
        // What is not here by then is told as an outage, which it would be for a request, too.
        let _ = tokio::time::timeout_at(deadline, keys.ready()).await;
    }
    let named: Vec<String> = settings
        .trust
        .issuers
        .iter()
        .map(|issuer| issuer.issuer.clone())
        .collect();
    settings
        .trust
        .authorizer(|issuer| {
            let found = named.iter().zip(&fetched).find(|(name, _)| **name == issuer.issuer);
            found
                .map(|(_, keys)| keys.clone())
                .ok_or(actgate::ConfigError::NoIssuer)
        })
        .map_err(failed)
}

fn read_token() -> Result<String, Failure> {
    let mut text = String::new();
    let input = std::io::stdin().lock().take(MAX_INPUT_BYTES).read_to_string(&mut text);
    input.map_err(|error| Failure::runtime("token on standard input", error))?;
    Ok(text.trim().to_owned())
}

/// One request, judged and ready to be told.
struct Answer<'a> {
    request: String,
    now: u64,
    explanation: Option<Explanation>,
    error: Option<Error>,
    challenge: Option<Challenge>,
    /// What a token that was not accepted says of its chain.
    claimed: Vec<Node>,
    arguments: &'a arguments::Explain,
}

impl<'a> Answer<'a> {
    fn to(authorizer: &Authorizer, arguments: &'a arguments::Explain, token: &str, now: u64) -> Answer<'a> {
        let judged = judge(authorizer, arguments, token, now);
        let error = match &judged {
            Ok(explanation) => explanation.decision().error().cloned(),
            Err(error) => Some(error.clone()),
        };
        let accepted = judged
            .as_ref()
            .is_ok_and(|judged| judged.decision().identity().is_some() || error.is_none());
        Answer {
            claimed: if accepted { Vec::new() } else { claimed_chain(token) },
            request: format!("{} {}", arguments.method, arguments.path),
            now,
            challenge: error.as_ref().map(|error| authorizer.challenge(error)),
            explanation: judged.ok(),
            error,
            arguments,
        }
    }

    fn text(&self, colour: Colour) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{}  at {}",
            colour.strong(&printable(&self.request)),
            when(self.now)
        );
        if let Some(identity) = self
            .explanation
            .as_ref()
            .and_then(|explanation| explanation.decision().identity())
        {
            let _ = writeln!(
                text,
                "\n{}",
                chain_tree::draw(&Chain::of(identity).nodes(identity.issuer()), colour).trim_end()
            );
        }
        if !self.claimed.is_empty() {
            let chain = chain_tree::draw(&self.claimed, colour);
            let note = colour.faint("as the token claims, which was not accepted");
            let _ = writeln!(text, "\n{}\n{note}", chain.trim_end());
        }
        let checks = self.explanation.as_ref().map(Explanation::checks).unwrap_or_default();
        let mut tier = None;
        for check in checks {
            if tier != Some(check.tier) {
                tier = Some(check.tier);
                let _ = writeln!(text, "\n{}", colour.faint(heading(check.tier)));
            }
            let (mark, code) = match check.outcome {
                Outcome::Passed => (colour.good("✓"), String::new()),
                Outcome::Failed => (
                    colour.bad("✗"),
                    format!("  {}", colour.bad(check.code.unwrap_or_default())),
                ),
            };
            // The route stands in front of each of its rules; it has been told already.
            let route = self
                .explanation
                .as_ref()
                .and_then(|explanation| explanation.decision().route());
            let rule = route.and_then(|route| check.rule.strip_prefix(route)?.strip_prefix(": "));
            let (rule, expected) = (printable(rule.unwrap_or(&check.rule)), printable(&check.expected));
            let _ = writeln!(
                text,
                "  {mark} {rule}: expected {expected}, got {}{code}",
                printable(&check.got)
            );
        }
        text.push('\n');
        match &self.error {
            None => {
                let _ = writeln!(text, "{}: the request goes on to the upstream", colour.good("allowed"));
            }
            Some(error) => {
                let _ = writeln!(
                    text,
                    "{} {}: {error} ({})",
                    colour.bad("refused"),
                    error.status(),
                    error.code()
                );
            }
        }
        if let Some(header) = self.challenge.as_ref().and_then(Challenge::www_authenticate) {
            let _ = writeln!(text, "  the caller is told: {}", header.to_str().unwrap_or_default());
        }
        text
    }

    fn json(&self) -> serde_json::Value {
        let decision = self.explanation.as_ref().map(Explanation::decision);
        let checks: Vec<Told<'_>> = self
            .explanation
            .iter()
            .flat_map(Explanation::checks)
            .map(|check| Told {
                rule: &check.rule,
                tier: check.tier.to_string(),
                passed: check.outcome == Outcome::Passed,
                expected: &check.expected,
                got: &check.got,
                code: check.code,
            })
            .collect();
        json!({
            "method": self.arguments.method.as_str(),
            "path": self.arguments.path,
            "at": when(self.now),
            "route": decision.and_then(|decision| decision.route()),
            "verdict": if self.error.is_none() { "allow" } else { "refuse" },
            "status": self.error.as_ref().map(Error::status),
            "code": self.error.as_ref().map(Error::code),
            "rule": self.error.as_ref().and_then(Error::rule),
            "www_authenticate": self
                .challenge
                .as_ref()
                .and_then(Challenge::www_authenticate)
                .and_then(|header| header.to_str().ok()),
            "chain": decision.and_then(|decision| decision.identity()).map(Chain::of),
            "checks": checks,
        })
    }
}

#[derive(Serialize)]
struct Told<'a> {
    rule: &'a str,
    tier: String,
    passed: bool,
    expected: &'a str,
    got: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

fn judge(authorizer: &Authorizer, arguments: &arguments::Explain, token: &str, now: u64) -> Result<Explanation, Error> {
    let refuse = |reason| Error::InvalidRequest { reason };
    if arguments.path.contains('#') {
        return Err(refuse("the request target has a fragment"));
    }
    if !arguments.path.starts_with('/') {
        return Err(refuse("the path does not begin with a slash"));
    }
    if token.is_empty() {
        return Err(Error::MissingToken);
    }
    let path: PathAndQuery = arguments.path.parse().map_err(|_| refuse("the path is no path"))?;
    let uri = path.into();
    let target = Target::new(&arguments.method, &uri)?;
    Ok(authorizer.explain(&target, token, now))
}

fn heading(tier: Tier) -> &'static str {
    match tier {
        Tier::Token => "the token",
        Tier::Scope => "its scope",
        Tier::Core => "who began and who acts",
        Tier::History => "who acted before: rules of the owner, which only refuse",
    }
}

fn when(seconds: u64) -> String {
    // Far beyond any token, and within what the calendar of the library can tell.
    let time = std::time::UNIX_EPOCH + Duration::from_secs(seconds.min(253_402_300_799));
    humantime::format_rfc3339_seconds(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_in_utc() {
        assert_eq!(when(1_767_225_600), "2026-01-01T00:00:00Z");
        assert_eq!(when(u64::MAX), "9999-12-31T23:59:59Z");
    }
}
