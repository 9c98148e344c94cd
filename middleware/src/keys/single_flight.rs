//! Single-flight refresh: concurrent callers share one fetch; a cool-down rejects further ones.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Coordinates the fetches of the keys of one issuer.
#[derive(Debug)]
pub(super) struct SingleFlight {
    attempt: Mutex<Attempt>,
    cooldown: Duration,
    requests: mpsc::Sender<()>,
    finished: watch::Sender<u64>,
}

/// The requests for a fetch, received by the task that fetches.
#[derive(Debug)]
pub(super) struct RefreshRequests(mpsc::Receiver<()>);

#[derive(Debug)]
struct Attempt {
    running: bool,
    last: Option<Instant>,
    /// Until when the server asks for no further attempt.
    refused_until: Option<Instant>,
}

impl SingleFlight {
    pub(super) fn new(cooldown: Duration) -> (SingleFlight, RefreshRequests) {
        let (requests, receiver) = mpsc::channel(1);
        let single_flight = SingleFlight {
            attempt: Mutex::new(Attempt {
                running: false,
                last: None,
                refused_until: None,
            }),
            cooldown,
            requests,
            finished: watch::Sender::new(0),
        };
        (single_flight, RefreshRequests(receiver))
    }

    /// Changes whenever an attempt ends. Subscribe before [`request`](Self::request), so that no end is missed.
    pub(super) fn finished(&self) -> watch::Receiver<u64> {
        self.finished.subscribe()
    }

    /// Requests an attempt. Returns whether one is running or about to begin: false during the cool-down, which counts
    /// from the beginning of the last attempt, while [`refuse_until`](Self::refuse_until) holds, and once the task that
    /// fetches has ended.
    pub(super) fn request(&self) -> bool {
        let mut attempt = self.attempt();
        if attempt.running {
            return true;
        }
        let cools_down = attempt.last.is_some_and(|last| last.elapsed() < self.cooldown);
        let is_refused = attempt.refused_until.is_some_and(|until| Instant::now() < until);
        if cools_down || is_refused || self.requests.try_send(()).is_err() {
            return false;
        }
        attempt.begin();
        true
    }

    /// Marks the beginning of an attempt, which serves all requests made so far.
    pub(super) fn begin(&self, requests: &mut RefreshRequests) {
        self.attempt().begin();
        while requests.0.try_recv().is_ok() {}
    }

    /// Requests no attempt before `until`. The next attempt ends this.
    pub(super) fn refuse_until(&self, until: Instant) {
        self.attempt().refused_until = Some(until);
    }

    /// Marks the end of an attempt, successful or not.
    pub(super) fn finish(&self) {
        self.attempt().running = false;
        self.finished.send_modify(|count| *count += 1);
    }

    fn attempt(&self) -> MutexGuard<'_, Attempt> {
        self.attempt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt {
    fn begin(&mut self) {
        self.running = true;
        self.last = Some(Instant::now());
        self.refused_until = None;
    }
}

impl RefreshRequests {
    /// Resolves when an attempt is requested.
    pub(super) async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            // No request can come any more; the schedule goes on.
            std::future::pending().await
        }
    }
}
