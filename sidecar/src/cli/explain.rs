//! `actgate explain`: every check for one token and one request.

use std::fmt;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use actgate::chain::FactSource;
use actgate::challenge::Challenge;
use actgate::clock::Clock;
use actgate::policy::Tier;
use actgate::request::{Presented, Target};
use actgate::{Authorizer, Decision, Error, Explanation, Identity};
use http::HeaderMap;
use http::header::HOST;
use http::uri::PathAndQuery;
use serde_json::{Value, json};
use tracing::Level;

use crate::cli::agent_entry;
use crate::cli::arguments::ExplainArguments;
use crate::cli::chain_tree;
use crate::cli::explain_help::Helper;
use crate::cli::explained_checks::{ExplainedChecks, write_error};
use crate::cli::gate_checks::{GateCheck, GateChecks, GateRules};
use crate::cli::output::{Output, print, print_json};
use crate::cli::pasted_token::PastedToken;
use crate::cli::request_body;
use crate::cli::request_headers;
use crate::cli::terminal::{bad, faint, good, printable, strong};
use crate::cli::unverified_chain::unverified_chain;
use crate::config::{self, Settings, check_named_roots};
use crate::exit::{Context as _, Failure};
use crate::files::text_file::read_text;
use crate::gate::cors::Preflight;
use crate::gate::head_error::HeadError;
use crate::gate::request_head::check_method;
use crate::headers::chain_json::Chain;
use crate::log::decision_log::Effect;
use crate::log::process_log::ProcessLog;

/// The longest token that is read from standard input, far above the limit of the authorizer.
const MAX_INPUT_BYTES: u64 = 256 * 1024;

/// How long keys are fetched before the wait is reported.
const NOTICE_TIME: Duration = Duration::from_secs(2);

/// The last second of the year 9999, the latest that can be written.
const LATEST_TIME: u64 = 253_402_300_799;

/// Explains the decision on one request, on standard output. A denied request is [`Failure::Denied`].
pub(crate) async fn explain(arguments: &ExplainArguments, log: &ProcessLog) -> Result<(), Failure> {
    let settings = config::load(&arguments.file.config)?;
    let rules = GateRules::of(&settings);
    let PastedToken { token, mut notes } = read_token()?;
    let helper = Helper::new(settings.issuers.clone(), &token);
    let authorizer = match &arguments.jwks {
        Some(file) => with_key_set(settings, file)?,
        // No key is used.
        None if token.is_empty() => settings.authorizer().build().context("authorizer")?,
        None => with_fetched_keys(settings, log).await?,
    };
    let now = arguments.at.unwrap_or_else(|| Clock::system().now());
    let mut headers = request_headers::headers(arguments.mcp.as_ref(), &arguments.headers);
    let body = request_body::read(arguments.body.as_deref(), &mut headers)?;
    let path = arguments.path.parse::<PathAndQuery>().ok();
    let gate = match path.filter(|_| arguments.path.starts_with('/')) {
        Some(path) => rules.check(&arguments.method, &path.into(), &headers, &authorizer),
        None => GateChecks {
            denied: check_method(&arguments.method).err(),
            ..GateChecks::default()
        },
    };
    let presented = (&headers, body.as_deref());
    let explained = explain_request(&authorizer, arguments, presented, &token, now, &mut notes);
    let explained = explained.unwrap_or_else(|error| authorizer.explain_without_target(error));
    let mut report = Report {
        arguments,
        token: &token,
        notes,
        now,
        explained,
        helper,
        gate,
        challenge: None,
    };
    let challenge = |error| {
        authorizer
            .challenge_to(report.decision())
            .unwrap_or_else(|| authorizer.challenge(error))
    };
    report.challenge = report.error().map(challenge);
    match Output::of(arguments.json) {
        Output::Json => print_json(&report.json())?,
        Output::Text => print(&report.to_string())?,
    }
    report.denial().map_or(Ok(()), |_| Err(Failure::Denied))
}

/// An authorizer with the keys in a file: nothing is fetched.
fn with_key_set(settings: Settings, file: &Path) -> Result<Authorizer, Failure> {
    let document =
        read_text(file).map_err(|error| Failure::Runtime(format!("{}: {}", file.display(), error.message)))?;
    let mut builder = settings.authorizer;
    for issuer in settings.issuers {
        let identifier = issuer.trusted.identifier().to_owned();
        let trusted = issuer.trusted.key_set(document.as_bytes());
        let trusted = trusted.context(format_args!("{}, for issuer {identifier}", file.display()))?;
        builder = builder.issuer(trusted);
    }
    builder.build().context("authorizer")
}

