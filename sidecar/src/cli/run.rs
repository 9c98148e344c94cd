//! `actgate run`.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;

use actgate::keys::HttpFetch;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::config::{self, Settings};
use crate::exit::Failure;
use crate::gate::hosts::OwnNames;
use crate::log::decision_id::DecisionIds;
use crate::log::decision_log::DecisionLog;
use crate::log::process_log::ProcessLog;
use crate::proxy::Gate;
use crate::proxy::upstream::Upstream;
use crate::server::listener::{Drained, Listening};
use crate::server::open_files;
use crate::server::signals::{self, Stops};

/// Runs the gate until it is told to stop.
///
/// # Errors
/// A wrong configuration, or a socket or file that cannot be opened.
pub async fn run(file: &Path, words: &ProcessLog) -> Result<(), Failure> {
    let mut settings = config::load(file)?;
    settings.bounds.connections = open_files::connections(settings.bounds.connections);
    let unwatched = |error| Failure::runtime("watching for signals", error);
    let mut stops = Stops::watch().map_err(unwatched)?;
    signals::outlive_hangups().map_err(unwatched)?;
    let log = DecisionLog::open(&settings.decision_log).map_err(|error| Failure::runtime("decision log", error))?;
    let listening = listen(settings, log).await?;
    announce(&listening, words).map_err(|error| Failure::runtime("address of a listener", error))?;

    let (drain, told) = oneshot::channel();
    let mut serving = pin!(listening.serve(async {
        // A sender that is gone has been told as well.
        let _ = told.await;
    }));
    tokio::select! {
        _ = &mut serving => return Err(Failure::Runtime("the listener ended unasked".to_owned())),
        () = stops.next() => tracing::info!("draining"),
    }
    let _ = drain.send(());
    tokio::select! {
        drained = serving => {
            match drained {
                Drained::Completely => tracing::info!("drained"),
                Drained::CutOff => tracing::warn!("time to drain ran out, requests in flight are cut off"),
            }
            Ok(())
        }
        () = stops.next() => Err(Failure::Runtime("stopped at once by a second signal".to_owned())),
    }
}

/// Tells on standard error where the gate listens: with port 0 nobody else knows.
fn announce(listening: &Listening, words: &ProcessLog) -> io::Result<()> {
    words.tell(&format!("actgate: listening on {}", listening.address()?));
    if let Some(admin) = listening.admin_address() {
        words.tell(&format!("actgate: admin on {}", admin?));
    }
    Ok(())
}

/// Opens everything that a gate of this configuration needs, and starts to fetch the keys.
///
/// # Errors
/// A socket that cannot be opened.
pub async fn listen(settings: Settings, log: DecisionLog) -> Result<Listening, Failure> {
    let data = bind(settings.listen).await?;
    let admin = match settings.admin {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let address = data
        .local_addr()
        .map_err(|error| Failure::runtime("address of the listener", error))?;
    let own_names = OwnNames::new(&settings.hosts, address, &settings.trust.audiences);
    let authorizer = settings
        .trust
        .authorizer(|issuer| issuer.remote_keys(HttpFetch::new()?))
        .map_err(|error| Failure::runtime("authorizer", error))?;
    let gate = Gate {
        authorizer,
        upstream: Upstream::new(settings.upstream, settings.connect, settings.response),
        identity_headers: settings.identity_headers,
        token: settings.token,
        own_names,
        log,
        ids: DecisionIds::default(),
    };
    Ok(Listening::new(data, admin, gate, settings.bounds))
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|error| Failure::runtime(&format!("listening on {address}"), error))
}
