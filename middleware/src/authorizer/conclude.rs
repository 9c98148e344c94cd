//! What is recorded of a decision that is final.

use super::Authorizer;
use super::decision::Decision;
use super::rule_counts::RuleCount;
use crate::policy::Mode;

impl Authorizer {
    /// The rules of every route with their counters, in the order of their names. A requirement that a layer names has its
    /// rules here once a request has not met one of them.
    ///
    /// Counters begin with the authorizer, are shared by its clones, and are kept by [`replace_policy`](Self::replace_policy) for rules of
    /// the same name and mode.
    pub fn rules(&self) -> Vec<RuleCount> {
        let in_force = self.in_force();
        let requirements: Vec<String> = in_force.policy.requirements().map(|name| format!("{name}: ")).collect();
        let is_of_route = |rule: &str| !requirements.iter().any(|owner| rule.starts_with(&**owner));
        let counts = in_force.counts.iter();
        counts
            .filter(|count| count.unmet > 0 || is_of_route(&count.rule))
            .collect()
    }
}

impl Decision {
    /// Counts the rules that are not met, and emits the event of the decision: for one of
    /// [`decide_uncounted`](Authorizer::decide_uncounted) on a request that is denied for another reason, and is not counted by a limit. Call it once: each
    /// call counts.
    pub fn conclude(&self) {
        if let Some(rule) = self.denied().and_then(|denied| denied.rule.as_deref()) {
            self.rule_counts().count(rule, Mode::Enforce);
        }
        for rule in self.unmet_in_shadow() {
            self.rule_counts().count(rule, Mode::Shadow);
        }
        self.trace();
    }
}
