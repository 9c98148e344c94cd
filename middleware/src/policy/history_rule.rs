//! Rules on the whole chain: local policy beyond RFC 8693 section 4.1, which can only refuse.

use std::sync::Arc;

use super::parties::{Parties, shown};
use crate::chain::History;

/// One rule of the history tier.
#[derive(Clone, Debug)]
pub(super) struct HistoryRule {
    pub(super) name: Arc<str>,
    pub(super) line: u64,
    pub(super) truncation: Truncation,
    pub(super) demand: HistoryDemand,
}

/// Whether the owner knows that an incomplete chain evades the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truncation {
    /// The issuer's chain must be complete.
    Refused,
    /// `accept_truncation: true`.
    Accepted,
}

#[derive(Clone, Debug)]
pub(super) enum HistoryDemand {
    /// At most so many `act` objects.
    MaxDepth(usize),
    /// Every actor is one of these.
    AllOf(Arc<Parties>),
    /// Nobody, the initiator among them, is one of these.
    NoneOf(Arc<Parties>),
}

impl HistoryRule {
    /// The code of the refusal, if the chain does not meet the rule.
    pub(super) fn judge(&self, history: &History<'_>) -> Result<(), &'static str> {
        // The issuer says itself that hops are missing: no rule on them can be judged.
        if history.complete == Some(false) {
            return Err("chain_incomplete");
        }
        let initiator = history.initiator;
        let met = match &self.demand {
            HistoryDemand::MaxDepth(most) => {
                return if history.depth() <= *most {
                    Ok(())
                } else {
                    Err("chain_too_deep")
                };
            }
            HistoryDemand::AllOf(listed) => history.actors().all(|actor| listed.contain(actor.party(), initiator)),
            HistoryDemand::NoneOf(listed) => {
                !listed.contain(initiator, initiator)
                    && !history.actors().any(|actor| listed.contain(actor.party(), initiator))
            }
        };
        if met { Ok(()) } else { Err("chain_actor_not_allowed") }
    }

    pub(super) fn expected(&self) -> String {
        match &self.demand {
            HistoryDemand::MaxDepth(1) => "at most 1 actor".to_owned(),
            HistoryDemand::MaxDepth(most) => format!("at most {most} actors"),
            HistoryDemand::AllOf(listed) => format!("every actor one of {}", listed.list()),
            HistoryDemand::NoneOf(listed) => format!("nobody of {}", listed.list()),
        }
    }

    pub(super) fn got(&self, history: &History<'_>) -> String {
        if history.complete == Some(false) {
            return "a chain that its issuer calls incomplete".to_owned();
        }
        let names: Vec<String> = history
            .actors()
            .map(|actor| shown(actor.party(), history.initiator))
            .collect();
        match names.len() {
            0 => "no actor".to_owned(),
            depth => format!("{depth}: {}", names.join(" ← ")),
        }
    }
}
