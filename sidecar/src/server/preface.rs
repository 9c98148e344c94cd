//! The protocol of a connection without TLS, which its first bytes show (RFC 9113 section 3.3).

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a client of HTTP/2 sends first. HTTP/1 has no request that begins with it.
const HTTP2: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The number of bytes that are read at a time: a usual request head, so that it needs no second read.
const READ_BYTES: usize = 8 * 1024;

/// The protocols of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// Reads what comes first, without its protocol. The bytes are read again from the returned socket.
pub(super) async fn first<S: AsyncRead + Unpin>(mut socket: S) -> io::Result<Rewound<S>> {
    let mut first = BytesMut::new();
    poll_fn(|cx| poll_read_more(&mut socket, cx, &mut first)).await?;
    let first = first.freeze();
    Ok(Rewound { first, socket })
}

/// Reads until the protocol is certain. The bytes are read again from the returned socket.
pub(super) async fn protocol<S: AsyncRead + Unpin>(mut socket: S) -> io::Result<(Protocol, Rewound<S>)> {
    let mut first = BytesMut::new();
    let protocol = loop {
        let read = poll_fn(|cx| poll_read_more(&mut socket, cx, &mut first)).await?;
        match matching(&first) {
            Matching::Whole => break Protocol::Http2,
            // The rest of the preface can still arrive.
            Matching::Part if read > 0 => continue,
            _ => break Protocol::Http1,
        }
    };
    let first = first.freeze();
    Ok((protocol, Rewound { first, socket }))
}

/// Reads once. The bytes go to memory of their own length: a connection that has sent nothing holds none.
fn poll_read_more<S: AsyncRead + Unpin>(
    socket: &mut S,
    cx: &mut Context<'_>,
    first: &mut BytesMut,
) -> Poll<io::Result<usize>> {
    let mut space = [MaybeUninit::uninit(); READ_BYTES];
    let mut target = ReadBuf::uninit(&mut space);
    ready!(Pin::new(socket).poll_read(cx, &mut target))?;
    first.extend_from_slice(target.filled());
    Poll::Ready(Ok(target.filled().len()))
}

enum Matching {
    Whole,
    Part,
    No,
}

fn matching(first: &[u8]) -> Matching {
    if first.starts_with(HTTP2) {
        Matching::Whole
    } else if HTTP2.starts_with(first) {
        Matching::Part
    } else {
        Matching::No
    }
}

/// A socket whose first bytes are read again.
#[derive(Debug)]
pub(super) struct Rewound<S> {
    first: Bytes,
    socket: S,
}

impl<S> Rewound<S> {
    /// The bytes that are read again.
    pub(super) fn first(&self) -> &[u8] {
        &self.first
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewound<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, target: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.socket).poll_read(cx, target);
        }
        let length = self.first.len().min(target.remaining());
        target.put_slice(&self.first[..length]);
        self.first.advance(length);
        if self.first.is_empty() {
            // It holds no memory any more.
            self.first = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewound<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn of(parts: &[&[u8]]) -> (Protocol, Vec<u8>) {
        let (mut client, server) = tokio::io::duplex(1024);
        let sender = async {
            for part in parts {
                client.write_all(part).await.unwrap();
                tokio::task::yield_now().await;
            }
            drop(client);
        };
        let reader = async {
            let (protocol, mut socket) = protocol(server).await.unwrap();
            let mut all = Vec::new();
            socket.read_to_end(&mut all).await.unwrap();
            (protocol, all)
        };
        tokio::join!(sender, reader).1
    }

    #[tokio::test]
    async fn only_the_whole_preface_is_http_2() {
        let whole: &[&[u8]] = &[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"rest"];
        let parts: &[&[u8]] = &[b"P", b"RI * HTTP/2.0\r\n\r", b"\nSM\r\n\r\nrest"];
        for http2 in [whole, parts] {
            assert_eq!(of(http2).await, (Protocol::Http2, http2.concat()));
        }
        let request: &[&[u8]] = &[b"GET / HTTP/1.1\r\n\r\n"];
        let post: &[&[u8]] = &[b"P", b"OST / HTTP/1.1\r\n\r\n"];
        let other: &[&[u8]] = &[b"PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n"];
        let part: &[&[u8]] = &[b"PRI * HTTP/2.0\r\n\r\nSM"];
        for http1 in [request, post, other, part, &[]] {
            assert_eq!(of(http1).await, (Protocol::Http1, http1.concat()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_of_the_preface_decides_nothing() {
        let (mut client, server) = tokio::io::duplex(1024);
        client.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
        let waiting = tokio::time::timeout(Duration::from_secs(60), protocol(server)).await;
        assert!(waiting.is_err());
    }
}
