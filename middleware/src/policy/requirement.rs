//! A requirement, compiled: every rule it demands, its own and those of the requirements it requires.

use std::sync::Arc;

use super::core_rule::CoreRule;
use super::history_rule::{HistoryRule, Truncation};

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
