//! The time limit of the frames of a client over HTTP/2.
//!
//! h2 waits for the rest of a frame, and of a header block in several frames (RFC 9113 section 4.3), for as long as the
//! connection is open, and no stream is open meanwhile that could have a time limit.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Types and flags of frames, RFC 9113 section 6.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 0x4;

/// The number of bytes that every connection begins with.
const PREFACE_BYTES: usize = 24;

/// A socket whose reads fail when the preface with the first frame, a header block, or any other frame but `DATA` is not
/// complete within a time limit from its first byte on. The time of `DATA` is that of its body.
#[derive(Debug)]
pub(super) struct TimedFrames<S> {
    socket: S,
    frames: Frames,
    limit: Duration,
    /// Made when the client is waited for within a frame.
    due: Option<Pin<Box<Sleep>>>,
    /// The number of the part that `due` is for.
    part: u64,
}

/// A frame did not arrive in time.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a header block or another frame took longer than {}", humantime::format_duration(*.0))]
struct LateFrame(Duration);

impl<S> TimedFrames<S> {
    /// Limits the time of the frames that `socket` delivers, from the preface on.
    pub(super) fn new(socket: S, limit: Duration) -> TimedFrames<S> {
        TimedFrames {
            socket,
            frames: Frames::default(),
            limit,
            due: None,
            part: 0,
        }
    }

    fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.frames.is_within() {
            return Poll::Pending;
        }
        let limit = self.limit;
        let due = self.due.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        if std::mem::replace(&mut self.part, self.frames.part) != self.frames.part {
            due.as_mut().reset(Instant::now() + limit);
        }
        ready!(due.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, LateFrame(limit))))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedFrames<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, target: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = target.filled().len();
        // The socket before the limit: what has arrived is not late.
        if Pin::new(&mut self.socket).poll_read(cx, target)?.is_pending() {
            return self.poll_due(cx);
        }
        self.frames.read(&target.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedFrames<S> {
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

/// Where the bytes that have been read end: within a frame, or between two.
#[derive(Debug)]
struct Frames {
    /// What is left of the preface, or of the payload of `kind`.
    left: usize,
    /// None before the first frame.
    kind: Option<u8>,
    head: [u8; 9],
    /// How much of the next head has been read.
    head_read: usize,
    /// A header block goes on in the next frame.
    in_block: bool,
    /// Counts what has to be complete in time.
    part: u64,
}

impl Default for Frames {
    fn default() -> Frames {
        Frames {
            left: PREFACE_BYTES,
            kind: None,
            head: [0; 9],
            head_read: 0,
            in_block: false,
            part: 1,
        }
    }
}

impl Frames {
    /// Whether something is not complete that has to be so in time.
    fn is_within(&self) -> bool {
        match self.kind {
            None => true,
            Some(DATA) => self.head_read > 0 || self.in_block,
            Some(_) => self.left > 0 || self.head_read > 0 || self.in_block,
        }
    }

    fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left > 0 {
                let taken = self.left.min(bytes.len());
                self.left -= taken;
                bytes = &bytes[taken..];
                if self.left == 0 && self.kind.is_some() {
                    self.end_frame();
                }
                continue;
            }
            let taken = (self.head.len() - self.head_read).min(bytes.len());
            self.head[self.head_read..][..taken].copy_from_slice(&bytes[..taken]);
            self.head_read += taken;
            bytes = &bytes[taken..];
            if self.head_read == self.head.len() {
                self.begin_payload();
            }
        }
    }

    fn begin_payload(&mut self) {
        let [a, b, c, kind, flags, ..] = self.head;
        self.head_read = 0;
        self.left = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        self.kind = Some(kind);
        if matches!(kind, HEADERS | CONTINUATION) {
            self.in_block = flags & END_HEADERS == 0;
        }
        if self.left == 0 {
            self.end_frame();
        }
    }

    fn end_frame(&mut self) {
        if !self.in_block {
            self.part += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    const LIMIT: Duration = Duration::from_secs(5);

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        [&[0, 0, length, kind, flags, 0, 0, 0, 1], payload].concat()
    }

    fn begun() -> Vec<u8> {
        [PREFACE, SETTINGS].concat()
    }

    #[test]
    fn the_end_of_what_was_read_is_within_a_frame_or_between_two() {
        let headers = frame(HEADERS, 0, b"abc");
        let last = frame(CONTINUATION, END_HEADERS, b"def");
        let data = frame(DATA, 0, b"abc");
        for (bytes, is_within) in [
            (vec![], true),
            (PREFACE[..7].to_vec(), true),
            (PREFACE.to_vec(), true),
            ([PREFACE, &SETTINGS[..8]].concat(), true),
            (begun(), false),
            ([&begun(), &headers[..1]].concat(), true),
            ([&begun(), &headers[..11]].concat(), true),
            ([begun(), headers.clone()].concat(), true),
            ([&begun(), &headers[..], &last[..11]].concat(), true),
            ([begun(), headers.clone(), last.clone()].concat(), false),
            ([&begun(), &data[..4]].concat(), true),
            ([&begun(), &data[..11]].concat(), false),
            ([begun(), data.clone()].concat(), false),
        ] {
            for size in [1, 5, 1000] {
                let mut frames = Frames::default();
                bytes.chunks(size).for_each(|part| frames.read(part));
                assert_eq!(frames.is_within(), is_within, "{bytes:?} by {size}");
            }
        }
    }

    /// When a client that sends `bytes` one by one, a second apart, is cut off.
    async fn cut(bytes: Vec<u8>) -> Option<Duration> {
        let (mut client, server) = tokio::io::duplex(1024);
        let mut server = TimedFrames::new(server, LIMIT);
        client.write_all(&begun()).await.unwrap();
        let (started, mut space) = (Instant::now(), [0; 64]);
        let sends = async {
            for byte in bytes {
                client.write_all(&[byte]).await.unwrap();
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            tokio::time::sleep(10 * LIMIT).await;
        };
        let reads = async {
            loop {
                if let Err(error) = server.read(&mut space).await {
                    return error;
                }
            }
        };
        tokio::select! {
            () = sends => None,
            error = reads => {
                assert_eq!(error.kind(), io::ErrorKind::TimedOut);
                Some(started.elapsed())
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_frame_is_late_and_data_is_not() {
        let blocks = [frame(HEADERS, 0, b""), frame(CONTINUATION, 0, b"")].concat();
        assert_eq!(cut(blocks).await, Some(LIMIT));
        assert_eq!(cut(vec![0]).await, Some(LIMIT));
        let mut data = frame(DATA, 0, &[0; 200]);
        let payload = data.split_off(9);
        let (mut client, server) = tokio::io::duplex(1024);
        client.write_all(&[begun(), data].concat()).await.unwrap();
        let mut server = TimedFrames::new(server, LIMIT);
        let mut space = [0; 64];
        assert_eq!(server.read(&mut space).await.unwrap(), 42);
        let silent = tokio::time::timeout(10 * LIMIT, server.read(&mut space)).await;
        assert!(silent.is_err(), "still waiting");
        client.write_all(&payload).await.unwrap();
        assert!(server.read(&mut space).await.unwrap() > 0);
    }

    #[tokio::test(start_paused = true)]
    async fn each_frame_has_the_time_for_itself() {
        let (mut client, server) = tokio::io::duplex(1024);
        let mut server = TimedFrames::new(server, LIMIT);
        let mut space = [0; 64];
        client.write_all(&begun()).await.unwrap();
        assert!(server.read(&mut space).await.is_ok());
        let headers = frame(HEADERS, END_HEADERS, b"abc");
        for _ in 0..3 {
            for part in [&headers[..5], &headers[5..]] {
                client.write_all(part).await.unwrap();
                assert!(server.read(&mut space).await.is_ok());
                let waits = tokio::time::timeout(LIMIT - Duration::from_secs(1), server.read(&mut space)).await;
                assert!(waits.is_err(), "still waiting");
            }
        }
    }
}
