//! The listeners of a gate, and their graceful shutdown.

mod clients;
pub(crate) mod connection;
pub(crate) mod connections;
mod cookie_crumbs;
mod early_end;
mod frame_time;
mod head_form;
mod http2;
pub(crate) mod limits;
pub(crate) mod listen;
mod plain_http;
mod preface;
pub(crate) mod signals;
mod stream;
pub(crate) mod tls;
mod tunnel;
mod unread_stream;
mod whole_body;

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};

use self::clients::{Clients, Service};
use self::connections::Connections;
use self::limits::ConnectionLimits;
use self::listen::listener::{Accepted, Listener};
use self::listen::proxy_protocol::ProxyProtocol;
use self::tls::Tls;
use crate::admin;
use crate::admin::health::{ConnectionCount, Readiness};
use crate::decision_api::DecisionApi;
use crate::gate::Gate;
use crate::headers::internal_token::signing_keys::SigningKeys;
use crate::proxy::Proxy;

/// How often connections that have become idle are closed at the end.
const IDLE_CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// A gate with bound sockets.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) gate: Arc<Gate>,
    /// Accepts requests that are forwarded.
    pub(crate) clients: Option<(Listener, Proxy)>,
    /// Accepts requests about the state of the process.
    pub(crate) admin: Option<Listener>,
    /// Accepts requests for decisions that its clients enforce.
    pub(crate) decisions: Option<(Listener, DecisionApi)>,
    /// The keys of internal tokens, which the admin listener publishes.
    pub(crate) internal_keys: Option<Arc<SigningKeys>>,
    pub(crate) limits: ConnectionLimits,
    /// None where clients connect in plain text.
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) proxy_protocol: ProxyProtocol,
}

impl Server {
    /// Serves until `stop` resolves, then drains: readiness is withdrawn, no further connection is accepted, requests
    /// in flight end.
    pub(crate) async fn serve(self, stop: impl Future<Output = ()>) {
        let Server {
            gate,
            clients,
            admin,
            decisions,
            internal_keys,
            limits,
            tls,
            proxy_protocol,
        } = self;
        let readiness = Readiness::of(gate.authorizer.clone());
        let listeners = clients.iter().map(|(listener, _)| listener);
        let listeners = listeners.chain(decisions.iter().map(|(listener, _)| listener));
        let connections = listeners
            .map(|listener| listener.connections().clone())
            .collect::<Vec<_>>();
        let serve = |listener| serve_admin(listener, readiness.clone(), connections.clone(), internal_keys);
        let admin = admin.map(|listener| tokio::spawn(serve(listener)));
        let log = gate.log.clone();
        let served_by = |service| Clients {
            service,
            limits,
            tls: None,
            proxy_protocol: ProxyProtocol::default(),
        };
        let (stop_all, stopped) = watch::channel(());
        let of_decisions = decisions.map(|(listener, api)| (listener, served_by(Service::Decisions(Box::new(api)))));
        let of_decisions = serve_clients(of_decisions, stopped.clone());
        let forwarded = clients.map(|(listener, proxy)| {
            let clients = Clients {
                tls,
                proxy_protocol,
                ..served_by(Service::Proxy(Box::new(proxy)))
            };
            (listener, clients)
        });
        let forwarded = serve_clients(forwarded, stopped);
        let stop = async {
            stop.await;
            tracing::info!("draining");
            listen::systemd::notify_stopping();
            readiness.withdraw();
            drop(stop_all);
        };
        let (forwarded, decided, ()) = tokio::join!(forwarded, of_decisions, stop);
        if let Some(admin) = admin {
            admin.abort();
        }
        // It blocks, and the caller may end the process in the meantime.
        if let Err(error) = tokio::task::spawn_blocking(move || log.close()).await {
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
async fn serve_clients(served: Option<(Listener, Clients)>, mut stopped: watch::Receiver<()>) -> Result<(), Elapsed> {
    let Some((mut listener, clients)) = served else {
        return Ok(());
    };
    let limits = clients.limits;
    let connections = listener.connections().clone();
    let clients = Arc::new(clients);
    let start = |accepted: Accepted| {
        accepted.spawn(|accepted| connection::client(accepted, clients.clone()));
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

async fn serve_admin(
    mut listener: Listener,
    readiness: Readiness,
    clients: Vec<Connections>,
    keys: Option<Arc<SigningKeys>>,
) {
    loop {
        let (readiness, clients, keys) = (readiness.clone(), clients.clone(), keys.clone());
        listener.accept().await.spawn(|accepted| {
            connection::plain(accepted, move |request| {
                let connections = ConnectionCount {
                    open: clients.iter().map(Connections::count).sum(),
                    limit: clients.iter().map(Connections::limit).sum(),
                };
                admin::answer(request, &readiness, connections, keys.as_deref())
            })
        });
    }
}
