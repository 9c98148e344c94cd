//! A `max` without a `min`, and the rules that bound the same value from below.

use actgate_yaml::Span;

use super::{OperationCondition, OperationDocument};

/// A `max` without a `min`.
pub(in crate::policy) struct OpenAmount<'d> {
    /// The word of its rule.
    pub(in crate::policy) word: String,
    pub(in crate::policy) name: &'d str,
    pub(in crate::policy) most: String,
    pub(in crate::policy) span: Span,
}

impl OperationDocument {
    pub(in crate::policy) fn open_amounts(&self) -> impl Iterator<Item = OpenAmount<'_>> {
        let tests = [
            ("query", &self.query),
            ("json", &self.json),
            ("arguments", &self.arguments),
        ];
        let tests = tests.into_iter().flat_map(|(key, tests)| {
            let tests = tests.iter().flat_map(|tests| &tests.value);
            tests.map(move |(name, test)| (key, name, test))
        });
        tests.filter_map(|(key, name, test)| {
            Some(OpenAmount {
                word: format!("{key}.{name}"),
                name,
                most: test.value.open_max()?,
                span: test.span(),
            })
        })
    }
}

impl OperationCondition {
    /// Whether it accepts no number below one that it names, of the value that the other one is about.
    pub(in crate::policy) fn bounds_from_below(&self, other: &OperationCondition) -> bool {
        match (self, other) {
            (OperationCondition::Query { name, test }, OperationCondition::Query { name: of, .. }) => {
                name == of && test.has_least()
            }
            (OperationCondition::Body(one), OperationCondition::Body(other)) => {
                one.is_about_the_member_of(other) && one.test.has_least()
            }
            _ => false,
        }
    }
}
