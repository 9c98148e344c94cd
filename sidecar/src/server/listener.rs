//! Accepts connections.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::socket::Socket;

/// The pause after a connection could not be accepted.
const RETRY_DELAY: Duration = Duration::from_millis(50);

/// A bound socket with a limit of connections. Further ones wait in the kernel's queue.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    max_connections: u32,
    permits: Arc<Semaphore>,
    failing: bool,
}

/// An accepted connection. It counts towards the limit until it is dropped.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) socket: Socket,
    /// The address at the other end; none of a unix socket.
    pub(crate) peer: Option<IpAddr>,
    pub(super) _permit: OwnedSemaphorePermit,
}

impl Listener {
    /// Listens on `address`.
    pub(crate) async fn bind(address: SocketAddr, max_connections: u32) -> io::Result<Listener> {
        Ok(Listener {
            socket: TcpListener::bind(address).await?,
            max_connections,
            permits: Arc::new(Semaphore::new(max_connections as usize)),
            failing: false,
        })
    }

    /// The address it listens on.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The next connection. Failures are logged once and retried: they mean that sockets or memory are exhausted.
    pub(crate) async fn accept(&mut self) -> Accepted {
        loop {
            match self.try_accept().await {
                Ok(accepted) => {
                    self.failing = false;
                    return accepted;
                }
                Err(error) => {
                    if !std::mem::replace(&mut self.failing, true) {
                        tracing::warn!(%error, "connections cannot be accepted");
                    }
                    tokio::time::sleep(RETRY_DELAY).await;
                }
            }
        }
    }

    /// The next connection in the kernel's queue, if there is one.
    pub(crate) async fn queued(&self) -> Option<Accepted> {
        timeout(Duration::ZERO, self.try_accept()).await.ok()?.ok()
    }

    /// Closes the socket. Resolves when every accepted connection has ended.
    pub(crate) async fn close(self) {
        drop(self.socket);
        // Fails only if the semaphore is closed.
        let _ = self.permits.acquire_many(self.max_connections).await;
    }

    async fn try_accept(&self) -> io::Result<Accepted> {
        let permit = self.permits.clone().acquire_owned().await.map_err(io::Error::other)?;
        let (socket, peer) = self.socket.accept().await?;
        Ok(Accepted {
            socket: Socket::Tcp(socket),
            peer: Some(peer.ip().to_canonical()),
            _permit: permit,
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn a_connection_beyond_the_limit_waits() {
        let mut listener = Listener::bind(([127, 0, 0, 1], 0).into(), 1).await.unwrap();
        let address = listener.address().unwrap();
        let _one = TcpStream::connect(address).await.unwrap();
        let _two = TcpStream::connect(address).await.unwrap();
        let accepted = listener.accept().await;
        assert!(listener.queued().await.is_none());
        drop(accepted);
        drop(listener.accept().await);
        listener.close().await;
    }
}
