//! A stream that gives no more than answers to what was sent.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The bytes that may be read beyond those that answers take, at first and at most.
const FIRST_ROOM: usize = 64 * 1024;
const MAX_ROOM: usize = 1024 * 1024;

/// The bytes of an answer for each byte of its question. An answer takes some 30 bytes, an error some 100, and a question 200.
const ANSWER_BYTES: usize = 4;

/// How many bytes have been received.
#[derive(Clone, Debug, Default)]
pub(super) struct Received(Arc<AtomicU64>);

impl Received {
    pub(super) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A stream that fails where its server sends more than answers, which would have to be kept in memory until they end.
#[derive(Debug)]
pub(super) struct MeteredStream<S> {
    stream: S,
    received: Received,
    room: usize,
}

impl<S> MeteredStream<S> {
    pub(super) fn new(stream: S) -> MeteredStream<S> {
        MeteredStream {
            stream,
            received: Received::default(),
            room: FIRST_ROOM,
        }
    }

    /// Counts on while the stream is in use.
    pub(super) fn received(&self) -> Received {
        self.received.clone()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for MeteredStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
        let read = buffer.filled().len() - before;
        this.received.0.fetch_add(read as u64, Ordering::Relaxed);
        match this.room.checked_sub(read) {
            Some(room) => {
                this.room = room;
                Poll::Ready(Ok(()))
            }
            None => Poll::Ready(Err(io::Error::new(
                // What ends a connection.
                io::ErrorKind::ConnectionAborted,
                "the server sends more than answers",
            ))),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for MeteredStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.stream).poll_write(cx, bytes))?;
        let room = this.room.saturating_add(written.saturating_mul(ANSWER_BYTES));
        this.room = room.min(MAX_ROOM);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn answers_are_read_and_an_endless_one_is_not() {
        let (gate, mut server) = tokio::io::duplex(MAX_ROOM);
        let mut gate = MeteredStream::new(gate);
        let received = gate.received();
        let mut buffer = vec![0; 1024];
        for _ in 0..1000 {
            gate.write_all(&[b'q'; 200]).await.unwrap();
            server.read_exact(&mut buffer[..200]).await.unwrap();
            server.write_all(&[b'a'; 300]).await.unwrap();
            gate.read_exact(&mut buffer[..300]).await.unwrap();
        }
        assert_eq!(received.bytes(), 300_000);
        let endless = async { while server.write_all(&[b'x'; 1024]).await.is_ok() {} };
        let read = async {
            let mut bytes = 0;
            loop {
                match gate.read(&mut buffer).await {
                    Ok(read) => bytes += read,
                    Err(error) => break (bytes, error.kind()),
                }
            }
        };
        let (bytes, kind) = tokio::select! {
            () = endless => panic!(),
            read = read => read,
        };
        assert_eq!(kind, io::ErrorKind::ConnectionAborted);
        assert!((FIRST_ROOM..=MAX_ROOM).contains(&bytes), "{bytes}");
    }
}
