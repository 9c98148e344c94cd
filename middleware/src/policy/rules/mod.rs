//! The rules of a requirement. Each file holds one subject: how it is written, compiled, evaluated and explained.
//!
//! Core rules read what RFC 8693 section 4.1 lets access control consider; history rules read the whole chain.

#[macro_use]
mod documents;

mod accepted;
mod actor;
mod agent;
mod any_of;
mod authorization_details;
mod bound;
mod ceiling;
mod ceilings;
mod chain;
mod chain_relation;
mod chain_remedies;
mod check;
mod claim_forms;
mod claims;
mod client;
mod expression;
mod finding;
mod history;
mod initiator;
mod list;
mod may_act;
mod member;
mod member_path;
mod members;
mod operation;
mod prior;
mod reads;
mod remedies;
mod scalar;
mod scopes;
mod time;
mod time_relation;
mod token;

use std::sync::Arc;

use actgate_yaml::{OneOrMany, Span, Spanned};
use serde::Deserialize;

pub(super) use accepted::tests_of;
pub(super) use actor::ActorCondition;
pub(super) use agent::AgentCondition;
pub(super) use any_of::AnyOf;
pub(super) use ceiling::CeilingCondition;
pub(super) use ceilings::{CeilingDocument, CeilingOf, Ceilings, KnownCeilings};
pub(crate) use chain::Truncation;
pub(super) use chain_remedies::fitting_prior;
pub(super) use claims::ClaimCondition;
pub(super) use client::ClientCondition;
pub(super) use finding::{BODY_NOT_READ, Finding, StepUp};
pub(super) use history::{HistoryCondition, HistoryRule};
pub(super) use initiator::InitiatorCondition;
pub(crate) use operation::{MESSAGE, RequestFacts, agreeing};
pub(super) use remedies::of_first_unmet;
pub(super) use scopes::ScopesCondition;
pub(super) use token::TokenCondition;

use expression::Expression;

use super::escaped_slash::EscapedSlash;
use super::evaluation_time::EvaluationTime;
use super::limit::LimitDocument;
use super::mcp::McpDocument;
use super::mode::Mode;
use super::parties::PartyList;
use super::syntax::{Context, Word};
use crate::chain::Core;

