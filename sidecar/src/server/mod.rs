//! The listeners of a gate, and their graceful shutdown.

mod clients;
pub(crate) mod connection;
pub(crate) mod connections;
mod cookie_crumbs;
pub(crate) mod cores;
mod early_end;
mod frame_time;
mod head_form;
mod http2;
pub(crate) mod limits;
pub(crate) mod listen;
mod plain_http;
mod preface;
pub(crate) mod running;
pub(crate) mod signals;
mod stream;
pub(crate) mod tls;
mod tunnel;
mod unread_stream;
mod whole_body;

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};

use self::clients::Service;
use self::connections::Connections;
use self::cores::Cores;
use self::listen::listener::{Accepted, Listener};
use self::running::Current;
use crate::admin::health::{ConnectionCount, Draining};
use crate::admin::reload::Reloads;
use crate::admin::{self, Reach};

/// How often connections that have become idle are closed at the end.
const IDLE_CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// A gate with bound sockets.
#[derive(Debug)]
pub(crate) struct Server {
    /// Accepts requests that are forwarded.
    pub(crate) clients: Option<Listener>,
    /// Accept requests about the state of the process.
    pub(crate) admin: Vec<Listener>,
    /// Accepts requests for decisions that its clients enforce.
    pub(crate) decisions: Option<Listener>,
    pub(crate) current: Current,
    /// Reloads of the configuration; none where it is in no file.
    pub(crate) reloads: Option<Reloads>,
}

impl Server {
    /// Serves by `cores` until `stop` resolves, then drains: readiness is withdrawn; after a delay no further connection is accepted,
    /// and requests in flight end.
    pub(crate) async fn serve(self, cores: Cores, stop: impl Future<Output = ()>) {
        let Server {
            clients,
            admin,
            decisions,
            current,
            reloads,
        } = self;
        let draining = Draining::default();
        let listeners = clients.iter().chain(&decisions);
        let state = ProcessState {
            current: current.clone(),
            draining: draining.clone(),
            clients: listeners.map(|listener| listener.connections().clone()).collect(),
            reloads,
        };
        let mut administration = JoinSet::new();
        for listener in admin {
            administration.spawn(serve_admin(listener, state.clone()));
        }
        let (stop_all, stopped) = watch::channel(());
        let decided = serve_clients(
            decisions,
            (Service::Decisions, &cores),
            current.clone(),
            stopped.clone(),
        );
        let forwarded = serve_clients(clients, (Service::Proxy, &cores), current.clone(), stopped);
        let stop = async {
            stop.await;
            listen::systemd::notify_stopping();
            draining.begin();
            let delay = current.load().limits.drain_delay;
            if !delay.is_zero() {
                let time = humantime::format_duration(delay);
                tracing::info!(delay = %time, "not ready any more; connections are accepted for the time of `drain_delay`");
                sleep(delay).await;
            }
            tracing::info!("draining");
            drop(stop_all);
        };
        let (forwarded, decided, ()) = tokio::join!(forwarded, decided, stop);
        drop(administration);
        let log = current.load().gate.log.clone();
        let spans = log.clone();
        // It blocks, and the caller may end the process in the meantime.
        let written = tokio::task::spawn_blocking(move || log.close());
        if let (Err(error), ()) = tokio::join!(written, spans.close_spans()) {
            tracing::error!(%error, "the decision log ended early");
        }
        match forwarded.and(decided) {
            Ok(()) => tracing::info!("drained"),
            Err(_) => tracing::warn!("the time to drain ran out; requests in flight are cut off"),
        }
    }
}

/// Serves the clients of one listener, if there is one, until `stopped` ends, then drains. Fails if their requests take longer than
/// that may.
async fn serve_clients(
    listener: Option<Listener>,
    (service, cores): (Service, &Cores),
    current: Current,
    mut stopped: watch::Receiver<()>,
) -> Result<(), Elapsed> {
    let Some(mut listener) = listener else {
        return Ok(());
    };
    let connections = listener.connections().clone();
    let start = |accepted: Accepted| {
        let current = current.clone();
        cores.serve(accepted, move |accepted| connection::client(accepted, service, current));
    };
    loop {
        tokio::select! {
            accepted = listener.accept() => start(accepted),
            _ = stopped.changed() => break,
        }
    }
    connections.drain();
    // A client in the kernel's queue is connected and may have sent a request.
    while let Some(accepted) = listener.queued().await {
        start(accepted);
    }
    let limits = current.load().limits;
    tokio::select! {
        ended = timeout(limits.drain, listener.close()) => ended,
        never = close_idle(&connections, limits.idle_drain()) => match never {},
    }
}

/// Closes the connections without a request, from a while after draining has begun.
async fn close_idle(connections: &Connections, after: Duration) -> Infallible {
    sleep(after).await;
    loop {
        connections.close_idle();
        sleep(IDLE_CHECK_INTERVAL).await;
    }
}

/// What the admin listener reports.
#[derive(Clone, Debug)]
struct ProcessState {
    current: Current,
    draining: Draining,
    clients: Vec<Connections>,
    reloads: Option<Reloads>,
}

async fn serve_admin(mut listener: Listener, state: ProcessState) {
    // A listener without an address of TCP is none of this machine alone.
    let reach = listener.tcp_address().map_or(Reach::Network, Reach::of);
    loop {
        let state = state.clone();
        listener.accept().await.spawn(|accepted| async move {
            connection::plain(accepted, |request| {
                let (state, running) = (&state, state.current.load());
                async move {
                    let seen = admin::Seen {
                        reach,
                        authorizer: &running.gate.authorizer,
                        draining: &state.draining,
                        connections: ConnectionCount {
                            open: state.clients.iter().map(Connections::count).sum(),
                            limit: state.clients.iter().map(Connections::limit).sum(),
                        },
                        log: &running.gate.log,
                        keys: running.internal_keys.as_deref(),
                        reloads: state.reloads.as_ref(),
                        revocations: running.revocations.as_deref(),
                    };
                    admin::answer(&request, &seen).await
                }
            })
            .await;
        });
    }
}
