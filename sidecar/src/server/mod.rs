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
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use self::clients::Clients;
use self::connections::Connections;
use self::limits::ConnectionLimits;
use self::listen::listener::{Accepted, Listener};
use self::listen::proxy_protocol::ProxyProtocol;
use self::tls::Tls;
use crate::admin;
use crate::admin::health::{ConnectionCount, Readiness};
use crate::headers::internal_token::signing_keys::SigningKeys;
use crate::proxy::Proxy;

/// How often connections that have become idle are closed at the end.
const IDLE_CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// A gate with bound sockets.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) data: Listener,
    /// Accepts requests about the state of the process.
    pub(crate) admin: Option<Listener>,
    pub(crate) proxy: Proxy,
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
            mut data,
            admin,
            proxy,
            internal_keys,
            limits,
            tls,
            proxy_protocol,
        } = self;
        let readiness = Readiness::of(proxy.gate.authorizer.clone());
        let connections = data.connections().clone();
        let serve = |listener| serve_admin(listener, readiness.clone(), connections.clone(), internal_keys);
        let admin = admin.map(|listener| tokio::spawn(serve(listener)));
        let log = proxy.gate.log.clone();
        let clients = Arc::new(Clients {
            proxy,
            limits,
            tls,
            proxy_protocol,
        });
        let start = |accepted: Accepted| {
            accepted.spawn(|accepted| connection::client(accepted, clients.clone()));
        };

        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                accepted = data.accept() => start(accepted),
                () = &mut stop => break,
            }
        }

        tracing::info!("draining");
        listen::systemd::notify_stopping();
        readiness.withdraw();
        connections.drain();
        // A client in the kernel's queue is connected and may have sent a request.
        while let Some(accepted) = data.queued().await {
            start(accepted);
        }
        let ended = tokio::select! {
            ended = timeout(limits.drain, data.close()) => ended,
            never = close_idle(&connections, limits.idle_drain()) => match never {},
        };
        if let Some(admin) = admin {
            admin.abort();
        }
        // It blocks, and the caller may end the process in the meantime.
        if let Err(error) = tokio::task::spawn_blocking(move || log.close()).await {
            tracing::error!(%error, "the decision log ended early");
        }
        match ended {
            Ok(()) => tracing::info!("drained"),
            Err(_) => tracing::warn!("the time to drain ran out; requests in flight are cut off"),
        }
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
    clients: Connections,
    keys: Option<Arc<SigningKeys>>,
) {
    loop {
        let (readiness, clients, keys) = (readiness.clone(), clients.clone(), keys.clone());
        listener.accept().await.spawn(|accepted| {
            connection::plain(accepted, move |request| {
                let connections = ConnectionCount {
                    open: clients.count(),
                    limit: clients.limit(),
                };
                admin::answer(request, &readiness, connections, keys.as_deref())
            })
        });
    }
}
