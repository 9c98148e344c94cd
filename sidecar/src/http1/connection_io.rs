//! The socket of a client's connection, with the time limits that hyper does not have and a lingering close.

use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use tokio_io_timeout::TimeoutWriter;

use super::head_limits::{HeadLimits, Late};
use crate::connection::activity::Activity;

/// How long, and for how many bytes, a closing connection is read.
const LINGER_TIME: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1024 * 1024;

/// What is read at a time while a response is awaited, or waits for the end of the client.
const AHEAD_BYTES: usize = 512;

/// A client's connection.
///
/// - A request head must arrive within a time limit that begins with its first byte, and a further request within another one;
///   hyper's own limit includes both, and takes a timer for each request. The limit of the first head begins with the connection.
/// - Writing fails once the client has not read any of the pending response for a time limit.
/// - A client that has ended its side of the connection gets its response (RFC 9112 section 9.6), unless the response has
///   no end of its own: then nothing else shows that the client is gone. A client that resets the connection gets none.
/// - After shutdown the connection is read for a moment. Closing a socket with unread bytes makes the kernel reset the
///   connection and discard the response (RFC 9112 section 9.6).
#[derive(Debug)]
pub(crate) struct Http1Io<S> {
    socket: Pin<Box<TimeoutWriter<S>>>,
    activity: Activity,
    limits: HeadLimits,
    /// What has been read at such a time.
    ahead: Vec<u8>,
    has_client_ended: bool,
    lingering: Option<Lingering>,
}

/// The time limits of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Http1Limits {
    /// For a request head, from its first byte on.
    pub(crate) head: Duration,
    /// For a further request, from the end of the one before on.
    pub(crate) idle: Duration,
    /// For a client that reads nothing of a response.
    pub(crate) write: Duration,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Http1Io<S> {
    /// Wraps `socket`. The service of the connection records its exchanges in `activity`.
    pub(crate) fn new(socket: S, activity: Activity, limits: Http1Limits) -> Http1Io<S> {
        let mut socket = TimeoutWriter::new(socket);
        socket.set_timeout(Some(limits.write));
        Http1Io {
            socket: Box::pin(socket),
            limits: HeadLimits::new(activity.clone(), limits.head, limits.idle),
            activity,
            ahead: Vec::new(),
            has_client_ended: false,
            lingering: None,
        }
    }

    /// The socket without the limits of HTTP.
    pub(crate) fn into_stream(mut self) -> Pin<Box<TimeoutWriter<S>>> {
        self.socket.as_mut().set_timeout_pinned(None);
        self.socket
    }

    /// Fails when the client has reset the connection, and when it has ended its side of it and the response ends with it.
    /// hyper reads nothing while a response is awaited.
    fn check_client(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if !self.has_client_ended && self.ahead.is_empty() {
            let mut space = [MaybeUninit::uninit(); AHEAD_BYTES];
            let mut buffer = ReadBuf::uninit(&mut space);
            match self.socket.as_mut().poll_read(cx, &mut buffer) {
                Poll::Pending => return Ok(()),
                // Over TLS it is the end without a notice.
                Poll::Ready(Err(error)) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
                Poll::Ready(_) => self.has_client_ended = buffer.filled().is_empty(),
            }
            self.ahead.extend_from_slice(buffer.filled());
            // The exchange may have ended in another task, and hyper waits for these bytes.
            cx.waker().wake_by_ref();
        }
        match self.has_client_ended && self.activity.ends_with_client() {
            true => Err(io::Error::new(io::ErrorKind::ConnectionAborted, ClientEnded)),
            false => Ok(()),
        }
    }

    /// Fails when the client has sent anything before a response that switches protocols. As it does not wait for the
    /// switch, as it must (RFC 6455 section 4.1), these bytes may be meant as a request.
    fn check_early_bytes(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if !self.activity.switches() {
            return Ok(());
        }
        let mut space = [0; 1];
        let mut buffer = ReadBuf::new(&mut space);
        let is_pending = self.socket.as_mut().poll_read(cx, &mut buffer)?.is_pending();
        match self.ahead.is_empty() && (is_pending || buffer.filled().is_empty()) {
            true => Ok(()),
            false => Err(io::Error::new(io::ErrorKind::ConnectionAborted, EarlyBytes)),
        }
    }
}

/// A request head did not arrive in time.
#[derive(Debug, thiserror::Error)]
#[error("the request head took too long")]
struct LateHead;

/// The client of a response that has no end has ended its side of the connection.
#[derive(Debug, thiserror::Error)]
#[error("the client ended the connection")]
struct ClientEnded;

/// The client has sent bytes before the switch of protocols that it asked for.
#[derive(Debug, thiserror::Error)]
#[error("the client sent bytes before the switch of protocols")]
struct EarlyBytes;

/// Whether a client has sent bytes before a switch of protocols.
pub(crate) fn is_early_bytes(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|cause| cause.is::<EarlyBytes>())
}

