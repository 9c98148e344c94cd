//! Accepts connections.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;

use super::connections::{Connections, Place};
use super::socket::Socket;

/// The pause after a connection could not be accepted.
const RETRY_DELAY: Duration = Duration::from_millis(50);

/// A bound socket with a limit of connections. Further ones wait in the kernel's queue.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    connections: Connections,
    /// The next connection, for which there is no place yet.
    next: Option<(Socket, Option<IpAddr>)>,
    failing: bool,
}

/// An accepted connection. It counts towards the limit until it is dropped.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) socket: Socket,
    /// The address at the other end; none of a unix socket.
    pub(crate) peer: Option<IpAddr>,
    pub(crate) place: Place,
}

impl Accepted {
    /// Serves the connection in a task of its own, which is aborted if the connection has to make room.
    pub(crate) fn spawn<S>(self, serve: impl FnOnce(Accepted) -> S)
    where
        S: Future<Output = ()> + Send + 'static,
    {
        let served_by = self.place.served_by();
        served_by(tokio::spawn(serve(self)).abort_handle());
    }
}

impl Listener {
    /// Listens on `address`.
    pub(crate) async fn bind(address: SocketAddr, max_connections: u32) -> io::Result<Listener> {
        Ok(Listener {
            socket: TcpListener::bind(address).await?,
            connections: Connections::new(max_connections),
            next: None,
            failing: false,
        })
    }

    /// The address it listens on.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The accepted connections.
    pub(crate) fn connections(&self) -> &Connections {
        &self.connections
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

    /// The next connection in the kernel's queue, if there is one and a place for it.
    pub(crate) async fn queued(&mut self) -> Option<Accepted> {
        timeout(Duration::ZERO, self.try_accept()).await.ok()?.ok()
    }

    /// Closes the socket. Resolves when every accepted connection has ended.
    pub(crate) async fn close(self) {
        let connections = self.connections.clone();
        drop(self);
        connections.ended().await;
    }

    /// It loses no connection if it is dropped before it resolves.
    async fn try_accept(&mut self) -> io::Result<Accepted> {
        // A place is looked for when there is a client to have it.
        if self.next.is_none() {
            let (socket, peer) = self.socket.accept().await?;
            self.next = Some((Socket::Tcp(socket), Some(peer.ip().to_canonical())));
        }
        let place = self.connections.enter().await;
        let (socket, peer) = self.next.take().ok_or(io::ErrorKind::NotConnected)?;
        Ok(Accepted { socket, peer, place })
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
