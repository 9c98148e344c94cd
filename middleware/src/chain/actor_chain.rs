//! The chain of one token, to be looked at.

use std::fmt;

use super::facts::{Acting, Facts};
use super::party::{Actor, Party};
use crate::profile::Kind;

/// From the initiator to the current actor, as the token tells it.
///
/// The current actor is a fact to decide on; prior actors are for the record (RFC 8693 section 4.1). They rest on the
/// issuer's word for earlier hops, none of which is proven by itself.
#[derive(Clone, Copy)]
pub struct ActorChain<'f> {
    facts: &'f Facts,
}

impl<'f> ActorChain<'f> {
    pub(crate) fn of(facts: &'f Facts) -> Self {
        ActorChain { facts }
    }

    /// The subject, on whose authority all of this happens.
    pub fn initiator(&self) -> &'f Party {
        self.facts.core().initiator
    }

    /// What kind of party the initiator is.
    pub fn initiator_kind(&self) -> Kind {
        self.facts.core().kind
    }

    /// The outermost `act`: who acts now. A machine that the issuer lists as its own actor is shown here, although it
    /// acts for itself and counts as autonomous in every rule.
    pub fn current(&self) -> Option<&'f Actor> {
        match self.facts.core().acting {
            Acting::Nobody => None,
            Acting::Itself(actor) | Acting::Delegate(actor) => Some(actor),
        }
    }

    /// The actors before the current one, newest first.
    pub fn prior(&self) -> &'f [Actor] {
        self.facts.history().prior
    }

    /// How many `act` objects the token holds: 0 for a token without an actor.
    pub fn depth(&self) -> usize {
        self.facts.history().depth()
    }
}

/// Shows the kinds and nobody's name: debug output ends up in logs.
impl fmt::Debug for ActorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actors: Vec<Kind> = self
            .current()
            .into_iter()
            .chain(self.prior())
            .map(Actor::kind)
            .collect();
        f.debug_struct("ActorChain")
            .field("initiator", &self.initiator_kind())
            .field("actors", &actors)
            .finish()
    }
}
