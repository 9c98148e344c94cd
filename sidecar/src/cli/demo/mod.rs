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

use http::{StatusCode, header};
use serde_json::Value;

use self::credentials::Credentials;
use self::environment::{Environment, ORDERS_POLICY};
use self::flows::Flows;
use self::http_client::HttpClient;
use self::report::ScenarioResult;
use self::scenarios::{Action, Call, Outcome, Scenario, scenarios};
use crate::cli::output::{Output, print, print_json};
use crate::cli::terminal::{faint, strong};
use crate::cli::unverified_chain::unverified_chain;
use crate::exit::Failure;
use crate::server::signals::ShutdownSignals;

/// How long the gate may take to log a decision.
const DECISION_TIME: Duration = Duration::from_secs(5);

/// Runs every scenario and prints its result; unless `once`, then keeps running until a signal. A result that
/// is not the expected one is [`Failure::Denied`].
pub(crate) async fn demo(once: bool, output: Output) -> Result<(), Failure> {
    let mut signals = ShutdownSignals::watch().map_err(|error| Failure::runtime("signal handling", error))?;
    let mut environment = Environment::start().await?;
    let http = HttpClient::new();
    let flows = Flows::at(&environment.issuer_url, http.clone());
    let credentials = Credentials::new(flows, environment.issuer.clone());
    if output == Output::Text {
        let heading = strong("The policy of the orders API:");
        print(&format!("{heading}\n{}\n", faint(ORDERS_POLICY)))?;
    }
    let (mut count, mut as_expected) = (0, 0);
    for scenario in scenarios() {
        let result = tokio::select! {
            result = run(&scenario, &mut environment, &credentials, &http) => result?,
            () = signals.next() => return Ok(()),
        };
        count += 1;
        as_expected += usize::from(result.as_expected());
        match output {
            Output::Text => print(&format!("{}\n", result.text(count)))?,
            Output::Json => print_json(&result.json())?,
        }
    }
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

async fn run(
    scenario: &Scenario,
    environment: &mut Environment,
    credentials: &Credentials,
    http: &HttpClient,
) -> Result<ScenarioResult, Failure> {
    match &scenario.action {
        Action::Widen => widen(scenario, credentials).await,
        Action::RotateThenCall(call) => {
            credentials.rotate_keys()?;
            send(scenario, call, environment, credentials, http).await
        }
        Action::Call(call) => send(scenario, call, environment, credentials, http).await,
    }
}

async fn send(
    scenario: &Scenario,
    call: &Call,
    environment: &mut Environment,
    credentials: &Credentials,
    http: &HttpClient,
) -> Result<ScenarioResult, Failure> {
    let token = credentials.token(call.credential).await?;
    let url = format!("http://{}{}", environment.gate(call.api), call.target);
    let reply = http.send(call.method.clone(), &url, token.as_deref()).await?;
    let decision = tokio::time::timeout(DECISION_TIME, environment.decisions.recv()).await;
    let decision = decision
        .ok()
        .flatten()
        .ok_or_else(|| Failure::Runtime("the gate logged no decision".to_owned()))?;
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
        name: scenario.name,
        chain: token.as_deref().map(unverified_chain).unwrap_or_default(),
        verified: decision.get("chain").is_some(),
        request: format!("{} {} at {}", call.method, call.target, call.api),
        reason: match outcome {
            Outcome::Allowed => text("route"),
            _ => text("rule").or_else(|| text("reason")),
        },
        outcome,
        expected: scenario.expected.clone(),
        identity: reply.json().get("identity").cloned(),
        challenge: challenge.and_then(|value| value.to_str().ok()).map(str::to_owned),
    })
}

async fn widen(scenario: &Scenario, credentials: &Credentials) -> Result<ScenarioResult, Failure> {
    let (token, error) = credentials.widen().await?;
    Ok(ScenarioResult {
        name: scenario.name,
        chain: unverified_chain(&token),
        verified: true,
        request: "POST /token at the issuer, for orders:read refunds:write with a token for orders:read".to_owned(),
        outcome: error.map_or(Outcome::Allowed, |error| Outcome::NotIssued { error }),
        expected: scenario.expected.clone(),
        reason: None,
        identity: None,
        challenge: None,
    })
}

async fn print_decisions(environment: &mut Environment, signals: &mut ShutdownSignals) -> Result<(), Failure> {
    loop {
        tokio::select! {
            Some(decision) = environment.decisions.recv() => print_json(&decision)?,
            () = signals.next() => return Ok(()),
        }
    }
}
