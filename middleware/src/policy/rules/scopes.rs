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
    All(Box<[Word]>, Arc<str>),
    /// At least one of these; the text is for the challenge.
    Any(Box<[Word]>, Arc<str>),
    Excluded(Box<[Word]>),
}

pub(super) fn compile(document: &Spanned<ScopesDocument>, context: &mut Context<'_>) -> Conditions<ScopesCondition> {
    // A token with the scopes of the challenge has to satisfy the whole requirement.
    let required = context.scopes.clone();
    let challenge = |more: &[Word]| joined(required.iter().chain(more), " ").into();
    context.contradiction(
        document.span(),
        "all_of",
        document.value.all_of.as_deref(),
        document.value.none_of.as_deref(),
    );
    context.contradiction(
        document.span(),
        "any_of",
        document.value.any_of.as_deref(),
        document.value.none_of.as_deref(),
    );
    let mut conditions = Collector::new("scopes", document.span(), context);
    let written = &document.value;
    conditions.list("", written.all_of.as_deref(), |all| {
        ScopesCondition::All(all, challenge(&[]))
    });
    conditions.list("any_of", written.any_of.as_deref(), |any| {
        let challenge = challenge(&any);
        ScopesCondition::Any(any, challenge)
    });
    conditions.list("none_of", written.none_of.as_deref(), ScopesCondition::Excluded);
    conditions.finish()
}

impl ScopesCondition {
    /// Whether the token lacks a scope where this is not met: such conditions come first.
    pub(in crate::policy) fn asks_for_scope(&self) -> bool {
        !matches!(self, ScopesCondition::Excluded(_))
    }

    /// Whether whatever meets this condition meets the other one.
    pub(super) fn implies(&self, other: &ScopesCondition) -> bool {
        match (self, other) {
            (ScopesCondition::All(scopes, _), ScopesCondition::All(fewer, _)) => {
                fewer.iter().all(|scope| scopes.contains(scope))
            }
            _ => self == other,
        }
    }

    pub(super) fn evaluate(&self, core: &Core<'_>, _: &EvaluationTime) -> Finding {
        let has = |scope: &Word| has_scope(&core.claims.scope, scope);
        let (met, challenge) = match self {
            ScopesCondition::All(scopes, challenge) => (scopes.iter().all(has), challenge),
            ScopesCondition::Any(scopes, challenge) => (scopes.iter().any(has), challenge),
            ScopesCondition::Excluded(scopes) => return Finding::met_if(!scopes.iter().any(has), "scope_not_allowed"),
        };
        if met {
            Finding::Met
        } else {
            Finding::LacksScope(Arc::clone(challenge))
        }
    }

    pub(super) fn explain(&self, core: &Core<'_>, _: &EvaluationTime) -> (String, String) {
        let expected = match self {
            ScopesCondition::All(scopes, _) => joined(scopes, " and "),
            ScopesCondition::Any(scopes, _) => joined(scopes, " or "),
            ScopesCondition::Excluded(scopes) => format!("none of {}", joined(scopes, ", ")),
        };
        let got = match &*core.claims.scope {
            "" => "no scope",
            scope => scope,
        };
        (expected, got.to_owned())
    }
}

fn has_scope(scopes: &str, wanted: &str) -> bool {
    scopes.split(' ').any(|scope| scope == wanted)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::error::Error;
    use crate::policy::testing::{code, outcome};

    #[test]
    fn scopes_are_whole_words_and_come_before_other_rules() {
        let body = "scopes: [orders:read]\n    initiator: { kind: human }";
        let scope = |scope: &str| code(body, json!({"sub_profile": "user", "scope": scope}));
        assert_eq!(scope("a orders:read b"), "allow");
        for bad in [
            "",
            "orders:rea",
            "orders:reads",
            "Orders:read",
            "orders:read,a",
            "a\torders:read",
            "a\u{a0}orders:read",
            "xorders:read",
        ] {
            assert_eq!(scope(bad), "insufficient_scope", "{bad:?}");
        }
        assert_eq!(code(body, json!({})), "insufficient_scope");
        assert_eq!(code("scopes: { any_of: [a, b] }", json!({"scope": "b"})), "allow");
        let Err(Error::InsufficientScope { required, .. }) =
            outcome("scopes: { all_of: [a], any_of: [b, c] }", json!({"scope": "a"}))
        else {
            panic!("scope suffices")
        };
        assert_eq!(&*required, "a b c");
        assert_eq!(
            code("scopes: { none_of: [admin] }", json!({"scope": "a admin"})),
            "scope_not_allowed"
        );
    }
}
