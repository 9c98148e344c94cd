//! A requirement, compiled: its own rules, and those of the requirements it requires.

use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hasher as _};
use std::sync::Arc;

use super::limit::Limit;
use super::mode::Mode;
use super::read::Reads;
use super::rules::{CoreCondition, CoreRule, HistoryRule, Truncation, body_limit};
use super::syntax::joined;

/// A conjunction of rules, in the order in which they are evaluated: scopes, core rules, history rules.
///
/// Requirements are equal if their rules and limits are, whatever is in shadow beside them.
#[derive(Debug, Default)]
pub(crate) struct Requirement {
    pub(super) core: Vec<CoreRule>,
    pub(super) history: Vec<HistoryRule>,
    /// For the challenge.
    scope: Option<Arc<str>>,
    body_limit: Option<u64>,
    /// How many requests a party may make that the rules allow.
    limit: Option<Limit>,
    /// With the rules in shadow, in their places; [`None`] where there are none.
    promoted: Option<Arc<Requirement>>,
}

/// Hashes what is written to it.
struct Hashing(DefaultHasher);

impl fmt::Write for Hashing {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

impl Requirement {
    /// A number that equal requirements have in common, and most others do not.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hashing = Hashing(DefaultHasher::new());
        for rule in &self.core {
            // The others have parts that are compared in their own way.
            let written = match &rule.condition {
                CoreCondition::Scopes(condition) => write!(hashing, "{condition:?}"),
                CoreCondition::Initiator(condition) => write!(hashing, "{condition:?}"),
                CoreCondition::Client(condition) => write!(hashing, "{condition:?}"),
                CoreCondition::Claims(condition) => write!(hashing, "{condition:?}"),
                other => hashing.write_str(other.key()),
            };
            // A hasher takes every text.
            debug_assert!(written.is_ok(), "hashed");
        }
        hashing.0.write_usize(self.history.len());
        hashing.0.finish()
    }
}

impl PartialEq for Requirement {
    fn eq(&self, other: &Self) -> bool {
        self.core == other.core && self.history == other.history && self.limit == other.limit
    }
}

impl Eq for Requirement {}

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
            limit: None,
            promoted: None,
        }
    }

    /// The same requirement with a limit.
    pub(super) fn with_limit(self, limit: Option<Limit>) -> Self {
        Requirement { limit, ..self }
    }

    /// How many requests a party may make.
    pub(crate) fn limit(&self) -> Option<&Limit> {
        self.limit.as_ref()
    }

    /// The same requirement beside rules in shadow, all of which together with its own are `promoted`.
    pub(super) fn beside(self, promoted: Requirement) -> Self {
        let promoted = Some(Arc::new(promoted));
        Requirement { promoted, ..self }
    }

    /// What would be required if the rules in shadow were enforced; [`None`] where none is in shadow.
    pub(crate) fn promoted(&self) -> Option<&Arc<Requirement>> {
        self.promoted.as_ref()
    }

    /// The rules with their modes, in the order in which they are evaluated, and the limit.
    pub(crate) fn modes(&self) -> impl Iterator<Item = (&Arc<str>, Mode)> {
        let core = self.core.iter().map(|rule| (&rule.name, rule.mode));
        let rules = core.chain(self.history.iter().map(|rule| (&rule.name, rule.mode)));
        rules.chain(self.limit.iter().map(|limit| (&limit.name, limit.mode)))
    }

    /// What its rules read that is no normalised fact.
    pub(crate) fn reads(&self) -> Reads<'_> {
        Reads::of(&self.core, &self.history)
    }

    /// Whether it has a rule that the policy states.
    pub(super) fn has_written_rule(&self) -> bool {
        !self.history.is_empty() || !self.core.iter().all(CoreRule::is_implicit)
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