/// An authorizer that has fetched its keys, or has tried to for the time limit of one attempt.
async fn with_fetched_keys(settings: Settings, log: &ProcessLog) -> Result<Authorizer, Failure> {
    check_named_roots(&settings).context("root certificates")?;
    if !settings.missing_files.is_empty() {
        return Err(Failure::Configuration(settings.missing_files));
    }
    let authorizer = settings.authorizer().build();
    let authorizer = authorizer.and_then(|built| built.start()).context("authorizer")?;
    let longest = settings.issuers.iter().map(|issuer| issuer.fetch_timeout).max();
    let limit = longest.unwrap_or_default() + Duration::from_millis(100);
    // Keys that are missing after it are explained as for a request: they are unavailable.
    let _ = tokio::time::timeout(limit, async {
        tokio::select! {
            () = authorizer.ready() => {}
            () = tokio::time::sleep(NOTICE_TIME) => {
                log.line(Level::INFO, "fetching keys…");
                authorizer.ready().await;
            }
        }
    })
    .await;
    Ok(authorizer)
}

fn read_token() -> Result<PastedToken, Failure> {
    let mut text = String::new();
    let input = io::stdin().lock().take(MAX_INPUT_BYTES).read_to_string(&mut text);
    input.context("token on standard input")?;
    Ok(PastedToken::of(&text))
}

/// The explained decision. It is displayed as text for people.
struct Report<'a> {
    arguments: &'a ExplainArguments,
    token: &'a str,
    notes: Vec<&'static str>,
    now: u64,
    explained: Explanation,
    helper: Helper,
    /// What the gate does with the request before its authorization.
    gate: GateChecks,
    challenge: Option<Challenge>,
}

