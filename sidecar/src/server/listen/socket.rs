//! The sockets of clients.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use crate::connection::joined_write::poll_write_pieces;

/// An accepted socket.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A socket that no runtime waits for.
#[derive(Debug)]
pub(crate) enum DetachedSocket {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

impl DetachedSocket {
    /// Makes it one of the current runtime.
    pub(crate) fn attach(self) -> io::Result<Socket> {
        match self {
            DetachedSocket::Tcp(socket) => TcpStream::from_std(socket).map(Socket::Tcp),
            DetachedSocket::Unix(socket) => UnixStream::from_std(socket).map(Socket::Unix),
        }
    }
}

impl Socket {
    /// Takes it from its runtime, for another one.
    pub(crate) fn detach(self) -> io::Result<DetachedSocket> {
        match self {
            Socket::Tcp(socket) => socket.into_std().map(DetachedSocket::Tcp),
            Socket::Unix(socket) => socket.into_std().map(DetachedSocket::Unix),
        }
    }

    /// Sends small responses at once. A unix socket does so by itself.
    pub(crate) fn send_at_once(&self) {
        if let Socket::Tcp(socket) = self {
            let _ = socket.set_nodelay(true);
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, target: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Tcp(socket) => Pin::new(socket).poll_read(cx, target),
            Socket::Unix(socket) => Pin::new(socket).poll_read(cx, target),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Socket::Tcp(socket) => Pin::new(socket).poll_write(cx, bytes),
            Socket::Unix(socket) => Pin::new(socket).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Tcp(socket) => Pin::new(socket).poll_flush(cx),
            Socket::Unix(socket) => Pin::new(socket).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Tcp(socket) => Pin::new(socket).poll_shutdown(cx),
            Socket::Unix(socket) => Pin::new(socket).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Socket::Tcp(socket) => poll_write_pieces(Pin::new(socket), cx, pieces),
            Socket::Unix(socket) => poll_write_pieces(Pin::new(socket), cx, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Socket::Tcp(socket) => socket.is_write_vectored(),
            Socket::Unix(socket) => socket.is_write_vectored(),
        }
    }
}
