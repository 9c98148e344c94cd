//! `actgate reload`: asks a running gate to read its configuration again.

use std::time::Duration;

use http::{Method, StatusCode};

use crate::admin::reload::{Outcome, PATH};
use crate::cli::admin_arguments::ReloadArguments;
use crate::cli::admin_client::{AdminClient, Need};
use crate::cli::output::{eprint_line, print, print_json};
use crate::exit::Failure;

/// How long the gate may take: it waits for the keys of issuers, and for reloads before this one.
const TIME: Duration = Duration::from_secs(60);

/// Requests a reload, and prints what came of it.
pub(crate) async fn reload(arguments: &ReloadArguments) -> Result<(), Failure> {
    let gate = AdminClient::new(arguments.gate.admin, &arguments.gate.config, Need::Administration)?;
    let (status, body) = gate.send(Method::POST, PATH, TIME).await?;
    let outcome = match status {
        StatusCode::OK | StatusCode::UNPROCESSABLE_ENTITY => serde_json::from_slice::<Outcome>(&body).ok(),
        _ => None,
    };
    let Some(outcome) = outcome else {
        let text = String::from_utf8_lossy(&body);
        let text = text.trim_end();
        return Err(Failure::NoGate(format!("the gate did not reload ({status}): {text}")));
    };
    if arguments.json {
        print_json(&outcome)?;
    } else if outcome.in_force {
        print(&format!("the configuration is in force; policy {}\n", outcome.policy))?;
    } else {
        eprint_line(outcome.reason.as_deref().unwrap_or_default());
        eprint_line(&format!(
            "actgate: the configuration is refused; the one before stays in force, policy {}",
            outcome.policy
        ));
    }
    match outcome.in_force {
        true => Ok(()),
        false => Err(Failure::ConfigurationReported),
    }
}
