//! What could meet a rule that is not met.

use super::any_of::AnyOf;
use super::{CoreCondition, CoreRule, HistoryCondition, HistoryRule, RequestFacts};
use crate::chain::{Core, History};
use crate::policy::change::{Fact, Remedies, Value};
use crate::policy::evaluation_time::EvaluationTime;

impl CoreRule {
    /// Adds every change of one fact that can be a part of meeting the rule. That of an expression, and of a claim that a fact comes from, is not computed.
    pub(in crate::policy) fn remedies(
        &self,
        core: &Core<'_>,
        request: &RequestFacts<'_>,
        time: &EvaluationTime,
        remedies: &mut Remedies<'_>,
    ) {
        match &self.condition {
            CoreCondition::Scopes(condition) => condition.remedies(core, remedies),
            CoreCondition::Initiator(condition) => condition.remedies(core, remedies),
            CoreCondition::Actor(condition) => {
                remedies.of_claims(&self.name, |remedies| condition.remedies(core, remedies));
            }
            CoreCondition::Client(condition) => condition.remedies(remedies),
            CoreCondition::Claims(condition) => {
                remedies.of_claims(&self.name, |remedies| condition.remedies(remedies));
            }
            CoreCondition::Token(condition) => condition.remedies(remedies),
            CoreCondition::MayAct(condition) => condition.remedies(core, remedies),
            CoreCondition::Time(condition) => condition.remedies(time, remedies),
            CoreCondition::Details(condition) => condition.remedies(core, time, remedies),
            CoreCondition::Operation(condition) => condition.remedies(request, remedies),
            CoreCondition::Expression(_) => {
                remedies.not_computed.insert(self.name.clone());
            }
            CoreCondition::AnyOf(AnyOf(alternatives)) => {
                for rules in &**alternatives {
                    of_first_unmet(rules, core, request, time, remedies);
                }
            }
            CoreCondition::Ceiling(ceiling) => {
                ceiling.remedies(core, time, remedies, |rule, core, remedies| {
                    if !rule.is_met(core, request, time) {
                        rule.remedies(core, request, time, remedies);
                    }
                });
            }
        }
    }

    pub(super) fn is_met(&self, core: &Core<'_>, request: &RequestFacts<'_>, time: &EvaluationTime) -> bool {
        self.condition.evaluate(core, request, time).code().is_none()
    }
}

/// Adds the changes of the first rule that is not met and whose changes are computed. Whatever meets all rules has one of them. Returns
/// whether there is one.
pub(in crate::policy) fn of_first_unmet<'r>(
    rules: impl IntoIterator<Item = &'r CoreRule>,
    core: &Core<'_>,
    request: &RequestFacts<'_>,
    time: &EvaluationTime,
    remedies: &mut Remedies<'_>,
) -> bool {
    for rule in rules.into_iter().filter(|rule| !rule.is_met(core, request, time)) {
        let before = remedies.found.len();
        rule.remedies(core, request, time, remedies);
        if remedies.found.len() > before {
            return true;
        }
    }
    false
}

impl HistoryRule {
    /// As [`CoreRule::remedies`].
    pub(in crate::policy) fn remedies(&self, history: &History<'_>, core: &Core<'_>, remedies: &mut Remedies<'_>) {
        if history.complete == Some(false) {
            let words = "a chain that its issuer does not declare incomplete".to_owned();
            return remedies.add(Fact::ChainComplete, Value::Held(true), words);
        }
        match &self.condition {
            HistoryCondition::Chain(condition) => condition.remedies(history, core, remedies),
            HistoryCondition::Expression(_) => {
                remedies.not_computed.insert(self.name.clone());
            }
        }
    }
}
