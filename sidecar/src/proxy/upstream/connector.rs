//! Establishes connections to one address of an upstream.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use std::{fmt, io, vec};

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::connection::{Connection, Http1Connection, Http2Connection};
use super::error::{ConnectError, Reason};
use super::settings::{Address, Protocol};
use super::stream::{Transport, UpstreamStream};
use super::tls::{Offer, UpstreamTls};

/// How long a connection is silent before the operating system asks whether the other side is still there.
const TCP_KEEP_ALIVE: Duration = Duration::from_secs(60);

/// The version of HTTP that a connection has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Http1,
    Http2,
}

/// Connects to one address. A name is looked up for each connection.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    target: Target,
    /// For the whole of a connection: look-up, TCP and TLS.
    timeout: Duration,
}

#[derive(Clone, Debug)]
enum Target {
    Plain(Tcp, Version),
    Tls(Tcp, Arc<UpstreamTls>),
    Unix(PathBuf, Version),
}

#[derive(Clone, Debug)]
struct Tcp {
    connector: HttpConnector<Resolver>,
    uri: Uri,
}

impl Connector {
    /// A connector for `address`; `tls` where the protocol has it.
    pub(super) fn new(
        address: &Address,
        protocol: &Protocol,
        tls: Option<Arc<UpstreamTls>>,
        timeout: Duration,
        resolver: Resolver,
    ) -> Result<Connector, String> {
        let version = match protocol {
            Protocol::Http2 => Version::Http2,
            Protocol::Http1 | Protocol::Tls(_) => Version::Http1,
        };
        let target = match (address, tls) {
            (Address::Unix(path), None) => Target::Unix(path.clone(), version),
            // Never in plain text where TLS is configured.
            (Address::Unix(_), Some(_)) => return Err("a unix socket has no tls".to_owned()),
            (Address::Tcp(authority), None) => Target::Plain(Tcp::new(authority, timeout, resolver)?, version),
            (Address::Tcp(authority), Some(tls)) => Target::Tls(Tcp::new(authority, timeout, resolver)?, tls),
        };
        Ok(Connector { target, timeout })
    }

    /// Whether a connection can have HTTP/2, which several requests share.
    pub(super) fn may_have_http2(&self) -> bool {
        match self.target {
            Target::Plain(_, version) | Target::Unix(_, version) => version == Version::Http2,
            Target::Tls(..) => true,
        }
    }

    /// Whether a connection can have HTTP/1.1, which has upgrades.
    pub(super) fn may_have_http1(&self) -> bool {
        match self.target {
            Target::Plain(_, version) | Target::Unix(_, version) => version == Version::Http1,
            Target::Tls(..) => true,
        }
    }

    /// How long a connection may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The error of a connection that was not established in time.
    pub(super) fn timed_out(&self) -> ConnectError {
        ConnectError(Reason::new(format!(
            "not established within {}",
            humantime::format_duration(self.timeout)
        )))
    }

    /// Establishes a connection and begins HTTP on it.
    pub(super) async fn connect(&self, offer: Offer) -> Result<Connection, ConnectError> {
        let connected = async {
            match self.stream(offer).await? {
                (stream, Version::Http1) => Ok(Connection::Http1(Http1Connection::begin(stream).await?)),
                (stream, Version::Http2) => Ok(Connection::Http2(Http2Connection::begin(stream).await?.stream())),
            }
        };
        match tokio::time::timeout(self.timeout, connected).await {
            Ok(connected) => connected,
            Err(_) => Err(self.timed_out()),
        }
    }

    async fn stream(&self, offer: Offer) -> Result<(UpstreamStream, Version), ConnectError> {
        match &self.target {
            Target::Plain(tcp, version) => {
                let stream = tcp.connect().await?;
                Ok((UpstreamStream::new(Transport::Tcp(stream)), *version))
            }
            Target::Unix(path, version) => {
                let stream = UnixStream::connect(path)
                    .await
                    .map_err(|error| ConnectError::of(&error))?;
                Ok((UpstreamStream::new(Transport::Unix(stream)), *version))
            }
            Target::Tls(tcp, tls) => {
                let name = tls.server_name(tcp.uri.host().unwrap_or_default());
                let name = name.map_err(|error| ConnectError::of(&error))?;
                let stream = tcp.connect().await?;
                let config = tls.current().config(offer);
                let secured = TlsConnector::from(config).connect(name, stream).await;
                let stream = secured.map_err(|error| ConnectError(Reason::of(&error).in_tls()))?;
                let version = match stream.get_ref().1.alpn_protocol() {
                    Some(b"h2") => Version::Http2,
                    _ => Version::Http1,
                };
                Ok((UpstreamStream::new(Transport::Tls(Box::new(stream))), version))
            }
        }
    }
}

impl Tcp {
    fn new(authority: &Authority, timeout: Duration, resolver: Resolver) -> Result<Tcp, String> {
        let mut connector = HttpConnector::new_with_resolver(resolver);
        connector.set_connect_timeout(Some(timeout));
        connector.set_nodelay(true);
        connector.set_keepalive(Some(TCP_KEEP_ALIVE));
        let uri = Uri::builder().scheme(Scheme::HTTP).authority(authority.clone());
        let uri = uri.path_and_query(PathAndQuery::from_static("/")).build();
        Ok(Tcp {
            connector,
            uri: uri.map_err(|error| error.to_string())?,
        })
    }

    async fn connect(&self) -> Result<TcpStream, ConnectError> {
        let mut connector = self.connector.clone();
        let connected = connector.call(self.uri.clone()).await;
        let stream = connected.map_err(|error| ConnectError::of(&error))?;
        Ok(stream.into_inner())
    }
}

type Addresses = Pin<Box<dyn Future<Output = io::Result<vec::IntoIter<SocketAddr>>> + Send>>;

/// Looks names up.
#[derive(Clone)]
pub(super) struct Resolver(Arc<dyn Fn(String) -> Addresses + Send + Sync>);

impl Resolver {
    /// That of the operating system.
    pub(super) fn system() -> Resolver {
        Resolver(Arc::new(|name| {
            Box::pin(async move {
                let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
                Ok(addresses.into_iter())
            })
        }))
    }

    /// One that answers each look-up with the current result of `look_up`.
    #[cfg(test)]
    pub(super) fn of(look_up: impl Fn(&str) -> Vec<SocketAddr> + Send + Sync + 'static) -> Resolver {
        Resolver(Arc::new(move |name| {
            let addresses = look_up(&name);
            Box::pin(async move { Ok(addresses.into_iter()) })
        }))
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Addresses;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Addresses {
        (self.0)(name.as_str().to_owned())
    }
}
