//! The result of a rule as `explain` shows it: with what it reads, and where that comes from.

use std::sync::Arc;

use super::agent::AgentCondition;
use super::any_of::AnyOf;
use super::chain::{ChainCondition, ChainTest};
use super::finding::Finding;
use super::initiator::InitiatorCondition;
use super::operation::OperationCondition;
use super::token::TokenCondition;
use super::{ActorCondition, CoreCondition, CoreRule, HistoryCondition, RequestFacts};
use crate::chain::Core;
use crate::policy::check::{Check, PartOf, Tier};
use crate::policy::evaluation_time::EvaluationTime;

impl CoreRule {
    /// The result as `explain` shows it.
    pub(in crate::policy) fn check(
        &self,
        core: &Core<'_>,
        request: &RequestFacts<'_>,
        time: &EvaluationTime,
        finding: &Finding,
    ) -> Check {
        let condition = &self.condition;
        let tier = match condition {
            CoreCondition::Scopes(_) => Tier::Scope,
            _ => Tier::Core,
        };
        let (expected, got) = condition.explain(core, request, time, finding);
        let mut check = Check::new(&self.name, tier, expected, got);
        check.mode = self.mode;
        (check.fact, check.source) = condition.read_fact();
        if let CoreCondition::AnyOf(AnyOf(alternatives)) = condition {
            let check_of = |rule: &CoreRule| {
                let finding = rule.condition.evaluate(core, request, time);
                rule.check(core, request, time, &finding)
            };
            let checks = |rules: &Vec<CoreRule>| rules.iter().map(check_of).collect();
            check.alternatives = alternatives.iter().map(checks).collect();
        }
        if let Finding::AboveCeiling(part) = finding {
            check.rule = part.to_string();
            check.part_of = Some(PartOf {
                rule: Arc::clone(&self.name),
                is_certain: matches!(condition, CoreCondition::Ceiling(ceiling) if ceiling.is_by_route(core, part)),
            });
        }
        match finding.code() {
            None => check,
            Some(code) => check.failed(code),
        }
    }
}

/// The name of a fact, and where it comes from; none where the claims that hold it depend on the profile, and are added by its name.
type ReadFact = (Option<&'static str>, Option<String>);

impl CoreCondition {
    fn read_fact(&self) -> ReadFact {
        let claim = |fact, claims: &str| (Some(fact), Some(claims.to_owned()));
        match self {
            CoreCondition::Scopes(_) => (Some("scopes"), None),
            CoreCondition::Initiator(condition) => match condition {
                InitiatorCondition::Kind(_) => (Some("kind of the initiator"), None),
                InitiatorCondition::OneOf(_) | InitiatorCondition::NoneOf(_) => (Some("initiator"), None),
                InitiatorCondition::Issuer(_) => claim("issuer", "`iss`"),
                InitiatorCondition::Methods(_) => claim("login methods", "`amr`"),
                InitiatorCondition::Contexts(..) => claim("login context", "`acr`"),
                InitiatorCondition::MaxAuthAge(_) => claim("login time", "`auth_time`"),
            },
            CoreCondition::Actor(condition) => match condition {
                ActorCondition::Kind(_) => (Some("kind of the current actor"), None),
                ActorCondition::Agent(AgentCondition::IsPresenter(_)) => (Some("client"), None),
                _ => (Some("current actor"), None),
            },
            CoreCondition::Client(_) => (Some("client"), None),
            CoreCondition::Claims(condition) => claim("claim", &format!("`{}`", condition.path())),
            CoreCondition::Token(condition) => match condition {
                TokenCondition::MaxLifetime(_) => claim("lifetime", "`iat` and `exp`"),
                TokenCondition::MaxAge(_) => claim("time of issue", "`iat`"),
                TokenCondition::SingleAudience => (Some("audience"), None),
                TokenCondition::SenderConstrained => claim("bound key", "`cnf`"),
            },
            CoreCondition::MayAct(_) => claim("authorized actor", "`may_act`"),
            CoreCondition::Time(_) => claim("time of the request", "the clock"),
            CoreCondition::Details(_) => claim("authorization details", "`authorization_details`"),
            CoreCondition::Operation(OperationCondition::Query { name, .. }) => {
                claim("parameter", &format!("the query, `{name}`"))
            }
            CoreCondition::Operation(OperationCondition::Body(condition)) => {
                claim("member", &format!("the body, `{}`", condition.pointer()))
            }
            CoreCondition::Expression(_) => claim("expression", "what the expression reads"),
            CoreCondition::Ceiling(_) => (Some("current actor"), None),
            CoreCondition::AnyOf(_) => (None, None),
        }
    }
}

impl HistoryCondition {
    pub(super) fn read_fact(&self) -> ReadFact {
        match self {
            HistoryCondition::Chain(ChainCondition {
                test: ChainTest::Prior(_),
                ..
            }) => (Some("prior actor"), None),
            HistoryCondition::Chain(_) => (Some("current actor"), None),
            HistoryCondition::Expression(_) => (Some("expression"), Some("what the expression reads".to_owned())),
        }
    }
}
