//! The connections of a listener: their number, and which of them make room for a new one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use crate::connection::activity::Activity;

/// A connection that is idle for less than this makes no room: its request may be on the way.
const LEAST_IDLE: Duration = Duration::from_millis(500);

/// The pause before room is looked for again.
const RETRY_DELAY: Duration = Duration::from_millis(50);

/// All connections are taken anew, and reported again, when they were not for this long.
const EPISODE: Duration = Duration::from_secs(60);

/// One of so many connections is closed at a time, so that a flood does not cost a search for each connection.
const CLOSED_SHARE: usize = 256;

/// The open connections of one listener. Clones are of the same listener.
#[derive(Clone, Debug)]
pub(crate) struct Connections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: u32,
    permits: Arc<Semaphore>,
    /// By the order in which they were opened. It is locked where a connection begins or ends, and to make room.
    open: Mutex<BTreeMap<u64, Arc<Open>>>,
    opened: AtomicU64,
    /// When all were last taken, while that is reported.
    full: Mutex<Option<Instant>>,
    draining: watch::Sender<bool>,
    is_draining: AtomicBool,
    /// How often the connections so far had to end.
    era: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Open {
    era: u64,
    activity: Activity,
    /// The task that serves it.
    task: OnceLock<AbortHandle>,
    ends_when_drained: AtomicBool,
}

/// The place of one connection among the others. It is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    connections: Connections,
    number: u64,
    open: Arc<Open>,
    _permit: OwnedSemaphorePermit,
}

impl Connections {
    /// Places for `limit` connections.
    pub(crate) fn new(limit: u32) -> Connections {
        Connections(Arc::new(Shared {
            limit,
            permits: Arc::new(Semaphore::new(limit as usize)),
            open: Mutex::default(),
            opened: AtomicU64::new(0),
            full: Mutex::default(),
            draining: watch::Sender::new(false),
            is_draining: AtomicBool::new(false),
            era: watch::Sender::new(0),
        }))
    }

    /// How many connections there may be.
    pub(crate) fn limit(&self) -> u32 {
        self.0.limit
    }

    /// How many connections there are.
    pub(crate) fn count(&self) -> usize {
        (self.0.limit as usize).saturating_sub(self.0.permits.available_permits())
    }

    /// A place for a further connection. If all are taken, the connections that have been idle longest are closed, and
    /// before them those whose clients have sent nothing, or whose last request was denied. If each one has a request in
    /// progress, this waits.
    pub(super) async fn enter(&self) -> Place {
        loop {
            if let Ok(permit) = self.0.permits.clone().try_acquire_owned() {
                return self.place(permit);
            }
            self.report_full();
            self.make_room();
            if let Ok(Ok(permit)) = timeout(RETRY_DELAY, self.0.permits.clone().acquire_owned()).await {
                return self.place(permit);
            }
        }
    }

    fn place(&self, permit: OwnedSemaphorePermit) -> Place {
        let number = self.0.opened.fetch_add(1, Ordering::Relaxed);
        let open = Arc::new(Open {
            era: *self.0.era.borrow(),
            ..Open::default()
        });
        self.open().insert(number, open.clone());
        Place {
            connections: self.clone(),
            number,
            open,
            _permit: permit,
        }
    }

    fn report_full(&self) {
        let now = Instant::now();
        let last = self.0.full.lock().unwrap_or_else(PoisonError::into_inner).replace(now);
        if last.is_none_or(|last| now - last > EPISODE) {
            let max_connections = self.0.limit;
            tracing::warn!(
                max_connections,
                "all connections are taken; those that are idle longest make room for further ones"
            );
        }
    }

    fn make_room(&self) {
        let mut idle: Vec<_> = {
            let now = Instant::now();
            let open = self.open();
            let idle = open.values().filter_map(|open| {
                let (caller, since) = open.activity.idle()?;
                let is_long = now.saturating_duration_since(since) >= LEAST_IDLE;
                is_long.then(|| (caller, since, open.clone()))
            });
            idle.collect()
        };
        let wanted = (self.0.limit as usize / CLOSED_SHARE).max(1);
        if idle.len() > wanted {
            idle.select_nth_unstable_by_key(wanted, |(caller, since, _)| (*caller, *since));
            idle.truncate(wanted);
        }
        let closed = idle.iter().filter(|(_, _, open)| open.activity.close());
        for (_, _, open) in closed {
            open.end();
        }
    }

    /// From now on a connection ends with its next answer.
    pub(super) fn drain(&self) {
        self.0.is_draining.store(true, Ordering::Relaxed);
        self.0.draining.send_replace(true);
    }

    /// The connections so far end with their next answer, and those without a request now: who their clients are was found by
    /// settings that are not in force any more.
    pub(crate) fn end_earlier(&self) {
        self.0.era.send_modify(|era| *era += 1);
        let era = *self.0.era.borrow();
        self.close_idle_where(|open| open.era < era);
    }

    /// Closes the connections on which no part of a request has arrived, but for those that end of themselves.
    pub(super) fn close_idle(&self) {
        self.close_idle_where(|_| true);
    }

    fn close_idle_where(&self, has_to_end: impl Fn(&Open) -> bool) {
        let is_left = |open: &Open| has_to_end(open) && !open.ends_when_drained.load(Ordering::Relaxed);
        for open in self.open().values().filter(|open| is_left(open)) {
            if open.activity.close_waiting() {
                open.end();
            }
        }
    }

