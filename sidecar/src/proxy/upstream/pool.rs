//! The connections to one address that are kept for further requests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;

use tokio::time::Instant;

use super::connection::{Connection, Http1Connection, Http2Connection};
use super::settings::PoolSettings;

/// Connections to one address.
#[derive(Debug)]
pub(super) struct Pool {
    settings: PoolSettings,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// The one that was used last is at the end.
    http1: Vec<Idle>,
    http2: Vec<Shared>,
    /// Whether a task closes connections that have been idle for too long.
    is_swept: bool,
}

#[derive(Debug)]
struct Idle {
    connection: Http1Connection,
    since: Instant,
}

#[derive(Debug)]
struct Shared {
    connection: Http2Connection,
    last_taken: Instant,
}

impl Kept {
    /// The connection that was used last, of those of this thread if there is one: the others wake theirs.
    fn last(&mut self) -> Option<Idle> {
        let own = thread::current().id();
        match self.http1.iter().rposition(|idle| idle.connection.thread() == own) {
            Some(index) => Some(self.http1.remove(index)),
            None => self.http1.pop(),
        }
    }
}

impl Pool {
    pub(super) fn new(settings: PoolSettings) -> Pool {
        Pool {
            settings,
            kept: Mutex::default(),
        }
    }

    /// Whether connections are kept at all.
    pub(super) fn is_enabled(&self) -> bool {
        !self.settings.idle.is_zero() && self.settings.size > 0
    }

    /// A connection that can be used `now`.
    pub(super) fn take(&self, now: Instant) -> Option<Connection> {
        if !self.is_enabled() {
            return None;
        }
        let mut kept = self.kept();
        if !kept.http2.is_empty() {
            kept.http2.retain(|shared| self.is_usable(&shared.connection, now));
            if let Some(shared) = kept.http2.iter_mut().find(|shared| shared.connection.has_room()) {
                shared.last_taken = now;
                return Some(Connection::Http2(shared.connection.stream()));
            }
        }
        self.last_idle(&mut kept, now).map(Connection::Http1)
    }

    /// A connection over HTTP/1.1 that can be used `now`.
    pub(super) fn take_http1(&self, now: Instant) -> Option<Connection> {
        let connection = self.last_idle(&mut self.kept(), now);
        connection.map(Connection::Http1)
    }

    fn last_idle(&self, kept: &mut Kept, now: Instant) -> Option<Http1Connection> {
        while let Some(Idle { connection, since }) = kept.last() {
            if connection.is_ready() && now - since < self.settings.idle && self.is_young(connection.established(), now)
            {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection whose response has ended, once it can be used again.
    pub(super) fn put_back(self: &Arc<Self>, mut connection: Http1Connection) {
        if connection.is_ready() {
            self.put(connection);
        } else if self.is_enabled() && !connection.is_closed() {
            let pool = self.clone();
            tokio::spawn(async move {
                if connection.becomes_ready().await {
                    pool.put(connection);
                }
            });
        }
    }

    fn put(self: &Arc<Self>, connection: Http1Connection) {
        let now = Instant::now();
        if !self.is_enabled() || !self.is_young(connection.established(), now) {
            return;
        }
        let mut kept = self.kept();
        if kept.http1.len() < self.settings.size {
            kept.http1.push(Idle { connection, since: now });
            self.sweep(&mut kept);
        }
    }

    /// Shares a new connection.
    pub(super) fn share(self: &Arc<Self>, connection: &Http2Connection) {
        if !self.is_enabled() {
            return;
        }
        let mut kept = self.kept();
        kept.http2.push(Shared {
            connection: connection.clone(),
            last_taken: Instant::now(),
        });
        self.sweep(&mut kept);
    }

    /// Gives a connection no further request: it may be dead.
    pub(super) fn retire(&self, connection: &Http2Connection) {
        self.kept().http2.retain(|shared| !shared.connection.is(connection));
    }

    fn is_usable(&self, connection: &Http2Connection, now: Instant) -> bool {
        !connection.is_closed() && self.is_young(connection.established(), now)
    }

    fn is_young(&self, established: Instant, now: Instant) -> bool {
        now - established < self.settings.lifetime
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes connections that are idle for too long, from now until none is left.
    fn sweep(self: &Arc<Self>, kept: &mut Kept) {
        if !kept.is_swept {
            kept.is_swept = true;
            tokio::spawn(swept(Arc::downgrade(self), self.settings));
        }
    }

    /// Returns whether a connection is left.
    fn close_idle(&self) -> bool {
        let now = Instant::now();
        let mut kept = self.kept();
        kept.http1
            .retain(|idle| !idle.connection.is_closed() && now - idle.since < self.settings.idle);
        kept.http2.retain(|shared| {
            let is_idle = shared.connection.is_idle() && now - shared.last_taken >= self.settings.idle;
            self.is_usable(&shared.connection, now) && !is_idle
        });
        kept.is_swept = !kept.http1.is_empty() || !kept.http2.is_empty();
        kept.is_swept
    }
}

async fn swept(pool: Weak<Pool>, settings: PoolSettings) {
    loop {
        tokio::time::sleep(settings.idle).await;
        match pool.upgrade() {
            Some(pool) if pool.close_idle() => {}
            _ => return,
        }
    }
}
