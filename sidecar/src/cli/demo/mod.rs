//! `actgate demo`: issuer, sample API and gates in one process, and real flows between them.
//!
//! Nothing is simulated: people sign in through the issuer's forms, agents exchange tokens at its endpoint, and requests go over HTTP through
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

use self::credentials::Cast;
use self::environment::Stage;
use self::flows::Flows;
use self::http_client::HttpClient;
use self::report::{Played, Standing};
use self::scenarios::scenarios;
use self::scenarios::{Action, Scenario, Verdict};
use crate::cli::check::Output;
use crate::cli::terminal::{Colour, print};
use crate::cli::unverified_chain::claimed_chain;
use crate::exit::Failure;
use crate::server::signals::Stops;

/// How long the demo stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Staying {
    /// Until the last scenario has been played.
    Once,
    /// Until it is told to stop.
    Up,
}

/// Plays every scenario and tells what came of it, on standard output.
///
/// # Errors
/// When a part cannot be started, a flow cannot be played, or, as [`Failure::No`], a verdict is not the expected one.
pub async fn demo(staying: Staying, output: Output) -> Result<(), Failure> {
    let colour = Colour::of_stdout();
    let mut stops = Stops::watch().map_err(|error| Failure::runtime("watching for signals", error))?;
    let mut stage = Stage::set().await?;
    let http = HttpClient::new();
    let cast = Cast::of(Flows::at(&stage.issuer_url, http.clone()), stage.issuer.clone());
    if output == Output::Text {
        let heading = colour.strong("The policy of the orders API:");
        print(&format!("{heading}\n{}\n", colour.faint(environment::ORDERS_POLICY)))?;
    }
    let (mut played, mut as_expected) = (0, 0);
    for scenario in scenarios() {
        let outcome = tokio::select! {
            outcome = play(&scenario, &mut stage, &cast, &http) => outcome?,
            () = stops.next() => return Ok(()),
        };
        played += 1;
        as_expected += usize::from(outcome.as_expected());
        match output {
            Output::Text => print(&format!("{}\n", outcome.text(played, colour)))?,
            Output::Json => print(&format!("{}\n", outcome.json()))?,
        }
    }
    if output == Output::Text {
        print(&format!(
            "{as_expected} of {played} scenarios came out as expected.\n\n"
        ))?;
    }
    if staying == Staying::Up {
        if output == Output::Text {
            print(&report::play_on(&stage))?;
        }
        stay(&mut stage, &mut stops).await?;
    }
    if as_expected == played {
        Ok(())
    } else {
        Err(Failure::No)
    }
}

async fn play(scenario: &Scenario, stage: &mut Stage, cast: &Cast, http: &HttpClient) -> Result<Played, Failure> {
    let call = match scenario.action {
        Action::Widen => return widen(scenario, cast).await,
        Action::RotateThenCall(call) => {
            cast.rotate_keys()?;
            call
        }
        Action::Call(call) => call,
    };
    let token = cast.token(call.credential).await?;
    let method = call
        .method
        .parse::<Method>()
        .map_err(|error| Failure::runtime("method", error))?;
    let reply = http
        .send(
            method,
            &format!("http://{}{}", stage.gate(call.api), call.target),
            token.as_deref(),
        )
        .await?;
    let decision = tokio::time::timeout(Duration::from_secs(5), stage.decisions.recv()).await;
    let decision = decision
        .ok()
        .flatten()
        .ok_or_else(|| Failure::Runtime("the gate wrote no decision".to_owned()))?;
    let text = |name: &str| decision.get(name).and_then(Value::as_str).map(str::to_owned);

    let seen = if reply.status == StatusCode::OK && text("verdict").as_deref() == Some("allow") {
        Verdict::Allowed
    } else if reply.json().get("decision") == decision.get("id") {
        // The caller learns the decision's id, and that id finds the reason.
        Verdict::Refused {
            status: reply.status.as_u16(),
            code: text("code").unwrap_or_default(),
        }
    } else {
        return Err(Failure::Runtime(
            "the answer and the decision log speak of different decisions".to_owned(),
        ));
    };
    let challenge = reply
        .headers
        .get(header::WWW_AUTHENTICATE)
        .and_then(|value| value.to_str().ok());
    Ok(Played {
        name: scenario.name,
        chain: token.as_deref().map(claimed_chain).unwrap_or_default(),
        standing: if decision.get("chain").is_some() {
            Standing::Verified
        } else {
            Standing::Claimed
        },
        request: format!("{} {} at {}", call.method, call.target, call.api),
        reason: match seen {
            Verdict::Allowed => text("route"),
            _ => text("rule").or_else(|| text("reason")),
        },
        seen,
        expected: scenario.expected.clone(),
        told: reply.json().get("told").cloned(),
        challenge: challenge.map(str::to_owned),
    })
}

async fn widen(scenario: &Scenario, cast: &Cast) -> Result<Played, Failure> {
    let (token, error) = cast.widen().await?;
    Ok(Played {
        name: scenario.name,
        chain: claimed_chain(&token),
        standing: Standing::Verified,
        request: "POST /token at the issuer, for orders:read refunds:write with a token for orders:read".to_owned(),
        seen: error.map_or(Verdict::Allowed, |error| Verdict::NotIssued { error }),
        expected: scenario.expected.clone(),
        reason: None,
        told: None,
        challenge: None,
    })
}

/// Shows the gate's decisions until the process is told to stop.
async fn stay(stage: &mut Stage, stops: &mut Stops) -> Result<(), Failure> {
    loop {
        tokio::select! {
            Some(decision) = stage.decisions.recv() => print(&format!("{decision}\n"))?,
            () = stops.next() => return Ok(()),
        }
    }
}
