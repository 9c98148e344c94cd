//! `scopes`: what the token may be used for.

use std::sync::Arc;

use actgate_yaml::Spanned;
use serde::Deserialize;

use super::finding::Finding;
use crate::chain::Core;
use crate::policy::evaluation_time::EvaluationTime;
use crate::policy::syntax::{Collector, Conditions, Context, Word, joined};

/// A bare list is `all_of`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename = "shorthand all_of", deny_unknown_fields)]
pub(in crate::policy) struct ScopesDocument {
    pub(in crate::policy) all_of: Option<Vec<Word>>,
    any_of: Option<Vec<Word>>,
    none_of: Option<Vec<Word>>,
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) enum ScopesCondition {
    /// Every one of these; the text is for the challenge.
    AllOf(Box<[Word]>, Arc<str>),
    /// One of these; the text is for the challenge.
    AnyOf(Box<[Word]>, Arc<str>),
    NoneOf(Box<[Word]>),
}

pub(super) fn compile(document: &Spanned<ScopesDocument>, context: &mut Context<'_>) -> Conditions<ScopesCondition> {
    let ScopesDocument {
        all_of,
        any_of,
        none_of,
    } = &document.value;
    // A token with the scopes of the challenge has to satisfy the whole requirement.
    let demanded = context.scopes.clone();
    let challenge = |more: &[Word]| joined(demanded.iter().chain(more), " ").into();
    let mut conditions = Collector::new("scopes", document.span(), context);
    conditions.list("", all_of.as_deref(), |all| ScopesCondition::AllOf(all, challenge(&[])));
    conditions.list("any_of", any_of.as_deref(), |any| {
        let challenge = challenge(&any);
        ScopesCondition::AnyOf(any, challenge)
    });
    conditions.list("none_of", none_of.as_deref(), ScopesCondition::NoneOf);
    conditions.finish()
}

impl ScopesCondition {
    /// Whether the token lacks a scope where this is not met: such conditions come first.
    pub(in crate::policy) fn asks_for_scope(&self) -> bool {
        !matches!(self, ScopesCondition::NoneOf(_))
    }

    pub(super) fn evaluate(&self, core: &Core<'_>, _: &EvaluationTime) -> Finding {
        let has = |scope: &Word| core.claims.scope.split(' ').any(|held| *held == **scope);
        let (met, challenge) = match self {
            ScopesCondition::AllOf(scopes, challenge) => (scopes.iter().all(has), challenge),
            ScopesCondition::AnyOf(scopes, challenge) => (scopes.iter().any(has), challenge),
            ScopesCondition::NoneOf(scopes) => return Finding::met_if(!scopes.iter().any(has), "scope_not_allowed"),
        };
        if met {
            Finding::Met
        } else {
            Finding::LacksScope(Arc::clone(challenge))
        }
    }

    pub(super) fn expected(&self) -> String {
        match self {
            ScopesCondition::AllOf(scopes, _) => joined(scopes, " and "),
            ScopesCondition::AnyOf(scopes, _) => joined(scopes, " or "),
            ScopesCondition::NoneOf(scopes) => format!("none of {}", joined(scopes, ", ")),
        }
    }

    pub(super) fn got(&self, core: &Core<'_>, _: &EvaluationTime) -> String {
        match &*core.claims.scope {
            "" => "no scope".to_owned(),
            scope => scope.to_owned(),
        }
    }
}
