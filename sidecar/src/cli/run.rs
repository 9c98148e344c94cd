//! `actgate run`.

use std::io;
use std::path::Path;

use tracing::Level;

use crate::config;
use crate::exit::{Context as _, Failure};
use crate::log::decision_log::DecisionLog;
use crate::log::process_log::ProcessLog;
use crate::server::Server;
use crate::server::listen::{open_files, systemd};
use crate::server::signals::{self, ShutdownSignals};
use crate::start::start;

/// Runs the gate until a signal stops it.
pub(crate) async fn run(file: &Path, log: &ProcessLog) -> Result<(), Failure> {
    let mut settings = config::load(file)?;
    settings.limits.connections = open_files::connections(settings.limits.connections);
    // Both receive every signal: the first one drains, a second one ends the process.
    let mut first = ShutdownSignals::watch().context("signal handling")?;
    let mut second = ShutdownSignals::watch().context("signal handling")?;
    signals::ignore_sighup().context("signal handling")?;
    let decisions = DecisionLog::open(&settings.decision_log).context("decision log")?;
    let server = start(settings, decisions).await?;
    announce(&server, log).context("address of a listener")?;
    systemd::notify_ready();

    tokio::select! {
        () = server.serve(first.next()) => Ok(()),
        () = async { second.next().await; second.next().await } => {
            Err(Failure::Runtime("stopped by a second signal".to_owned()))
        }
    }
}

/// Writes the policy and the addresses to standard error: with port 0 the system chooses them.
fn announce(server: &Server, log: &ProcessLog) -> io::Result<()> {
    let policy = server.gate.authorizer.policy();
    log.line(Level::INFO, &format!("actgate: policy {}", policy.hash()));
    if let Some((clients, _)) = &server.clients {
        log.line(Level::INFO, &format!("actgate: listening on {}", clients.address()?));
    }
    if let Some(admin) = &server.admin {
        log.line(Level::INFO, &format!("actgate: admin on {}", admin.address()?));
    }
    if let Some((decisions, _)) = &server.decisions {
        let address = decisions.address()?;
        log.line(Level::INFO, &format!("actgate: decisions on {address}"));
    }
    Ok(())
}