    /// Resolves when there is no connection.
    pub(super) async fn ended(&self) {
        // Fails only if the semaphore is closed.
        let _ = self.0.permits.acquire_many(self.0.limit).await;
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Open>>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Ends the task. Its socket is closed when the task is dropped.
    fn end(&self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

impl Place {
    /// What the connection does.
    pub(crate) fn activity(&self) -> &Activity {
        &self.open.activity
    }

    /// Whether the connection has to end with its next answer.
    pub(crate) fn is_draining(&self) -> bool {
        self.connections.0.is_draining.load(Ordering::Relaxed) || self.era().is_over()
    }

    /// Resolves when the connection has to end with its next answer.
    pub(crate) async fn draining(&self) {
        let mut draining = self.connections.0.draining.subscribe();
        let mut era = self.connections.0.era.subscribe();
        // The guards that these return must not be held while waiting for anything else.
        tokio::select! {
            _ = draining.wait_for(|draining| *draining) => {}
            _ = era.wait_for(|era| *era > self.open.era) => {}
        }
    }

    /// The settings that the connection began with.
    pub(super) fn era(&self) -> Era {
        Era {
            connections: self.connections.clone(),
            number: self.open.era,
        }
    }

    /// The connection ends of itself once draining has begun, even if no further request arrives.
    pub(super) fn ends_when_drained(&self) {
        self.open.ends_when_drained.store(true, Ordering::Relaxed);
    }

    /// Has the connection served by a task, which is aborted if the connection has to make room.
    pub(super) fn served_by(&self) -> impl FnOnce(AbortHandle) + use<> {
        let open = self.open.clone();
        move |task| {
            let _ = open.task.set(task);
        }
    }
}

/// The time in which who the client of a connection is stays what was found when it began.
#[derive(Clone, Debug)]
pub(super) struct Era {
    connections: Connections,
    number: u64,
}

impl Era {
    pub(super) fn is_over(&self) -> bool {
        *self.connections.0.era.borrow() > self.number
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::activity::Caller;

    /// A connection whose task ends only by being aborted.
    fn serve(place: Place) -> Activity {
        let activity = place.activity().clone();
        let served_by = place.served_by();
        let task = tokio::spawn(async move {
            let _place = place;
            std::future::pending::<()>().await;
        });
        served_by(task.abort_handle());
        activity
    }

    async fn answer(activity: &Activity, caller: Caller) {
        drop(activity.begin().unwrap());
        activity.answered(caller);
        activity.waits();
        tokio::time::advance(LEAST_IDLE).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_connection_makes_room_and_denied_callers_come_first() {
        let connections = Connections::new(4);
        let mut open = Vec::new();
        for caller in [Caller::Served, Caller::Served, Caller::Denied, Caller::Denied] {
            let activity = serve(connections.enter().await);
            answer(&activity, caller).await;
            open.push(activity);
        }
        assert_eq!(connections.count(), 4);
        for expected in [2, 3, 0, 1] {
            let newest = serve(connections.enter().await);
            // It is in use, and does not count in the next round.
            let _exchange = std::mem::ManuallyDrop::new(newest.begin().unwrap());
            assert!(open[expected].begin().is_none(), "{expected}");
            assert_eq!(connections.count(), 4);
        }
        let waiting = timeout(Duration::from_secs(60), connections.enter()).await;
        assert!(waiting.is_err(), "each one has a request in progress");
    }

    #[tokio::test(start_paused = true)]
    async fn earlier_connections_end_and_later_ones_do_not() {
        let connections = Connections::new(4);
        let (idle, busy) = (serve(connections.enter().await), connections.enter().await);
        let ends = connections.enter().await;
        ends.ends_when_drained();
        answer(&idle, Caller::Served).await;
        let _exchange = busy.activity().begin().unwrap();
        let (busy_era, waits) = (busy.era(), busy.draining());
        assert!(!busy.is_draining() && !busy_era.is_over());
        connections.end_earlier();
        waits.await;
        ends.draining().await;
        assert!(busy.is_draining() && busy_era.is_over() && ends.is_draining());
        assert!(idle.begin().is_none(), "closed");
        assert!(ends.activity().begin().is_some(), "it ends of itself");
        let later = connections.enter().await;
        assert!(!later.is_draining() && !later.era().is_over());
        let ended = timeout(Duration::from_secs(60), later.draining()).await;
        assert!(ended.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_new_makes_no_room_yet() {
        let connections = Connections::new(1);
        let activity = serve(connections.enter().await);
        let started = Instant::now();
        serve(connections.enter().await);
        assert!(started.elapsed() >= LEAST_IDLE);
        assert!(activity.begin().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn only_connections_without_a_request_are_closed_at_the_end() {
        let connections = Connections::new(8);
        let [idle, reading, busy] = [
            serve(connections.enter().await),
            serve(connections.enter().await),
            serve(connections.enter().await),
        ];
        reading.reads();
        let exchange = busy.begin().unwrap();
        connections.close_idle();
        assert!(idle.begin().is_none());
        tokio::task::yield_now().await;
        assert_eq!(connections.count(), 2);
        drop(exchange);
        busy.waits();
        drop(reading.begin());
        reading.waits();
        connections.close_idle();
        connections.ended().await;
        assert_eq!(connections.count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_ends_of_itself_is_not_closed_at_the_end() {
        let connections = Connections::new(1);
        let place = connections.enter().await;
        place.ends_when_drained();
        let activity = serve(place);
        connections.close_idle();
        assert!(activity.begin().is_some());
    }
}
