//! What rules that are met accept of a fact, in words.

use super::any_of::AnyOf;
use super::{CoreCondition, CoreRule, RequestFacts};
use crate::chain::Core;
use crate::policy::change::Fact;
use crate::policy::evaluation_time::EvaluationTime;

/// The tests of a fact by these rules, more than one of which may be about it: of a member of the body, a parameter or the time.
pub(in crate::policy) fn tests_of<'r>(
    rules: impl IntoIterator<Item = &'r CoreRule>,
    fact: &Fact,
    core: &Core<'_>,
    request: &RequestFacts<'_>,
    time: &EvaluationTime,
) -> Vec<String> {
    let mut tests = Vec::new();
    for rule in rules {
        let more = match &rule.condition {
            CoreCondition::Time(condition) if *fact == Fact::Clock => vec![condition.window()],
            CoreCondition::Operation(condition) => condition.test_of(fact).into_iter().collect(),
            CoreCondition::AnyOf(AnyOf(alternatives)) => {
                let is_met = |rules: &&Vec<CoreRule>| rules.iter().all(|rule| rule.is_met(core, request, time));
                let met = alternatives.iter().filter(is_met);
                // One of them suffices.
                let of_each = met.map(|rules| tests_of(rules, fact, core, request, time));
                of_each.min_by_key(Vec::len).unwrap_or_default()
            }
            // The scopes of a ceiling may leave another alternative.
            CoreCondition::Ceiling(ceiling) => match ceiling.limited(core) {
                Some(limited) => tests_of(ceiling.scoped(), fact, &limited, request, time),
                None => Vec::new(),
            },
            _ => Vec::new(),
        };
        for test in more {
            if !tests.contains(&test) {
                tests.push(test);
            }
        }
    }
    tests
}
