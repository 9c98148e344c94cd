//! The data listener: connections in, and out again in good order.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

use crate::admin::health::{self, Readiness};
use crate::http1::{MAX_HEAD_BYTES, Wire};
use crate::proxy::{self, Gate};

/// How long a connection without a request stays open once draining has begun: a request may already be on its way.
const LAST_REQUEST: Duration = Duration::from_millis(300);

/// How long a client may take no byte of an answer that is there for it.
const UNREAD: Duration = Duration::from_secs(30);

/// What bounds a connection and the end of the process.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// A request head must arrive whole within this time.
    pub header: Duration,
    /// A connection may be idle for this long between two requests.
    pub keep_alive: Duration,
    /// Requests in flight may take this long to end once draining has begun.
    pub drain: Duration,
    /// So many connections at once; further ones wait in the kernel's queue.
    pub connections: u32,
}

/// A gate whose sockets are bound.
#[derive(Debug)]
pub struct Listening {
    data: TcpListener,
    admin: Option<TcpListener>,
    gate: Arc<Gate>,
    bounds: Bounds,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every request was answered.
    Completely,
    /// Time ran out before every connection had ended.
    CutOff,
}

impl Listening {
    /// A gate behind sockets that are bound already.
    pub fn new(data: TcpListener, admin: Option<TcpListener>, gate: Gate, bounds: Bounds) -> Listening {
        Listening {
            data,
            admin,
            gate: Arc::new(gate),
            bounds,
        }
    }

    /// Where requests come in.
    ///
    /// # Errors
    /// When the socket cannot say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.data.local_addr()
    }

    /// Where the admin listener is, if there is one.
    pub fn admin_address(&self) -> Option<io::Result<SocketAddr>> {
        self.admin.as_ref().map(TcpListener::local_addr)
    }

    /// Resolves once the keys of every issuer are here.
    pub async fn keys_ready(&self) {
        while !self.gate.authorizer.ready() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Serves until `stop` resolves, then drains: readiness is withdrawn first, no connection is accepted any more, what is in flight ends.
    pub async fn serve(self, stop: impl Future<Output = ()>) -> Drained {
        let Listening {
            data,
            admin,
            gate,
            bounds,
        } = self;
        let readiness = Readiness::of(gate.authorizer.clone());
        let admin = admin.map(|listener| tokio::spawn(health::serve(listener, readiness.clone())));
        let permits = Arc::new(Semaphore::new(bounds.connections as usize));
        let (draining, watched) = watch::channel(Draining::No);
        let start = |socket: TcpStream, peer: SocketAddr, permit| {
            tokio::spawn(connection(
                socket,
                peer.ip(),
                gate.clone(),
                bounds,
                watched.clone(),
                permit,
            ));
        };

        let mut stop = pin!(stop);
        let mut failing = false;
        loop {
            let accepted = tokio::select! {
                accepted = accept(&data, &permits) => accepted,
                () = &mut stop => break,
            };
            match accepted {
                Ok((socket, peer, permit)) => {
                    failing = false;
                    start(socket, peer, permit);
                }
                Err(error) => {
                    // Out of sockets or memory, most likely: open connections will end. Said once, not at each attempt.
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(%error, "connections cannot be accepted");
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }

        readiness.withdraw();
        draining.send_replace(Draining::Yes);
        // Whoever is in the kernel's queue has connected and may have sent a request.
        while let Ok(Ok((socket, peer, permit))) = timeout(Duration::ZERO, accept(&data, &permits)).await {
            start(socket, peer, permit);
        }
        drop(data);
        let ended = timeout(bounds.drain, permits.acquire_many(bounds.connections)).await;
        if let Some(admin) = admin {
            admin.abort();
        }
        let log = gate.log.clone();
        // Whoever serves may have been told in the meantime to end at once.
        if let Err(error) = tokio::task::spawn_blocking(move || log.close()).await {
            tracing::error!(%error, "decision log ended early");
        }
        if ended.is_ok() {
            Drained::Completely
        } else {
            Drained::CutOff
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Draining {
    No,
    Yes,
}

/// Resolves when draining has begun.
async fn begun(draining: &mut watch::Receiver<Draining>) {
    // The guard that this returns must not be held while waiting for anything else.
    let _ = draining.wait_for(|draining| *draining == Draining::Yes).await;
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = permits.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (socket, peer) = listener.accept().await?;
    Ok((socket, peer, permit))
}

/// Serves one connection to its end. The permit is held as long.
async fn connection(
    socket: TcpStream,
    peer: IpAddr,
    gate: Arc<Gate>,
    bounds: Bounds,
    mut draining: watch::Receiver<Draining>,
    _permit: OwnedSemaphorePermit,
) {
    // Small answers are not held back to be joined with later ones.
    let _ = socket.set_nodelay(true);
    let (wire, slot) = Wire::new(socket, bounds.header, UNREAD);
    let closing = draining.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        // At once, not in the future: hyper may read on before it polls that.
        let raw = slot.take(request.body().size_hint().exact());
        let (gate, closing) = (gate.clone(), closing.clone());
        async move {
            let mut answer = gate.answer(request, raw, peer.to_canonical()).await;
            if *closing.borrow() == Draining::Yes {
                proxy::close_after(&mut answer);
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // hyper counts from the end of the request before; the time of the head alone is the wire's to watch.
        .header_read_timeout(bounds.keep_alive + bounds.header)
        .max_buf_size(MAX_HEAD_BYTES)
        // The buffer alone may overshoot by one read.
        .max_header_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(wire), service);
    let mut connection = pin!(connection);

    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = begun(&mut draining) => match timeout(LAST_REQUEST, connection.as_mut()).await {
            Ok(result) => result,
            Err(_) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        },
    };
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended early");
    }
}
