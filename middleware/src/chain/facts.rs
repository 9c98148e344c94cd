//! The normalised facts of a verified token, in two tiers that no rule can mix up.

use super::party::{Actor, Party};
use crate::profile::Kind;
use crate::token::Claims;

/// Everything that is known of a verified token.
pub(crate) struct Facts {
    pub(super) claims: Claims,
    pub(super) initiator: Party,
    pub(super) kind: Kind,
    pub(super) acting: Acting,
    pub(super) prior: Box<[Actor]>,
}

/// Who acts for the initiator at the moment.
#[derive(Debug)]
pub(crate) enum Acting {
    /// No `act`: the initiator itself.
    Nobody,
    /// The initiator itself, named as its own actor by the same issuer: no delegation.
    Itself(Actor),
    /// Another party.
    Delegate(Actor),
}

impl Facts {
    /// What core rules may read: the subject, the current actor, the top-level claims. No prior actor is in reach.
    pub(crate) fn core(&self) -> Core<'_> {
        Core {
            claims: &self.claims,
            initiator: &self.initiator,
            kind: self.kind,
            acting: &self.acting,
        }
    }

    /// What history rules may read.
    pub(crate) fn history(&self) -> History<'_> {
        History {
            initiator: &self.initiator,
            acting: &self.acting,
            prior: &self.prior,
            complete: self.claims.chain_complete,
        }
    }

    pub(crate) fn claims(&self) -> &Claims {
        &self.claims
    }
}

/// The facts that RFC 8693 section 4.1 lets access control consider.
#[derive(Clone, Copy)]
pub(crate) struct Core<'f> {
    pub(crate) claims: &'f Claims,
    pub(crate) initiator: &'f Party,
    pub(crate) kind: Kind,
    pub(crate) acting: &'f Acting,
}

impl<'f> Core<'f> {
    /// The party that acts for the initiator, if another one does.
    pub(crate) fn delegate(&self) -> Option<&'f Actor> {
        match self.acting {
            Acting::Delegate(actor) => Some(actor),
            Acting::Nobody | Acting::Itself(_) => None,
        }
    }
}

/// The whole chain, for rules that can only refuse.
#[derive(Clone, Copy)]
pub(crate) struct History<'f> {
    pub(crate) initiator: &'f Party,
    pub(crate) acting: &'f Acting,
    pub(crate) prior: &'f [Actor],
    /// `chain_complete` of the token, where the issuer writes one.
    pub(crate) complete: Option<bool>,
}

impl<'f> History<'f> {
    /// Every actor, the current one first.
    pub(crate) fn actors(&self) -> impl Iterator<Item = &'f Actor> + use<'f> {
        let current = match self.acting {
            Acting::Nobody => None,
            Acting::Itself(actor) | Acting::Delegate(actor) => Some(actor),
        };
        current.into_iter().chain(self.prior)
    }

    pub(crate) fn depth(&self) -> usize {
        self.actors().count()
    }
}
