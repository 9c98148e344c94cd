//! What a decision can wait for.

use super::decision::Decision;
use crate::keys::RemoteKeys;

/// The result of authorizing a request without waiting.
pub(crate) enum Authorization {
    /// The decision.
    Decided(Decision),
    /// The decision, which one event could change.
    Pending(Pending, Decision),
}

impl Authorization {
    /// The decision as it is without waiting.
    pub(crate) fn into_decision(self) -> Decision {
        match self {
            Authorization::Decided(decision) | Authorization::Pending(_, decision) => decision,
        }
    }
}

/// What could change a decision.
#[derive(Debug)]
pub(crate) enum Pending {
    /// One more fetch of keys, because the token names a key that is not in the set of this generation.
    Keys { keys: RemoteKeys, generation: u64 },
}

impl Pending {
    /// Waits for the event. Returns whether to authorize the request again. The only place that waits.
    pub(crate) async fn resolve(&self) -> bool {
        match self {
            Pending::Keys { keys, generation } => keys.refetch(*generation).await,
        }
    }
}
