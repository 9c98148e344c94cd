//! The rules on the whole chain, of either form: they can only deny.

use std::sync::Arc;

use actgate_yaml::Span;

use super::chain::{ChainCondition, Truncation};
use super::expression::HistoryExpression;
use super::operation::RequestFacts;
use crate::chain::{Core, History};
use crate::policy::check::{Check, Tier};
use crate::policy::evaluation_time::EvaluationTime;
use crate::policy::mode::Mode;

/// A condition on the whole chain, with its name and the line where it is written. Rules are equal if their conditions are.
#[derive(Debug)]
pub(in crate::policy) struct HistoryRule {
    pub(in crate::policy) name: Arc<str>,
    pub(in crate::policy) span: Span,
    pub(in crate::policy) mode: Mode,
    pub(in crate::policy) condition: HistoryCondition,
}

/// A condition on the whole chain, which can only deny.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) enum HistoryCondition {
    Chain(ChainCondition),
    Expression(HistoryExpression),
}

impl PartialEq for HistoryRule {
    fn eq(&self, other: &Self) -> bool {
        self.condition == other.condition
    }
}

impl Eq for HistoryRule {}

impl HistoryRule {
    /// A rule that is enforced.
    pub(in crate::policy) fn new(name: Arc<str>, span: Span, condition: HistoryCondition) -> HistoryRule {
        HistoryRule {
            name,
            span,
            mode: Mode::Enforce,
            condition,
        }
    }

    /// The result as `explain` shows it.
    pub(in crate::policy) fn check(
        &self,
        history: &History<'_>,
        core: &Core<'_>,
        request: &RequestFacts<'_>,
        time: &EvaluationTime,
    ) -> Check {
        let (expected, got) = match &self.condition {
            HistoryCondition::Chain(condition) => condition.explain(history),
            HistoryCondition::Expression(condition) => condition.explain(history, core, request, time),
        };
        let got = match history.complete {
            Some(false) => "a chain that its issuer declares incomplete".to_owned(),
            _ => got,
        };
        let mut check = Check::new(&self.name, Tier::History, expected, got);
        check.mode = self.mode;
        (check.fact, check.source) = self.condition.read_fact();
        match self.condition.evaluate(history, core, request, time) {
            None => check,
            Some(code) => check.failed(code),
        }
    }
}

impl HistoryCondition {
    /// The code of the denial, unless the condition is met.
    pub(in crate::policy) fn evaluate(
        &self,
        history: &History<'_>,
        core: &Core<'_>,
        request: &RequestFacts<'_>,
        time: &EvaluationTime,
    ) -> Option<&'static str> {
        // The issuer states that hops are missing: no condition on them can be evaluated.
        if history.complete == Some(false) {
            return Some("chain_incomplete");
        }
        match self {
            HistoryCondition::Chain(condition) => condition.evaluate(history),
            HistoryCondition::Expression(condition) => condition.evaluate(history, core, request, time),
        }
    }

    /// Whether it is met, whatever the request is beside its token. One that is `false` may be met, too.
    pub(in crate::policy) fn is_met_by_token(&self, history: &History<'_>) -> bool {
        match self {
            HistoryCondition::Chain(condition) => {
                history.complete != Some(false) && condition.evaluate(history).is_none()
            }
            HistoryCondition::Expression(_) => false,
        }
    }

    pub(in crate::policy) fn truncation(&self) -> Truncation {
        match self {
            HistoryCondition::Chain(condition) => condition.truncation,
            HistoryCondition::Expression(condition) => condition.truncation(),
        }
    }
}
