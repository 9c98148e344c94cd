//! The listeners of a gate, and their graceful shutdown.

pub(crate) mod connection;
mod head_form;
pub(crate) mod listener;
pub(crate) mod open_files;
pub(crate) mod signals;
pub(crate) mod socket;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::timeout;

use self::connection::{Clients, ConnectionLimits};
use self::listener::Listener;
use crate::admin::health::{self, Readiness};
use crate::proxy::Proxy;

/// A gate with bound sockets.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) data: Listener,
    /// Accepts requests about the state of the process.
    pub(crate) admin: Option<Listener>,
    pub(crate) proxy: Proxy,
    pub(crate) limits: ConnectionLimits,
}

impl Server {
    /// Serves until `stop` resolves, then drains: readiness is withdrawn, no further connection is accepted, requests
    /// in flight end.
    pub(crate) async fn serve(self, stop: impl Future<Output = ()>) {
        let Server {
            mut data,
            admin,
            proxy,
            limits,
        } = self;
        let readiness = Readiness::of(proxy.gate.authorizer.clone());
        let admin = admin.map(|listener| tokio::spawn(serve_admin(listener, readiness.clone())));
        let log = proxy.gate.log.clone();
        let clients = Arc::new(Clients { proxy, limits });
        let (draining, watched) = watch::channel(false);
        let start = |accepted| {
            tokio::spawn(connection::client(accepted, clients.clone(), watched.clone()));
        };

        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                accepted = data.accept() => start(accepted),
                () = &mut stop => break,
            }
        }

        tracing::info!("draining");
        readiness.withdraw();
        draining.send_replace(true);
        // A client in the kernel's queue is connected and may have sent a request.
        while let Some(accepted) = data.queued().await {
            start(accepted);
        }
        let ended = timeout(limits.drain, data.close()).await;
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

async fn serve_admin(mut listener: Listener, readiness: Readiness) {
    loop {
        let accepted = listener.accept().await;
        let readiness = readiness.clone();
        tokio::spawn(connection::plain(accepted, move |request| {
            health::answer(request, &readiness)
        }));
    }
}
