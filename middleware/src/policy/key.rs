//! The key that a rule is written with.

use super::rules::CoreCondition;

impl CoreCondition {
    /// The key that it is written with; that of an agent for its ceiling.
    pub(super) fn key(&self) -> &'static str {
        match self {
            CoreCondition::Scopes(_) => "scopes",
            CoreCondition::Initiator(_) => "initiator",
            CoreCondition::Actor(_) => "actor",
            CoreCondition::Client(_) => "client",
            CoreCondition::Claims(_) => "claims",
            CoreCondition::Token(_) => "token",
            CoreCondition::MayAct(_) => "may_act",
            CoreCondition::Time(_) => "time",
            CoreCondition::Details(_) => "authorization_details",
            CoreCondition::Operation(_) => "operation",
            CoreCondition::Expression(_) => "expression",
            CoreCondition::AnyOf(_) => "any_of",
            CoreCondition::Ceiling(_) => "ceiling",
        }
    }
}
