//! `actgate health`: whether a running gate is ready, for a container without a shell.

use http::{Method, StatusCode};

use crate::cli::admin_arguments::HealthArguments;
use crate::cli::admin_client::{AdminClient, Need};
use crate::cli::output::print;
use crate::exit::Failure;

/// Asks a gate for its state, and prints it.
pub(crate) async fn health(arguments: &HealthArguments) -> Result<(), Failure> {
    let gate = AdminClient::new(arguments.gate.admin, &arguments.gate.config, Need::Health)?;
    let path = if arguments.live { "/livez" } else { "/readyz" };
    let (status, body) = gate.send(Method::GET, path, arguments.timeout).await?;
    print(&String::from_utf8_lossy(&body))?;
    match status {
        StatusCode::OK => Ok(()),
        _ => Err(Failure::Denied),
    }
}
