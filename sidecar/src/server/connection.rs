//! Serves one connection to its end.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::uri::Scheme;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::timeout;

use super::head_form;
use super::listener::Accepted;
use crate::gate::connection_info::{AmbiguousMessage, ConnectionInfo};
use crate::http1::{Http1Io, MAX_HEAD_BYTES, check_framing, ignore_old_upgrade, is_late_head};
use crate::proxy::Proxy;

/// How long a connection without a request stays open once draining has begun: a request may already be on its way.
const LAST_REQUEST_TIME: Duration = Duration::from_millis(300);

/// How long a client may leave a response unread.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Limits of a [`plain`] connection.
const PLAIN_HEAD_TIMEOUT: Duration = Duration::from_secs(5);
const PLAIN_HEAD_BYTES: usize = 16 * 1024;

/// Limits of client connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionLimits {
    /// The time for a complete request head.
    pub(crate) header: Duration,
    /// How long a connection may be idle between two requests.
    pub(crate) keep_alive: Duration,
    /// How long requests in flight may take once draining has begun.
    pub(crate) drain: Duration,
    /// The number of connections at a time; further ones wait in the kernel's queue.
    pub(crate) connections: u32,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        ConnectionLimits {
            header: Duration::from_secs(5),
            keep_alive: Duration::from_secs(60),
            drain: Duration::from_secs(30),
            connections: 10_000,
        }
    }
}

/// What the connections of clients share.
#[derive(Debug)]
pub(crate) struct Clients {
    pub(crate) proxy: Proxy,
    pub(crate) limits: ConnectionLimits,
}

/// Serves a client. `draining` becomes true when the process is about to end.
pub(crate) async fn client(accepted: Accepted, clients: Arc<Clients>, draining: watch::Receiver<bool>) {
    let Accepted { socket, peer, _permit } = accepted;
    socket.send_at_once();
    let connection = ConnectionInfo {
        peer,
        scheme: Scheme::HTTP,
        client_certificate: None,
    };
    serve_http1(socket, connection, clients, draining).await;
}

/// Serves HTTP/1.
async fn serve_http1(
    socket: impl AsyncRead + AsyncWrite + Send + Unpin,
    connection: ConnectionInfo,
    clients: Arc<Clients>,
    mut draining: watch::Receiver<bool>,
) {
    let limits = clients.limits;
    let (io, exchanges) = Http1Io::new(socket, limits.header, WRITE_TIMEOUT);
    let closing = draining.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let exchange = exchanges.begin();
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(connection.clone());
        head_form::record(&mut parts);
        ignore_old_upgrade(&mut parts);
        if let Err(reason) = check_framing(&parts) {
            parts.extensions.insert(AmbiguousMessage(reason));
        }
        let body = exchange.track(body).map_err(Into::into).boxed_unsync();
        let (clients, closing) = (clients.clone(), closing.clone());
        async move {
            let mut response = clients.proxy.answer(Request::from_parts(parts, body)).await;
            if *closing.borrow() {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
            }
            Ok::<_, Infallible>(response.map(|body| exchange.track(body)))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // hyper counts from the end of the request before; `Http1Io` limits the head alone.
        .header_read_timeout(limits.keep_alive + limits.header)
        .max_buf_size(MAX_HEAD_BYTES)
        // The buffer alone may exceed its size by one read.
        .max_header_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(io), service);
    let mut connection = pin!(connection);

    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = begun(&mut draining) => match timeout(LAST_REQUEST_TIME, connection.as_mut()).await {
            Ok(result) => result,
            Err(_) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        },
    };
    if let Err(error) = result {
        report(&error);
    }
}

/// Reports how a connection ended early. What happened without a line in the decision log is counted and reported with
/// each power of two, so that a client does not fill the log.
fn report(error: &hyper::Error) {
    static UNREADABLE: AtomicU64 = AtomicU64::new(0);
    static UNREAD: AtomicU64 = AtomicU64::new(0);
    let (counter, message) = if error.is_parse() {
        (
            &UNREADABLE,
            "requests without a valid head were answered with 400, 414 or 431",
        )
    } else if is_unread_response(error) {
        (&UNREAD, "responses were cut off: the client did not read them for 30 s")
    } else {
        tracing::debug!(%error, "connection ended early");
        return;
    };
    let count = counter.fetch_add(1, Ordering::Relaxed) + 1;
    if count.is_power_of_two() {
        tracing::info!(count, %error, "{message}");
    } else {
        tracing::debug!(%error, "connection ended early");
    }
}

/// Whether the time limit for reading a response has passed.
fn is_unread_response(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|io| io.kind() == io::ErrorKind::TimedOut && !is_late_head(io))
}

/// Serves a client that asks for nothing but `answer`, which does not wait.
pub(crate) async fn plain(accepted: Accepted, answer: impl Fn(&Request<Incoming>) -> Response<Full<Bytes>>) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = answer(&request);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PLAIN_HEAD_TIMEOUT)
        .max_buf_size(PLAIN_HEAD_BYTES)
        .serve_connection(TokioIo::new(accepted.socket), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "connection ended early");
    }
}

/// Resolves when draining has begun.
async fn begun(draining: &mut watch::Receiver<bool>) {
    // The guard that this returns must not be held while waiting for anything else.
    let _ = draining.wait_for(|draining| *draining).await;
}
