//! One fetch at a time: who asks during it joins it, and who asks soon after it is turned away.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// The attempts to fetch the keys of one issuer.
#[derive(Debug)]
pub(super) struct Attempts {
    attempt: Mutex<Attempt>,
    cooldown: Duration,
    demands: mpsc::Sender<()>,
    finished: watch::Sender<u64>,
}

/// Where whoever fetches learns that somebody asks for it.
#[derive(Debug)]
pub(super) struct Demands(mpsc::Receiver<()>);

#[derive(Debug)]
struct Attempt {
    running: bool,
    last: Option<Instant>,
}

impl Attempts {
    pub(super) fn new(cooldown: Duration) -> (Attempts, Demands) {
        let (demands, receiver) = mpsc::channel(1);
        let attempts = Attempts {
            attempt: Mutex::new(Attempt {
                running: false,
                last: None,
            }),
            cooldown,
            demands,
            finished: watch::Sender::new(0),
        };
        (attempts, Demands(receiver))
    }

    /// Changes whenever an attempt ends. To be taken before [`demand`](Self::demand), so that no end is missed.
    pub(super) fn finished(&self) -> watch::Receiver<u64> {
        self.finished.subscribe()
    }

    /// Whether an attempt is under way or about to be: false during the cool-down, which counts from the beginning of the
    /// last attempt, and when nobody fetches any more.
    pub(super) fn demand(&self) -> bool {
        let mut attempt = self.attempt();
        if attempt.running {
            return true;
        }
        if attempt.last.is_some_and(|last| last.elapsed() < self.cooldown) || self.demands.try_send(()).is_err() {
            return false;
        }
        attempt.begin();
        true
    }

    /// Marks the beginning of an attempt; demands made up to now are answered by it.
    pub(super) fn begin(&self, demands: &mut Demands) {
        self.attempt().begin();
        while demands.0.try_recv().is_ok() {}
    }

    /// Marks the end of an attempt, whatever came of it.
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
    }
}

impl Demands {
    /// Resolves when somebody asks for an attempt.
    pub(super) async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            // Nobody can ask any more; the schedule goes on.
            std::future::pending().await
        }
    }
}
