//! The normalised facts of a verified token, in two tiers of different types.

use super::party::{Actor, Party};
use crate::profile::Kind;
use crate::token::Claims;

/// All facts of a verified token. The claims are last: what few requests read is at their end.
#[derive(Clone)]
#[repr(C)]
pub(crate) struct Facts {
    pub(super) kind: Kind,
    /// Whether the evidence for the kind of a party contradicts itself.
    pub(crate) contradictory: bool,
    pub(super) initiator: Party,
    pub(super) delegation: Delegation,
    pub(super) prior: Box<[Actor]>,
    pub(crate) claims: Claims,
}

/// The delegation that the outermost `act` states.
#[derive(Clone, Debug)]
pub(crate) enum Delegation {
    /// No `act`.
    None,
    /// The initiator is named as its own actor by the same issuer: no delegation.
    SelfActor(Actor),
    /// Another party acts for the initiator.
    Delegated(Actor),
}

impl Delegation {
    /// The party that `act` names, the initiator itself included.
    pub(crate) fn actor(&self) -> Option<&Actor> {
        match self {
            Delegation::None => None,
            Delegation::SelfActor(actor) | Delegation::Delegated(actor) => Some(actor),
        }
    }
}

impl Facts {
    /// What core rules read: the subject, the current actor, the top-level claims. It contains no prior actor.
    pub(crate) fn core(&self) -> Core<'_> {
        Core {
            claims: &self.claims,
            initiator: &self.initiator,
            kind: self.kind,
            delegation: &self.delegation,
            scope_ceiling: None,
        }
    }

    /// What history rules read.
    pub(crate) fn history(&self) -> History<'_> {
        History {
            initiator: &self.initiator,
            delegation: &self.delegation,
            prior: &self.prior,
            complete: self.claims.chain_complete,
        }
    }
}

/// The facts that RFC 8693 section 4.1 lets access control consider.
#[derive(Clone, Copy)]
pub(crate) struct Core<'f> {
    pub(crate) claims: &'f Claims,
    pub(crate) initiator: &'f Party,
    pub(crate) kind: Kind,
    pub(crate) delegation: &'f Delegation,
    /// The scopes, separated by spaces, that rules accept at most; [`None`] where those of the token count alone.
    pub(crate) scope_ceiling: Option<&'f str>,
}

impl<'f> Core<'f> {
    /// The current actor, if it is another party than the initiator.
    pub(crate) fn delegate(&self) -> Option<&'f Actor> {
        match self.delegation {
            Delegation::Delegated(actor) => Some(actor),
            Delegation::None | Delegation::SelfActor(_) => None,
        }
    }
}

/// The whole chain, for rules that can only deny.
#[derive(Clone, Copy)]
pub(crate) struct History<'f> {
    pub(crate) initiator: &'f Party,
    pub(crate) delegation: &'f Delegation,
    pub(crate) prior: &'f [Actor],
    /// `chain_complete` of the token, where the issuer writes one.
    pub(crate) complete: Option<bool>,
}

impl<'f> History<'f> {
    /// Every actor, the current one first.
    pub(crate) fn actors(&self) -> impl DoubleEndedIterator<Item = &'f Actor> + use<'f> {
        self.delegation.actor().into_iter().chain(self.prior)
    }

    pub(crate) fn depth(&self) -> usize {
        self.prior.len() + usize::from(self.delegation.actor().is_some())
    }
}
