//! `actgate run`.

use std::io;
use std::path::Path;
use std::pin::pin;

use tokio::sync::oneshot;

use crate::config;
use crate::exit::{Context as _, Failure};
use crate::log::decision_log::DecisionLog;
use crate::log::process_log::ProcessLog;
use crate::server::signals::{self, ShutdownSignals};
use crate::server::{Drained, Server, open_files};
use crate::start::start;

/// Runs the gate until a signal stops it.
pub(crate) async fn run(file: &Path, log: &ProcessLog) -> Result<(), Failure> {
    let mut settings = config::load(file)?;
    settings.limits.connections = open_files::connections(settings.limits.connections);
    let mut signals = ShutdownSignals::watch().context("signal handling")?;
    signals::ignore_sighup().context("signal handling")?;
    let decisions = DecisionLog::open(&settings.decision_log).context("decision log")?;
    let server = start(settings, decisions).await?;
    announce(&server, log).context("address of a listener")?;

    let (stop, stopped) = oneshot::channel();
    let mut serving = pin!(server.serve(async {
        // An error means that the sender is dropped, which stops the server, too.
        let _ = stopped.await;
    }));
    tokio::select! {
        _ = &mut serving => return Err(Failure::Runtime("the server ended without a signal".to_owned())),
        () = signals.next() => tracing::info!("draining"),
    }
    let _ = stop.send(());
    tokio::select! {
        drained = serving => {
            match drained {
                Drained::Completely => tracing::info!("drained"),
                Drained::CutOff => tracing::warn!("the time to drain ran out; requests in flight are cut off"),
            }
            Ok(())
        }
        () = signals.next() => Err(Failure::Runtime("stopped by a second signal".to_owned())),
    }
}

/// Writes the addresses to standard error: with port 0 the system chooses them.
fn announce(server: &Server, log: &ProcessLog) -> io::Result<()> {
    log.line(&format!("actgate: listening on {}", server.data.address()?));
    if let Some(admin) = &server.admin {
        log.line(&format!("actgate: admin on {}", admin.address()?));
    }
    Ok(())
}
