//! Questions that run at a time: one for each token, and not more than the issuer can be asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, watch};

use super::answers::TokenDigest;

/// The most questions that wait or run.
const MAX_QUESTIONS: usize = 1024;

/// Questions of one kind.
#[derive(Debug)]
pub(super) struct Lane {
    running: Mutex<HashMap<TokenDigest, watch::Receiver<()>>>,
    /// Those that the issuer is asked at a time.
    pub(super) permits: Semaphore,
}

/// A question that was begun. Dropping it is its end.
pub(super) struct Running {
    lane: Arc<Lane>,
    digest: TokenDigest,
    _end: watch::Sender<()>,
}

/// What joining a question leads to.
pub(super) enum Joined {
    /// The question begins: the caller runs it.
    Begun(Running, watch::Receiver<()>),
    /// It runs.
    Running(watch::Receiver<()>),
    /// There are too many.
    Full,
}

impl Lane {
    pub(super) fn new(permits: usize) -> Arc<Lane> {
        Arc::new(Lane {
            running: Mutex::default(),
            permits: Semaphore::new(permits),
        })
    }

    /// Joins the question about a token. The receiver changes, or ends, with the question.
    pub(super) fn join(self: &Arc<Self>, digest: TokenDigest) -> Joined {
        let mut running = self.running();
        if let Some(end) = running.get(&digest) {
            return Joined::Running(end.clone());
        }
        if running.len() >= MAX_QUESTIONS {
            return Joined::Full;
        }
        let (sender, receiver) = watch::channel(());
        running.insert(digest, receiver.clone());
        let lane = Arc::clone(self);
        let begun = Running {
            lane,
            digest,
            _end: sender,
        };
        Joined::Begun(begun, receiver)
    }

    fn running(&self) -> MutexGuard<'_, HashMap<TokenDigest, watch::Receiver<()>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.lane.running().remove(&self.digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_question_for_each_token_and_a_limited_number_of_them() {
        let lane = Lane::new(1);
        let Joined::Begun(first, mut end) = lane.join([0; 32]) else {
            panic!("it does not begin")
        };
        let Joined::Running(mut joined) = lane.join([0; 32]) else {
            panic!("a second question")
        };
        let mut others = Vec::new();
        for index in 1..MAX_QUESTIONS {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&index.to_le_bytes());
            others.push(lane.join(digest));
        }
        assert!(matches!(lane.join([9; 32]), Joined::Full));
        drop(first);
        assert!(end.changed().await.is_err() && joined.changed().await.is_err());
        assert!(matches!(lane.join([9; 32]), Joined::Begun(..)));
        drop(others);
    }
}
