//! How two rules relate: which one implies the other, and which exclude each other. Both are decided only where that is certain.

use super::agents::Agent;
use super::parties::PartyName;
use super::rules::{ActorCondition, AnyOf, CoreCondition, CoreRule, HistoryCondition, HistoryRule};

impl CoreRule {
    /// Whether whatever meets this rule is known to meet the other one.
    pub(super) fn implies(&self, other: &CoreRule) -> bool {
        match (&self.condition, &other.condition) {
            (CoreCondition::Scopes(one), CoreCondition::Scopes(other)) => one.implies(other),
            (CoreCondition::Initiator(one), CoreCondition::Initiator(other)) => one.implies(other),
            (CoreCondition::Actor(one), CoreCondition::Actor(other)) => one.implies(other),
            (CoreCondition::Client(one), CoreCondition::Client(other)) => one.implies(other),
            (CoreCondition::Claims(one), CoreCondition::Claims(other)) => one.implies(other),
            (CoreCondition::Token(one), CoreCondition::Token(other)) => one.implies(other),
            (CoreCondition::Time(one), CoreCondition::Time(other)) => one.implies(other),
            (CoreCondition::Details(one), CoreCondition::Details(other)) => one.implies(other),
            (CoreCondition::Operation(one), CoreCondition::Operation(other)) => one.implies(other),
            (CoreCondition::Ceiling(one), CoreCondition::Ceiling(other)) => one.implies(other, CoreRule::implies),
            (one, other) => one == other,
        }
    }

    /// Whether nothing is known to meet both rules.
    pub(super) fn excludes(&self, other: &CoreRule) -> bool {
        match (&self.condition, &other.condition) {
            (CoreCondition::Scopes(one), CoreCondition::Scopes(other)) => one.excludes(other),
            (CoreCondition::Initiator(one), CoreCondition::Initiator(other)) => one.excludes(other),
            (CoreCondition::Actor(one), CoreCondition::Actor(other)) => one.excludes(other),
            (CoreCondition::Initiator(initiator), CoreCondition::Actor(actor))
            | (CoreCondition::Actor(actor), CoreCondition::Initiator(initiator)) => actor.excludes_initiator(initiator),
            (CoreCondition::Client(one), CoreCondition::Client(other)) => one.excludes(other),
            (CoreCondition::Claims(one), CoreCondition::Claims(other)) => one.excludes(other),
            (CoreCondition::Time(one), CoreCondition::Time(other)) => one.excludes(other),
            (CoreCondition::Operation(one), CoreCondition::Operation(other)) => one.excludes(other),
            (CoreCondition::AnyOf(_), CoreCondition::AnyOf(_)) => false,
            (CoreCondition::AnyOf(AnyOf(alternatives)), _) => {
                let is_never_met = |rules: &Vec<CoreRule>| rules.iter().any(|rule| rule.excludes(other));
                alternatives.iter().all(is_never_met)
            }
            (_, CoreCondition::AnyOf(_)) => other.excludes(self),
            _ => false,
        }
    }

    /// Whether these rules together are known to imply one of the alternatives of this one.
    pub(super) fn has_alternative_within(&self, rules: &[&CoreRule]) -> bool {
        let is_implied = |rule: &CoreRule| {
            let mut rules_that_imply = rules.iter().filter(|other| other.implies(rule));
            rules_that_imply.next().is_some() || rule.has_alternative_within(rules)
        };
        match &self.condition {
            CoreCondition::AnyOf(AnyOf(alternatives)) => alternatives
                .iter()
                .any(|rules| !rules.is_empty() && rules.iter().all(is_implied)),
            _ => false,
        }
    }
}

impl HistoryRule {
    /// Whether whatever meets this rule is known to meet the other one.
    pub(super) fn implies(&self, other: &HistoryRule) -> bool {
        match (&self.condition, &other.condition) {
            (HistoryCondition::Chain(one), HistoryCondition::Chain(other)) => one.implies(other),
            (one, other) => one == other,
        }
    }

    /// Whether no chain is known to meet both rules.
    pub(super) fn excludes(&self, other: &HistoryRule) -> bool {
        match (&self.condition, &other.condition) {
            (HistoryCondition::Chain(one), HistoryCondition::Chain(other)) => one.excludes(other),
            _ => false,
        }
    }

    /// Whether nothing is known to meet both rules, one on the chain and one on a party of the token.
    pub(super) fn excludes_core(&self, other: &CoreRule) -> bool {
        self.excludes_by_depth(other) || self.excludes_parties(other)
    }

    /// Whether the number of actors that a chain has to have excludes a rule on the current actor.
    fn excludes_by_depth(&self, other: &CoreRule) -> bool {
        let (CoreCondition::Actor(actor), HistoryCondition::Chain(chain)) = (&other.condition, &self.condition) else {
            return false;
        };
        let depth = chain.depth();
        match actor {
            ActorCondition::Absent => depth.least > 0,
            actor => actor.needs_actor() && depth.most == 0,
        }
    }

    /// Whether the parties that a rule on the chain accepts are never those that the other rule accepts.
    pub(super) fn excludes_parties(&self, other: &CoreRule) -> bool {
        match (&self.condition, &other.condition) {
            (HistoryCondition::Chain(chain), CoreCondition::Actor(actor)) => chain.excludes_actor(actor),
            (HistoryCondition::Chain(chain), CoreCondition::Initiator(initiator)) => {
                chain.excludes_initiator(initiator)
            }
            _ => false,
        }
    }
}

impl PartyName {
    /// Whether it names an agent in some token.
    pub(super) fn may_be_agent(&self, agent: &Agent) -> bool {
        self.may_be_of(agent.issuer()) && *self.subject() == *agent.subject()
    }

    /// Whether both name one party in some token.
    pub(super) fn may_be(&self, other: &PartyName) -> bool {
        self.may_be_of(other.issuer()) && self.subject() == other.subject()
    }

    /// Whether its issuer is this one in some token. One that is not written is that of the token.
    fn may_be_of(&self, issuer: Option<&str>) -> bool {
        match (self.issuer(), issuer) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        }
    }

    /// Whether it names the party that an initiator of this name is, in every token. A bare name is of the issuer of the initiator.
    pub(super) fn is_always(&self, initiator: &PartyName) -> bool {
        self.subject() == initiator.subject() && (self.issuer().is_none() || self.issuer() == initiator.issuer())
    }
}
