//! What a connection of a client does: whether it waits for a request, and since when.
//!
//! The socket, the service and the list of all connections share it. A request changes atomic counters and takes no
//! lock.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering, fence};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

/// A request in progress, or its answer.
const BUSY: u8 = 0;
/// Every answer is written, and no byte of a further request has arrived.
const WAITING: u8 = 1;
/// A part of a request head has arrived.
const READING: u8 = 2;
/// The connection is chosen to be closed. No request begins any more.
const CLOSED: u8 = 3;

/// The activity of one connection. Clones are of the same connection.
#[derive(Clone, Debug)]
pub(crate) struct Activity(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: AtomicU8,
    /// Parts of exchanges in progress: a request body, a response body, a service.
    parts: AtomicU64,
    /// The number of requests.
    begun: AtomicU64,
    caller: AtomicU8,
    opened: Instant,
    /// When the last exchange ended, in nanoseconds after `opened`. Its answer is written after it: connections whose
    /// answers a client receives one after the other have rested in this order.
    resting_since: AtomicU64,
    ends_with_client: AtomicBool,
    switches: AtomicBool,
    /// Whether the body of the request in progress has not been read to its end.
    reads_body: AtomicBool,
    /// Wakes the task of the connection once it has, which can be in another thread.
    task: OnceLock<Waker>,
    /// Over HTTP/2: the connection waits once no exchange is in progress. Over HTTP/1 the answer must be written first.
    has_streams: AtomicBool,
}

/// What is known of the caller of a connection that has no request in progress. Those who lose least come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Caller {
    /// No request has arrived.
    Unknown,
    /// The last request was denied.
    Denied,
    /// The last request was served.
    Served,
    /// The last request was served, and a part of the next one has arrived.
    Returning,
}

/// A request and its response in progress. The exchange ends when the last clone is dropped.
#[derive(Debug)]
pub(crate) struct Exchange(Activity);

impl Default for Activity {
    fn default() -> Activity {
        Activity(Arc::new(Shared {
            state: AtomicU8::new(WAITING),
            parts: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            caller: AtomicU8::new(Caller::Unknown as u8),
            opened: Instant::now(),
            resting_since: AtomicU64::new(0),
            ends_with_client: AtomicBool::new(false),
            switches: AtomicBool::new(false),
            reads_body: AtomicBool::new(false),
            task: OnceLock::new(),
            has_streams: AtomicBool::new(false),
        }))
    }
}

impl Activity {
    /// Begins an exchange: a request head has been read. `None` if the connection is about to be closed; nothing of the
    /// request may be forwarded then.
    pub(crate) fn begin(&self) -> Option<Exchange> {
        self.0.parts.fetch_add(1, Ordering::AcqRel);
        let exchange = Exchange(self.clone());
        if !self.leave([WAITING, READING], BUSY) && self.0.state.load(Ordering::Acquire) == CLOSED {
            return None;
        }
        self.0.begun.fetch_add(1, Ordering::Release);
        self.0.ends_with_client.store(false, Ordering::Relaxed);
        Some(exchange)
    }

    /// From now on the connection waits as soon as no exchange is in progress.
    pub(crate) fn has_streams(&self) {
        self.0.has_streams.store(true, Ordering::Relaxed);
    }

    /// As [`next_head`](Self::next_head). While an exchange is in progress, the task of `cx` is woken when its request ends, if
    /// that is the last part of it.
    pub(crate) fn poll_next_head(&self, cx: &Context<'_>) -> Option<u64> {
        self.next_head().or_else(|| {
            self.wakes(cx);
            self.next_head()
        })
    }

    /// The task of `cx` is woken when the request in progress ends: the caller looks again whether it has, and either sees its end, or
    /// its end sees the task.
    fn wakes(&self, cx: &Context<'_>) {
        self.0.task.get_or_init(|| cx.waker().clone());
        fence(Ordering::SeqCst);
    }

    /// The number of the request head that comes next; `None` while an exchange is in progress.
    pub(crate) fn next_head(&self) -> Option<u64> {
        (self.0.parts.load(Ordering::Acquire) == 0).then(|| self.0.begun.load(Ordering::Acquire))
    }

    /// Everything is written, and a part of a request head has arrived.
    pub(crate) fn reads(&self) {
        self.leave([WAITING, BUSY], READING);
    }

    /// Everything is written, and nothing further has arrived. While an exchange is in progress this has no effect.
    pub(crate) fn waits(&self) {
        if self.rests() {
            self.leave([BUSY, BUSY], WAITING);
            // A stream may have begun meanwhile, in another task.
            if self.next_head().is_none() {
                self.leave([WAITING, WAITING], BUSY);
            }
        }
    }

    fn rests(&self) -> bool {
        self.0.state.load(Ordering::Acquire) == BUSY && self.next_head().is_some()
    }

