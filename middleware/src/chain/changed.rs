//! Facts that differ from those of a token: for what would allow a request, never for enforcement.

use super::facts::{Delegation, Facts};
use super::party::{Actor, Party};
use crate::profile::Kind;

impl Facts {
    /// Sets the initiator. A current actor that is this party acts for itself.
    pub(crate) fn set_initiator(&mut self, initiator: Party, kind: Kind) {
        self.initiator = initiator;
        self.kind = kind;
        let actor = self.delegation.actor().cloned();
        self.delegate(actor);
    }

    /// Sets the current actor. Without one, there is no prior actor either.
    pub(crate) fn set_actor(&mut self, actor: Option<Actor>) {
        if actor.is_none() {
            self.prior = Box::default();
        }
        self.delegate(actor);
    }

    /// Sets the prior actors, newest first.
    pub(crate) fn set_prior(&mut self, prior: Box<[Actor]>) {
        self.prior = prior;
    }

    fn delegate(&mut self, actor: Option<Actor>) {
        self.delegation = match actor {
            None => Delegation::None,
            Some(actor) if *actor.party() == self.initiator => Delegation::SelfActor(actor),
            Some(actor) => Delegation::Delegated(actor),
        };
    }
}
