//! Accepts connections.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::time::timeout;

use super::address::ListenAddress;
use super::socket::Socket;
use super::systemd::{self, Passed};
use super::unix_socket::{self, SocketFile};
use crate::server::connections::{Connections, Place};

/// The pause after a connection could not be accepted.
const RETRY_DELAY: Duration = Duration::from_millis(50);

/// A bound socket with a limit of connections. Further ones wait in the kernel's queue.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: Bound,
    connections: Connections,
    /// The next connection, for which there is no place yet.
    next: Option<(Socket, Option<IpAddr>)>,
    failing: bool,
}

/// A socket that listens.
#[derive(Debug)]
enum Bound {
    Tcp(TcpListener),
    Unix {
        socket: UnixListener,
        /// Removed with the socket; none if systemd made it.
        _file: Option<SocketFile>,
    },
}

impl Bound {
    async fn bind(address: &ListenAddress) -> io::Result<Bound> {
        Ok(match address {
            ListenAddress::Tcp(address) => Bound::Tcp(TcpListener::bind(address).await?),
            ListenAddress::Unix(path) => {
                let (socket, file) = unix_socket::bind(path).await?;
                Bound::Unix {
                    socket,
                    _file: Some(file),
                }
            }
            ListenAddress::Systemd => match systemd::socket()? {
                Passed::Tcp(socket) => Bound::Tcp(socket),
                Passed::Unix(socket) => Bound::Unix { socket, _file: None },
            },
        })
    }

    async fn accept(&self) -> io::Result<(Socket, Option<IpAddr>)> {
        match self {
            Bound::Tcp(socket) => {
                let (socket, peer) = socket.accept().await?;
                Ok((Socket::Tcp(socket), Some(peer.ip().to_canonical())))
            }
            Bound::Unix { socket, .. } => Ok((Socket::Unix(socket.accept().await?.0), None)),
        }
    }
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
    pub(crate) async fn bind(address: &ListenAddress, max_connections: u32) -> io::Result<Listener> {
        Ok(Listener {
            socket: Bound::bind(address).await?,
            connections: Connections::new(max_connections),
            next: None,
            failing: false,
        })
    }

    /// The address it listens on: of TCP with the port that the system chose.
    pub(crate) fn address(&self) -> io::Result<ListenAddress> {
        match &self.socket {
            Bound::Tcp(socket) => socket.local_addr().map(ListenAddress::Tcp),
            Bound::Unix { socket, .. } => {
                let address = socket.local_addr()?;
                let path = address.as_pathname().unwrap_or(Path::new("")).to_owned();
                Ok(ListenAddress::Unix(path))
            }
        }
    }

    /// The TCP address it listens on.
    pub(crate) fn tcp_address(&self) -> io::Result<SocketAddr> {
        self.address()?
            .tcp()
            .ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
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
            self.next = Some(self.socket.accept().await?);
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
        let mut listener = Listener::bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into(), 1)
            .await
            .unwrap();
        let address = listener.tcp_address().unwrap();
        let _one = TcpStream::connect(address).await.unwrap();
        let _two = TcpStream::connect(address).await.unwrap();
        let accepted = listener.accept().await;
        assert!(listener.queued().await.is_none());
        drop(accepted);
        drop(listener.accept().await);
        listener.close().await;
    }
}