impl Report<'_> {
    /// Why the request is not authorized.
    fn error(&self) -> Option<&Error> {
        let error = self.decision().error().or(self.gate.unplaced.as_ref());
        error.filter(|_| self.is_evaluated())
    }

    /// The status and the code of a denied request.
    fn denial(&self) -> Option<(u16, &str)> {
        let of_head = self.gate.denied.map(|error| (error.status.as_u16(), error.code));
        of_head.or_else(|| self.error().map(|error| (error.status().as_u16(), error.code())))
    }

    /// Whether the rules of the policy decide.
    fn is_evaluated(&self) -> bool {
        self.gate.denied.is_none() && self.gate.preflight.is_none()
    }

    fn decision(&self) -> &Decision {
        self.explained.decision()
    }

    fn identity(&self) -> Option<&Identity> {
        self.decision().identity()
    }

    fn www_authenticate(&self) -> Option<&str> {
        self.challenge.as_ref()?.www_authenticate()?.to_str().ok()
    }

    fn write_chain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(identity) = self.identity() {
            let nodes = chain_tree::nodes(&Chain::of(identity), identity.issuer());
            let agent = self.decision().agent().map(agent_entry::line);
            return write!(f, "\n{}{}", chain_tree::draw(&nodes), agent.unwrap_or_default());
        }
        let nodes = unverified_chain(self.token);
        if self.error().is_some() && !nodes.is_empty() {
            let note = faint("from the claims of the token, which was not accepted");
            writeln!(f, "\n{}{note}", chain_tree::draw(&nodes))?;
        }
        Ok(())
    }

    fn write_facts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.explained.facts().is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\n{}",
            faint("facts, each with the claim or the evidence that gives it")
        )?;
        for FactSource {
            fact, value, source, ..
        } in self.explained.facts()
        {
            let (value, source) = (printable(value), printable(source));
            writeln!(f, "  {fact}: {}  {}", strong(&value), faint(&format!("({source})")))?;
        }
        Ok(())
    }

    fn write_gate(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.gate.checks.is_empty() {
            return Ok(());
        }
        writeln!(f, "\n{}", faint("gate"))?;
        for GateCheck { rule, passed, text } in &self.gate.checks {
            let mark = if *passed { good("✓") } else { bad("✗") };
            writeln!(f, "  {mark} {rule}: {}", printable(text))?;
        }
        Ok(())
    }

    fn not_checked(&self) -> String {
        let mut names = self.arguments.headers.iter().map(|(name, _)| name);
        GateChecks::not_checked(names.any(|name| name == HOST))
    }

    fn checks(&self) -> ExplainedChecks<'_> {
        ExplainedChecks {
            explained: &self.explained,
            helper: &self.helper,
        }
    }

    fn json(&self) -> Value {
        let (error, denial) = (self.error(), self.denial());
        let preflight = self.gate.preflight.as_ref();
        let answer = denial.or(preflight.map(|_| (Preflight::STATUS.as_u16(), "cors_preflight")));
        json!({
            "method": self.arguments.method.as_str(),
            "path": self.arguments.path,
            "at": rfc3339(self.now),
            "route": self.decision().route(),
            "policy_hash": self.decision().policy().hash().as_str(),
            "decision": if denial.is_none() { Effect::Allow } else { Effect::Deny },
            "status": answer.map(|(status, _)| status),
            "code": answer.map(|(_, code)| code),
            "rule": error.and_then(Error::rule),
            "www_authenticate": self.www_authenticate(),
            "shadow": self.checks().shadow_json().filter(|_| self.is_evaluated()),
            "notes": self.notes,
            "gate": self.gate.json(),
            "not_checked": self.not_checked(),
            "chain": self.identity().map(Chain::of),
            "agent": self.decision().agent().map(agent_entry::json),
            "facts": self.explained.facts().iter().map(fact_json).collect::<Vec<_>>(),
            "checks": self.explained.checks().iter().map(|check| self.checks().json(check)).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = printable(&format!("{} {}", self.arguments.method, self.arguments.path));
        writeln!(f, "{}  at {}", strong(&request), rfc3339(self.now))?;
        let hash = self.decision().policy().hash();
        writeln!(f, "{}", faint(&format!("policy {hash}")))?;
        for note in &self.notes {
            writeln!(f, "{}", faint(&format!("note: {note}")))?;
        }
        self.write_chain(f)?;
        self.write_facts(f)?;
        self.write_gate(f)?;
        let mut tier = None;
        for check in self.explained.checks() {
            if tier.replace(check.tier) != Some(check.tier) {
                writeln!(f, "\n{}", faint(heading(check.tier)))?;
            }
            self.checks().write(f, check, 2)?;
        }
        match (self.gate.denied, self.error()) {
            (Some(HeadError { status, code, reason }), _) => {
                writeln!(f, "\n{} {}: {reason} ({code})", bad("denied"), status.as_u16())?;
            }
            (None, None) if self.gate.preflight.is_some() => {
                writeln!(
                    f,
                    "\n{}: the gate answers this preflight itself, with 204",
                    good("allowed")
                )?;
            }
            (None, None) => {
                writeln!(f, "\n{}: the request is forwarded to the upstream", good("allowed"))?;
                writeln!(f, "{}", faint(&format!("not checked: {}", self.not_checked())))?;
            }
            (None, Some(error)) => {
                let status = error.status().as_u16();
                write!(f, "\n{} {status}: ", bad("denied"))?;
                write_error(f, error)?;
            }
        }
        if self.is_evaluated() {
            self.checks().write_shadow(f)?;
        }
        match self.www_authenticate() {
            Some(header) => writeln!(f, "  www-authenticate: {header}"),
            None => Ok(()),
        }
    }
}

fn fact_json(fact: &FactSource) -> Value {
    json!({ "fact": fact.fact, "value": fact.value, "from": fact.source })
}

/// Explains one request, without a token where the input has none. The error is that of an ambiguous target.
fn explain_request(
    authorizer: &Authorizer,
    arguments: &ExplainArguments,
    (headers, body): (&HeaderMap, Option<&[u8]>),
    token: &str,
    now: u64,
    notes: &mut Vec<&'static str>,
) -> Result<Explanation, Error> {
    if !arguments.path.starts_with('/') {
        return Err(Error::invalid_request(match arguments.path.contains("://") {
            true => "the path is a whole URL; write what follows the host",
            false => "the path does not begin with a slash",
        }));
    }
    let path: PathAndQuery = arguments
        .path
        .parse()
        .map_err(|_| Error::invalid_request("the path is invalid"))?;
    let uri = path.into();
    let target = Target::with_escaped_slashes(&arguments.method, &uri)?;
    if authorizer.metadata(&target, headers).is_some() {
        notes.push(
            "`actgate run` answers this path itself, with the metadata of a resource: nothing below is checked for it",
        );
    }
    let presented = match token {
        "" => Presented::headers(&target, headers),
        token => Presented::token(&target, token).with_headers(headers),
    };
    let presented = body.map_or(presented, |body| presented.body(body));
    Ok(authorizer.explain(&presented, now))
}

fn heading(tier: Tier) -> &'static str {
    match tier {
        Tier::Token => "token",
        Tier::Scope => "scope",
        Tier::Core => "initiator, current actor and claims",
        _ => "prior actors",
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
