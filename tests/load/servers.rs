//! The upstream and the bare hyper proxy: the same hyper and the same pooled client as the gate, and no checks; and a server
//! of `ext_authz` that permits everything.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, StatusCode, Uri, Version};
use http_body_util::{BodyExt, Either, Empty, Full};
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::Failure;
use crate::configurations::ANY;
use crate::environment::{CERTIFICATE_FILE, KEY_FILE};
use crate::least_gate::LeastGate;
use crate::programs::Protocol;

type Forwarder = Client<HttpConnector, Incoming>;

/// What a server prints before its address.
pub const ANNOUNCEMENT: &str = "listening on ";

/// Runs a service that answers every request with two bytes.
pub fn upstream() -> Result<(), Failure> {
    Runtime::new()?.block_on(accept(ANY, |socket| {
        let service = service_fn(async |_: Request<Incoming>| {
            let answer = Response::new(Full::new(Bytes::from_static(b"ok")));
            Ok::<_, Infallible>(answer)
        });
        http1::Builder::new().serve_connection(TokioIo::new(socket), service)
    }))
}

/// Runs a server of `envoy.service.auth.v3.Authorization` that permits each request without a look at it: a response without a status.
pub fn authorize() -> Result<(), Failure> {
    Runtime::new()?.block_on(accept(ANY, |socket| {
        let service = service_fn(async |request: Request<Incoming>| {
            // A stream that is answered before its end is reset, which Envoy may take for a failure.
            request.into_body().collect().await?;
            // A message that is not compressed and has no byte.
            let message = Full::new(Bytes::from_static(&[0; 5]));
            let status = [("grpc-status".parse()?, HeaderValue::from_static("0"))];
            let trailers = HeaderMap::from_iter(status);
            let mut answer = Response::new(message.with_trailers(async { Some(Ok(trailers)) }));
            let content_type = HeaderValue::from_static("application/grpc");
            answer.headers_mut().insert(CONTENT_TYPE, content_type);
            Ok::<_, Failure>(answer)
        });
        http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service)
    }))
}

/// Runs a proxy to `upstream` that only forwards, what `gate` permits if there is one.
pub fn proxy(
    address: &str,
    protocol: &str,
    upstream: &str,
    folder: &str,
    gate: Option<LeastGate>,
) -> Result<(), Failure> {
    let gate = gate.map(Arc::new);
    let protocol: Protocol = protocol.parse()?;
    let upstream: Authority = upstream.parse()?;
    let address: SocketAddr = address.parse()?;
    Runtime::new()?.block_on(async {
        let tls = match protocol.has_tls() {
            true => Some(acceptor(protocol, Path::new(folder))?),
            false => None,
        };
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let mut client = Client::builder(TokioExecutor::new());
        client.pool_timer(TokioTimer::new());
        let limits = gate.as_ref().and_then(|gate| gate.limits());
        if let Some(limits) = limits {
            client.http1_max_headers(limits.header_lines);
        }
        let client = client.build(connector);
        let serve_connection = |socket| {
            let (client, upstream, tls) = (client.clone(), upstream.clone(), tls.clone());
            let gate = gate.clone();
            async move {
                match tls {
                    None => serve(protocol, TokioIo::new(socket), client, upstream, gate).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(socket).await {
                            serve(protocol, TokioIo::new(stream), client, upstream, gate).await;
                        }
                    }
                }
            }
        };
        accept(address, serve_connection).await
    })
}

/// Listens at `address`, announces it, and gives each connection a task of its own.
pub async fn accept<F>(address: SocketAddr, serve: impl Fn(TcpStream) -> F) -> Result<(), Failure>
where
    F: Future<Output: Send> + Send + 'static,
{
    let listener = TcpListener::bind(address).await?;
    println!("{ANNOUNCEMENT}{}", listener.local_addr()?);
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        tokio::spawn(serve(socket));
    }
}

fn acceptor(protocol: Protocol, folder: &Path) -> Result<TlsAcceptor, Failure> {
    let certificate = std::fs::read(folder.join(CERTIFICATE_FILE))?;
    let key = PrivatePkcs8KeyDer::from(std::fs::read(folder.join(KEY_FILE))?);
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.into()], PrivateKeyDer::Pkcs8(key))?;
    config.alpn_protocols = vec![match protocol.is_http2() {
        true => b"h2".to_vec(),
        false => b"http/1.1".to_vec(),
    }];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn serve(
    protocol: Protocol,
    io: impl Read + Write + Send + Unpin + 'static,
    client: Forwarder,
    upstream: Authority,
    gate: Option<Arc<LeastGate>>,
) {
    let limits = gate.as_ref().and_then(|gate| gate.limits());
    let limit = limits.map(|limits| limits.response);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let is_permitted = gate.as_ref().is_none_or(|gate| gate.permits(request.headers_mut()));
        let (client, upstream) = (client.clone(), upstream.clone());
        async move {
            match is_permitted {
                true => match limit {
                    Some(limit) => timeout(limit, forward(client, upstream, request))
                        .await
                        .unwrap_or_else(|_| Ok(empty(StatusCode::GATEWAY_TIMEOUT))),
                    None => forward(client, upstream, request).await,
                },
                false => Ok(empty(StatusCode::UNAUTHORIZED)),
            }
        }
    });
    // A client that ends its connection is no failure of the comparison.
    let _ = match protocol.is_http2() {
        true => {
            http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .serve_connection(io, service)
                .await
        }
        false => {
            http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(io, service)
                .await
        }
    };
}

type Answer = Response<Either<Incoming, Empty<Bytes>>>;

async fn forward(client: Forwarder, upstream: Authority, mut request: Request<Incoming>) -> Result<Answer, Infallible> {
    let path = request.uri().path_and_query().cloned();
    let uri = Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(upstream)
        .path_and_query(path.unwrap_or(PathAndQuery::from_static("/")))
        .build();
    let answer = match uri {
        Ok(uri) => {
            *request.uri_mut() = uri;
            *request.version_mut() = Version::HTTP_11;
            client.request(request).await.ok()
        }
        Err(_) => None,
    };
    Ok(match answer {
        Some(answer) => answer.map(Either::Left),
        None => empty(StatusCode::BAD_GATEWAY),
    })
}

fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Either::Right(Empty::new()));
    *answer.status_mut() = status;
    answer
}
