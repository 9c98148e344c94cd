//! The rule of a policy with ceilings: the agent that acts does no more than its own, whatever the initiator and the token may do.

use std::sync::Arc;

use super::ceilings::{Ceiling, Ceilings, acting};
use super::finding::Finding;
use super::list::all_in;
use crate::chain::Core;
use crate::policy::change::{Remedies, kind_of_actor};
use crate::policy::evaluation_time::EvaluationTime;
use crate::policy::parties::shown;

/// The agent that acts does no more than its ceiling, if it has one. Part of every requirement of a policy with ceilings.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) struct CeilingCondition<R> {
    ceilings: Arc<Ceilings>,
    /// The ceilings that list the route of the requirement, in ascending order.
    with_route: Box<[usize]>,
    /// The rules that accept scopes, also within alternatives.
    scoped: Box<[R]>,
}

impl<R> CeilingCondition<R> {
    /// Of a requirement with these rules that accept scopes. One that is no route's is above every list of routes.
    pub(in crate::policy) fn new(ceilings: &Arc<Ceilings>, route: Option<&str>, scoped: Box<[R]>) -> Self {
        CeilingCondition {
            ceilings: Arc::clone(ceilings),
            with_route: route.map_or(&[][..], |route| ceilings.with_route(route)).into(),
            scoped,
        }
    }

    /// The names of the rules of all ceilings.
    pub(in crate::policy) fn rules(&self) -> impl Iterator<Item = &Arc<str>> {
        self.ceilings.rules()
    }

    /// The rules that accept scopes, which are evaluated again.
    pub(super) fn scoped(&self) -> impl Iterator<Item = &R> {
        self.scoped.iter()
    }

    /// Whether whatever meets this condition, and the requirement that it is of, meets the other one, by a relation of rules.
    pub(in crate::policy) fn implies(&self, other: &Self, implies: impl Fn(&R, &R) -> bool) -> bool {
        let is_implied = |other: &R| self.scoped.iter().any(|rule| implies(rule, other));
        self.ceilings == other.ceilings
            && all_in(&self.with_route, &other.with_route)
            && other.scoped.iter().all(is_implied)
    }

    /// Whether the party that acts has no ceiling.
    pub(super) fn is_of_none(&self, core: &Core<'_>) -> bool {
        self.ceilings.of(core).is_none()
    }

