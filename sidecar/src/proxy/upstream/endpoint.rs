//! One address of an upstream: its connections and its health.

use std::sync::Arc;

use http::uri::Authority;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::connection::Connection;
use super::connector::Connector;
use super::error::ConnectError;
use super::health::Health;
use super::lease::Lease;
use super::pool::Pool;
use super::settings::{Address, PoolSettings};
use super::tls::Offer;

/// One address.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// As the decision log shows it.
    pub(super) name: Box<str>,
    /// As it is configured.
    pub(super) url: Box<str>,
    /// The authority of requests over HTTP/2 that name no host.
    pub(super) authority: Authority,
    pub(super) health: Health,
    connector: Connector,
    pool: Arc<Pool>,
    /// Held while a connection is established that others may share.
    connecting: Mutex<()>,
}

/// What a request needs of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) version: NeededVersion,
    pub(super) age: NeededAge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NeededVersion {
    Any,
    /// For a WebSocket: HTTP/1.1, or HTTP/2 where the address has nothing else.
    Tunnel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NeededAge {
    Any,
    /// One that was just established: it cannot have been closed by the server for want of requests.
    New,
}

/// Whether a connection has had a request before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    First,
    Repeated,
}

impl Endpoint {
    pub(super) fn new(address: &Address, url: String, connector: Connector, pool: PoolSettings) -> Endpoint {
        Endpoint {
            name: address.to_string().into(),
            url: url.into(),
            authority: match address {
                Address::Tcp(authority) => authority.clone(),
                Address::Unix(_) => Authority::from_static("localhost"),
            },
            health: Health::new(),
            connector,
            pool: Arc::new(Pool::new(pool)),
            connecting: Mutex::default(),
        }
    }

    /// A connection that was used before, and can be used `now`.
    pub(super) fn kept(&self, need: Need, now: Instant) -> Option<Lease> {
        let connection = match need {
            Need {
                age: NeededAge::New, ..
            } => None,
            Need {
                version: NeededVersion::Any,
                ..
            } => self.pool.take(now),
            Need {
                version: NeededVersion::Tunnel,
                ..
            } => match self.connector.may_have_http1() {
                true => self.pool.take_http1(now),
                false => self.pool.take(now),
            },
        };
        connection.map(|connection| self.lease(connection))
    }

    /// A new connection, or one that another request has established meanwhile.
    pub(super) async fn connect(&self, need: Need) -> Result<(Lease, Use), ConnectError> {
        let offer = match need.version {
            NeededVersion::Any => Offer::Both,
            NeededVersion::Tunnel => Offer::Http1,
        };
        let may_share = self.connector.may_have_http2() && (offer == Offer::Both || !self.connector.may_have_http1());
        if !may_share || !self.pool.is_enabled() {
            return Ok((self.establish(offer).await?, Use::First));
        }
        let connecting = tokio::time::timeout(self.connector.timeout(), self.connecting.lock()).await;
        let _connecting = connecting.map_err(|_| self.connector.timed_out())?;
        if let Some(lease) = self.kept(need, Instant::now()) {
            return Ok((lease, Use::Repeated));
        }
        Ok((self.establish(offer).await?, Use::First))
    }

    async fn establish(&self, offer: Offer) -> Result<Lease, ConnectError> {
        let connection = self.connector.connect(offer).await?;
        if let Connection::Http2(stream) = &connection {
            self.pool.share(stream.connection());
        }
        Ok(self.lease(connection))
    }

    fn lease(&self, connection: Connection) -> Lease {
        Lease {
            connection,
            pool: self.pool.clone(),
        }
    }
}
