//! The chain of one token as handlers and logs see it.

use std::fmt;

use super::facts::Facts;
use super::party::{Actor, Party};
use crate::profile::Kind;

/// The parties of a verified token, from the initiator to the current actor.
///
/// Decisions consider the current actor; prior actors are informational (RFC 8693 section 4.1). The issuer asserts the
/// earlier hops; none of them is proven by a signature of its own.
#[derive(Clone, Copy)]
pub struct ActorChain<'f>(&'f Facts);

impl<'f> ActorChain<'f> {
    pub(crate) fn of(facts: &'f Facts) -> Self {
        ActorChain(facts)
    }

    /// The subject, whose authority is exercised.
    pub fn initiator(&self) -> &'f Party {
        self.0.core().initiator
    }

    /// The kind of the initiator.
    pub fn initiator_kind(&self) -> Kind {
        self.0.core().kind
    }

    /// The current actor: the outermost `act`. It includes a machine that the issuer names as its own actor, which every
    /// rule treats as acting without delegation.
    pub fn current(&self) -> Option<&'f Actor> {
        self.0.core().delegation.actor()
    }

    /// The actors before the current one, newest first.
    pub fn prior(&self) -> &'f [Actor] {
        self.0.history().prior
    }

    /// How many `act` objects the token holds: 0 for a token without an actor.
    pub fn depth(&self) -> usize {
        self.0.history().depth()
    }
}

/// Prints kinds and no identifier: debug output ends up in logs.
impl fmt::Debug for ActorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actors: Vec<Kind> = self.0.history().actors().map(Actor::kind).collect();
        f.debug_struct("ActorChain")
            .field("initiator", &self.initiator_kind())
            .field("actors", &actors)
            .finish()
    }
}
