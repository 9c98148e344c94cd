//! The rules that accept scopes, and the rule of ceilings, which evaluates them again.

use std::sync::Arc;

use actgate_yaml::Span;

use super::mode::Mode;
use super::rules::{AnyOf, CeilingCondition, Ceilings, CoreCondition, CoreRule, ScopesCondition};
use super::syntax::Word;

impl CoreRule {
    /// The scopes that a token needs to meet the rule, or one of which it needs.
    pub(super) fn required_scopes(&self) -> impl Iterator<Item = &Word> {
        let condition = match &self.condition {
            CoreCondition::Scopes(scopes) => Some(scopes),
            _ => None,
        };
        condition.into_iter().flat_map(ScopesCondition::accepted)
    }

    /// The scopes that a token may need to meet the rule, those of every alternative among them.
    pub(super) fn accepted_scopes(&self) -> Vec<&Word> {
        match &self.condition {
            CoreCondition::AnyOf(AnyOf(alternatives)) => {
                let rules = alternatives.iter().flatten();
                rules.flat_map(CoreRule::accepted_scopes).collect()
            }
            _ => self.required_scopes().collect(),
        }
    }

    /// Whether the rule asks for a scope: such rules come before all others.
    pub(super) fn asks_for_scope(&self) -> bool {
        matches!(&self.condition, CoreCondition::Scopes(condition) if condition.asks_for_scope())
    }

    /// The rule of a requirement with these rules, in a policy with ceilings; `mode` is that of the requirement. Where rules in
    /// shadow accept scopes as well, it comes twice: in shadow with these rules, and without them. A requirement that is no route's
    /// is above every list of routes.
    pub(super) fn of_ceilings(
        ceilings: &Arc<Ceilings>,
        owner: &str,
        is_route: bool,
        mode: Mode,
        core: &[CoreRule],
    ) -> Vec<CoreRule> {
        if ceilings.is_empty() {
            return Vec::new();
        }
        let scoped = || {
            core.iter()
                .filter(|_| ceilings.has_scopes)
                .filter_map(CoreRule::accepting_scopes)
        };
        let is_within = |rule: &CoreRule, mode| mode == Mode::Shadow || rule.mode == Mode::Enforce;
        let route = is_route.then_some(owner);
        let in_shadow = (!scoped().all(|rule| is_within(&rule, mode))).then_some(Mode::Shadow);
        let rules = in_shadow.into_iter().chain([mode]).map(|mode| CoreRule {
            name: format!("{owner}: ceiling").into(),
            span: Span::default(),
            mode,
            condition: CoreCondition::Ceiling(CeilingCondition::new(
                ceilings,
                route,
                scoped().filter(|rule| is_within(rule, mode)).collect(),
            )),
        });
        rules.collect()
    }

    /// The same rule, if it accepts scopes, in one of its alternatives.
    fn accepting_scopes(&self) -> Option<CoreRule> {
        let condition = match &self.condition {
            CoreCondition::Scopes(scopes) if scopes.asks_for_scope() => CoreCondition::Scopes(scopes.clone()),
            CoreCondition::AnyOf(AnyOf(alternatives)) if !self.accepted_scopes().is_empty() => {
                CoreCondition::AnyOf(AnyOf(Arc::clone(alternatives)))
            }
            _ => return None,
        };
        Some(CoreRule {
            name: Arc::clone(&self.name),
            span: self.span,
            mode: self.mode,
            condition,
        })
    }
}
