//! What the expressions of a requirement read of the request, where servers may read it in another way.

use super::{CoreExpression, HistoryExpression};
use crate::policy::requirement::Requirement;
use crate::policy::rules::any_of::AnyOf;
use crate::policy::rules::history::HistoryCondition;
use crate::policy::rules::{CoreCondition, CoreRule};

impl Requirement {
    /// Where an expression reads the method, the texts in quotes beside it: methods that it may compare with.
    pub(in crate::policy) fn texts_beside_method(&self) -> Option<Vec<&str>> {
        let core = core(&self.core).into_iter();
        let core = core.filter_map(CoreExpression::texts_beside_method);
        let history = self.history().filter_map(HistoryExpression::texts_beside_method);
        let texts: Vec<&[Box<str>]> = core.chain(history).collect();
        (!texts.is_empty()).then(|| texts.into_iter().flatten().map(|text| &**text).collect())
    }

    /// Whether the parameters that expressions read are the same in both paths.
    pub(in crate::policy) fn reads_same_parameters(&self, one: &str, other: &str) -> bool {
        let mut core = core(&self.core).into_iter();
        core.all(|expression| expression.reads_same_parameters(one, other))
            && self
                .history()
                .all(|expression| expression.reads_same_parameters(one, other))
    }

    fn history(&self) -> impl Iterator<Item = &HistoryExpression> {
        self.history.iter().filter_map(|rule| match &rule.condition {
            HistoryCondition::Expression(expression) => Some(expression),
            HistoryCondition::Chain(_) => None,
        })
    }
}

/// The expressions of rules, also within alternatives.
fn core<'r>(rules: impl IntoIterator<Item = &'r CoreRule>) -> Vec<&'r CoreExpression> {
    let expressions = rules.into_iter().flat_map(|rule| match &rule.condition {
        CoreCondition::Expression(expression) => vec![expression],
        CoreCondition::AnyOf(AnyOf(alternatives)) => core(alternatives.iter().flatten()),
        _ => Vec::new(),
    });
    expressions.collect()
}
