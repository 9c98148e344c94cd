//! What the requests to a policy can reach: the rules that its owner writes, with those of alternatives and ceilings.

use super::policy::Policy;
use super::requirement::Requirement;
use super::rules::{AnyOf, CoreCondition, CoreRule};

/// A part of a policy that a request can reach, by the name of its rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RuleBranch {
    /// A rule, which a request can meet or not.
    Rule {
        name: String,
        /// Whether a request may be denied by it and by no other: none beside it implies it, and it is not the whole of an
        /// alternative, which `any_of` then denies as well.
        denies_alone: bool,
    },
    /// An alternative of a rule, all of whose rules a request can meet: `GET /: any_of[0]`.
    Alternative(String),
    /// A key of a ceiling, above which a request can be.
    Ceiling(String),
}

impl Policy {
    /// The parts of every route in the order of the document, with the rules in shadow.
    ///
    /// Without rules that hold without being written. A rule of a requirement is there for each of its routes.
    pub(crate) fn branches(&self) -> Vec<RuleBranch> {
        let mut branches = Vec::new();
        for requirement in self.route_requirements() {
            requirement.branches(&mut branches);
        }
        branches
    }
}

impl Requirement {
    fn branches(&self, branches: &mut Vec<RuleBranch>) {
        branches_of(&self.core, false, branches);
        for rule in &self.history {
            let mut others = self.history.iter().filter(|other| !std::ptr::eq(*other, rule));
            branches.push(RuleBranch::Rule {
                name: rule.name.to_string(),
                denies_alone: !others.any(|other| other.mode == rule.mode && other.implies(rule)),
            });
        }
    }
}

/// The parts of the written rules of a conjunction; `is_whole` states that it is an alternative of one rule.
fn branches_of(rules: &[CoreRule], is_whole: bool, branches: &mut Vec<RuleBranch>) {
    // The rule of ceilings is implicit, and its ceilings are written.
    let is_written = |rule: &&CoreRule| !rule.is_implicit() || matches!(rule.condition, CoreCondition::Ceiling(_));
    for rule in rules.iter().filter(is_written) {
        if let CoreCondition::Ceiling(ceiling) = &rule.condition {
            let rules = ceiling.rules().map(|rule| rule.to_string());
            branches.extend(rules.map(RuleBranch::Ceiling));
            continue;
        }
        let mut others = rules.iter().filter(|other| !std::ptr::eq(*other, rule));
        branches.push(RuleBranch::Rule {
            name: rule.name.to_string(),
            denies_alone: !is_whole && !others.any(|other| other.mode == rule.mode && other.implies(rule)),
        });
        if let CoreCondition::AnyOf(AnyOf(alternatives)) = &rule.condition {
            for (index, rules) in alternatives.iter().enumerate() {
                branches.push(RuleBranch::Alternative(format!("{}[{index}]", rule.name)));
                branches_of(rules, rules.len() == 1, branches);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_written_rule_is_a_branch_with_its_alternatives() {
        let text = "
agents: [{ subject: bot, ceiling: { scopes: [a], initiators: { kind: human } } }]
requirements:
  human: { mode: shadow, initiator: { kind: human } }
routes:
  - { match: GET /health, public: true }
  - match: GET /
    require: [human]
    scopes: [a]
    any_of: [{ client: { one_of: [c] } }, { any_of: [{ actor: { absent: true } }] }]
    chain: { max_depth: 1 }
";
        let policy = Policy::from_yaml(text).unwrap_or_else(|error| panic!("{error}"));
        let (mut rules, mut alternatives, mut ceilings) = (Vec::new(), Vec::new(), Vec::new());
        for branch in policy.branches() {
            match branch {
                RuleBranch::Rule { name, .. } => rules.push(name),
                RuleBranch::Alternative(name) => alternatives.push(name),
                RuleBranch::Ceiling(name) => ceilings.push(name),
            }
        }
        let expected = [
            "scopes",
            "human.initiator.kind",
            "any_of",
            "any_of[0].client.one_of",
            "any_of[1].any_of",
            "any_of[1].any_of[0].actor.absent",
            "chain.max_depth",
        ];
        assert_eq!(rules, expected.map(|path| format!("GET /: {path}")));
        assert_eq!(
            alternatives,
            ["any_of[0]", "any_of[1]", "any_of[1].any_of[0]"].map(|path| format!("GET /: {path}"))
        );
        assert_eq!(
            ceilings,
            ["agents.bot.ceiling.scopes", "agents.bot.ceiling.initiators.kind"]
        );
    }
}
