//! Serves one connection to its end.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use actgate::request::ClientCertificate;
use bytes::Bytes;
use http::uri::Scheme;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::timeout;

use super::clients::{MadeRoom, Service, caller_of};
use super::connections::Place;
use super::early_end;
use super::http2;
use super::limits::ConnectionLimits;
use super::listen::listener::Accepted;
use super::listen::proxy_protocol::{self, ProxyProtocol};
use super::listen::socket::Socket;
use super::plain_http;
use super::preface::{self, Protocol};
use super::running::Current;
use super::stream::Stream;
use super::tls::{Handshake, Tls};
use super::tunnel::Successor;
use crate::connection::timed_body::TimedBody;
use crate::gate::connection_info::{AmbiguousMessage, ConnectionInfo};
use crate::headers::media_type::MediaType;
use crate::http1::{Http1Io, Http1Limits, check_framing, ignore_old_upgrade};
use crate::proxy::request_body;

/// Limits of a [`plain`] connection.
const PLAIN_HEAD_TIMEOUT: Duration = Duration::from_secs(5);
const PLAIN_HEAD_BYTES: usize = 16 * 1024;

/// Serves a client.
pub(super) async fn client(accepted: Accepted, service: Service, current: Current) {
    let Accepted {
        mut socket,
        peer,
        place,
    } = accepted;
    socket.send_at_once();
    let running = current.load();
    let limits = running.limits;
    let (load_balancers, tls) = match service {
        Service::Proxy => (&running.proxy_protocol, running.tls.as_deref()),
        Service::Decisions => (&ProxyProtocol::default(), None),
    };
    let client = load_balancers.client_of(&mut socket, peer, limits.header);
    let peer = match client.await {
        Ok(client) => client,
        Err(error) => return proxy_protocol::report(&error),
    };
    // A client that sends nothing within the time for a request head is not served.
    // Boxed, as HTTP/2 is below: a connection of HTTP/1.1 keeps no room for it.
    let begun = Box::pin(timeout(limits.header, begin(socket, tls)));
    let (protocol, stream, scheme, client_certificate) = match begun.await {
        Ok(Ok(begun)) => begun,
        Ok(Err(Unbegun::Failed(error))) => return early_end::unbegun(&error, peer),
        Ok(Err(Unbegun::PlainHttp)) => return early_end::plain_http(peer),
        Err(_) => return,
    };
    drop(running);
    let connection = ConnectionInfo {
        peer,
        scheme,
        client_certificate,
    };
    match protocol {
        Protocol::Http1 => serve_http1(stream, connection, &place, limits, (service, &current)).await,
        Protocol::Http2 => {
            let service = (service, current.clone());
            Box::pin(http2::serve(stream, connection, &place, limits, service)).await;
        }
    }
}

/// Why a connection has no protocol.
enum Unbegun {
    Failed(io::Error),
    /// A request in plain HTTP came where TLS is expected. It has been answered.
    PlainHttp,
}

impl From<io::Error> for Unbegun {
    fn from(error: io::Error) -> Unbegun {
        Unbegun::Failed(error)
    }
}

/// Finds the protocol of a connection, by TLS or by its first bytes.
async fn begin(
    socket: Socket,
    tls: Option<&Tls>,
) -> Result<(Protocol, Stream, Scheme, Option<ClientCertificate>), Unbegun> {
    let Some(tls) = tls else {
        let (protocol, socket) = preface::protocol(socket).await?;
        return Ok((protocol, Stream::Plain(socket), Scheme::HTTP, None));
    };
    let socket = preface::first(socket).await?;
    if plain_http::is_request(socket.first()) {
        plain_http::refuse(socket).await?;
        return Err(Unbegun::PlainHttp);
    }
    let Handshake {
        socket,
        protocol,
        client_certificate,
    } = tls.accept(socket).await?;
    Ok((protocol, Stream::Tls(socket), Scheme::HTTPS, client_certificate))
}

/// Serves HTTP/1.
async fn serve_http1(
    socket: Stream,
    connection: ConnectionInfo,
    place: &Place,
    limits: ConnectionLimits,
    (service, current): (Service, &Current),
) {
    let activity = place.activity();
    let io_limits = Http1Limits {
        head: limits.header,
        idle: limits.keep_alive + limits.header,
        write: limits.body,
    };
    let io = Http1Io::new(socket, activity.clone(), io_limits);
    let successor = &Successor::default();
    let requests = service_fn(|request: Request<Incoming>| {
        let (begun, connection) = (activity.begin(), &connection);
        let (mut parts, body) = request.into_parts();
        ignore_old_upgrade(&mut parts);
        if let Err(reason) = check_framing(&parts) {
            parts.extensions.insert(AmbiguousMessage(reason));
        }
        // A connection that waits keeps no room for it.
        Box::pin(async move {
            let exchange = begun.ok_or(MadeRoom)?;
            let body = match exchange.track_request(body) {
                Some(body) => TimedBody::new(body, limits.body).boxed_unsync(),
                None => request_body::empty(),
            };
            let running = current.load();
            let mut response = service
                .answer(&running, &place.era(), (&mut parts, connection), body)
                .await;
            activity.answered(caller_of(&response));
            if response.body().media_type() == MediaType::EventStream {
                // It ends when one side ends the connection.
                activity.end_with_client();
            }
            successor.take(&mut response, &exchange);
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                activity.switch();
            } else if place.is_draining() {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
            }
            Ok::<_, MadeRoom>(response.map(|body| exchange.track(body)))
        })
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // A client that has ended its side of the connection still gets its response.
        .half_close(true)
        // `Http1Io` has the limits.
        .header_read_timeout(None)
        .max_buf_size(limits.max_head as usize)
        // The buffer alone may exceed its size by one read.
        .max_header_size(limits.max_head as usize)
        .serve_connection(TokioIo::new(io), requests)
        .with_upgrades();
    if let Err(error) = connection.await {
        early_end::report(&error);
    }
    successor.run::<Stream>().await;
}

/// Serves a client that asks for nothing but `answer`.
pub(crate) async fn plain<F>(accepted: Accepted, answer: impl Fn(Request<Incoming>) -> F)
where
    F: Future<Output = Response<Full<Bytes>>>,
{
    let service = service_fn(|request: Request<Incoming>| {
        let response = answer(request);
        async move { Ok::<_, Infallible>(response.await) }
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
