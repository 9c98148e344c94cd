//! `actgate run`.

use std::io;
use std::path::Path;

use tracing::Level;

use crate::exit::{Context as _, Failure};
use crate::log::decision_log::DecisionLog;
use crate::log::process_log::ProcessLog;
use crate::server::Server;
use crate::server::cores::Cores;
use crate::server::listen::systemd;
use crate::server::signals::{self, ShutdownSignals};
use crate::start::reload::{Origin, Reloader};
use crate::start::spans::with_spans;
use crate::start::start;

/// Runs the gate until a signal stops it.
pub(crate) async fn run(file: &Path, log: &ProcessLog) -> Result<(), Failure> {
    let (origin, settings) = Origin::read(file.to_owned())?;
    // Both receive every signal: the first one drains, a second one ends the process.
    let mut first = ShutdownSignals::watch().context("signal handling")?;
    let mut second = ShutdownSignals::watch().context("signal handling")?;
    let hangups = signals::hangups().context("signal handling")?;
    let mut log_signals = signals::log_signals().context("signal handling")?;
    signals::survive_full_files().context("signal handling")?;
    let decisions = DecisionLog::open(&settings.decision_log).context("decision log")?;
    let decisions = with_spans(decisions).context("environment")?;
    let reopened = decisions.clone();
    tokio::spawn(async move {
        while log_signals.recv().await.is_some() {
            reopened.reopen();
        }
    });
    let (server, reloader) = Reloader::of(origin, start(settings, decisions).await?, hangups);
    let cores = Cores::start().context("threads")?;
    announce(&server, log).context("address of a listener")?;
    systemd::notify_ready();

    let reloads = tokio::spawn(reloader.run());
    tokio::select! {
        () = server.serve(cores, first.next()) => {
            reloads.abort();
            Ok(())
        }
        () = async { second.next().await; second.next().await } => {
            Err(Failure::Runtime("stopped by a second signal".to_owned()))
        }
    }
}

/// Writes the policy and the addresses to standard error: with port 0 the system chooses them.
fn announce(server: &Server, log: &ProcessLog) -> io::Result<()> {
    let policy = server.current.load().gate.authorizer.policy();
    log.line(Level::INFO, &format!("actgate: policy {}", policy.hash()));
    if let Some(clients) = &server.clients {
        log.line(Level::INFO, &format!("actgate: listening on {}", clients.address()?));
    }
    for admin in &server.admin {
        log.line(Level::INFO, &format!("actgate: admin on {}", admin.address()?));
    }
    if let Some(decisions) = &server.decisions {
        let address = decisions.address()?;
        log.line(Level::INFO, &format!("actgate: decisions on {address}"));
    }
    Ok(())
}