    /// `evaluate` is that of a rule.
    pub(super) fn evaluate(
        &self,
        core: &Core<'_>,
        time: &EvaluationTime,
        evaluate: impl Fn(&R, &Core<'_>) -> Finding,
    ) -> Finding {
        let Some(ceiling) = self.ceilings.of(core) else {
            return Finding::Met;
        };
        let above = |rule: &Arc<str>| Finding::AboveCeiling(Arc::clone(rule));
        if let Some(routes) = &ceiling.routes
            && self.with_route.binary_search(&ceiling.id).is_err()
        {
            return above(&routes.rule);
        }
        let mut finding = Finding::Met;
        if let Some(scopes) = &ceiling.scopes
            && let Some(limited) = limited(core, ceiling)
        {
            for rule in &self.scoped {
                let limited = evaluate(rule, &limited);
                if limited.may_become_met() {
                    // A login or the body is missing here that the token alone may not need.
                    finding = finding.and(limited);
                } else if evaluate(rule, core).may_become_met() {
                    return above(&scopes.rule);
                }
                // Otherwise the rule itself denies the token.
            }
        }
        for (rule, condition) in &ceiling.initiators {
            let met = condition.evaluate(core, time);
            if !met.may_become_met() {
                return above(rule);
            }
            finding = finding.and(met);
        }
        finding
    }

    /// The facts with the scopes of the ceiling of the agent that acts, where that lists scopes.
    pub(super) fn limited<'c>(&'c self, core: &Core<'c>) -> Option<Core<'c>> {
        limited(core, self.ceilings.of(core)?)
    }

    /// Whether it is the list of routes that denies: no other part and no rule is evaluated then.
    pub(super) fn is_by_route(&self, core: &Core<'_>, part: &str) -> bool {
        self.ceilings.of(core).is_some_and(|ceiling| ceiling.is_of_routes(part))
    }

    /// What is expected, and what the request is; `finding` is that of the request.
    pub(super) fn explain(&self, core: &Core<'_>, time: &EvaluationTime, finding: &Finding) -> (String, String) {
        let agent = shown(acting(core), core.initiator);
        let Some(ceiling) = self.ceilings.of(core) else {
            let expected = "no more than the ceiling of the agent that acts".to_owned();
            return (expected, format!("{agent}, which has none"));
        };
        let mut parts = Vec::new();
        if let Some(routes) = &ceiling.routes {
            parts.push(format!("routes {}", routes.items));
        }
        if let Some(scopes) = &ceiling.scopes {
            parts.push(format!("scopes {}", scopes.items.replace(' ', ", ")));
        }
        for (_, condition) in &ceiling.initiators {
            parts.push(format!("initiators {}", condition.explain(core, time).0));
        }
        let expected = format!("no more than the ceiling of {agent}: {}", parts.join("; "));
        let got = match finding {
            Finding::AboveCeiling(rule) => {
                let unmet = ceiling.initiators.iter().find(|(name, _)| name == rule);
                let why = match unmet {
                    Some((_, condition)) => format!("the initiator is {}", condition.explain(core, time).1),
                    None if ceiling.is_of_routes(rule) => "this route is not one of them".to_owned(),
                    None => format!(
                        "the route needs more of the scopes of the token, {}",
                        core.claims.scope()
                    ),
                };
                format!("above the ceiling of {agent}, whatever the initiator may do: {why}")
            }
            Finding::Met => "within it".to_owned(),
            _ => "within it, as far as that is known".to_owned(),
        };
        (expected, got)
    }
}

/// The facts with the scopes of a ceiling, where it lists scopes.
fn limited<'c>(core: &Core<'c>, ceiling: &'c Ceiling) -> Option<Core<'c>> {
    let scopes = ceiling.scopes.as_ref()?;
    Some(Core {
        scope_ceiling: Some(&scopes.items),
        ..*core
    })
}

impl<R> CeilingCondition<R> {
    /// What the rules ask for with the scopes of the ceiling; another agent, or none; and where the initiator is above the ceiling, what
    /// its rules ask for. `remedies_of` are those of a rule.
    pub(super) fn remedies(
        &self,
        core: &Core<'_>,
        time: &EvaluationTime,
        remedies: &mut Remedies<'_>,
        remedies_of: impl Fn(&R, &Core<'_>, &mut Remedies<'_>),
    ) {
        let ceiling = self.ceilings.of(core);
        let initiators = ceiling.into_iter().flat_map(|ceiling| &ceiling.initiators);
        for (_, condition) in initiators {
            if condition.evaluate(core, time).code().is_some() {
                condition.remedies(core, remedies);
            }
        }
        if let Some(limited) = ceiling.and_then(|ceiling| limited(core, ceiling)) {
            self.scoped
                .iter()
                .for_each(|rule| remedies_of(rule, &limited, remedies));
        }
        if core.delegation.actor().is_some() {
            remedies.no_actor();
        } else {
            remedies.other_initiator(core);
        }
        remedies.other_actor(core);
        for agent in self.ceilings.agents(core.initiator) {
            remedies.actor(agent, kind_of_actor(core));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::policy::rules::RequestFacts;
    use crate::policy::testing::{
        NOW, agent, chain, checks_of, code_of, facts, human, outcome_by, requirement_of, without_body,
    };
    use crate::policy::{Access, ByBody, EvaluationTime, Policy, StopAtFirst, evaluate};
    use crate::request::JsonBody;

    /// A policy with one route, and the ceiling of the agent `bot`.
    fn policy(ceiling: &str, route: &str) -> String {
        format!("agents: [{{ subject: bot, ceiling: {{ {ceiling} }} }}]\nroutes:\n  - match: GET /\n    {route}\n")
    }

    /// The claims of a human with these scopes, for whom `bot` acts.
    fn by_bot(scope: &str) -> Value {
        let mut claims = human(agent("bot"));
        claims["scope"] = scope.into();
        claims
    }

    #[test]
    fn the_agent_that_acts_reaches_no_other_route_than_its_ceiling_lists() {
        let other = "  - { match: POST /a, scopes: [a] }\n";
        let code = |routes: &str, claims: Value| code_of(&(policy(routes, "claims: { c: 1 }") + other), claims);
        let with = |mut claims: Value| {
            claims["c"] = 1.into();
            claims
        };
        let itself = || with(json!({"sub": "bot", "sub_profile": "ai_agent"}));
        let mut self_actor = itself();
        self_actor["act"] = json!({"sub": "bot"});
        let foreign = json!({"sub": "bot", "iss": "https://partner.example"});
        for (claims, expected) in [
            (with(human(agent("bot"))), "above_ceiling"),
            (with(human(chain(&["bot", "other"]))), "above_ceiling"),
            (itself(), "above_ceiling"),
            (self_actor, "above_ceiling"),
            (human(agent("bot")), "above_ceiling"),
            (with(human(chain(&["other", "bot"]))), "allow"),
            (with(human(agent("other"))), "allow"),
            (with(human(Value::Null)), "allow"),
            (with(human(foreign)), "allow"),
        ] {
            assert_eq!(code("routes: POST /a", claims.clone()), expected, "{claims}");
            let within = code("routes: [POST /a, ' GET / ']", claims.clone());
            let without = code_of("routes: [{ match: GET /, claims: { c: 1 } }]", claims.clone());
            assert_eq!(within, without, "{claims}");
        }
        let foreign = "agents: [{ subject: bot, issuer: 'https://partner.example', ceiling: { routes: POST /a } }, { subject: bot, issuer: \
                       'https://idp.example', ceiling: { routes: GET / } }]\nroutes: [{ match: GET / }, { match: POST /a }]";
        let of = |issuer: &str| code_of(foreign, human(json!({"sub": "bot", "iss": issuer})));
        assert_eq!(of("https://partner.example"), "above_ceiling");
        assert_eq!(of("https://idp.example"), "allow");
    }

    #[test]
    fn a_requirement_that_a_layer_names_is_above_every_list_of_routes() {
        let text = "agents: [{ subject: bot, ceiling: { routes: GET / } }]\nrequirements: { GET /: { scopes: [a] } }\nroutes: [{ match: GET / }]";
        let policy = Policy::from_yaml(text).unwrap();
        let (_, requirement) = policy.requirement("GET /").unwrap();
        assert_eq!(outcome_by(requirement, by_bot("a"), &without_body()), "above_ceiling");
        let other = json!({"scope": "a", "act": {"sub": "other"}});
        assert_eq!(outcome_by(requirement, other, &without_body()), "allow");
    }

    #[test]
    fn a_scope_of_a_rule_is_in_the_token_and_in_the_ceiling() {
        let hierarchy = "scopes: { implies: { admin: [a] } }\n";
        for (ceiling, route, held, expected) in [
            ("a", "scopes: [a]", "a", "allow"),
            ("a", "scopes: [a, b]", "a b", "above_ceiling"),
            ("a", "scopes: [a, b]", "a", "insufficient_scope"),
            ("a", "scopes: [b]", "", "insufficient_scope"),
            ("a", "scopes: { any_of: [a, b] }", "a b", "allow"),
            ("a", "scopes: { any_of: [a, b] }", "b", "above_ceiling"),
            ("a", "scopes: { none_of: [b] }", "b", "scope_not_allowed"),
            ("b", "scopes: { none_of: [b] }", "", "allow"),
            ("a", "scopes: { none_of: [b] }", "c", "allow"),
            ("a", "claims: { sub_profile: user }", "b", "allow"),
            ("a", "any_of: [{ scopes: [b] }, { scopes: [c] }]", "b", "above_ceiling"),
            ("a", "any_of: [{ scopes: [b] }, { scopes: [c] }]", "a", "any_of_not_met"),
            ("a", "any_of: [{ scopes: [b] }, { scopes: [a] }]", "a b", "allow"),
            (
                "a",
                "any_of: [{ any_of: [{ scopes: [b] }] }, { scopes: [c] }]",
                "b",
                "above_ceiling",
            ),
            (
                "a",
                "any_of: [{ scopes: { none_of: [b] } }, { scopes: [c] }]",
                "c b",
                "above_ceiling",
            ),
            ("admin", "scopes: [a]", "a", "allow"),
            ("a", "scopes: [a]", "admin", "allow"),
            ("a", "scopes: [admin]", "admin", "above_ceiling"),
            ("[b, a]", "scopes: [a, b]", "b admin", "allow"),
        ] {
            let text = hierarchy.to_owned() + &policy(&format!("scopes: {ceiling}"), route);
            assert_eq!(
                code_of(&text, by_bot(held)),
                expected,
                "{route}: {held} under {ceiling}"
            );
            let mut other = by_bot(held);
            other["act"] = agent("other");
            let without = if expected == "above_ceiling" { "allow" } else { expected };
            assert_eq!(code_of(&text, other), without, "{route}: {held}, of another agent");
        }
    }

    #[test]
    fn what_a_login_or_the_body_may_change_is_not_above_the_ceiling() {
        let login = policy(
            "scopes: a",
            "any_of: [{ scopes: [b] }, { initiator: { max_auth_age: 5m } }]",
        );
        assert_eq!(code_of(&login, by_bot("b")), "auth_too_old");
        let mut fresh = by_bot("b");
        fresh["auth_time"] = NOW.into();
        assert_eq!(code_of(&login, fresh), "allow");
        let initiators = policy("initiators: { max_auth_age: 5m }", "scopes: [a]");
        assert_eq!(code_of(&initiators, by_bot("a")), "auth_too_old");
        let request = || RequestFacts {
            body: JsonBody::Unread { announced: None },
            ..without_body()
        };
        let body_asked = |text: &str, claims: Value| {
            let time = EvaluationTime { now: NOW, leeway: 30 };
            let policy = Policy::from_yaml(text).unwrap();
            let Some(Access::Guarded(requirement)) = policy.exact_route("GET", "/").map(|route| &route.access) else {
                panic!("{text}")
            };
            let outcome = evaluate(requirement, &facts(claims), &request(), &time, &mut StopAtFirst);
            outcome.unwrap_err().by_body
        };
        let unread = |text: &str, claims: Value| {
            let policy = Policy::from_yaml(text).unwrap();
            let requirement = policy.exact_route("GET", "/").map(|route| &route.access);
            let Some(Access::Guarded(requirement)) = requirement else {
                panic!("{text}")
            };
            outcome_by(requirement, claims, &request())
        };
        let body = "any_of: [{ scopes: [b] }, { operation: { json: { /x: 1 } } }]";
        assert_eq!(unread(&policy("scopes: a", body), by_bot("b")), "body_not_read");
        assert_eq!(
            body_asked(&policy("scopes: a", body), by_bot("b")),
            Some(ByBody::Unread)
        );
        let with_body = "any_of: [{ scopes: [b], operation: { json: { /x: 1 } } }]";
        assert_eq!(unread(&policy("scopes: a", with_body), by_bot("b")), "above_ceiling");
        let both = policy("scopes: a, initiators: { max_auth_age: 5m }", body);
        assert_eq!(unread(&both, by_bot("b")), "auth_too_old");
    }

    #[test]
    fn what_the_body_puts_above_the_ceiling_denies_only_where_nothing_else_does() {
        let in_body = "any_of: [{ scopes: [b] }, { scopes: [a], operation: { json: { /x: 1 } } }]";
        let request = RequestFacts {
            body: JsonBody::of_json(br#"{"x": 2}"#, 100),
            ..without_body()
        };
        for (other, expected) in [("", "above_ceiling"), ("client: { one_of: [c] }", "client_not_allowed")] {
            let text = policy("scopes: a", &format!("{in_body}\n    {other}"));
            let code = outcome_by(&requirement_of(&text), by_bot("a b"), &request);
            assert_eq!(code, expected, "{other}");
        }
    }

    #[test]
    fn the_agent_acts_for_no_other_initiator_than_its_ceiling_names() {
        for (initiators, expected) in [
            ("{ kind: human }", "allow"),
            ("{ kind: [agent, service] }", "above_ceiling"),
            ("{ one_of: [u1] }", "allow"),
            ("{ none_of: [u1] }", "above_ceiling"),
            ("{ group: people }", "above_ceiling"),
            ("{ one_of: [{ group: people }, u1], kind: human }", "allow"),
            ("{ one_of: [{ group: people }], kind: human }", "above_ceiling"),
            ("{ amr: mfa }", "above_ceiling"),
        ] {
            let text = format!(
                "groups: {{ people: [u2] }}\n{}",
                policy(&format!("initiators: {initiators}"), "")
            );
            assert_eq!(code_of(&text, by_bot("")), expected, "{initiators}");
            assert_eq!(code_of(&text, human(Value::Null)), "allow", "{initiators}");
        }
        let person = json!({"sub_profile": "ai_agent", "act": {"sub": "p", "sub_profile": "user"}});
        let text = policy("initiators: { kind: human }", "");
        assert_eq!(code_of(&text, person), "chain_inverted");
    }

    #[test]
    fn explain_shows_the_ceiling_and_what_is_above_it() {
        let check = |ceiling: &str, route: &str, claims: Value| {
            let text = policy(ceiling, route) + "  - { match: POST /a }\n";
            let mut checks = checks_of(&text, claims).into_iter();
            let check = checks.find(|check| check.rule.contains("ceiling")).unwrap();
            (check.rule, check.expected, check.got)
        };
        for (ceiling, rule, expected, got) in [
            (
                "routes: [POST /a]",
                "agents.bot.ceiling.routes",
                "routes POST /a",
                "above the ceiling of bot, whatever the initiator may do: this route is not one of them",
            ),
            (
                "scopes: [b, c], initiators: { kind: human }",
                "agents.bot.ceiling.scopes",
                "scopes b, c; initiators human",
                "above the ceiling of bot, whatever the initiator may do: the route needs more of the scopes of the token, a",
            ),
            (
                "initiators: { kind: service }",
                "agents.bot.ceiling.initiators.kind",
                "initiators service",
                "above the ceiling of bot, whatever the initiator may do: the initiator is human",
            ),
            ("scopes: a", "GET /: ceiling", "scopes a", "within it"),
        ] {
            let expected = format!("no more than the ceiling of bot: {expected}");
            let shown = (rule.to_owned(), expected, got.to_owned());
            assert_eq!(check(ceiling, "scopes: [a]", by_bot("a")), shown, "{ceiling}");
        }
        let (_, expected, got) = check("scopes: a", "scopes: [a]", human(Value::Null));
        assert_eq!(
            (&*expected, &*got),
            ("no more than the ceiling of the agent that acts", "u1, which has none")
        );
    }

    #[test]
    fn routes_differ_for_spellings_only_where_a_ceiling_lists_one_of_them() {
        let covered = |routes: &str| {
            let text = format!(
                "agents: [{{ subject: bot, ceiling: {{ {routes} }} }}]\nroutes: [{{ match: GET /a, scopes: [a] }}, {{ match: '* /{{*rest}}', scopes: [a] \
                 }}]"
            );
            Policy::from_yaml(&text).unwrap().covered_spellings().count()
        };
        assert_eq!(covered("scopes: a"), 0);
        assert_eq!(covered("routes: [GET /a, '* /{*rest}']"), 0);
        assert_eq!(covered("routes: ['* /{*rest}']"), 1);
        assert_eq!(covered("routes: [GET /a]"), 0, "the rest is stricter");
    }

    #[test]
    fn each_mistake_in_a_ceiling_has_a_place_and_a_help() {
        let empty = "write what the agent may do at most, or remove it";
        let mut wrong = Vec::new();
        for (ceiling, expected) in [
            ("{}", format!("1:35: `ceiling` is empty; {empty}")),
            ("{ routes: [] }", format!("1:45: `routes` is empty; {empty}")),
            ("{ scopes: [] }", format!("1:45: `scopes` is empty; {empty}")),
            (
                "{ initiators: {} }",
                "1:49: `initiator` is empty; write what it requires, or remove it".to_owned(),
            ),
            (
                "{ routes: GET /oders }",
                "1:45: no route has the `match` `GET /oders`; did you mean `GET /orders`?".to_owned(),
            ),
            (
                "{ routes: [GET /orders, POST /mcp] }",
                "1:59: no route has the `match` `POST /mcp`; did you mean `POST /mcp mcp tools/list`?".to_owned(),
            ),
            (
                "{ routes: [GET /health] }",
                "1:46: `GET /health` is public, so that no ceiling applies to it; remove it from the ceiling".to_owned(),
            ),
            (
                "{ initiator: { kind: human } }",
                "1:37: unknown key `initiator`; did you mean `initiators`?".to_owned(),
            ),
            (
                "{ scopes: ['orders:*'] }",
                "1:46: `orders:*` is a pattern, and values are compared as they are; write each value in full, or `{ literal: 'orders:*' }` if the \
                 token has this very text"
                    .to_owned(),
            ),
        ] {
            let text = format!(
                "agents: [{{ subject: bot, ceiling: {ceiling} }}]\nroutes: [{{ match: GET /orders }}, {{ match: GET /health, public: true }}, {{ \
                 match: POST /mcp, mcp: tools/list }}]"
            );
            let found = Policy::from_yaml(&text).unwrap_err().to_string();
            let found = found.replace("\n  help: ", "; ");
            if found != expected {
                wrong.push(format!("{ceiling}\n  expected {expected}\n  found    {found}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let no_list = Policy::from_yaml("agents: [{ subject: bot, ceiling: GET / }]")
            .unwrap_err()
            .to_string();
        assert!(
            no_list.contains("help: write `ceiling: { routes: [GET /] }`"),
            "{no_list}"
        );
        let no_routes =
            Policy::from_yaml("agents: [{ subject: bot, ceiling: { routes: GET / } }]\nroutes: [{ matc: GET / }]");
        assert_eq!(no_routes.unwrap_err().iter().count(), 1, "the route is reported once");
        let tool = "agents: [{ subject: bot, ceiling: { routes: POST /mcp mcp tools/call refund } }]\nroutes: [{ match: POST /mcp, mcp: { method: \
                    tools/call, name: refund } }]";
        assert!(Policy::from_yaml(tool).is_ok());
    }
}
