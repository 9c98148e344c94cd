//! The client's connection as bytes, before hyper parses them.
//!
//! hyper's request no longer tells everything its head said (see [`RawHead`]). [`Wire`] stands between socket and hyper, hands every byte on
//! unchanged, never hands on a byte of the next request before the service has taken this one, and leaves what it saw of each head in a
//! [`HeadSlot`]. It also holds the time limits that hyper does not have: that of a head, which hyper cannot tell from the idle time between two
//! requests, and that of an answer nobody reads.

mod body_scan;
mod raw_head;
mod write_timeout;

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use self::body_scan::BodyScan;
use self::raw_head::HeadScan;
use self::write_timeout::Unread;

pub use self::raw_head::{MAX_HEAD_BYTES, RawHead};

/// How long, and for how many bytes, a closing connection is read on.
const LINGER_TIME: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1024 * 1024;

/// The place where the wire leaves what it saw of a head and the service says how long the body is. One head, one call of the service.
#[derive(Debug, Default)]
pub struct HeadSlot(Mutex<Slot>);

#[derive(Debug, Default)]
enum Slot {
    #[default]
    Empty,
    Seen(RawHead),
    Taken {
        body_length: Option<u64>,
    },
}

impl HeadSlot {
    /// What the wire saw of the head of the request being served, whose body has `body_length` bytes (`None`: chunked).
    /// `None` when no head is waiting, which a caller must treat as a refusal.
    pub fn take(&self, body_length: Option<u64>) -> Option<RawHead> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *slot, Slot::Taken { body_length }) {
            Slot::Seen(head) => Some(head),
            Slot::Empty | Slot::Taken { .. } => None,
        }
    }

    fn leave(&self, head: RawHead) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Slot::Seen(head);
    }

    fn body(&self) -> Option<BodyScan> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *slot {
            Slot::Taken { body_length } => {
                *slot = Slot::Empty;
                Some(BodyScan::new(body_length))
            }
            Slot::Empty | Slot::Seen(_) => None,
        }
    }
}

/// A client's connection that watches where its heads begin and end.
#[derive(Debug)]
pub struct Wire<S> {
    socket: S,
    slot: Arc<HeadSlot>,
    place: Place,
    scan: HeadScan,
    /// Read from the socket, not yet handed on: the first bytes behind a head or a body.
    held: VecDeque<u8>,
    head_limit: Duration,
    head_due: HeadDue,
    unread: Unread,
    lingering: Option<Lingering>,
}

#[derive(Debug)]
enum Place {
    Head,
    /// A complete head has been handed on; the service has not said yet how long its body is.
    Served,
    Body(BodyScan),
}

#[derive(Debug)]
enum HeadDue {
    /// No head is under way: between two requests hyper's own limit of the idle time holds.
    No,
    At(Pin<Box<Sleep>>),
}

impl<S> Wire<S> {
    /// Watches `socket`. A head must arrive whole within `head_limit` of its first byte, and the first one within `head_limit` of now.
    /// Once the client takes no byte of an answer for `unread_limit`, writing to it fails.
    pub fn new(socket: S, head_limit: Duration, unread_limit: Duration) -> (Wire<S>, Arc<HeadSlot>) {
        let slot = Arc::new(HeadSlot::default());
        let wire = Wire {
            socket,
            slot: slot.clone(),
            place: Place::Head,
            scan: HeadScan::default(),
            held: VecDeque::new(),
            head_limit,
            head_due: HeadDue::At(Box::pin(tokio::time::sleep(head_limit))),
            unread: Unread::new(unread_limit),
            lingering: None,
        };
        (wire, slot)
    }

    /// Walks over fresh bytes; returns how many of them may be handed on now. What is left over waits until the service has taken the head.
    fn pass(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut passed = 0;
        while passed < bytes.len() {
            match &mut self.place {
                Place::Body(BodyScan::Ended) => self.place = Place::Head,
                Place::Body(body) => passed += body.take(&bytes[passed..])?,
                // hyper reads on only after it has called the service: if it has not, the two disagree about where the head ends.
                Place::Served if passed == 0 => {
                    let body = self
                        .slot
                        .body()
                        .ok_or_else(|| io::Error::other("read past a head that is not served yet"))?;
                    self.place = Place::Body(body);
                }
                Place::Served => break,
                Place::Head => passed += self.pass_head(&bytes[passed..]),
            }
        }
        Ok(passed)
    }

    fn pass_head(&mut self, bytes: &[u8]) -> usize {
        let (taken, head) = self.scan.take(bytes);
        if let Some(head) = head {
            self.slot.leave(head);
            self.place = Place::Served;
            self.head_due = HeadDue::No;
        } else if self.scan.started() && matches!(self.head_due, HeadDue::No) {
            self.head_due = HeadDue::At(Box::pin(tokio::time::sleep(self.head_limit)));
        }
        taken
    }

    /// Hands on what is held, as far as it may go.
    fn pass_held(&mut self, target: &mut ReadBuf<'_>) -> io::Result<()> {
        let mut held = std::mem::take(&mut self.held);
        let bytes = held.make_contiguous();
        let fits = bytes.len().min(target.remaining());
        let passed = self.pass(&bytes[..fits])?;
        target.put_slice(&bytes[..passed]);
        held.drain(..passed);
        self.held = held;
        Ok(())
    }

