//! The settings of an upstream.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use http::uri::Authority;

use super::place::Place;

/// The most addresses of an upstream.
pub(crate) const MAX_ADDRESSES: usize = 64;

/// Time limits of an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UpstreamTimeouts {
    /// For establishing a connection.
    pub(crate) connect: Duration,
    /// Longest time without progress until the response head arrives.
    pub(crate) response: Duration,
    /// Longest time without a part of the response body.
    pub(crate) body: Duration,
    /// The same for event streams and gRPC.
    pub(crate) stream: Duration,
}

impl Default for UpstreamTimeouts {
    fn default() -> Self {
        UpstreamTimeouts {
            connect: Duration::from_secs(5),
            response: Duration::from_secs(60),
            body: Duration::from_secs(60),
            stream: Duration::from_secs(3600),
        }
    }
}

/// Which connections to an address are kept for further requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PoolSettings {
    /// How long a connection may be idle; zero is a connection for each request.
    pub(crate) idle: Duration,
    /// How many connections may be idle.
    pub(crate) size: usize,
    /// The age at which a connection gets no further request, so that a name is looked up again.
    pub(crate) lifetime: Duration,
}

impl Default for PoolSettings {
    fn default() -> Self {
        PoolSettings {
            // Shorter than the time of common servers (5 s and more): a request with a body on a connection that the
            // server closes is lost, since it is never sent twice.
            idle: Duration::from_secs(4),
            size: 256,
            lifetime: Duration::from_secs(300),
        }
    }
}

/// One address of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// A host and a port.
    Tcp(Authority),
    /// The path of a socket.
    Unix(PathBuf),
}

/// How requests are sent to an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1 in plain text.
    Http1,
    /// HTTP/2 in plain text, by prior knowledge (RFC 9113 section 3.3).
    Http2,
    /// HTTP/2 or HTTP/1.1 over TLS, which the server chooses.
    Tls(TlsFiles),
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Http1 => "http",
            Protocol::Http2 => "h2c",
            Protocol::Tls(_) => "https",
        })
    }
}

/// What a connection over TLS is secured with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// The roots for the certificate of the server; without it those of the operating system.
    pub(crate) roots: Option<PathBuf>,
    /// The certificate of the gate, and its key.
    pub(crate) client: Option<ClientFiles>,
    /// The name in the certificate of the server; without it the host of the address.
    pub(crate) server_name: Option<String>,
}

/// The certificate with which the gate identifies itself to the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// One service behind the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UpstreamSettings {
    /// At least one.
    pub(crate) addresses: Vec<Address>,
    pub(crate) protocol: Protocol,
    pub(crate) pool: PoolSettings,
    /// The requests that it receives.
    pub(crate) place: Place,
}

impl UpstreamSettings {
    /// A service at one address, over HTTP/1.1 in plain text.
    #[cfg(test)]
    pub(crate) fn plain(address: Address) -> UpstreamSettings {
        UpstreamSettings {
            addresses: vec![address],
            protocol: Protocol::Http1,
            pool: PoolSettings::default(),
            place: Place::default(),
        }
    }

    /// One of its addresses as a URL. A URL with credentials is no address of an upstream.
    pub(crate) fn url(&self, address: &Address) -> String {
        match address {
            Address::Tcp(authority) => format!("{}://{authority}", self.protocol),
            Address::Unix(_) => address.to_string(),
        }
    }

    /// Whether the roots of the operating system are used.
    pub(crate) fn uses_system_roots(&self) -> bool {
        matches!(&self.protocol, Protocol::Tls(files) if files.roots.is_none())
    }
}

impl fmt::Display for UpstreamSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.addresses.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{}", self.url(address))?;
        }
        Ok(())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(authority) => authority.fmt(f),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
