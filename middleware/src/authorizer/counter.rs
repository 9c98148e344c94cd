//! What counts the requests of parties.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::decision::Decision;
use crate::quota::{CountRequests, InMemory};

/// What counts the requests of parties.
#[derive(Clone)]
pub(super) enum Counter {
    InMemory(Arc<InMemory>),
    Shared(Arc<dyn CountRequests>),
}

impl Default for Counter {
    fn default() -> Counter {
        Counter::InMemory(Arc::default())
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Counter::InMemory(_) => "InMemory",
            Counter::Shared(_) => "Shared",
        })
    }
}

/// A decision whose request is counted.
pub(crate) enum Counting {
    /// It is counted, or has no limit.
    Done(Decision),
    /// It is being counted by a store.
    Asked(Pin<Box<dyn Future<Output = Decision> + Send>>),
}

impl Counting {
    /// The decision, after the answer of the store.
    pub(super) async fn decision(self) -> Decision {
        match self {
            Counting::Done(decision) => decision,
            Counting::Asked(asked) => asked.await,
        }
    }
}
