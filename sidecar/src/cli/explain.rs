//! `actgate explain`: every check for one token, or the claims of one, and one request.

use std::borrow::Cow;

use actgate::analysis::SmallestChange;
use actgate::clock::Clock;
use actgate::request::{Presented, Target};
use actgate::{Authorizer, Error, Explanation};
use http::HeaderMap;
use http::uri::PathAndQuery;

use crate::cli::arguments::ExplainArguments;
use crate::cli::explain_help::Helper;
use crate::cli::explain_input::{Basis, read_token, with_claims};
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

/// Explains the decision on one request, on standard output. A denied request is [`Failure::Denied`].
pub(crate) async fn explain(arguments: &ExplainArguments, log: &ProcessLog) -> Result<(), Failure> {
    let settings = config::load(&arguments.file.config)?;
    let rules = GateRules::of(&settings);
    let lines = PolicyLines::new(&settings.policy, settings.policy_file.clone());
    let now = arguments.at.unwrap_or_else(|| Clock::system().now());
    let issuers = settings.issuers.clone();
    let (basis, authorizer, pasted) = match &arguments.claims {
        Some(file) => {
            let (authorizer, claims) = with_claims(settings, file, now).await?;
            (Basis::Claims, authorizer, claims)
        }
        None => {
            let pasted = read_token()?;
            let authorizer = match &arguments.jwks {
                Some(file) => with_key_set(settings, file)?,
                // No key is used.
                None if pasted.token.is_empty() => settings.authorizer().build().context("authorizer")?,
                None => with_fetched_keys(settings, log).await?,
            };
            (Basis::Token, authorizer, pasted)
        }
    };
    let PastedToken { token, mut notes } = pasted;
    let helper = Helper::new(issuers, &token);
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
        basis,
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

/// Explains one request, without a token where the input has none. The error is that of an ambiguous target.
fn explain_request(
    authorizer: &Authorizer,
    arguments: &ExplainArguments,
    (headers, body): (&HeaderMap, Option<&[u8]>),
    token: &str,
    now: u64,
    notes: &mut Vec<Cow<'static, str>>,
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
        let note =
            "`actgate run` answers this path itself, with the metadata of a resource: nothing below is checked for it";
        notes.push(note.into());
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
