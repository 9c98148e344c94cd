//! `actgate demo`: an issuer, a sample API and gates in one process, and real flows between them.
//!
//! Users sign in by the issuer's forms, agents exchange tokens at its endpoint, and requests are sent over HTTP through
//! gates that are started as `actgate run` starts them.

mod credentials;
mod environment;
mod flows;
mod http_client;
mod report;
mod sample_api;
mod scenarios;

use std::time::Duration;

use http::{Method, StatusCode, header};
use serde_json::Value;

use self::environment::{Environment, ORDERS_POLICY};
use self::report::ScenarioResult;
use self::scenarios::{Action, Call, Outcome, Scenario, TokenRequest, scenarios};
use crate::cli::output::{Output, print, print_json};
use crate::cli::terminal::{faint, strong};
use crate::exit::{Context as _, Failure};
use crate::server::signals::ShutdownSignals;

/// How long the gate may take to log a decision.
const DECISION_TIME: Duration = Duration::from_secs(5);

/// Runs every scenario and prints its result; unless `once`, then keeps running until a signal. A result that is not the
/// expected one is [`Failure::Denied`].
pub(crate) async fn demo(once: bool, output: Output) -> Result<(), Failure> {
    let mut signals = ShutdownSignals::watch().context("signal handling")?;
    let mut environment = Environment::start().await?;
    if output == Output::Text {
        let heading = strong("The policy of the orders API:");
        print(&format!("{heading}\n{}\n", faint(ORDERS_POLICY)))?;
    }
    let scenarios = scenarios()?;
    let mut as_expected = 0;
    for (number, scenario) in (1..).zip(&scenarios) {
        let result = tokio::select! {
            result = run(scenario, &mut environment) => result?,
            () = signals.next() => return Ok(()),
        };
        as_expected += usize::from(result.ok);
        match output {
            Output::Text => print(&format!("{}\n", result.text(number)))?,
            Output::Json => print_json(&result)?,
        }
    }
    let count = scenarios.len();
    if output == Output::Text {
        print(&format!(
            "{as_expected} of {count} scenarios have the expected result.\n\n"
        ))?;
    }
    if !once {
        if output == Output::Text {
            print(&report::next_steps(&environment))?;
        }
        print_decisions(&mut environment, &mut signals).await?;
    }
    if as_expected == count {
        Ok(())
    } else {
        Err(Failure::Denied)
    }
}

async fn run<'s>(scenario: &'s Scenario, environment: &mut Environment) -> Result<ScenarioResult<'s>, Failure> {
    if scenario.rotate_keys {
        environment.credentials.rotate_keys()?;
    }
    match &scenario.action {
        Action::Call(call) => send(scenario, call, environment).await,
        Action::Request(request) => ask(scenario, *request, environment).await,
    }
}

async fn send<'s>(
    scenario: &'s Scenario,
    call: &Call,
    environment: &mut Environment,
) -> Result<ScenarioResult<'s>, Failure> {
    let token = environment
        .credentials
        .token(call.credential)
        .await?
        .unwrap_or_default();
    let url = format!("http://{}{}", environment.gate(call.api), call.target);
    let method: Method = call.method.parse().context("method")?;
    let presented = (!token.is_empty()).then_some(token.as_str());
    let reply = environment.http.send(&method, &url, presented).await?;
    let decision = tokio::time::timeout(DECISION_TIME, environment.decisions.recv()).await;
    let Ok(Some(decision)) = decision else {
        return Err(Failure::Runtime("the gate logged no decision".to_owned()));
    };
    let text = |name: &str| decision.get(name).and_then(Value::as_str).map(str::to_owned);

    let outcome = if reply.status == StatusCode::OK && text("decision").as_deref() == Some("allow") {
        Outcome::Allowed
    } else if reply.json().get("decision") == decision.get("id") {
        Outcome::Denied {
            status: reply.status.as_u16(),
            code: text("code").unwrap_or_default(),
        }
    } else {
        return Err(Failure::Runtime(
            "the response and the decision log have different decision ids".to_owned(),
        ));
    };
    let challenge = reply.headers.get(header::WWW_AUTHENTICATE);
    Ok(ScenarioResult {
        verified: decision.get("chain").is_some(),
        reason: match outcome {
            Outcome::Allowed => text("route"),
            _ => text("rule").or_else(|| text("reason")),
        },
        identity: reply.json().get("identity").cloned(),
        challenge: challenge.and_then(|value| value.to_str().ok()).map(str::to_owned),
        ..ScenarioResult::new(
            scenario,
            &token,
            format!("{} {} at {}", call.method, call.target, call.api),
            outcome,
        )
    })
}

async fn ask<'s>(
    scenario: &'s Scenario,
    request: TokenRequest,
    environment: &Environment,
) -> Result<ScenarioResult<'s>, Failure> {
    let (token, error) = environment.credentials.request(request).await?;
    let request = match request {
        TokenRequest::Wider => "for orders:read refunds:write with a token for orders:read",
        TokenRequest::Revoked => "with a token whose actor is revoked",
        TokenRequest::Denied => "after the user has denied the request",
        TokenRequest::UsedRefreshToken => "with a refresh token that was used before",
    };
    let outcome = error.map_or(Outcome::Allowed, |error| Outcome::NotIssued { error });
    let request = format!("POST /token at the issuer, {request}");
    Ok(ScenarioResult::new(scenario, &token, request, outcome))
}

async fn print_decisions(environment: &mut Environment, signals: &mut ShutdownSignals) -> Result<(), Failure> {
    loop {
        tokio::select! {
            Some(decision) = environment.decisions.recv() => print_json(&decision)?,
            () = signals.next() => return Ok(()),
        }
    }
}
