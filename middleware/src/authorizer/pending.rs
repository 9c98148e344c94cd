//! What a decision can wait for.

use std::mem;
use std::sync::Arc;

use super::decision::{Conclusion, Decision};
use super::in_force::InForce;
use crate::keys::RemoteKeys;
use crate::token::introspection::Question;

/// The result of authorizing a request without waiting.
pub(crate) enum Authorization<D = Decision> {
    /// The decision.
    Decided(D),
    /// The decision, which one event could change. Boxed, so that the result of every other request is small.
    Pending(Box<Pending>, D),
}

impl<D> Authorization<D> {
    pub(super) fn map<E>(self, change: impl FnOnce(D) -> E) -> Authorization<E> {
        match self {
            Authorization::Decided(decision) => Authorization::Decided(change(decision)),
            Authorization::Pending(pending, decision) => Authorization::Pending(pending, change(decision)),
        }
    }

    /// The decision as it is without waiting.
    pub(crate) fn into_decision(self) -> D {
        match self {
            Authorization::Decided(decision) | Authorization::Pending(_, decision) => decision,
        }
    }
}

impl Authorization<Conclusion> {
    /// The result by a policy, with that policy.
    pub(crate) fn by(self, in_force: Arc<InForce>) -> Authorization {
        match self {
            Authorization::Decided(conclusion) => Authorization::Decided(Decision::new(in_force, conclusion)),
            Authorization::Pending(pending, conclusion) => {
                Authorization::Pending(pending, Decision::new(in_force, conclusion))
            }
        }
    }
}

/// What a decision has waited for: for each kind of event once, so that time-outs bound the wait.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    keys: bool,
    introspection: bool,
}

impl Waits {
    /// Whether the decision can wait for this event; then it cannot wait for another one of its kind.
    pub(crate) fn begin(&mut self, pending: &Pending) -> bool {
        let has_waited = match pending {
            Pending::Keys { .. } => &mut self.keys,
            Pending::Introspection(_) => &mut self.introspection,
        };
        !mem::replace(has_waited, true)
    }
}

/// What could change a decision.
#[derive(Debug)]
pub(crate) enum Pending {
    /// One more fetch of keys, because the token names a key that is not in the set of this generation.
    Keys { keys: RemoteKeys, generation: u64 },
    /// The answer of the issuer about the token.
    Introspection(Question),
}

impl Pending {
    /// Waits for the event. Returns whether to authorize the request again. The only place that waits.
    pub(crate) async fn resolve(&self) -> bool {
        match self {
            Pending::Keys { keys, generation } => keys.refetch(*generation).await,
            Pending::Introspection(question) => question.ask().await,
        }
    }
}
