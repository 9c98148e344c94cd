//! `actgate explain`: every check for one request, by a token, by claims, or by a line of the decision log.

use std::borrow::Cow;

use actgate::analysis::SmallestChange;
use actgate::chain::Conceal;
use actgate::policy::{Mode, PolicyLimit};
use actgate::request::{Presented, Target};
use actgate::{Error, Explanation, KnownRequest};
use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue};

use crate::cli::arguments::ExplainArguments;
use crate::cli::explain_help::Helper;
use crate::cli::explain_input::{self, Input, LineFacts};
use crate::cli::explain_line;
use crate::cli::explain_report::Report;
use crate::cli::gate_checks::{GateChecks, GateRules};
use crate::cli::output::{Output, print, print_json};
use crate::cli::policy_lines::PolicyLines;
use crate::cli::recorded_decision::{DeniedInAnyCase, Undecided};
use crate::cli::request_body;
use crate::cli::request_headers;
use crate::config;
use crate::exit::Failure;
use crate::gate::request_head::check_method;
use crate::log::process_log::ProcessLog;

/// Explains the decision on one request, on standard output. A denied request is [`Failure::Denied`].
pub(crate) async fn explain(arguments: &ExplainArguments, log: &ProcessLog) -> Result<(), Failure> {
    let settings = config::load(&arguments.file.config)?;
    let rules = GateRules::of(&settings);
    let lines = PolicyLines::new(&settings.policy, settings.policy_file.clone());
    let issuers = settings.issuers.clone();
    let input = match &arguments.log_line {
        Some(file) => explain_line::read(arguments, settings, file)?,
        None => explain_input::read(arguments, settings, log).await?,
    };
    let Input {
        authorizer,
        method,
        path,
        ..
    } = &input;
    let helper = Helper::new(issuers, &input.token);
    let mut headers = request_headers::headers(arguments.mcp.as_ref(), &arguments.headers);
    let of_line = input
        .line
        .as_ref()
        .and_then(|line| HeaderValue::from_str(line.facts.host()?).ok());
    if let Some(host) = of_line
        && !headers.contains_key(HOST)
    {
        headers.insert(HOST, host);
    }
    let is_usual = input.line.is_none() && request_body::is_usual(method);
    if arguments.body.is_some() || is_usual && !arguments.no_body {
        request_body::as_json(&mut headers);
    }
    let body = arguments.body.as_deref().map(request_body::read).transpose()?;
    let body = body.or_else(|| arguments.no_body.then(Vec::new));
    let target = path.parse::<PathAndQuery>().ok();
    let gate = match target.filter(|_| path.starts_with('/')) {
        Some(target) => rules.check(method, &target.into(), &headers, authorizer),
        None => GateChecks {
            denied: check_method(method).err(),
            ..GateChecks::default()
        },
    };
    let mut notes = input.notes.clone();
    let explained = explain_request(arguments, &input, (&headers, body.as_deref()), &mut notes).await;
    let explained = explained.unwrap_or_else(|error| Explained::whole(authorizer.explain_without_target(error), None));
    if let Some(PolicyLimit { rule, quota, .. }) = explained.explanation.decision().counted_by() {
        let text =
            format!("`{rule}` is not counted here; the gate denies what is beyond {quota} (429, limit_exceeded)");
        notes.push(text.into());
    }
    let mut report = Report {
        arguments,
        input: &input,
        notes,
        explained: explained.explanation,
        undecided: explained.undecided,
        certain_denial: explained.certain_denial,
        change: explained.change,
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
    report.challenge = report.error().map(challenge).or_else(|| report.certain_challenge());
    match Output::of(arguments.json) {
        Output::Json => print_json(&report.json())?,
        Output::Text => print(&report.to_string())?,
    }
    match report.is_denied() || report.is_undecided() {
        true => Err(Failure::Denied),
        false => Ok(()),
    }
}

/// An explained request.
struct Explained {
    explanation: Explanation,
    undecided: Undecided,
    certain_denial: Option<DeniedInAnyCase>,
    change: Option<SmallestChange>,
}

impl Explained {
    fn whole(explanation: Explanation, change: Option<SmallestChange>) -> Explained {
        Explained {
            explanation,
            undecided: Undecided::default(),
            certain_denial: None,
            change,
        }
    }
}

/// Explains one request, without a token where the input has none. The error is that of an ambiguous target.
async fn explain_request(
    arguments: &ExplainArguments,
    input: &Input,
    (headers, body): (&HeaderMap, Option<&[u8]>),
    notes: &mut Vec<Cow<'static, str>>,
) -> Result<Explained, Error> {
    let Input {
        authorizer, path, now, ..
    } = input;
    if !path.starts_with('/') {
        return Err(Error::invalid_request(match path.contains("://") {
            true => "the path is a whole URL; write what follows the host",
            false => "the path does not begin with a slash",
        }));
    }
    let uri = path.parse::<PathAndQuery>();
    let uri = uri.map_err(|_| Error::invalid_request("the path is invalid"))?.into();
    let target = Target::with_escaped_slashes(&input.method, &uri)?;
    if authorizer.metadata(&target, headers).is_some() {
        let note =
            "`actgate run` answers this path itself, with the metadata of a resource: nothing below is checked for it";
        notes.push(note.into());
    }
    let presented = match &*input.token {
        "" => Presented::headers(&target, headers),
        token => Presented::token(&target, token).with_headers(headers),
    };
    let presented = body.map_or(presented, |body| presented.body(body));
    let Some(LineFacts { facts, recording, .. }) = &input.line else {
        let explained = authorizer.explain_waiting(&presented, *now).await;
        let change = authorizer.smallest_change(&explained, &presented, *now);
        return Ok(Explained::whole(explained, change));
    };
    let mut known = KnownRequest::nothing();
    // A path alone says nothing of the query.
    if arguments.path.as_ref().is_some_and(|path| path.contains('?')) {
        known = known.with_query();
    }
    if arguments.all_headers {
        known = known.with_headers();
    }
    let key = recording.as_ref().map(|recording| recording as &dyn Conceal);
    let explained = authorizer.explain_recorded(facts, &presented, known, *now, key);
    let mut undecided = Undecided::default();
    for rule in explained.undecided() {
        match rule.mode {
            Mode::Shadow => undecided.in_shadow += 1,
            _ => undecided.enforced += 1,
        }
    }
    let certain_denial = explained.certain_denial().filter(|_| undecided.enforced > 0);
    let certain_denial = certain_denial.map(|denial| {
        let error = denial.decision.error().filter(|_| denial.alternatives == 0);
        let challenge = authorizer.challenge_to(denial.decision);
        DeniedInAnyCase {
            rule: denial.check.rule.clone(),
            code: denial.check.code.unwrap_or_default(),
            alternatives: denial.alternatives,
            answer: error.map(|error| error.status().as_u16()).zip(challenge),
        }
    });
    let change = authorizer.smallest_change_of_record(&explained, &presented, *now);
    Ok(Explained {
        explanation: explained.explanation().clone(),
        undecided,
        certain_denial,
        change,
    })
}
