//! A connection to an upstream, over HTTP/1.1 for one request at a time, over HTTP/2 for several.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Waker;
use std::thread::{self, ThreadId};
use std::time::Duration;

use http::uri::Scheme;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::time::Instant;

use super::error::{ConnectError, MAX_HEAD_BYTES, MAX_HEADER_LINES};
use super::mismatch::{self, Spoken};
use super::stream::{Arrival, FirstRead, UpstreamStream};
use crate::proxy::causes::causes;
use crate::proxy::request_body::RequestBody;

/// The streams of a connection at a time, where the server permits more.
const MAX_STREAMS: usize = 100;

/// What a stream may receive before it is read. The window of the connection has room for all of its streams, so that a
/// client that reads nothing delays no other.
const STREAM_WINDOW: u32 = 128 * 1024;
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * 100;

/// What a stream may have waiting to be sent.
const SEND_BUFFER: usize = 64 * 1024;

/// How long the settings of a server may take from its first byte on, of which they are the first frame.
const SETTINGS_TIME: Duration = Duration::from_millis(100);

/// The longest list of fields of a response over HTTP/2.
const MAX_HEADER_LIST: u32 = 408 * 1024;

/// A connection, new or with earlier requests.
#[derive(Debug)]
pub(super) enum Connection {
    Http1(Http1Connection),
    Http2(Http2Stream),
}

/// A connection over HTTP/1.1.
#[derive(Debug)]
pub(super) struct Http1Connection {
    sender: http1::SendRequest<RequestBody>,
    arrival: Arrival,
    established: Instant,
    thread: ThreadId,
}

/// A connection over HTTP/2, which several requests share.
#[derive(Clone, Debug)]
pub(super) struct Http2Connection {
    sender: http2::SendRequest<RequestBody>,
    load: Arc<Load>,
    arrival: Arrival,
    established: Instant,
}

/// The place of one request on a connection over HTTP/2.
#[derive(Debug)]
pub(super) struct Http2Stream {
    connection: Http2Connection,
}

#[derive(Debug)]
struct Load {
    streams: AtomicUsize,
    permitted: AtomicUsize,
    /// Whether the server permits the extended CONNECT (RFC 8441 section 3).
    permits_connect: AtomicBool,
    /// Has the task of the connection read the settings of the server again.
    task: OnceLock<Waker>,
}

/// Why a request has no response.
#[derive(Debug)]
pub(super) enum SendError {
    /// Nothing of it was sent.
    Unsent(Box<Request<RequestBody>>, hyper::Error),
    /// The connection ended before a byte of the response.
    Unanswered(hyper::Error),
    /// The server announced the end of the connection (`GOAWAY`) before a byte of the response.
    ///
    /// The error does not contain whether the stream is one that the server processed: hyper reports it for a stream that
    /// has just been opened, whatever its number.
    Announced(hyper::Error),
    /// The server refused the stream: it processed nothing of it (RFC 9113 section 8.7).
    Unprocessed(hyper::Error),
    /// Anything else: a part of a response, or an invalid one.
    Failed(hyper::Error),
}

impl Connection {
    /// Whether the server may state that it processed nothing of a request.
    pub(super) fn can_refuse(&self) -> bool {
        matches!(self, Connection::Http2(_))
    }

    /// What the first bytes from the server, or an error in place of them, show of a server that is not as it is
    /// configured; `scheme` is that of the upstream.
    pub(super) fn mismatch(&self, scheme: &Scheme) -> Option<&'static str> {
        let is_tls = *scheme == Scheme::HTTPS;
        let (arrival, spoken) = match (self, is_tls) {
            (Connection::Http1(connection), false) => (&connection.arrival, Spoken::Http1),
            (Connection::Http1(connection), true) => (&connection.arrival, Spoken::Http1OverTls),
            (Connection::Http2(stream), false) => (&stream.connection.arrival, Spoken::Http2),
            (Connection::Http2(stream), true) => (&stream.connection.arrival, Spoken::Http2OverTls),
        };
        match arrival.first()? {
            FirstRead::Bytes(bytes, length) => mismatch::of_first_bytes(&bytes[..*length], spoken),
            FirstRead::Failed(help) => *help,
        }
    }

    /// Sends a request, which is written in the form of the connection's version.
    pub(super) async fn send(&mut self, request: Box<Request<RequestBody>>) -> Result<Response<Incoming>, SendError> {
        match self {
            Connection::Http1(connection) => {
                connection.arrival.awaits_head();
                let sent = connection.sender.try_send_request(*request).await;
                let has_begun = connection.arrival.has_begun();
                connection.arrival.has_head();
                sent.map_err(|error| match unsent(error) {
                    Ok(unsent) => unsent,
                    Err(error) if has_begun => SendError::Failed(error),
                    Err(error) => SendError::Unanswered(error),
                })
            }
            Connection::Http2(stream) => {
                let sent = stream.connection.sender.try_send_request(*request).await;
                sent.map_err(|error| match unsent(error) {
                    Ok(unsent) => unsent,
                    Err(error) if is_refused(&error) => SendError::Unprocessed(error),
                    Err(error) if is_announced(&error) => SendError::Announced(error),
                    Err(error) if ended(&error) => SendError::Unanswered(error),
                    Err(error) => SendError::Failed(error),
                })
            }
        }
    }
}

