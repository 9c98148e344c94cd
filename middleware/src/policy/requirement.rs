//! A requirement, compiled: its own rules, and those of the requirements it requires.

use std::sync::Arc;

use super::rules::{CoreRule, HistoryRule, Truncation, body_limit};
use super::syntax::joined;

/// A conjunction of rules, in the order in which they are evaluated: scopes, core rules, history rules.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Requirement {
    pub(super) core: Vec<CoreRule>,
    pub(super) history: Vec<HistoryRule>,
    /// For the challenge.
    scope: Option<Arc<str>>,
    body_limit: Option<u64>,
}

impl Requirement {
    pub(super) fn new(core: Vec<CoreRule>, history: Vec<HistoryRule>) -> Self {
        let mut scopes = Vec::new();
        for scope in core.iter().flat_map(CoreRule::required_scopes) {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        let scope = (!scopes.is_empty()).then(|| joined(scopes, " ").into());
        let body_limit = body_limit(&core);
        Requirement {
            core,
            history,
            scope,
            body_limit,
        }
    }

    /// The most bytes of the body with which a request can be allowed; [`None`] where no rule reads the body.
    pub(crate) fn body_limit(&self) -> Option<u64> {
        self.body_limit
    }

    /// A rule that reads the body.
    pub(super) fn body_rule(&self) -> Option<&str> {
        let rule = self.core.iter().find(|rule| rule.body_limit().is_some())?;
        Some(&rule.name)
    }

    /// The scopes that a token needs, separated by spaces; [`None`] where it needs none.
    pub(crate) fn scope(&self) -> Option<&Arc<str>> {
        self.scope.as_ref()
    }

    /// The scopes that a token may need, also in one of several alternatives.
    pub(super) fn scopes(&self) -> impl Iterator<Item = &str> {
        self.core
            .iter()
            .flat_map(CoreRule::accepted_scopes)
            .map(|scope| &**scope)
    }

    /// Whether whatever meets this requirement is known to meet the other one.
    pub(super) fn implies(&self, other: &Requirement) -> bool {
        let core = other
            .core
            .iter()
            .all(|other| self.core.iter().any(|rule| rule.implies(other)));
        let history = |other| self.history.iter().any(|rule| rule.implies(other));
        core && other.history.iter().all(history)
    }

    pub(super) fn history_needs(&self) -> impl Iterator<Item = HistoryNeed<'_>> {
        self.history.iter().map(|rule| HistoryNeed {
            rule: &rule.name,
            line: rule.span.line,
            column: rule.span.column,
            truncation: rule.condition.truncation(),
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
