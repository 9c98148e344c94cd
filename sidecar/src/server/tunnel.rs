//! What follows a switch of protocols: a tunnel in place of the connection.

use std::sync::OnceLock;

use http::request::Parts;
use http::{Method, Response, StatusCode};
use hyper::ext::Protocol;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::connection::activity::Exchange;
use crate::gate::connection_info::WebSocketConnect;
use crate::http1::Http1Io;
use crate::proxy::websocket::upgrade::Tunnel;

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
    /// The bytes that arrived together with the request end the tunnel before any of them is forwarded. Those that arrived
    /// later, and before the switch, have ended the connection ([`Http1Io`]).
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

/// What an extended CONNECT of HTTP/2 asks for (RFC 8441).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamUse {
    Response,
    Tunnel,
}

impl StreamUse {
    /// Reads a CONNECT for a WebSocket as the request that begins the handshake over HTTP/1.1: GET.
    pub(super) fn of(request: &mut Parts) -> StreamUse {
        if request.method != Method::CONNECT {
            return StreamUse::Response;
        }
        match request.extensions.remove::<Protocol>() {
            Some(protocol) if protocol.as_str() == "websocket" => {
                request.method = Method::GET;
                request.extensions.insert(WebSocketConnect);
                StreamUse::Tunnel
            }
            _ => StreamUse::Response,
        }
    }

    /// Runs the tunnel that begins with `response`, if one does, in a task of its own. It keeps `exchange` in progress.
    pub(super) fn follow<B>(self, response: &mut Response<B>, exchange: &Exchange) {
        if self == StreamUse::Tunnel
            && let Some(tunnel) = response.extensions_mut().remove::<Tunnel>()
        {
            let exchange = exchange.clone();
            tokio::spawn(async move {
                if let Ok(stream) = tunnel.client().await {
                    tunnel.run(TokioIo::new(stream)).await;
                }
                drop(exchange);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connect_for_a_websocket_is_a_get() {
        let of = |method: Method, protocol: Option<&'static str>| {
            let mut request = http::Request::builder().method(method).uri("https://a.example/b");
            if let Some(protocol) = protocol {
                request = request.extension(Protocol::from_static(protocol));
            }
            let mut parts = request.body(()).unwrap().into_parts().0;
            let stream_use = StreamUse::of(&mut parts);
            let is_known = parts.extensions.get::<WebSocketConnect>().is_some();
            assert_eq!(is_known, stream_use == StreamUse::Tunnel);
            parts.method
        };
        assert_eq!(of(Method::CONNECT, Some("websocket")), Method::GET);
        assert_eq!(of(Method::CONNECT, Some("connect-udp")), Method::CONNECT);
        assert_eq!(of(Method::CONNECT, None), Method::CONNECT);
        assert_eq!(of(Method::POST, Some("websocket")), Method::POST);
    }
}