    fn poll_head_due(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.head_due {
            HeadDue::No => Poll::Pending,
            HeadDue::At(due) => due
                .as_mut()
                .poll(cx)
                .map(|()| Err(io::Error::new(io::ErrorKind::TimedOut, "request head took too long"))),
        }
    }
}

/// Reads on after the last response, so that a client that is still sending gets to read it: closing a socket with unread bytes makes the
/// kernel reset the connection and throw the response away (RFC 9112 section 9.6).
#[derive(Debug)]
struct Lingering {
    bytes_left: usize,
    until: Pin<Box<Sleep>>,
}

impl Lingering {
    fn poll(&mut self, socket: &mut (impl AsyncRead + Unpin), cx: &mut Context<'_>) -> Poll<()> {
        let mut space = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut space);
            match Pin::new(&mut *socket).poll_read(cx, &mut buffer) {
                Poll::Pending => return self.until.as_mut().poll(cx),
                Poll::Ready(Ok(())) if (1..self.bytes_left).contains(&buffer.filled().len()) => {
                    self.bytes_left -= buffer.filled().len()
                }
                Poll::Ready(_) => return Poll::Ready(()),
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, target: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        if !wire.held.is_empty() {
            return Poll::Ready(wire.pass_held(target));
        }
        let before = target.filled().len();
        // The socket first, the limit after it: a head that has arrived is not late because hyper was busy with the response before it.
        if Pin::new(&mut wire.socket).poll_read(cx, target)?.is_pending() {
            return wire.poll_head_due(cx);
        }
        let passed = wire.pass(&target.filled()[before..])?;
        wire.held.extend(&target.filled()[before + passed..]);
        target.set_filled(before + passed);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        let written = Pin::new(&mut wire.socket).poll_write(cx, bytes);
        wire.unread.limit(written, cx)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        let lingering = match &mut wire.lingering {
            Some(lingering) => lingering,
            None => {
                ready!(Pin::new(&mut wire.socket).poll_shutdown(cx))?;
                wire.lingering.insert(Lingering {
                    bytes_left: LINGER_BYTES,
                    until: Box::pin(tokio::time::sleep(LINGER_TIME)),
                })
            }
        };
        lingering.poll(&mut wire.socket, cx).map(Ok)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        let written = Pin::new(&mut wire.socket).poll_write_vectored(cx, pieces);
        wire.unread.limit(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_pipelined_head_is_held_back_until_the_first_is_served() {
        let (mut client, server) = tokio::io::duplex(4096);
        let (mut wire, slot) = Wire::new(server, Duration::from_secs(5), Duration::from_secs(30));
        let first = b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n";
        let second = b"GET /#x HTTP/1.1\r\nHost: a\r\n\r\n";
        client.write_all(&[first, &b"abc"[..], second].concat()).await.unwrap();

        let mut buffer = [0; 4096];
        assert_eq!(wire.read(&mut buffer).await.unwrap(), first.len());
        assert_eq!(slot.take(Some(3)), Some(RawHead::default()));
        assert_eq!(wire.read(&mut buffer).await.unwrap(), 3 + second.len());
        assert_eq!(
            slot.take(Some(0)),
            Some(RawHead {
                fragment: true,
                two_framings: false
            })
        );
        assert_eq!(slot.take(Some(0)), None);
    }

    #[tokio::test]
    async fn a_byte_behind_an_unserved_head_is_an_error() {
        let (mut client, server) = tokio::io::duplex(4096);
        let (mut wire, _slot) = Wire::new(server, Duration::from_secs(5), Duration::from_secs(30));
        client.write_all(b"GET / HTTP/1.1\r\n\r\nx").await.unwrap();
        let mut buffer = [0; 4096];
        assert!(wire.read(&mut buffer).await.unwrap() > 0);
        assert!(wire.read(&mut buffer).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_drips_is_cut_and_an_idle_connection_is_not() {
        let (mut client, server) = tokio::io::duplex(4096);
        let (mut wire, slot) = Wire::new(server, Duration::from_secs(5), Duration::from_secs(30));
        let mut buffer = [0; 4096];
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        assert!(wire.read(&mut buffer).await.unwrap() > 0);
        slot.take(Some(0)).unwrap();

        let idle = tokio::time::timeout(Duration::from_secs(600), wire.read(&mut buffer)).await;
        assert!(idle.is_err(), "still waiting");

        client.write_all(b"GET / HT").await.unwrap();
        assert!(wire.read(&mut buffer).await.unwrap() > 0);
        let late = wire.read(&mut buffer).await.unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_client_that_still_sends_is_read_out_before_the_end() {
        let (mut client, server) = tokio::io::duplex(16);
        let (mut wire, _slot) = Wire::new(server, Duration::from_secs(5), Duration::from_secs(30));
        let sender = async {
            client.write_all(&[b'x'; 4096]).await.unwrap();
            client.shutdown().await.unwrap();
        };
        let (_, closed) = tokio::join!(sender, wire.shutdown());
        closed.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_new_connection_is_cut() {
        let (_client, server) = tokio::io::duplex(64);
        let (mut wire, _slot) = Wire::new(server, Duration::from_secs(5), Duration::from_secs(30));
        assert_eq!(
            wire.read(&mut [0; 8]).await.unwrap_err().kind(),
            io::ErrorKind::TimedOut
        );
    }
}
