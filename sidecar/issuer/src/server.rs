//! The listener: HTTP/1.1 on one address, with limits.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::authorization_server::{AuthorizationServer, Issuer};
use crate::keys::KeyError;
use crate::routes::route;
use crate::settings::Exposure;

/// The longest a client may take for a request's head, and the longest an idle connection is kept.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long open connections may go on once the server stops.
const DRAIN: Duration = Duration::from_secs(5);
/// The largest head of a request; a longer one is answered with 431.
const MAX_HEAD: usize = 64 * 1024;
/// A pause after a failed accept, which is nearly always a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Connections at a time; more wait to be accepted.
const MAX_CONNECTIONS: usize = 256;

/// An issuer bound to an address.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    server: Arc<AuthorizationServer>,
}

/// Why the server could not be bound.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The address is not loopback and the settings do not ask for more.
    #[error("{0} is not a loopback address: the issuer is not for production; `Exposure::Network` lifts this")]
    NotLoopback(SocketAddr),
    /// The address stands for every address of the machine, so it cannot be the issuer's name.
    #[error("an issuer that listens on {0} must be given its `issuer_url`")]
    NoIssuerUrl(SocketAddr),
    /// The system refused.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// The system's word.
        error: io::Error,
    },
}

impl Server {
    /// Binds the address; port 0 takes a free one. Must be called within a tokio runtime.
    pub async fn bind(address: SocketAddr, issuer: Issuer) -> Result<Server, BindError> {
        if issuer.settings.exposure == Exposure::Loopback && !address.ip().is_loopback() {
            return Err(BindError::NotLoopback(address));
        }
        if issuer.settings.issuer_url.is_none() && address.ip().is_unspecified() {
            return Err(BindError::NoIssuerUrl(address));
        }
        let failed = |error| BindError::Listen { address, error };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let server = Arc::new(AuthorizationServer::new(issuer, format!("http://{address}")));
        Ok(Server {
            listener,
            address,
            server,
        })
    }

    /// The issuer identifier: the `iss` of every token, and the address of the discovery documents.
    pub fn issuer_url(&self) -> &str {
        &self.server.issuer_url
    }

    /// The address the server listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// A way to rotate keys and move the clock while the server runs.
    pub fn handle(&self) -> Handle {
        Handle {
            server: Arc::clone(&self.server),
        }
    }

    /// Serves until `shutdown` is done, then lets open requests finish for up to 5 seconds.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let graceful = GracefulShutdown::new();
        let mut shutdown = pin!(shutdown);
        loop {
            let accepted = async {
                let permit = Arc::clone(&connections).acquire_owned().await;
                (permit, self.listener.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                () = &mut shutdown => break,
                accepted = accepted => accepted,
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let connection = graceful.watch(connection(stream, Arc::clone(&self.server)));
            tokio::spawn(async move {
                if connection.await.is_err() {
                    tracing::debug!("connection ended early");
                }
                drop(permit);
            });
        }
        drop(self.listener);
        if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
            tracing::debug!("connections were still open at the end");
        }
    }
}

type Io = TokioIo<TcpStream>;

fn connection(
    stream: TcpStream,
    server: Arc<AuthorizationServer>,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> {
    let service = service_fn(move |request| {
        let server = Arc::clone(&server);
        async move { Ok::<_, Infallible>(route(server, request).await) }
    });
    let io: Io = TokioIo::new(stream);
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .serve_connection(io, service)
}

/// Steers a server from within the process. Clones steer the same server.
#[derive(Clone)]
pub struct Handle {
    server: Arc<AuthorizationServer>,
}

impl Handle {
    /// Rotates the signing keys: the published next key becomes active, the active one retired (still published), and
    /// a new next key is published. Returns the key id that signs from now on. Blocks while a key is made.
    pub fn rotate_key(&self) -> Result<String, KeyError> {
        self.server.keys.rotate()
    }

    /// Takes every retired key out of the published set and returns how many. A resource server refuses the tokens
    /// they signed from its next refresh on.
    pub fn withdraw_retired(&self) -> usize {
        self.server.keys.withdraw_retired()
    }

    /// Moves the issuer's clock to the system's time plus `seconds`.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.server.settings.clock.set_offset(seconds);
    }
}
