//! `actgate explain`: every check for one token and one request.

use std::io::{self, Read as _};

use actgate::analysis::SmallestChange;
use actgate::clock::Clock;
use actgate::request::{Presented, Target};
use actgate::{Authorizer, Error, Explanation};
use http::HeaderMap;
use http::uri::PathAndQuery;

use crate::cli::arguments::ExplainArguments;
use crate::cli::explain_help::Helper;
use crate::cli::explain_keys::{with_fetched_keys, with_key_set};
use crate::cli::explain_report::Report;
use crate::cli::gate_checks::{GateChecks, GateRules};
use crate::cli::output::{Output, print, print_json};
use crate::cli::pasted_token::PastedToken;
use crate::cli::policy_lines::PolicyLines;
use crate::cli::request_body;
use crate::cli::request_headers;
use crate::config;
use crate::exit::{Context as _, Failure};
use crate::gate::request_head::check_method;
use crate::log::process_log::ProcessLog;

/// The longest token that is read from standard input, far above the limit of the authorizer.
const MAX_INPUT_BYTES: u64 = 256 * 1024;

/// Explains the decision on one request, on standard output. A denied request is [`Failure::Denied`].
pub(crate) async fn explain(arguments: &ExplainArguments, log: &ProcessLog) -> Result<(), Failure> {
    let settings = config::load(&arguments.file.config)?;
    let rules = GateRules::of(&settings);
    let lines = PolicyLines::new(&settings.policy, settings.policy_file.clone());
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
    let (explained, change) = explained.unwrap_or_else(|error| (authorizer.explain_without_target(error), None));
    let mut report = Report {
        arguments,
        token: &token,
        notes,
        now,
        explained,
        change,
        lines: &lines,
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

fn read_token() -> Result<PastedToken, Failure> {
    let mut text = String::new();
    let input = io::stdin().lock().take(MAX_INPUT_BYTES).read_to_string(&mut text);
    input.context("token on standard input")?;
    Ok(PastedToken::of(&text))
}

/// Explains one request, without a token where the input has none. The error is that of an ambiguous target.
fn explain_request(
    authorizer: &Authorizer,
    arguments: &ExplainArguments,
    (headers, body): (&HeaderMap, Option<&[u8]>),
    token: &str,
    now: u64,
    notes: &mut Vec<&'static str>,
) -> Result<(Explanation, Option<SmallestChange>), Error> {
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
    let explained = authorizer.explain(&presented, now);
    let change = authorizer.smallest_change(&explained, &presented, now);
    Ok((explained, change))
}