/// Whether the time limit of a request head has passed. The other one is that of an unread response.
pub(crate) fn is_late_head(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|cause| cause.is::<LateHead>())
}

/// Reads and discards what the client still sends.
#[derive(Debug)]
struct Lingering {
    bytes_left: usize,
    until: Pin<Box<Sleep>>,
}

impl Lingering {
    fn poll(&mut self, mut socket: Pin<&mut impl AsyncRead>, cx: &mut Context<'_>) -> Poll<()> {
        let mut space = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut space);
            match socket.as_mut().poll_read(cx, &mut buffer) {
                Poll::Pending => return self.until.as_mut().poll(cx),
                Poll::Ready(Ok(())) if (1..self.bytes_left).contains(&buffer.filled().len()) => {
                    self.bytes_left -= buffer.filled().len()
                }
                Poll::Ready(_) => return Poll::Ready(()),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Http1Io<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, target: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let length = self.ahead.len().min(target.remaining());
            target.put_slice(&self.ahead[..length]);
            self.ahead.drain(..length);
            self.limits.arrived();
            return Poll::Ready(Ok(()));
        }
        let before = target.filled().len();
        // The socket before the deadline: a head that has arrived is not late.
        if self.socket.as_mut().poll_read(cx, target)?.is_pending() {
            return match ready!(self.limits.poll(cx)) {
                Late::Head => Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, LateHead))),
                // As if the client had ended the connection.
                Late::Request => Poll::Ready(Ok(())),
            };
        }
        if target.filled().len() > before {
            self.limits.arrived();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Http1Io<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check_early_bytes(cx)?;
        self.socket.as_mut().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.socket.as_mut().poll_flush(cx))?;
        // After the switch the client sends what is for the tunnel.
        let looks_ahead = self.activity.awaits_response(cx) || self.activity.ends_with_client();
        if looks_ahead && !self.activity.switches() {
            self.check_client(cx)?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let io = self.get_mut();
        if io.lingering.is_none() {
            ready!(io.socket.as_mut().poll_shutdown(cx))?;
        }
        let lingering = io.lingering.get_or_insert_with(|| Lingering {
            bytes_left: LINGER_BYTES,
            until: Box::pin(tokio::time::sleep(LINGER_TIME)),
        });
        lingering.poll(io.socket.as_mut(), cx).map(Ok)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check_early_bytes(cx)?;
        self.socket.as_mut().poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio::time::Instant;

    use super::*;
    use crate::connection::activity::Caller;

    const HEAD: Duration = Duration::from_secs(5);
    const IDLE: Duration = Duration::from_secs(60);
    const WRITE: Duration = Duration::from_secs(30);

    fn connection(buffer: usize) -> (DuplexStream, Http1Io<DuplexStream>, Activity) {
        let (client, server) = tokio::io::duplex(buffer);
        let activity = Activity::default();
        let limits = Http1Limits {
            head: HEAD,
            idle: IDLE,
            write: WRITE,
        };
        (client, Http1Io::new(server, activity.clone(), limits), activity)
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_head_times_out_and_an_idle_connection_does_not() {
        let (mut client, mut io, activity) = connection(4096);
        let mut buffer = [0; 4096];
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        assert!(io.read(&mut buffer).await.unwrap() > 0);
        drop(activity.begin().unwrap());

        let idle = tokio::time::timeout(IDLE - Duration::from_secs(1), io.read(&mut buffer)).await;
        assert!(idle.is_err(), "still waiting");

        client.write_all(b"GET / HT").await.unwrap();
        assert!(io.read(&mut buffer).await.unwrap() > 0);
        let late = io.read(&mut buffer).await.unwrap_err();
        assert!(late.kind() == io::ErrorKind::TimedOut && is_late_head(&late));
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_ends_without_an_error() {
        let (mut client, mut io, activity) = connection(4096);
        let mut buffer = [0; 4096];
        for _ in 0..3 {
            client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            assert!(io.read(&mut buffer).await.unwrap() > 0);
            drop(activity.begin().unwrap());
            let more = tokio::time::timeout(IDLE / 2, io.read(&mut buffer)).await;
            assert!(more.is_err(), "still waiting");
        }
        let ended = Instant::now() - IDLE / 2;
        assert_eq!(io.read(&mut buffer).await.unwrap(), 0);
        assert_eq!(ended.elapsed(), IDLE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_has_no_head_timeout() {
        let (mut client, mut io, activity) = connection(4096);
        let mut buffer = [0; 4096];
        client.write_all(b"POST / HTTP/1.1\r\n\r\n").await.unwrap();
        assert!(io.read(&mut buffer).await.unwrap() > 0);
        let _exchange = activity.begin().unwrap();
        client.write_all(b"a").await.unwrap();
        assert!(io.read(&mut buffer).await.unwrap() > 0);
        let waiting = tokio::time::timeout(Duration::from_secs(600), io.read(&mut buffer)).await;
        assert!(waiting.is_err(), "still waiting");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_new_connection_times_out() {
        let (_client, mut io, _activity) = connection(64);
        let late = io.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_client_that_still_sends_is_read_before_the_close() {
        let (mut client, mut io, _activity) = connection(16);
        let sender = async {
            client.write_all(&[b'x'; 4096]).await.unwrap();
            client.shutdown().await.unwrap();
        };
        let (_, closed) = tokio::join!(sender, io.shutdown());
        closed.unwrap();
    }

    #[tokio::test]
    async fn what_arrives_while_a_response_is_awaited_is_read_after_it() {
        let (mut client, mut io, activity) = connection(4096);
        let exchange = activity.begin().unwrap();
        let further: Vec<u8> = (0..=255).cycle().take(2 * AHEAD_BYTES).collect();
        client.write_all(&further).await.unwrap();
        client.shutdown().await.unwrap();
        for _ in 0..3 {
            io.flush().await.unwrap();
        }
        drop(exchange);
        let mut read = Vec::new();
        io.read_to_end(&mut read).await.unwrap();
        assert!(read == further);
    }

    #[tokio::test(start_paused = true)]
    async fn an_unread_response_ends_the_connection() {
        let (client, mut io, _activity) = connection(16);
        let started = Instant::now();
        let late = io.write_all(&[0; 64]).await.unwrap_err();
        assert!(late.kind() == io::ErrorKind::TimedOut && !is_late_head(&late));
        assert_eq!(started.elapsed().as_secs(), WRITE.as_secs());
        drop(client);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_keeps_the_connection_while_it_reads() {
        let (mut client, mut io, _activity) = connection(16);
        let reader = async {
            for _ in 0..8 {
                tokio::time::sleep(WRITE - Duration::from_secs(1)).await;
                client.read_exact(&mut [0; 8]).await.unwrap();
            }
        };
        let started = Instant::now();
        let ((), written) = tokio::join!(reader, io.write_all(&[0; 64]));
        written.unwrap();
        assert!(started.elapsed() > 4 * WRITE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_pending_bytes_has_no_write_timeout() {
        let (mut client, mut io, _activity) = connection(16);
        io.write_all(&[0; 16]).await.unwrap();
        tokio::time::sleep(4 * WRITE).await;
        client.read_exact(&mut [0; 16]).await.unwrap();
        io.write_all(&[0; 16]).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_waiting_once_nothing_further_arrives() {
        let (mut client, mut io, activity) = connection(4096);
        let mut buffer = [0; 4096];
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        assert!(io.read(&mut buffer).await.unwrap() > 0);
        drop(activity.begin().unwrap());
        activity.answered(Caller::Served);
        assert_eq!(activity.idle(), None);
        let _ = tokio::time::timeout(Duration::from_secs(2), io.read(&mut buffer)).await;
        let (caller, since) = activity.idle().unwrap();
        assert_eq!((caller, since.elapsed()), (Caller::Served, Duration::from_secs(2)));

        client.write_all(b"GET").await.unwrap();
        assert!(io.read(&mut buffer).await.unwrap() > 0);
        let _ = tokio::time::timeout(Duration::from_secs(1), io.read(&mut buffer)).await;
        assert_eq!(activity.idle().unwrap().0, Caller::Returning);
    }

    #[tokio::test]
    async fn the_end_of_the_client_ends_a_response_that_has_none() {
        let (mut client, mut io, activity) = connection(4096);
        let mut buffer = [0; 4096];
        let _exchange = activity.begin().unwrap();
        client.write_all(b"next").await.unwrap();
        activity.end_with_client();
        io.flush().await.unwrap();
        io.flush().await.unwrap();
        assert_eq!(io.read(&mut buffer).await.unwrap(), 4, "a request that follows");
        client.shutdown().await.unwrap();
        let ended = io.flush().await.unwrap_err();
        assert_eq!(ended.kind(), io::ErrorKind::ConnectionAborted);
    }

    #[tokio::test]
    async fn a_switch_is_not_written_to_a_client_that_has_sent_bytes() {
        for (early, is_written) in [(&b""[..], true), (b"G", false)] {
            let (mut client, mut io, activity) = connection(4096);
            let _exchange = activity.begin().unwrap();
            client.write_all(early).await.unwrap();
            activity.switch();
            let written = io.write_all(b"101").await;
            assert_eq!(written.is_ok(), is_written);
            assert!(written.is_ok() || written.is_err_and(|error| is_early_bytes(&error)));
        }
    }

    #[tokio::test]
    async fn the_end_of_the_client_does_not_end_another_response() {
        let (mut client, mut io, activity) = connection(4096);
        let _exchange = activity.begin().unwrap();
        client.shutdown().await.unwrap();
        io.write_all(b"answer").await.unwrap();
        io.flush().await.unwrap();
        let mut buffer = [0; 6];
        client.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"answer");
    }
}
