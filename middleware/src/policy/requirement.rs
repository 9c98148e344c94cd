//! A requirement, compiled: its own rules, and those of the requirements it requires.

use super::rules::{CoreRule, HistoryRule, Truncation};

/// A conjunction of rules, in the order in which they are evaluated: scopes, core rules, history rules.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Requirement {
    pub(super) core: Vec<CoreRule>,
    pub(super) history: Vec<HistoryRule>,
}

impl Requirement {
    /// Whether whatever meets this requirement is known to meet the other one.
    pub(super) fn implies(&self, other: &Requirement) -> bool {
        let core = other
            .core
            .iter()
            .all(|other| self.core.iter().any(|rule| rule.implies(other)));
        core && other.history.iter().all(|rule| self.history.contains(rule))
    }

    pub(super) fn history_needs(&self) -> impl Iterator<Item = HistoryNeed<'_>> {
        self.history.iter().map(|rule| HistoryNeed {
            rule: &rule.name,
            line: rule.span.line,
            column: rule.span.column,
            truncation: rule.condition.truncation,
        })
    }
}

/// What a history rule needs of every trusted issuer.
pub(crate) struct HistoryNeed<'p> {
    pub(crate) rule: &'p str,
    pub(crate) line: u64,
    pub(crate) column: u64,
    pub(crate) truncation: Truncation,
}
