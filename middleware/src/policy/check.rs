//! Checks and their recorders: enforcement keeps nothing, `explain` keeps every check.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::mode::Mode;

/// One check of one request, as `explain` shows it.
///
/// It holds values of the token's claims: it is for the operator who holds that token, not for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// The rule, as `POST /refunds: fresh-human.initiator.kind`, or the step of the token's validation.
    pub rule: String,
    /// The class of rules it belongs to.
    pub tier: Tier,
    /// Whether the request is denied where the check failed.
    pub mode: Mode,
    /// Whether the fact met the rule.
    pub outcome: Outcome,
    /// The fact that is read, such as `kind of the initiator`; [`None`] for several.
    pub fact: Option<&'static str>,
    /// Where the fact comes from: the claim or the evidence, a header, a parameter of the query, a member of the body.
    pub source: Option<String>,
    /// What the rule requires.
    pub expected: String,
    /// What the token contains.
    pub got: String,
    /// The stable code, where the check failed.
    pub code: Option<&'static str>,
    /// For `any_of`, the checks of each alternative; the rule is met if all checks of one alternative passed.
    pub alternatives: Vec<Vec<Check>>,
    /// What `rule` is a part of.
    pub(crate) part_of: Option<PartOf>,
}

/// The rule of the policy of which a check names the part that denies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartOf {
    pub(crate) rule: Arc<str>,
    /// Whether the part denies whatever the values are that the rule reads.
    pub(crate) is_certain: bool,
}

impl Check {
    pub(crate) fn new(rule: &str, tier: Tier, expected: String, got: String) -> Self {
        Check {
            rule: rule.to_owned(),
            tier,
            mode: Mode::Enforce,
            fact: None,
            source: None,
            outcome: Outcome::Passed,
            expected,
            got,
            code: None,
            alternatives: Vec::new(),
            part_of: None,
        }
    }

    /// Whether it is the check of a rule of the policy, or of a part of it.
    pub(crate) fn is_of(&self, rule: &str) -> bool {
        self.part_of.as_ref().map_or(&*self.rule, |whole| &whole.rule) == rule
    }

    /// The same where the values that the rule reads decide it.
    pub(crate) fn depends_on_values_of(&self, rule: &str) -> bool {
        self.is_of(rule) && !self.part_of.as_ref().is_some_and(|whole| whole.is_certain)
    }

    pub(crate) fn failed(self, code: &'static str) -> Self {
        Check {
            outcome: Outcome::Failed,
            code: Some(code),
            ..self
        }
    }
}

/// The classes of checks, in the order in which they are made.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tier {
    /// The request and the token itself: route, form, signature, issuer, audience, time.
    Token,
    /// What the token may be used for.
    Scope,
    /// The initiator, the current actor, the client, top-level claims.
    Core,
    /// Prior actors: local policy, which only denies further.
    History,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Tier::Token => "token",
            Tier::Scope => "scope",
            Tier::Core => "core",
            Tier::History => "history",
        })
    }
}

/// The result of a check.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The fact meets the rule.
    Passed,
    /// The fact does not meet the rule, or is not known.
    Failed,
    /// A [record](crate::chain::RecordedFacts) does not have the value on which the check depends.
    Undecided,
}

/// Receives the result of each check; the outcome does not depend on it.
pub(crate) trait Recorder {
    fn met(&mut self, check: impl FnOnce() -> Check);

    /// Returns whether the evaluation continues with the other rules.
    fn unmet(&mut self, check: impl FnOnce() -> Check) -> ControlFlow<()>;

    /// The same, for a rule of the policy.
    fn unmet_rule(&mut self, _rule: &Arc<str>, _mode: Mode, check: impl FnOnce() -> Check) -> ControlFlow<()> {
        self.unmet(check)
    }

    /// Whether a rule of the policy counts as met, without an evaluation.
    fn skips(&self, _rule: &str) -> bool {
        false
    }

    /// Whether nothing is kept of a rule that is met, and none is skipped.
    fn ignores_met(&self) -> bool {
        false
    }
}

/// For enforcement: the first unmet rule ends the evaluation, and nothing is kept.
pub(crate) struct StopAtFirst;

impl Recorder for StopAtFirst {
    fn met(&mut self, _: impl FnOnce() -> Check) {}

    fn unmet(&mut self, _: impl FnOnce() -> Check) -> ControlFlow<()> {
        ControlFlow::Break(())
    }

    fn ignores_met(&self) -> bool {
        true
    }
}

/// As [`StopAtFirst`], for what would be if these rules were met.
pub(crate) struct Skipping<'s>(pub(crate) &'s BTreeSet<&'s str>);

impl Recorder for Skipping<'_> {
    fn met(&mut self, _: impl FnOnce() -> Check) {}

    fn unmet(&mut self, _: impl FnOnce() -> Check) -> ControlFlow<()> {
        ControlFlow::Break(())
    }

    fn skips(&self, rule: &str) -> bool {
        self.0.contains(rule)
    }
}

/// For `explain`: every rule is evaluated, and every check is kept.
#[derive(Default)]
pub(crate) struct Collect(pub(crate) Vec<Check>);

impl Recorder for Collect {
    fn met(&mut self, check: impl FnOnce() -> Check) {
        self.0.push(check());
    }

    fn unmet(&mut self, check: impl FnOnce() -> Check) -> ControlFlow<()> {
        self.0.push(check());
        ControlFlow::Continue(())
    }
}
