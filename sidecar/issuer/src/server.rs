//! The listener: HTTP/1.1 on one address, with limits.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutWriter;

use crate::parameters::Peer;
use crate::routes::router;
use crate::secret::random_id;
use crate::settings::{AdminSecret, Settings, SettingsError};
use crate::store::DataError;
use crate::{Issuer, KeyError, Registry, Revoked};

/// The maximum time for the head of a request to arrive, and for a connection to be idle.
/// Clients that poll every 5 seconds reuse their connection: it must not end as they send.
const HEADER_TIMEOUT: Duration = Duration::from_secs(8);
/// The same, and that of a stalled response, of a connection that begins while three quarters are open: it makes room soon.
const CROWDED_TIMEOUT: Duration = Duration::from_millis(500);
/// The maximum time for which a client takes nothing of a response.
const STALLED_TIMEOUT: Duration = Duration::from_secs(30);
/// The maximum time for open requests to finish during shutdown.
const DRAIN: Duration = Duration::from_secs(5);
/// The maximum size of the head of a request; a larger one is answered with 431.
const MAX_HEAD: usize = 64 * 1024;
/// The pause after a failed accept, which usually means that no file descriptor is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// The maximum number of open connections; more wait to be accepted.
const MAX_CONNECTIONS: usize = 256;

/// An issuer bound to an address.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    server: Arc<Issuer>,
    /// None if the settings have one.
    admin_secret: Option<AdminSecret>,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A setting is invalid.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The data cannot be used, or the signing keys could not be generated.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The operating system did not bind the address.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The requested address.
        address: SocketAddr,
        /// The error of the operating system.
        error: io::Error,
    },
}

impl Server {
    /// Checks the settings, binds the address, opens the data and reads or generates the signing keys. Port 0 takes a free
    /// port. Must be called within a tokio runtime.
    pub async fn bind(address: SocketAddr, mut settings: Settings, registry: Registry) -> Result<Server, StartError> {
        settings.check(address)?;
        let admin_secret = match settings.admin_secret {
            Some(_) => None,
            None => Some(AdminSecret(random_id().map_err(|_| DataError::Key(KeyError))?)),
        };
        settings.admin_secret = settings.admin_secret.or_else(|| admin_secret.clone());
        let failed = |error| StartError::Listen { address, error };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let server = Arc::new(Issuer::new(settings, registry, format!("http://{address}"))?);
        Ok(Server {
            listener,
            address,
            server,
            admin_secret,
        })
    }

    /// The issuer identifier: the `iss` of every token, and the base URL of the endpoints.
    pub fn issuer_url(&self) -> &str {
        &self.server.issuer_url
    }

    /// The secret of the administration API, if it was generated at the start.
    pub fn admin_secret(&self) -> Option<&str> {
        self.admin_secret.as_ref().map(|secret| &*secret.0)
    }

    /// The address of the listener.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// A handle that rotates keys and moves the clock while the server runs.
    pub fn handle(&self) -> IssuerHandle {
        IssuerHandle(Arc::clone(&self.server))
    }

    /// Serves until `shutdown` completes, then lets open requests finish for up to 5 seconds.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let router = router(self.server);
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).max_buf_size(MAX_HEAD);
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
            let Ok((stream, peer)) = accepted else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let crowded = (connections.available_permits() < MAX_CONNECTIONS / 4).then_some(CROWDED_TIMEOUT);
            http.header_read_timeout(crowded.unwrap_or(HEADER_TIMEOUT));
            let service = TowerToHyperService::new(router.clone().layer(Extension(Peer(peer.ip()))));
            let mut stream = TimeoutWriter::new(stream);
            stream.set_timeout(Some(crowded.unwrap_or(STALLED_TIMEOUT)));
            let connection = graceful.watch(http.serve_connection(TokioIo::new(Box::pin(stream)), service));
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

/// Controls a running server from the same process. Clones control the same server.
#[derive(Clone, Debug)]
pub struct IssuerHandle(Arc<Issuer>);

impl IssuerHandle {
    /// Rotates the signing keys: the published next key becomes active, the active one retired (still published), and
    /// a new next key is published. Returns the key id that signs from then on. Blocks while a key is generated.
    pub fn rotate_key(&self) -> Result<String, DataError> {
        Ok(self.0.rotate_keys()?.active.id.clone())
    }

    /// Ends every live access token and refresh token that names the party as its subject or as any actor. The party
    /// is a user, or a client such as an agent; it can get new tokens afterwards. Blocks while all tokens are read.
    pub fn revoke_party(&self, party: &str) -> Result<Revoked, DataError> {
        Ok(self.0.changed(|change| change.revoke_party(party))?)
    }

    /// Withdraws the consent of a user for a client: the tokens of the user in which the client has a part end, and
    /// refresh and exchange fail until the user consents again. Blocks while all tokens are read.
    pub fn withdraw_consent(&self, user: &str, client: &str) -> Result<Revoked, DataError> {
        Ok(self.0.changed(|change| change.withdraw_consent(user, client))?)
    }

    /// The lines of one transaction (`txn` of its tokens) in the audit trail, the oldest first; without a folder those of
    /// the last 10,000 lines. None if the trail cannot be read.
    pub fn audited(&self, txn: &str) -> Vec<String> {
        self.0.store.audited(txn).unwrap_or_default()
    }

    /// The one-time password of a user at the time of the issuer's clock. None for a user without one.
    pub fn one_time_password(&self, user: &str) -> Option<String> {
        let totp = self.0.registry.users.get(user)?.second_factor.as_ref()?;
        Some(totp.code_at(self.0.clock.now()))
    }

    /// Sets the issuer's clock to the system's time plus `seconds`.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.0.clock.set_offset(seconds);
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpSocket;

    use super::{STALLED_TIMEOUT, Server};
    use crate::registry::Registry;
    use crate::settings::Settings;

    /// More than the buffers of both sockets hold.
    const REQUESTS: usize = 4_000;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_no_response_is_cut() {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::bind(address, Settings::default(), Registry::demo().unwrap());
        let server = server.await.unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let mut client = socket.connect(server.local_addr()).await.unwrap();
        // They wait in the kernel before the server runs: the paused clock moves whenever the server has nothing to do.
        let requests = "GET /style.css HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(REQUESTS);
        client.write_all(requests.as_bytes()).await.unwrap();
        tokio::spawn(server.serve(std::future::pending()));
        tokio::time::sleep(STALLED_TIMEOUT + Duration::from_secs(1)).await;
        let mut responses = Vec::new();
        // The end may be a reset, as requests are left unread.
        let _ = client.read_to_end(&mut responses).await;
        let whole = String::from_utf8_lossy(&responses).matches("HTTP/1.1 200 OK").count();
        assert!((1..REQUESTS).contains(&whole), "{whole} responses");
    }
}