fn unsent(mut error: TrySendError<Request<RequestBody>>) -> Result<SendError, hyper::Error> {
    match error.take_message() {
        Some(request) => Ok(SendError::Unsent(Box::new(request), error.into_error())),
        None => Err(error.into_error()),
    }
}

/// Whether the server refused the stream.
fn is_refused(error: &hyper::Error) -> bool {
    is_remote(error, |error| {
        error.reason() == Some(h2::Reason::REFUSED_STREAM) && !error.is_go_away()
    })
}

/// Whether the server announced the end of the connection.
fn is_announced(error: &hyper::Error) -> bool {
    is_remote(error, h2::Error::is_go_away)
}

fn is_remote(error: &hyper::Error, condition: impl Fn(&h2::Error) -> bool) -> bool {
    let mut causes = causes(error).filter_map(|cause| cause.downcast_ref::<h2::Error>());
    causes.any(|error| error.is_remote() && condition(error))
}

/// Whether a connection over HTTP/2 ended, not a stream of it alone.
fn ended(error: &hyper::Error) -> bool {
    let mut causes = causes(error);
    causes.any(|cause| match cause.downcast_ref::<h2::Error>() {
        Some(error) => error.is_io() || error.is_go_away(),
        // hyper takes it out of the error of h2.
        None => cause.is::<std::io::Error>(),
    })
}

impl Http1Connection {
    pub(super) async fn begin(stream: UpstreamStream) -> Result<Http1Connection, ConnectError> {
        let arrival = stream.arrival();
        let mut builder = http1::Builder::new();
        builder.max_headers(MAX_HEADER_LINES).max_buf_size(MAX_HEAD_BYTES);
        let begun = builder.handshake(TokioIo::new(stream)).await;
        let (sender, connection) = begun.map_err(|error| ConnectError::of(&error))?;
        tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "a connection to the upstream ended");
            }
        });
        Ok(Http1Connection {
            sender,
            arrival,
            established: Instant::now(),
            thread: thread::current().id(),
        })
    }

    /// Whether the next request can be sent.
    pub(super) fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    /// Waits until the next request can be sent; returns whether the connection is still open.
    pub(super) async fn becomes_ready(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    pub(super) fn established(&self) -> Instant {
        self.established
    }

    /// The thread that reads and writes it, where a thread has a runtime of its own.
    pub(super) fn thread(&self) -> ThreadId {
        self.thread
    }
}

impl Http2Connection {
    pub(super) async fn begin(stream: UpstreamStream) -> Result<Http2Connection, ConnectError> {
        let arrival = stream.arrival();
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BUFFER)
            .max_header_list_size(MAX_HEADER_LIST);
        let begun = builder.handshake(TokioIo::new(stream)).await;
        let (sender, connection) = begun.map_err(|error| ConnectError::of(&error))?;
        let load = Arc::new(Load {
            streams: AtomicUsize::new(0),
            permitted: AtomicUsize::new(MAX_STREAMS),
            permits_connect: AtomicBool::new(false),
            task: OnceLock::new(),
        });
        let settings = load.clone();
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            let ended = poll_fn(|cx| {
                settings.task.get_or_init(|| cx.waker().clone());
                let polled = connection.as_mut().poll(cx);
                let now = connection.current_max_send_streams().min(MAX_STREAMS);
                settings.permitted.store(now, Ordering::Relaxed);
                let permits = connection.is_extended_connect_protocol_enabled();
                settings.permits_connect.store(permits, Ordering::Relaxed);
                polled
            });
            if let Err(error) = ended.await {
                tracing::debug!(%error, "a connection to the upstream ended");
            }
        });
        Ok(Http2Connection {
            sender,
            load,
            arrival,
            established: Instant::now(),
        })
    }

    /// A place for a request, counted until it is dropped.
    pub(super) fn stream(&self) -> Http2Stream {
        self.load.streams.fetch_add(1, Ordering::Relaxed);
        Http2Stream {
            connection: self.clone(),
        }
    }

    /// Whether the server permits another stream.
    pub(super) fn has_room(&self) -> bool {
        self.load.streams.load(Ordering::Relaxed) < self.load.permitted.load(Ordering::Relaxed)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.load.streams.load(Ordering::Relaxed) == 0
    }

    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    pub(super) fn established(&self) -> Instant {
        self.established
    }

    pub(super) fn is(&self, other: &Http2Connection) -> bool {
        Arc::ptr_eq(&self.load, &other.load)
    }
}

impl Http2Stream {
    pub(super) fn connection(&self) -> &Http2Connection {
        &self.connection
    }

    /// Whether the server permits the extended CONNECT, once its settings are known. hyper does not signal them.
    pub(super) async fn permits_connect(&self) -> bool {
        let Http2Connection { load, arrival, .. } = &self.connection;
        let mut first_byte = None;
        while !load.permits_connect.load(Ordering::Relaxed) {
            let is_late = arrival.has_begun() && first_byte.get_or_insert_with(Instant::now).elapsed() >= SETTINGS_TIME;
            if is_late || self.connection.is_closed() {
                return false;
            }
            if let Some(task) = load.task.get() {
                task.wake_by_ref();
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        true
    }
}

impl Drop for Http2Stream {
    fn drop(&mut self) {
        self.connection.load.streams.fetch_sub(1, Ordering::Relaxed);
    }
}