    /// Keeps when the last exchange ended.
    fn ended(&self) {
        let now = u64::try_from(self.0.opened.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0.resting_since.store(now, Ordering::Release);
    }

    /// Keeps what became of the last request.
    pub(crate) fn answered(&self, caller: Caller) {
        self.0.caller.store(caller as u8, Ordering::Relaxed);
    }

    /// From now on the exchange ends when the client sends nothing more: its response has no end of its own.
    pub(crate) fn end_with_client(&self) {
        self.0.ends_with_client.store(true, Ordering::Relaxed);
    }

    /// From now on the client must have sent nothing more before the response is written, which switches protocols.
    pub(crate) fn switch(&self) {
        self.0.switches.store(true, Ordering::Relaxed);
    }

    pub(crate) fn switches(&self) -> bool {
        self.0.switches.load(Ordering::Relaxed)
    }

    pub(crate) fn ends_with_client(&self) -> bool {
        self.0.ends_with_client.load(Ordering::Relaxed)
    }

    /// Whether an exchange is in progress whose request has been read to its end. Where its body has not, the task of `cx`
    /// is woken when it has.
    pub(crate) fn awaits_response(&self, cx: &Context<'_>) -> bool {
        let reads_body = || self.0.reads_body.load(Ordering::Acquire);
        if reads_body() {
            self.wakes(cx);
        }
        self.next_head().is_none() && !reads_body()
    }

    /// Since when the connection has been waiting for a complete request head, and for whom. `None` while an exchange is
    /// in progress.
    pub(crate) fn idle(&self) -> Option<(Caller, Instant)> {
        let state = self.0.state.load(Ordering::Acquire);
        let since = Duration::from_nanos(self.0.resting_since.load(Ordering::Acquire));
        let caller = match (self.0.caller.load(Ordering::Relaxed), state) {
            (_, BUSY | CLOSED) => return None,
            (0, _) => Caller::Unknown,
            (1, _) => Caller::Denied,
            (_, READING) => Caller::Returning,
            _ => Caller::Served,
        };
        Some((caller, self.0.opened + since))
    }

    /// Closes the connection if it is still idle: no request begins any more. Whether it is closed by this call.
    pub(crate) fn close(&self) -> bool {
        self.leave([WAITING, READING], CLOSED)
    }

    /// As [`close`](Self::close), but not where a part of a request has arrived.
    pub(crate) fn close_waiting(&self) -> bool {
        self.leave([WAITING, WAITING], CLOSED)
    }

    /// Changes the state if it is one of two. A failure with any other state is final.
    fn leave(&self, from: [u8; 2], to: u8) -> bool {
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        let change = |from| self.0.state.compare_exchange(from, to, success, failure).is_ok();
        // The state is read first: the connection itself is the only one that changes it, but for the end.
        let current = self.0.state.load(Ordering::Acquire);
        from.contains(&current) && change(current)
    }
}

impl Exchange {
    /// Keeps the exchange in progress for as long as `body` is.
    pub(crate) fn track<B>(&self, body: B) -> TrackedBody<B, Exchange> {
        TrackedBody {
            body,
            _part: self.clone(),
        }
    }

    /// The same for the body of the request; none where it has ended already.
    pub(crate) fn track_request<B: Body>(&self, body: B) -> Option<TrackedBody<B, RequestPart>> {
        let reads_body = !body.is_end_stream();
        self.0.0.reads_body.store(reads_body, Ordering::Release);
        reads_body.then(|| TrackedBody {
            body,
            _part: RequestPart(Some(self.clone())),
        })
    }
}

/// A request whose body is read until this is dropped.
#[derive(Debug)]
pub(crate) struct RequestPart(Option<Exchange>);

impl Drop for RequestPart {
    fn drop(&mut self) {
        let Some(exchange) = self.0.take() else { return };
        let activity = exchange.0.clone();
        activity.0.reads_body.store(false, Ordering::Release);
        // It takes no part any more when the task looks.
        drop(exchange);
        fence(Ordering::SeqCst);
        if let Some(task) = activity.0.task.get() {
            task.wake_by_ref();
        }
    }
}

impl Clone for Exchange {
    fn clone(&self) -> Exchange {
        self.0.0.parts.fetch_add(1, Ordering::AcqRel);
        Exchange(self.0.clone())
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let parts = &self.0.0.parts;
        let mut left = parts.load(Ordering::Acquire);
        loop {
            // The time is there before the connection counts as waiting.
            if left == 1 {
                self.0.ended();
            }
            match parts.compare_exchange(left, left - 1, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => break,
                Err(others) => left = others,
            }
        }
        if left != 1 {
            return;
        }
        if self.0.0.has_streams.load(Ordering::Relaxed) {
            self.0.waits();
        }
    }
}

/// A body that belongs to an exchange.
#[derive(Debug)]
pub(crate) struct TrackedBody<B, P> {
    body: B,
    _part: P,
}

impl<B: Body + Unpin, P: Unpin> Body for TrackedBody<B, P> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_head_is_due_when_both_bodies_have_ended() {
        let activity = Activity::default();
        assert_eq!(activity.next_head(), Some(0));
        let exchange = activity.begin().unwrap();
        let (request, response) = (exchange.track(()), exchange.track(()));
        drop(exchange);
        drop(request);
        assert_eq!(activity.next_head(), None);
        drop(response);
        assert_eq!(activity.next_head(), Some(1));
    }

