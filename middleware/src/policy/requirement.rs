//! A requirement, compiled: every rule it demands, its own and those of the requirements it requires.

use std::sync::Arc;

use super::core_rule::CoreRule;
use super::history_rule::HistoryRule;
use super::words::PartyName;
use crate::chain::Party;

/// A conjunction of rules, in the order in which they are judged: scopes, core rules, history rules.
#[derive(Debug, Default)]
pub(crate) struct Requirement {
    pub(super) core: Vec<CoreRule>,
    pub(super) history: Vec<HistoryRule>,
    /// Every scope that is demanded, for the challenge.
    pub(super) scope: Arc<str>,
}

impl Requirement {
    pub(super) fn history_needs(&self) -> impl Iterator<Item = HistoryNeed<'_>> {
        self.history.iter().map(|rule| HistoryNeed {
            rule: &rule.name,
            line: rule.line,
            truncation: rule.truncation,
        })
    }
}

/// What a history rule needs of every trusted issuer.
pub(crate) struct HistoryNeed<'p> {
    pub(crate) rule: &'p str,
    pub(crate) line: u64,
    pub(crate) truncation: Truncation,
}

/// Whether the owner knows that an incomplete chain evades the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truncation {
    /// The issuer's chain must be complete.
    Refused,
    /// `accept_truncation: true`.
    Accepted,
}

/// Parties that a rule names.
#[derive(Debug)]
pub(super) struct Parties(pub(super) Vec<PartyName>);

impl Parties {
    /// Whether `party` is among them; a bare name means the issuer of the token, which is the initiator's.
    pub(super) fn contain(&self, party: &Party, initiator: &Party) -> bool {
        self.0.iter().any(|name| {
            let issuer = name.issuer.as_deref().unwrap_or(initiator.issuer());
            *name.subject == *party.subject() && *issuer == *party.issuer()
        })
    }

    pub(super) fn list(&self) -> String {
        let name = |name: &PartyName| match &name.issuer {
            Some(issuer) => format!("{} of {issuer}", name.subject),
            None => name.subject.to_string(),
        };
        self.0.iter().map(name).collect::<Vec<_>>().join(", ")
    }
}

/// A party as `explain` shows it: its issuer only where that is not the token's.
pub(super) fn shown(party: &Party, initiator: &Party) -> String {
    if party.issuer() == initiator.issuer() {
        party.subject().to_owned()
    } else {
        format!("{} of {}", party.subject(), party.issuer())
    }
}
