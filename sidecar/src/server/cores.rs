//! The threads that serve connections: one for each core, with a runtime of its own.
//!
//! A connection stays with one thread, and the requests on it wake no other one.

use std::future::Future;
use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::runtime::{self, Handle};
use tokio::sync::watch;

use super::listen::listener::Accepted;

/// The threads that serve connections.
#[derive(Debug)]
pub(crate) struct Cores {
    /// The thread that accepts connections, which is the first to serve one.
    own: Arc<Load>,
    others: Vec<Core>,
    /// The other threads end when it is dropped.
    _running: watch::Sender<()>,
}

#[derive(Debug)]
struct Core {
    runtime: Handle,
    load: Arc<Load>,
}

/// The connections of a thread.
#[derive(Debug, Default)]
struct Load(AtomicUsize);

impl Load {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection of a thread, until it is dropped.
struct Counted(Arc<Load>);

impl Counted {
    fn of(load: &Arc<Load>) -> Counted {
        load.0.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(load))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Cores {
    /// This thread, and one more for each further core that the process may use.
    pub(crate) fn start() -> io::Result<Cores> {
        Cores::with(thread::available_parallelism().map_or(1, NonZero::get))
    }

    fn with(count: usize) -> io::Result<Cores> {
        let (running, ends) = watch::channel(());
        let others = (1..count).map(|number| Core::start(number, ends.clone()));
        Ok(Cores {
            own: Arc::default(),
            others: others.collect::<io::Result<_>>()?,
            _running: running,
        })
    }

    /// Serves a connection on the thread that has the fewest, in a task that is aborted if the connection has to make room.
    pub(crate) fn serve<S>(&self, accepted: Accepted, serve: impl FnOnce(Accepted) -> S + Send + 'static)
    where
        S: Future<Output = ()> + Send + 'static,
    {
        let served_by = accepted.place.served_by();
        let least = self.others.iter().min_by_key(|core| core.load.count());
        let task = match least.filter(|core| core.load.count() < self.own.count()) {
            None => tokio::spawn(counted(Counted::of(&self.own), accepted, serve)),
            Some(core) => {
                let Accepted { socket, peer, place } = accepted;
                // Its events are those of the runtime that registers it.
                let socket = match socket.detach() {
                    Ok(socket) => socket,
                    Err(error) => return report(&error),
                };
                let connection = Counted::of(&core.load);
                core.runtime.spawn(async move {
                    match socket.attach() {
                        Ok(socket) => counted(connection, Accepted { socket, peer, place }, serve).await,
                        Err(error) => report(&error),
                    }
                })
            }
        };
        served_by(task.abort_handle());
    }
}

impl Default for Cores {
    /// The current runtime alone.
    fn default() -> Cores {
        Cores {
            own: Arc::default(),
            others: Vec::new(),
            _running: watch::Sender::new(()),
        }
    }
}

impl Core {
    fn start(number: usize, mut ends: watch::Receiver<()>) -> io::Result<Core> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let core = Core {
            runtime: runtime.handle().clone(),
            load: Arc::default(),
        };
        thread::Builder::new().name(format!("core-{number}")).spawn(move || {
            // It fails once there is no sender any more.
            let _ = runtime.block_on(ends.changed());
            runtime.shutdown_background();
        })?;
        Ok(core)
    }
}

/// Boxed: a task has the future that it is made with twice.
async fn counted<S: Future<Output = ()>>(_connection: Counted, accepted: Accepted, serve: impl FnOnce(Accepted) -> S) {
    Box::pin(serve(accepted)).await;
}

fn report(error: &io::Error) {
    tracing::warn!(%error, "an accepted connection cannot be served");
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpStream;
    use tokio::sync::mpsc;

    use super::*;
    use crate::server::listen::listener::Listener;

    /// The threads that serve so many connections, one opened after the other.
    async fn threads(cores: &Cores, count: usize) -> Vec<thread::ThreadId> {
        let address = SocketAddr::from(([127, 0, 0, 1], 0)).into();
        let mut listener = Listener::bind(&address, 100).await.unwrap();
        let (served, mut by) = mpsc::unbounded_channel();
        let mut clients = Vec::new();
        let mut threads = Vec::new();
        for _ in 0..count {
            clients.push(TcpStream::connect(listener.tcp_address().unwrap()).await.unwrap());
            let served = served.clone();
            cores.serve(listener.accept().await, move |mut accepted| async move {
                accepted.socket.write_all(b"x").await.unwrap();
                served.send(thread::current().id()).unwrap();
                std::future::pending().await
            });
            threads.push(by.recv().await.unwrap());
        }
        threads
    }

    #[tokio::test]
    async fn each_thread_has_as_many_connections() {
        let cores = Cores::with(3).unwrap();
        let threads = threads(&cores, 9).await;
        let mut distinct = threads.clone();
        distinct.sort_by_key(|id| format!("{id:?}"));
        distinct.dedup();
        assert_eq!(distinct.len(), 3);
        for id in distinct {
            assert_eq!(threads.iter().filter(|served| **served == id).count(), 3);
        }
        assert_eq!(threads[0], thread::current().id());
    }

    #[tokio::test]
    async fn one_core_is_the_thread_that_accepts() {
        let own = thread::current().id();
        assert_eq!(threads(&Cores::default(), 2).await, [own, own]);
    }
}