/// The one list of the top-level words on core facts, in the order in which their rules are evaluated.
///
/// It makes the written forms, their compilation, and the conditions of the core tier.
macro_rules! core_words {
    ($($(#[$attribute:meta])* $word:ident: $Document:ty => $Condition:ident($Type:ty),)*) => {
        documents! {
            /// The requirements of `requirements` that have to be met, too, by their names.
            /// Example: `[human-must-initiate]`
            #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
            require: Vec<Spanned<String>>,
            $($(#[$attribute])* $word: $Document,)*
            operation: operation::OperationDocument,
            expression: expression::ExpressionDocument,
            /// Alternatives, of which at least one has to be met in full. An alternative has any key but `chain` and `mode`.
            /// Denied with `any_of_not_met`.
            /// Example: `[{ initiator: { kind: human } }, { client: { one_of: [batch] } }]`
            #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
            any_of: Vec<Spanned<RequirementDocument>>,
            chain: chain::ChainDocument,
        }

        impl RequirementDocument {
            /// The rules of every word but `require` and `any_of`, whose contents are requirements again.
            pub(super) fn compile(&self, path: &str, context: &mut Context<'_>, rules: &mut Rules) {
                let name = |key: &str, word: &str| match word {
                    "" => format!("{path}{key}").into(),
                    _ => format!("{path}{key}.{word}").into(),
                };
                $(if let Some(document) = &self.$word {
                    for (word, condition) in $word::compile(document, context) {
                        let condition = CoreCondition::$Condition(condition);
                        let name = name(stringify!($word), &word);
                        rules.core.push(CoreRule::new(name, document.span(), condition));
                    }
                })*
                if let Some(document) = &self.operation {
                    for (word, condition) in operation::compile(document, context) {
                        let condition = CoreCondition::Operation(condition);
                        rules.core.push(CoreRule::new(name("operation", &word), document.span(), condition));
                    }
                }
                if let Some(document) = &self.chain {
                    for (word, condition) in chain::compile(document, context) {
                        let condition = HistoryCondition::Chain(condition);
                        rules.history.push(HistoryRule::new(name("chain", &word), document.span(), condition));
                    }
                }
                if let Some(document) = &self.expression {
                    rules.add_expression(document, name("expression", ""), context);
                }
            }
        }

        /// A condition on the core facts. With a tag of its own: one within the conditions costs each rule nine instructions to read.
        #[derive(Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(super) enum CoreCondition {
            $($Condition($Type),)*
            Operation(operation::OperationCondition),
            Expression(expression::CoreExpression),
            AnyOf(AnyOf<CoreRule>),
            Ceiling(CeilingCondition<CoreRule>),
        }

        impl CoreCondition {
            pub(super) fn evaluate(
                &self,
                core: &Core<'_>,
                request: &RequestFacts<'_>,
                time: &EvaluationTime,
            ) -> Finding {
                match self {
                    $(CoreCondition::$Condition(condition) => condition.evaluate(core, time),)*
                    CoreCondition::Operation(condition) => condition.evaluate(request),
                    CoreCondition::Expression(condition) => condition.evaluate(core, request, time),
                    CoreCondition::AnyOf(any_of) => {
                        any_of.evaluate(|rule| rule.condition.evaluate(core, request, time))
                    }
                    CoreCondition::Ceiling(ceiling) => {
                        ceiling.evaluate(core, time, |rule, core| rule.condition.evaluate(core, request, time))
                    }
                }
            }

            /// Whether it is met, whatever the request is beside its token. One that is `false` may be met, too. Almost every
            /// rule of almost every request is met in this way, and its answer is in a register, where that of `evaluate` is in memory.
            #[inline(always)]
            pub(super) fn is_met_by_token(&self, core: &Core<'_>, time: &EvaluationTime) -> bool {
                match self {
                    CoreCondition::Scopes(condition) => condition.is_met(core),
                    CoreCondition::Initiator(condition) => condition.is_met(core, time),
                    CoreCondition::Actor(condition) => condition.is_met(core),
                    other => other.is_rarer_one_met(core, time),
                }
            }

            /// Apart from those that most requirements have, so that these are evaluated in one function.
            #[inline(never)]
            fn is_rarer_one_met(&self, core: &Core<'_>, time: &EvaluationTime) -> bool {
                match self {
                    CoreCondition::Operation(_) | CoreCondition::Expression(_) => false,
                    CoreCondition::AnyOf(any_of) => any_of.is_met(|rule| rule.condition.is_met_by_token(core, time)),
                    CoreCondition::Ceiling(ceiling) => ceiling.is_of_none(core),
                    $(CoreCondition::$Condition(condition) => matches!(condition.evaluate(core, time), Finding::Met),)*
                }
            }

            /// What is expected, and what the token or the request has; `finding` is that of the request.
            fn explain(
                &self,
                core: &Core<'_>,
                request: &RequestFacts<'_>,
                time: &EvaluationTime,
                finding: &Finding,
            ) -> (String, String) {
                match self {
                    $(CoreCondition::$Condition(condition) => condition.explain(core, time),)*
                    CoreCondition::Operation(condition) => condition.explain(request),
                    CoreCondition::Expression(condition) => condition.explain(core, request, time),
                    CoreCondition::AnyOf(any_of) => {
                        any_of.explain(|rule| rule.condition.evaluate(core, request, time).code().is_none())
                    }
                    CoreCondition::Ceiling(ceiling) => ceiling.explain(core, time, finding),
                }
            }
        }
    };
}

core_words! {
    scopes: scopes::ScopesDocument => Scopes(scopes::ScopesCondition),
    initiator: initiator::InitiatorDocument => Initiator(initiator::InitiatorCondition),
    actor: actor::ActorDocument => Actor(ActorCondition),
    client: client::ClientDocument => Client(client::ClientCondition),
    /// Claims of the token by their name, compared exactly. `/a/b` reaches inside a claim, `/a.b` is a name with a dot.
    /// Denied with `claim_not_met`.
    /// Example: `{ tid: acme, roles: { contains: admin } }`
    #[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1, "propertyNames" = { "pattern": r"^[^*]+$" })))]
    claims: claims::ClaimsDocument => Claims(claims::ClaimCondition),
    token: token::TokenDocument => Token(token::TokenCondition),
    may_act: may_act::MayActDocument => MayAct(may_act::MayActCondition),
    time: time::TimeDocument => Time(time::TimeCondition),
    authorization_details: authorization_details::DetailsDocument => Details(authorization_details::DetailsCondition),
}

fn party_lists<'d>(
    initiator: &'d mut Option<Spanned<initiator::InitiatorDocument>>,
    actor: &'d mut Option<Spanned<actor::ActorDocument>>,
    chain: &'d mut Option<Spanned<chain::ChainDocument>>,
    any_of: &'d mut Option<Spanned<Vec<Spanned<RequirementDocument>>>>,
) -> Vec<&'d mut PartyList> {
    let mut lists = Vec::new();
    lists.extend(initiator.iter_mut().flat_map(|written| written.value.party_lists()));
    lists.extend(actor.iter_mut().flat_map(|written| written.value.party_lists()));
    lists.extend(chain.iter_mut().flat_map(|written| written.value.party_lists()));
    let alternatives = any_of.iter_mut().flat_map(|any_of| &mut any_of.value);
    lists.extend(alternatives.flat_map(|alternative| alternative.value.party_lists()));
    lists
}

impl RequirementDocument {
    /// Every scope in a list of `scopes`, those of alternatives excepted.
    pub(super) fn named_scopes(&self) -> impl Iterator<Item = &Word> {
        self.scopes.iter().flat_map(|scopes| scopes.value.named())
    }

    /// The scopes that are all required.
    pub(super) fn required_scopes(&self) -> impl Iterator<Item = &Word> {
        let scopes = self.scopes.iter().filter_map(|scopes| scopes.value.all_of.as_ref());
        scopes.flatten()
    }
}

/// The rules of one conjunction.
#[derive(Default)]
pub(super) struct Rules {
    pub(super) core: Vec<CoreRule>,
    pub(super) history: Vec<HistoryRule>,
}

impl Rules {
    pub(super) fn len(&self) -> usize {
        self.core.len() + self.history.len()
    }

    /// Adds an expression to the tier of what it reads.
    fn add_expression(
        &mut self,
        document: &Spanned<expression::ExpressionDocument>,
        name: Arc<str>,
        context: &mut Context<'_>,
    ) {
        match expression::compile(document, context) {
            None => {}
            Some(Expression::Core(condition)) => {
                let condition = CoreCondition::Expression(condition);
                self.core.push(CoreRule::new(name, document.span(), condition));
            }
            Some(Expression::History(condition)) => {
                let condition = HistoryCondition::Expression(condition);
                self.history.push(HistoryRule::new(name, document.span(), condition));
            }
        }
    }

    /// Adds the rules of one part of the conjunction, all in the same mode.
    pub(super) fn extend(&mut self, part: Rules, mode: Mode) {
        let core = part.core.into_iter().map(|rule| CoreRule { mode, ..rule });
        self.core.extend(core);
        let history = part.history.into_iter().map(|rule| HistoryRule { mode, ..rule });
        self.history.extend(history);
    }
}

/// A condition on the core facts, with its name and its place. Rules are equal if their conditions are.
#[derive(Debug)]
pub(super) struct CoreRule {
    pub(super) name: Arc<str>,
    /// Where it is written; unknown for a rule that holds without being written.
    pub(super) span: Span,
    pub(super) mode: Mode,
    pub(super) condition: CoreCondition,
}

impl PartialEq for CoreRule {
    fn eq(&self, other: &Self) -> bool {
        self.condition == other.condition
    }
}

impl Eq for CoreRule {}

impl CoreRule {
    /// A rule that is enforced.
    pub(super) fn new(name: Arc<str>, span: Span, condition: CoreCondition) -> CoreRule {
        CoreRule {
            name,
            span,
            mode: Mode::Enforce,
            condition,
        }
    }

    /// Whether the rule reads a kind or the actor, also within an alternative.
    pub(super) fn reads_kind_or_actor(&self) -> bool {
        match &self.condition {
            CoreCondition::Initiator(condition) => condition.reads_kind(),
            CoreCondition::Actor(_) | CoreCondition::MayAct(_) | CoreCondition::Ceiling(_) => true,
            CoreCondition::Expression(condition) => condition.reads_kind_or_actor(),
            CoreCondition::AnyOf(AnyOf(alternatives)) => {
                alternatives.iter().flatten().any(CoreRule::reads_kind_or_actor)
            }
            CoreCondition::Scopes(_)
            | CoreCondition::Client(_)
            | CoreCondition::Claims(_)
            | CoreCondition::Details(_)
            | CoreCondition::Time(_)
            | CoreCondition::Operation(_)
            | CoreCondition::Token(_) => false,
        }
    }

    /// Whether it holds without being written.
    pub(super) fn is_implicit(&self) -> bool {
        use ActorCondition::{NotInverted, NotSelfActor};
        matches!(
            self.condition,
            CoreCondition::Actor(NotSelfActor | NotInverted) | CoreCondition::Ceiling(_)
        )
    }

    /// Whether it accepts no number below one that it names, of the value that the other rule is about.
    pub(super) fn bounds_from_below(&self, other: &CoreRule) -> bool {
        match (&self.condition, &other.condition) {
            (CoreCondition::Operation(one), CoreCondition::Operation(other)) => one.bounds_from_below(other),
            (CoreCondition::AnyOf(AnyOf(alternatives)), _) => {
                let bounds = |rules: &Vec<CoreRule>| rules.iter().any(|rule| rule.bounds_from_below(other));
                alternatives.iter().all(bounds)
            }
            _ => false,
        }
    }

    /// The most bytes of the body that the rule reads, in one of its alternatives; [`None`] where it reads no body.
    pub(super) fn body_limit(&self) -> Option<u64> {
        match &self.condition {
            CoreCondition::Operation(condition) => condition.body_limit(),
            CoreCondition::AnyOf(AnyOf(alternatives)) => {
                alternatives.iter().filter_map(|rules| body_limit(rules)).max()
            }
            CoreCondition::Ceiling(ceiling) => ceiling.scoped().filter_map(CoreRule::body_limit).max(),
            _ => None,
        }
    }
}

/// The most bytes of the body that a rule of a conjunction reads; [`None`] where none reads a body.
///
/// Each rule checks its own limit. A smaller one within `any_of` may be that of an alternative that need not be met.
pub(super) fn body_limit(rules: &[CoreRule]) -> Option<u64> {
    rules.iter().filter_map(CoreRule::body_limit).max()
}

#[cfg(test)]
mod tests {
    use crate::policy::testing::requirement;

    #[test]
    fn rules_are_compared_by_what_they_require() {
        assert_eq!(requirement("scopes: [a]"), requirement("scopes: { all_of: [a] }"));
        assert_ne!(requirement("scopes: [a]"), requirement("scopes: [b]"));
        assert_eq!(
            requirement("claims: { a: 1 }"),
            requirement("claims: { a: { one_of: [1] } }")
        );
        assert_ne!(
            requirement("chain: { max_depth: 1 }"),
            requirement("chain: { max_depth: 2 }")
        );
        let implies = |one: &str, other: &str| requirement(one).implies(&requirement(other));
        for (strict, lax) in [
            ("chain: { max_depth: 1 }", "chain: { max_depth: 2 }"),
            ("initiator: { max_auth_age: 5m }", "initiator: { max_auth_age: 1h }"),
            (
                "chain: { max_depth: 1, via: [a] }",
                "chain: { max_depth: 1, accept_truncation: true }",
            ),
        ] {
            assert!(implies(strict, lax) && !implies(lax, strict), "{strict}");
        }
    }
}
