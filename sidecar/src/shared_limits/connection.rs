//! One connection to the server.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use hyper_util::client::legacy::connect::HttpConnector;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ErrorKind, RedisError, cmd};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tower_service::Service as _;

use super::metered_stream::{MeteredStream, Received};
use super::server::{Address, SharedLimits};

/// How many questions may wait to be sent.
const QUEUE: usize = 1024;

/// What keeps an idle connection known to what is between, and finds one whose server is gone.
const TCP_KEEP_ALIVE: Duration = Duration::from_secs(60);

/// An established connection.
#[derive(Debug)]
pub(super) struct Connection {
    questions: MultiplexedConnection,
    received: Received,
    /// What the clock of the server says at most, in microseconds, when this connection was established by the own clock.
    begin_of_server: AtomicI64,
    begun: Instant,
    is_retired: AtomicBool,
    /// Sends and receives until the server closes.
    driver: JoinHandle<()>,
}

impl Connection {
    /// Connects and authenticates.
    pub(super) async fn establish(limits: &SharedLimits) -> Result<Connection, RedisError> {
        match &limits.address {
            Address::Unix(path) => Connection::begin(limits, UnixStream::connect(path).await?).await,
            Address::Tcp { host, port, tls } => {
                let stream = connect(host, *port).await?;
                match tls {
                    None => Connection::begin(limits, stream).await,
                    Some(tls) => {
                        let secured = TlsConnector::from(tls.config.clone()).connect(tls.name.clone(), stream);
                        Connection::begin(limits, secured.await?).await
                    }
                }
            }
        }
    }

    async fn begin<S>(limits: &SharedLimits, stream: S) -> Result<Connection, RedisError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let stream = MeteredStream::new(stream);
        let received = stream.received();
        // The gate bounds the time of each answer itself.
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(None)
            .set_pipeline_buffer_size(QUEUE);
        let (questions, driver) = MultiplexedConnection::new_with_config(&limits.access, stream, config).await?;
        let connection = Connection {
            questions,
            received,
            begin_of_server: AtomicI64::new(0),
            begun: Instant::now(),
            is_retired: AtomicBool::new(false),
            driver: tokio::spawn(driver),
        };
        let asked = connection.elapsed();
        let (seconds, microseconds): (i64, i64) = cmd("TIME").query_async(&mut connection.questions()).await?;
        let now = seconds
            .checked_mul(1_000_000)
            .and_then(|now| now.checked_add(microseconds));
        let now = now.ok_or((ErrorKind::UnexpectedReturnType, "the server has no time"))?;
        connection.set_time(now, asked);
        Ok(connection)
    }

    /// What questions are sent by.
    pub(super) fn questions(&self) -> MultiplexedConnection {
        self.questions.clone()
    }

    /// How many bytes have been received.
    pub(super) fn received(&self) -> u64 {
        self.received.bytes()
    }

    /// Whether a question can be sent.
    pub(super) fn is_open(&self) -> bool {
        !self.is_retired.load(Ordering::Relaxed) && !self.driver.is_finished()
    }

    /// No further question is sent. Those that have been may still be answered.
    pub(super) fn retire(&self) {
        self.is_retired.store(true, Ordering::Relaxed);
    }

    /// The microseconds since the connection was established.
    pub(super) fn elapsed(&self) -> i64 {
        microseconds(self.begun.elapsed())
    }

    /// The clock of the server said `now` in the answer to a question that was asked at `asked`, which is before it.
    pub(super) fn set_time(&self, now: i64, asked: i64) {
        self.begin_of_server.store(now.saturating_sub(asked), Ordering::Relaxed);
    }

    /// What the clock of the server says at most after `wait`.
    pub(super) fn server_time_after(&self, wait: Duration) -> i64 {
        let begin = self.begin_of_server.load(Ordering::Relaxed);
        begin.saturating_add(self.elapsed()).saturating_add(microseconds(wait))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn microseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Tries every address of a host.
async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let host = match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    };
    let authority = Authority::try_from(host).map_err(io::Error::other)?;
    let uri = Uri::builder().scheme(Scheme::HTTP).authority(authority);
    let uri = uri.path_and_query(PathAndQuery::from_static("/")).build();
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_keepalive(Some(TCP_KEEP_ALIVE));
    let stream = connector.call(uri.map_err(io::Error::other)?).await;
    Ok(stream.map_err(io::Error::other)?.into_inner())
}
