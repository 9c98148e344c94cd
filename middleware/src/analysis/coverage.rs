//! What of a policy no case reaches.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::places::RulePlaces;
use crate::authorizer::Explanation;
use crate::policy::policy::Policy;
use crate::policy::{Check, Mode, Outcome, RuleBranch, Tier};

/// The branches of a policy, and which of them cases have reached.
///
/// It is fed by [explanations](Explanation), whose checks the one evaluator records. The branches of a route are an allowed and a denied
/// request; those of a rule, one that meets it and one that is denied by it alone; of `any_of` also each alternative, and the rules in it; of
/// a ceiling, one above each of its keys. A rule that is written once for several routes, in a requirement, in `defaults` or beside several
/// patterns, is reached by a case of any of them. Rules in shadow count as others; rules that hold without being written do not.
///
/// A request is denied by a rule alone if it meets all others of its route: without the rule it would be allowed. Rules in shadow only
/// count beside others in shadow. Of a rule in an alternative, the request meets all others of the alternative, and no other alternative. A
/// rule that another one of each of its routes implies, as `required` beside `one_of`, denies nothing alone, and one that is a whole
/// alternative denies together with its `any_of`: of these, any request that does not meet them counts.
#[derive(Debug)]
pub struct Coverage<'p> {
    places: &'p RulePlaces,
    /// By the name of the rule or the route.
    branches: BTreeMap<(String, BranchKind), Found>,
}

/// Where a branch is written, and whether it was reached.
#[derive(Debug)]
struct Found {
    place: (u64, u64),
    is_reached: bool,
    /// Whether a request reaches it only if no other rule denies the request.
    is_alone: bool,
}

/// A branch of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Branch<'c> {
    /// The route, or the rule: without its route, where it is written once for several of them.
    pub name: &'c str,
    /// What a case has to do there.
    pub kind: BranchKind,
    /// The line of the policy, from 1; 0 where it is unknown.
    pub line: u64,
    /// The column, from 1; 0 where it is unknown.
    pub column: u64,
}

/// The kinds of branches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum BranchKind {
    /// A request of a route is allowed.
    Allowed,
    /// A request of a route is denied.
    Denied,
    /// A request meets a rule.
    Met,
    /// A request is denied by a rule alone.
    Unmet,
    /// A request meets all rules of an alternative.
    Alternative,
}

/// What no case does: `no case meets it`.
impl fmt::Display for BranchKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BranchKind::Allowed => "no case is allowed",
            BranchKind::Denied => "no case is denied",
            BranchKind::Met => "no case meets it",
            BranchKind::Unmet => "no case is denied by it alone",
            BranchKind::Alternative => "no case meets this alternative",
        })
    }
}

impl<'p> Coverage<'p> {
    /// The branches of a policy, none of which is reached; `places` are those of its text.
    pub fn new(policy: &Policy, places: &'p RulePlaces) -> Coverage<'p> {
        let mut coverage = Coverage {
            places,
            branches: BTreeMap::new(),
        };
        let guarded: BTreeSet<&str> = policy.guarded_names().collect();
        for route in policy.routes() {
            coverage.add(route, BranchKind::Allowed, false);
            if guarded.contains(route) {
                coverage.add(route, BranchKind::Denied, false);
            }
        }
        for branch in policy.branches() {
            match branch {
                RuleBranch::Rule { name, denies_alone } => {
                    coverage.add(&name, BranchKind::Met, false);
                    coverage.add(&name, BranchKind::Unmet, denies_alone);
                }
                RuleBranch::Alternative(rule) => coverage.add(&rule, BranchKind::Alternative, false),
                RuleBranch::Ceiling(rule) => coverage.add(&rule, BranchKind::Unmet, true),
            }
        }
        coverage
    }

    fn add(&mut self, rule: &str, kind: BranchKind, is_alone: bool) {
        let (place, name) = match self.places.find(rule) {
            Some((place, name)) => ((place.line, place.column), name),
            None => ((0, 0), rule.into()),
        };
        let found = self.branches.entry((name.into_owned(), kind)).or_insert(Found {
            place,
            is_reached: false,
            is_alone,
        });
        // In another route, no other rule may imply it.
        found.is_alone |= is_alone;
    }

    /// Takes note of what a decision has reached.
    pub fn record(&mut self, explanation: &Explanation) {
        let decision = explanation.decision();
        if let Some(route) = decision.route() {
            let kind = match decision.outcome() {
                Ok(()) => BranchKind::Allowed,
                Err(_) => BranchKind::Denied,
            };
            self.reach(route, kind, true);
        }
        let checks = explanation.checks().iter().filter(|check| check.tier != Tier::Token);
        let checks: Vec<&Check> = checks.collect();
        self.record_checks(&checks, true);
        for check in &checks {
            // A login that is missing is no denial by one key of a ceiling alone, so that the check has the name of the rule.
            if let (Some(key), Some(agent)) = (login_of_ceiling(check), decision.agent()) {
                let rule = format!("agents.{}.ceiling.initiators.{key}", agent.subject());
                self.reach(&rule, BranchKind::Unmet, are_others_met(check, &checks));
            }
        }
    }

    /// Records the checks of a conjunction; `decides` states that a request that meets it is allowed.
    fn record_checks(&mut self, checks: &[&Check], decides: bool) {
        for check in checks {
            let is_alone = decides && are_others_met(check, checks);
            match check.outcome {
                Outcome::Passed => self.reach(&check.rule, BranchKind::Met, true),
                Outcome::Failed => self.reach(&check.rule, BranchKind::Unmet, is_alone),
                Outcome::Undecided => {}
            }
            for (index, inner) in check.alternatives.iter().enumerate() {
                if inner.iter().all(|check| check.outcome == Outcome::Passed) {
                    self.reach(&format!("{}[{index}]", check.rule), BranchKind::Alternative, true);
                }
                let inner: Vec<&Check> = inner.iter().collect();
                self.record_checks(&inner, is_alone && check.outcome == Outcome::Failed);
            }
        }
    }

    fn reach(&mut self, rule: &str, kind: BranchKind, is_alone: bool) {
        let name = self.places.find(rule).map_or(rule.into(), |(_, name)| name);
        if let Some(found) = self.branches.get_mut(&(name.into_owned(), kind)) {
            found.is_reached |= is_alone || !found.is_alone;
        }
    }

    /// The number of branches.
    pub fn total(&self) -> usize {
        self.branches.len()
    }

    /// The number of those that were reached.
    pub fn reached(&self) -> usize {
        self.branches.values().filter(|found| found.is_reached).count()
    }

    /// The branches that were not reached, in the order of their places.
    pub fn unreached(&self) -> Vec<Branch<'_>> {
        let unreached = self.branches.iter().filter(|(_, found)| !found.is_reached);
        let unreached = unreached.map(|((name, kind), found)| Branch {
            name,
            kind: *kind,
            line: found.place.0,
            column: found.place.1,
        });
        let mut unreached: Vec<Branch<'_>> = unreached.collect();
        unreached.sort_by_key(|branch| (branch.line, branch.column));
        unreached
    }
}