    #[test]
    fn parts_that_end_at_once_leave_the_time_of_their_end() {
        let activity = Activity::default();
        for _ in 0..2000 {
            let exchange = activity.begin().unwrap();
            let other = exchange.clone();
            let begun = activity.0.opened.elapsed();
            let since = std::thread::scope(|scope| {
                scope.spawn(move || drop(exchange));
                scope.spawn(move || drop(other));
                while activity.next_head().is_none() {
                    std::hint::spin_loop();
                }
                activity.0.resting_since.load(Ordering::Acquire)
            });
            assert!(Duration::from_nanos(since) >= begun);
        }
    }

    #[test]
    fn a_response_is_awaited_once_the_request_is_read() {
        use bytes::Bytes;
        use http_body_util::{Empty, Full};
        let activity = Activity::default();
        let awaits = || activity.awaits_response(&Context::from_waker(Waker::noop()));
        assert!(!awaits());
        let exchange = activity.begin().unwrap();
        let body = exchange.track_request(Full::new(Bytes::from_static(b"body")));
        assert!(!awaits());
        drop(body);
        assert!(awaits());
        drop(exchange);
        assert!(!awaits());
        let exchange = activity.begin().unwrap();
        assert!(exchange.track_request(Empty::<Bytes>::new()).is_none());
        assert!(awaits());
    }

    #[test]
    fn the_end_of_a_request_wakes_its_connection_after_it() {
        use bytes::Bytes;
        use http_body_util::Full;

        /// Keeps whether a head was due when it was woken.
        struct Woken(Activity, AtomicBool);

        impl std::task::Wake for Woken {
            fn wake(self: Arc<Self>) {
                self.1.store(self.0.next_head().is_some(), Ordering::Relaxed);
            }
        }

        let activity = Activity::default();
        let woken = Arc::new(Woken(activity.clone(), AtomicBool::new(false)));
        let exchange = activity.begin().unwrap();
        let body = exchange.track_request(Full::new(Bytes::from_static(b"body")));
        drop(exchange);
        let waker = woken.clone().into();
        assert_eq!(activity.poll_next_head(&Context::from_waker(&waker)), None);
        drop(body);
        assert!(woken.1.load(Ordering::Relaxed));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_from_its_last_answer_on() {
        let activity = Activity::default();
        let opened = Instant::now();
        let wait = async || tokio::time::advance(Duration::from_nanos(1)).await;
        wait().await;
        assert_eq!(activity.idle(), Some((Caller::Unknown, opened)));

        let exchange = activity.begin().unwrap();
        activity.waits();
        assert_eq!(activity.idle(), None, "the exchange is in progress");
        activity.answered(Caller::Denied);
        wait().await;
        drop(exchange);
        let ended = Instant::now();
        assert!(ended > opened);
        wait().await;
        assert_eq!(activity.idle(), None, "the answer is not written");
        activity.waits();
        wait().await;
        activity.waits();
        assert_eq!(activity.idle(), Some((Caller::Denied, ended)));

        activity.answered(Caller::Served);
        activity.reads();
        assert_eq!(activity.idle().unwrap().0, Caller::Returning);
    }

    #[test]
    fn a_connection_with_streams_waits_once_the_last_part_of_an_exchange_is_dropped() {
        let activity = Activity::default();
        activity.has_streams();
        let (one, other) = (activity.begin().unwrap(), activity.begin().unwrap());
        let request = one.track(());
        drop(one);
        assert_eq!(activity.idle(), None, "the request body is read");
        drop(request);
        assert_eq!(activity.idle(), None, "another stream is in progress");
        drop(other);
        assert!(activity.idle().is_some());
        assert!(activity.close());
    }

    #[test]
    fn a_closed_connection_begins_no_request_and_a_request_is_not_closed() {
        let closed = Activity::default();
        assert!(closed.close() && !closed.close());
        assert!(closed.begin().is_none());
        assert_eq!(closed.idle(), None);

        let reading = Activity::default();
        reading.reads();
        assert!(!reading.close_waiting() && reading.close());

        let busy = Activity::default();
        let _exchange = busy.begin().unwrap();
        assert!(!busy.close() && !busy.close_waiting());
        let _second = busy.begin().unwrap();
    }
}
