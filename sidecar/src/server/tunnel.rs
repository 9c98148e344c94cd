//! What follows a switch of protocols: a tunnel in place of the connection.

use std::sync::OnceLock;

use http::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::activity::Exchange;
use crate::http1::Http1Io;
use crate::proxy::upgrade::Tunnel;

/// What follows the last response of a connection over HTTP/1.
#[derive(Debug, Default)]
pub(super) struct Successor(OnceLock<(Tunnel, Exchange)>);

impl Successor {
    /// Keeps the tunnel that begins with `response`, if one does. It keeps `exchange` in progress.
    pub(super) fn take<B>(&self, response: &mut Response<B>, exchange: &Exchange) {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS
            && let Some(tunnel) = response.extensions_mut().remove::<Tunnel>()
        {
            let _ = self.0.set((tunnel, exchange.clone()));
        }
    }

    /// Runs the tunnel, if there is one, after the connection has been served. Its socket is `S`.
    ///
    /// A client that has sent a part of the other protocol before the switch does not wait for it, as it must (RFC 6455
    /// section 4.1): these bytes may be meant as a request. The tunnel ends before any of them is forwarded.
    pub(super) async fn run<S>(&self)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Some((tunnel, _exchange)) = self.0.get().cloned() else {
            return;
        };
        let Ok(connection) = tunnel.client().await else {
            return;
        };
        match connection.downcast::<TokioIo<Http1Io<S>>>() {
            Ok(parts) if parts.read_buf.is_empty() => tunnel.run(parts.io.into_inner().into_stream()).await,
            Ok(_) => {
                tracing::info!(decision = %tunnel.decision(), "a client sent bytes before the switch of protocols")
            }
            Err(_) => tracing::error!("a connection has a socket of another type"),
        }
    }
}