/// Whether a request meets every other rule that counts beside a check: those in shadow, beside others in shadow.
fn are_others_met(check: &Check, checks: &[&Check]) -> bool {
    let counts =
        |other: &&&Check| !std::ptr::eq(**other, check) && (check.mode == Mode::Shadow || other.mode == Mode::Enforce);
    checks
        .iter()
        .filter(counts)
        .all(|other| other.outcome == Outcome::Passed)
}

/// The key of a ceiling that asks for another login, where the check of a ceiling has failed for it.
fn login_of_ceiling(check: &Check) -> Option<&'static str> {
    let is_of_ceiling = check.rule.ends_with(": ceiling");
    match check.code.filter(|_| is_of_ceiling)? {
        "auth_too_old" => Some("max_auth_age"),
        "acr_not_met" => Some("acr"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Cases;
    use crate::testing::{PolicyTest, TestIssuer};

    const POLICY: &str = "\
agents:
  - subject: bot
    ceiling: { scopes: [a] }
requirements:
  human:
    initiator: { kind: human }
  tried:
    mode: shadow
    client: { one_of: [client] }
routes:
  - match: GET /health
    public: true
  - match: [GET /a, POST /a]
    require: [human, tried]
    scopes: { any_of: [a, b] }
    any_of:
      - actor: { absent: true }
      - actor: { one_of: [bot, other] }
        claims: { tenant: t }
    chain: { max_depth: 1 }
";

    const CASES: &[&str] = &[
        "{ name: open, request: GET /health, expect: allow }",
        "{ name: alone, request: GET /a, token: { sub_profile: user, scope: a }, expect: allow }",
        "{ name: machine, request: GET /a, token: { sub_profile: service, scope: a }, expect: allow }",
        "{ name: no scope, request: GET /a, token: { sub_profile: user }, expect: allow }",
        "{ name: by bot, request: POST /a, token: { sub_profile: user, scope: a, tenant: t, act: { sub: bot } }, expect: allow }",
        "{ name: above, request: POST /a, token: { sub_profile: user, scope: b, tenant: t, act: { sub: bot } }, expect: allow }",
        "{ name: tenant, request: POST /a, token: { sub_profile: user, scope: a, tenant: u, act: { sub: bot } }, expect: allow }",
        "{ name: by x, request: POST /a, token: { sub_profile: user, scope: a, tenant: t, act: { sub: x } }, expect: allow }",
        "{ name: deep, request: POST /a, token: { sub_profile: user, scope: a, tenant: t, act: { sub: bot, act: { sub: y } } }, expect: allow }",
        "{ name: client, request: POST /a, token: { sub_profile: user, scope: a, client_id: d }, expect: allow }",
        "{ name: several, request: POST /a, token: { sub_profile: service, client_id: d, act: { sub: x, act: { sub: y } } }, expect: allow }",
    ];

    /// What of [`POLICY`] these cases do not reach, after the number of branches.
    fn unreached(cases: &[&str]) -> (usize, Vec<String>) {
        unreached_of(POLICY, cases)
    }

    /// The same of another policy.
    fn unreached_of(text: &str, cases: &[&str]) -> (usize, Vec<String>) {
        let policy = Policy::from_yaml(text).unwrap_or_else(|error| panic!("{error}"));
        let cases = format!("cases:\n  - {}\n", cases.join("\n  - "));
        let cases = Cases::from_yaml(&cases).unwrap_or_else(|error| panic!("{error}"));
        let places = RulePlaces::new(&policy, text);
        let test = PolicyTest::new(policy, &cases).unwrap();
        let policy = test.policy();
        let mut coverage = Coverage::new(&policy, &places);
        for case in cases.iter() {
            coverage.record(test.run(case, TestIssuer::NOW).unwrap().explanation());
        }
        let unreached = coverage.unreached();
        assert_eq!(unreached.len(), coverage.total() - coverage.reached());
        let shown = unreached
            .iter()
            .map(|branch| format!("{} {}: {}", branch.line, branch.name, branch.kind));
        (coverage.total(), shown.collect())
    }

    #[test]
    fn the_cases_reach_every_branch() {
        assert_eq!(unreached(CASES), (24, Vec::new()));
    }

    #[test]
    fn each_case_that_is_missing_leaves_its_branches() {
        let without = |name: &str| {
            let named = format!("name: {name},");
            let rest: Vec<&str> = CASES.iter().copied().filter(|case| !case.contains(&named)).collect();
            assert_eq!(rest.len(), CASES.len() - 1);
            unreached(&rest).1
        };
        assert_eq!(without("open"), ["11 GET /health: no case is allowed"]);
        assert_eq!(without("alone"), ["13 GET /a: no case is allowed"]);
        assert_eq!(
            without("machine"),
            ["6 human.initiator.kind: no case is denied by it alone"]
        );
        for (name, expected) in [
            ("no scope", "15 GET /a: scopes.any_of: no case is denied by it alone"),
            ("above", "3 agents.bot.ceiling.scopes: no case is denied by it alone"),
            (
                "tenant",
                "19 GET /a: any_of[1].claims.tenant: no case is denied by it alone",
            ),
            (
                "by x",
                "18 GET /a: any_of[1].actor.one_of: no case is denied by it alone",
            ),
            ("deep", "20 GET /a: chain.max_depth: no case is denied by it alone"),
            ("client", "9 tried.client.one_of: no case is denied by it alone"),
        ] {
            assert_eq!(without(name), [expected]);
        }
        assert_eq!(without("several"), [""; 0]);
    }

    #[test]
    fn an_alternative_that_no_case_meets_is_left() {
        let meets = ["name: by bot,", "name: above,", "name: deep,"];
        let is_left = |case: &&&str| !meets.iter().any(|name| case.contains(name));
        let rest: Vec<&str> = CASES.iter().filter(is_left).copied().collect();
        let found = unreached(&rest).1;
        let expected = "18 GET /a: any_of[1]: no case meets this alternative".to_owned();
        assert!(found.contains(&expected), "{found:?}");
    }

    #[test]
    fn a_rule_on_the_chain_beside_another_one_is_reached_by_a_case_that_it_alone_denies() {
        let text = "routes: [{ match: GET /, chain: { max_depth: 2, none_of: [x] } }]";
        let found = |cases: &[&str]| unreached_of(text, cases).1;
        let case = |name: &str, act: &str| {
            format!("{{ name: {name}, request: GET /, token: {{ act: {act} }}, expect: allow }}")
        };
        let short = case("short", "{ sub: a }");
        let by_x = case("x", "{ sub: x }");
        let deep = case("deep", "{ sub: a, act: { sub: b, act: { sub: c } } }");
        let both = case("both", "{ sub: a, act: { sub: b, act: { sub: x } } }");
        assert_eq!(found(&[&short, &by_x, &deep]), [""; 0]);
        let unreached = found(&[&short, &both]);
        let alone = |rule: &str| format!("1 GET /: chain.{rule}: no case is denied by it alone");
        assert_eq!(unreached, ["max_depth", "none_of"].map(alone));
    }

    #[test]
    fn a_rule_that_another_one_implies_is_reached_by_any_case_that_does_not_meet_it() {
        let text = "routes: [{ match: GET /, actor: { required: true, one_of: [a] } }]";
        let cases = [
            "{ name: a, request: GET /, token: { act: { sub: a } }, expect: allow }",
            "{ name: b, request: GET /, token: { act: { sub: b } }, expect: allow }",
            "{ name: none, request: GET /, token: {}, expect: allow }",
        ];
        assert_eq!(unreached_of(text, &cases).1, [""; 0]);
    }
}
