//! The byte stream to an upstream, over TCP, TLS or a unix socket.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

use super::error::MAX_HEAD_BYTES;
use super::mismatch;
use crate::connection::joined_write::poll_write_pieces;

/// A connection as bytes.
#[derive(Debug)]
pub(super) enum Transport {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// What may arrive before a response head is complete. Each head has a smaller limit; this one is for interim responses,
/// of which a server can send any number. It has room for the part of a body that is read together with the head.
const MAX_INTERIM_BYTES: usize = 4 * MAX_HEAD_BYTES;

/// The count of a connection on which no response is awaited.
const NOT_AWAITED: usize = usize::MAX / 2;

/// How many bytes have arrived since the last request was sent, until the response head is complete.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    count: Arc<AtomicUsize>,
    first: Arc<OnceLock<FirstRead>>,
}

/// What came first of a connection.
#[derive(Debug)]
pub(super) enum FirstRead {
    /// At most eight bytes, and how many they are.
    Bytes([u8; 8], usize),
    /// An error, with what it shows.
    Failed(Option<&'static str>),
}

impl Default for Arrival {
    fn default() -> Arrival {
        Arrival {
            count: Arc::new(AtomicUsize::new(NOT_AWAITED)),
            first: Arc::default(),
        }
    }
}

/// Interim responses arrive without end.
#[derive(Debug, thiserror::Error)]
#[error("more than {} KiB arrived before the response", MAX_INTERIM_BYTES / 1024)]
struct EndlessInterim;

pub(super) fn is_endless_interim(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|cause| cause.is::<EndlessInterim>())
}

impl Arrival {
    /// A response is awaited from now on.
    pub(super) fn awaits_head(&self) {
        self.count.store(0, Ordering::Relaxed);
    }

    /// The response head is complete.
    pub(super) fn has_head(&self) {
        self.count.store(NOT_AWAITED, Ordering::Relaxed);
    }

    /// Whether a byte has arrived: since [`Arrival::awaits_head`], or at all where that is never called.
    pub(super) fn has_begun(&self) -> bool {
        !matches!(self.count.load(Ordering::Relaxed), 0 | NOT_AWAITED)
    }

    /// What came first of the connection; none before it.
    pub(super) fn first(&self) -> Option<&FirstRead> {
        self.first.get()
    }

    fn has_first(&self, arrived: Result<&[u8], &io::Error>) {
        // It is set once.
        let _ = self.first.set(match arrived {
            Ok(arrived) => {
                let mut bytes = [0; 8];
                let length = arrived.len().min(bytes.len());
                bytes[..length].copy_from_slice(&arrived[..length]);
                FirstRead::Bytes(bytes, length)
            }
            Err(error) => FirstRead::Failed(mismatch::of_error(error)),
        });
    }

    fn count(&self, bytes: usize) -> Result<(), EndlessInterim> {
        match self.count.fetch_add(bytes, Ordering::Relaxed) {
            MAX_INTERIM_BYTES..NOT_AWAITED => Err(EndlessInterim),
            _ => Ok(()),
        }
    }
}

/// A transport that counts the bytes that arrive.
#[derive(Debug)]
pub(super) struct UpstreamStream {
    transport: Transport,
    arrival: Arrival,
    has_arrived: bool,
}

impl UpstreamStream {
    pub(super) fn new(transport: Transport) -> UpstreamStream {
        UpstreamStream {
            transport,
            arrival: Arrival::default(),
            has_arrived: false,
        }
    }

    pub(super) fn arrival(&self) -> Arrival {
        self.arrival.clone()
    }
}

/// Calls a method of the stream that a transport is.
macro_rules! delegate {
    ($stream:expr, $method:ident($($argument:expr),*)) => {
        match &mut $stream.transport {
            Transport::Tcp(stream) => Pin::new(stream).$method($($argument),*),
            Transport::Unix(stream) => Pin::new(stream).$method($($argument),*),
            Transport::Tls(stream) => Pin::new(stream).$method($($argument),*),
        }
    };
}

impl AsyncRead for UpstreamStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = delegate!(self, poll_read(cx, buffer));
        if let (Poll::Ready(Err(error)), false) = (&read, self.has_arrived) {
            self.arrival.has_first(Err(error));
        }
        match buffer.filled().len() - before {
            0 => {}
            bytes => {
                if !self.has_arrived {
                    self.has_arrived = true;
                    self.arrival.has_first(Ok(&buffer.filled()[before..]));
                }
                self.arrival.count(bytes).map_err(io::Error::other)?;
            }
        }
        read
    }
}

impl AsyncWrite for UpstreamStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        delegate!(self, poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.transport {
            Transport::Tcp(stream) => poll_write_pieces(Pin::new(stream), cx, pieces),
            Transport::Unix(stream) => poll_write_pieces(Pin::new(stream), cx, pieces),
            Transport::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Tcp(stream) => stream.is_write_vectored(),
            Transport::Unix(stream) => stream.is_write_vectored(),
            Transport::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrives_before_a_response_head_is_bounded() {
        let arrival = Arrival::default();
        assert!(
            arrival.count(10 * MAX_INTERIM_BYTES).is_ok() && arrival.has_begun(),
            "without a request"
        );
        arrival.awaits_head();
        assert!(!arrival.has_begun());
        assert!(arrival.count(MAX_INTERIM_BYTES).is_ok() && arrival.has_begun());
        assert!(arrival.count(1).is_err());
        arrival.has_head();
        assert!(arrival.count(10 * MAX_INTERIM_BYTES).is_ok(), "the body");
    }
}
