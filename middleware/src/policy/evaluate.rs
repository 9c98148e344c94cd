//! The one evaluator, of enforcement and of `explain` alike. It is total: every input has an answer, without a panic and
//! without an endless loop.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::check::Recorder;
use super::evaluation_time::EvaluationTime;
use super::requirement::Requirement;
use super::rules::{CoreRule, Finding, StepUp};
use crate::chain::Facts;
use crate::error::Error;

/// Evaluates a requirement on the facts of a verified token: scopes, core rules, history rules.
///
/// The outcome is that of the first rule that is not met. A step-up challenge is returned only if a new login alone
/// would allow the request.
pub(crate) fn evaluate(
    requirement: &Requirement,
    facts: &Facts,
    time: &EvaluationTime,
    recorder: &mut impl Recorder,
) -> Result<(), Error> {
    let (core, history) = (facts.core(), facts.history());
    let mut denial = None;
    let mut login: Option<(&CoreRule, StepUp)> = None;
    for rule in &requirement.core {
        let error = match rule.condition.evaluate(&core, time) {
            Finding::Met => {
                recorder.met(|| rule.check(&core, time));
                continue;
            }
            Finding::StepUp(needed) => {
                // Evaluation goes on: another rule may deny what no login changes.
                let _ = recorder.unmet(|| rule.check(&core, time));
                login = Some(match login {
                    None => (rule, needed),
                    Some((first, earlier)) => (first, earlier.and(needed)),
                });
                continue;
            }
            Finding::LacksScope(required) => Error::InsufficientScope {
                required,
                rule: Arc::clone(&rule.name),
            },
            Finding::Unmet(code) => Error::Denied {
                code,
                rule: Arc::clone(&rule.name),
            },
        };
        let flow = recorder.unmet(|| rule.check(&core, time));
        let first = denial.get_or_insert(error);
        if flow == ControlFlow::Break(()) {
            return Err(first.clone());
        }
    }
    for rule in &requirement.history {
        let Some(code) = rule.condition.evaluate(&history) else {
            recorder.met(|| rule.check(&history));
            continue;
        };
        let flow = recorder.unmet(|| rule.check(&history));
        let first = denial.get_or_insert_with(|| Error::Denied {
            code,
            rule: Arc::clone(&rule.name),
        });
        if flow == ControlFlow::Break(()) {
            return Err(first.clone());
        }
    }
    match (denial, login) {
        (Some(denial), _) => Err(denial),
        (None, Some((rule, needed))) => Err(Error::InsufficientUserAuthentication {
            code: needed.code,
            rule: Arc::clone(&rule.name),
            max_age: needed.max_age,
            acr_values: needed.acr_values,
        }),
        (None, None) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Check, Collect, StopAtFirst};
    use super::super::{Access, Policy};
    use super::*;
    use crate::chain::{PriorActorUse, Profile};
    use crate::limits::Limits;
    use crate::token::{Claims, VerifiedClaims};
    use serde_json::{Value, json};

    const NOW: u64 = 1_000_000;

    /// The outcome, which does not depend on the recorder.
    fn outcome(body: &str, claims: Value) -> Result<(), Error> {
        evaluated(body, claims).0
    }

    fn checks(body: &str, claims: Value) -> Vec<Check> {
        evaluated(body, claims).1
    }

    fn evaluated(body: &str, claims: Value) -> (Result<(), Error>, Vec<Check>) {
        let policy = Policy::from_yaml(&format!("routes:\n  - match: GET /\n    {body}\n")).unwrap();
        let Access::Guarded(requirement) = &policy.route("GET", "/").unwrap().access else {
            panic!()
        };
        let mut token = json!({"iss": "https://idp.example", "sub": "u1", "aud": "a", "exp": 1});
        token
            .as_object_mut()
            .unwrap()
            .extend(claims.as_object().unwrap().clone());
        let payload = token.to_string();
        let verified = VerifiedClaims::for_tests(payload.as_bytes()).unwrap();
        let (claims, actors) = Claims::parse(verified, &Limits::default()).unwrap();
        let facts = Profile::Rfc9068.facts(claims, actors, PriorActorUse::Restrict);
        let time = EvaluationTime { now: NOW, leeway: 30 };
        let enforced = evaluate(requirement, &facts, &time, &mut StopAtFirst);
        let mut checks = Collect::default();
        let explained = evaluate(requirement, &facts, &time, &mut checks);
        assert_eq!(enforced, explained, "{body}");
        assert_eq!(
            checks.0.len(),
            requirement.core.len() + requirement.history.len(),
            "every rule is evaluated"
        );
        (enforced, checks.0)
    }

    fn code(body: &str, claims: Value) -> &'static str {
        outcome(body, claims).map_or_else(|error| error.code(), |()| "allow")
    }

    fn human(act: Value) -> Value {
        let mut claims = json!({"sub_profile": "user"});
        if !act.is_null() {
            claims["act"] = act;
        }
        claims
    }

    fn agent(name: &str) -> Value {
        json!({"sub": name, "sub_profile": "ai_agent"})
    }

    fn chain(names: &[&str]) -> Value {
        names.iter().rev().fold(Value::Null, |inner, name| {
            let mut act = agent(name);
            if !inner.is_null() {
                act["act"] = inner;
            }
            act
        })
    }

    #[test]
    fn the_kind_of_the_initiator_is_positive_evidence() {
        let body = "initiator: { kind: human }";
        assert_eq!(code(body, human(Value::Null)), "allow");
        assert_eq!(code(body, human(agent("a"))), "allow");
        assert_eq!(code(body, json!({"sub_profile": "ai_agent"})), "initiator_not_human");
        assert_eq!(code(body, json!({})), "initiator_kind_unknown");
        assert_eq!(
            code("initiator: { kind: [agent, service] }", human(Value::Null)),
            "initiator_kind_not_allowed"
        );
    }

    #[test]
    fn a_human_who_is_their_own_actor_is_refused_by_every_requirement() {
        assert_eq!(
            code("scopes: { none_of: [x] }", human(json!({"sub": "u1"}))),
            "self_actor"
        );
        assert_eq!(
            code(
                "scopes: { none_of: [x] }",
                human(json!({"sub": "u1", "iss": "https://other.example"}))
            ),
            "allow"
        );
    }

    #[test]
    fn acting_for_oneself_is_no_delegation() {
        let bot = json!({"sub": "bot", "sub_profile": "ai_agent", "act": {"sub": "bot", "sub_profile": "ai_agent"}});
        assert_eq!(code("initiator: { kind: agent }", bot.clone()), "allow");
        for body in [
            "actor: { required: true }",
            "actor: { kind: agent }",
            "actor: { one_of: [bot] }",
            "actor: { issuer: same }",
        ] {
            assert_eq!(code(body, bot.clone()), "actor_missing", "{body}");
        }
        assert_eq!(code("actor: { absent: true }", bot.clone()), "actor_present");
        assert_eq!(code("actor: { none_of: [bot] }", bot), "actor_not_allowed");
    }

    #[test]
    fn the_current_actor_is_a_pair_compared_byte_for_byte() {
        let body = "actor: { one_of: [billing-bot] }";
        assert_eq!(code(body, human(agent("billing-bot"))), "allow");
        for name in [
            "Billing-bot",
            "billing-bot ",
            "billing-bo",
            "billing-bot,x",
            "billing‑bot",
        ] {
            assert_eq!(code(body, human(agent(name))), "actor_not_allowed", "{name}");
        }
        assert_eq!(
            code(
                body,
                human(json!({"sub": "billing-bot", "iss": "https://evil.example"}))
            ),
            "actor_not_allowed"
        );
        assert_eq!(code(body, human(chain(&["other", "billing-bot"]))), "actor_not_allowed");
        assert_eq!(code(body, human(Value::Null)), "actor_missing");
        let pair = "actor: { one_of: [{ issuer: 'https://partner.example', subject: bot }] }";
        assert_eq!(
            code(pair, human(json!({"sub": "bot", "iss": "https://partner.example"}))),
            "allow"
        );
        assert_eq!(code(pair, human(agent("bot"))), "actor_not_allowed");
        assert_eq!(
            code(
                "actor: { issuer: same }",
                human(json!({"sub": "bot", "iss": "https://partner.example"}))
            ),
            "actor_issuer_not_allowed"
        );
        assert_eq!(
            code(
                "actor: { kind: agent }",
                human(json!({"sub": "adm7", "sub_profile": "user"}))
            ),
            "actor_kind_not_allowed"
        );
        assert_eq!(
            code("actor: { kind: agent }", human(json!({"sub": "x"}))),
            "actor_kind_unknown"
        );
    }

    #[test]
    fn a_login_is_fresh_to_the_second_and_never_from_the_future() {
        let body = "initiator: { max_auth_age: 5m }";
        let at = |time: u64| code(body, json!({"sub_profile": "user", "auth_time": time}));
        assert_eq!(at(NOW - 300), "allow");
        assert_eq!(at(NOW - 301), "auth_too_old");
        assert_eq!(at(NOW + 30), "allow");
        assert_eq!(at(NOW + 31), "auth_too_old");
        assert_eq!(code(body, human(Value::Null)), "auth_too_old");
    }

    #[test]
    fn a_step_up_is_asked_for_only_when_a_person_and_nothing_else_can_cure_it() {
        let body = "initiator: { max_auth_age: 5m, acr: [phr, phrh] }\n    actor: { one_of: [a] }";
        let Err(Error::InsufficientUserAuthentication {
            max_age, acr_values, ..
        }) = outcome(body, human(agent("a")))
        else {
            panic!("no step-up")
        };
        assert_eq!((max_age, acr_values.as_deref()), (Some(300), Some("phr phrh")));
        assert_eq!(code(body, human(agent("b"))), "actor_not_allowed");
        let two = "initiator: { acr: [a, b] }\n    any_of: [{ initiator: { acr: [b, c] } }]";
        let Err(Error::InsufficientUserAuthentication { acr_values, .. }) = outcome(two, human(Value::Null)) else {
            panic!("no step-up")
        };
        assert_eq!(
            acr_values.as_deref(),
            Some("b"),
            "only a context that every rule accepts helps"
        );
        assert!(matches!(
            outcome("initiator: { max_auth_age: 5m }", json!({"sub_profile": "ai_agent"})),
            Err(Error::Denied {
                code: "auth_too_old",
                ..
            })
        ));
        assert!(matches!(
            outcome("initiator: { amr: [mfa] }", human(Value::Null)),
            Err(Error::Denied {
                code: "amr_not_met",
                ..
            })
        ));
    }

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

    #[test]
    fn claims_and_clients_are_compared_exactly() {
        let claims = || json!({"tid": "T1", "level": 3, "roles": ["sre", "dev"], "realm_access": {"roles": ["x"]}, "client_id": "web"});
        for body in [
            "claims: { tid: T1 }",
            "claims: { tid: { one_of: [T0, T1] } }",
            "claims: { level: 3 }",
            "claims: { roles: { contains: sre } }",
            "claims: { /realm_access/roles: { contains: x } }",
            "client: { one_of: [web] }",
            "client: { none_of: [app] }",
        ] {
            assert_eq!(code(body, claims()), "allow", "{body}");
        }
        for body in [
            "claims: { tid: T2 }",
            "claims: { tid: { contains: T1 } }",
            "claims: { level: '3' }",
            "claims: { roles: { contains: s } }",
            "claims: { roles: sre }",
            "claims: { missing: T1 }",
            "claims: { /realm_access/none: { contains: x } }",
            "claims: { /tid/: T1 }",
            "claims: { /tid/x: T1 }",
        ] {
            assert_eq!(code(body, claims()), "claim_not_met", "{body}");
        }
        for body in ["client: { one_of: [Web] }", "client: { none_of: [web] }"] {
            assert_eq!(code(body, claims()), "client_not_allowed", "{body}");
            assert_eq!(code(body, json!({})), "client_not_allowed", "{body}");
        }
    }

    #[test]
    fn one_alternative_must_hold_whole() {
        let body = "any_of: [{ initiator: { kind: human, max_auth_age: 5m } }, { client: { one_of: [batch] }, scopes: [batch] }]";
        assert_eq!(code(body, json!({"sub_profile": "user", "auth_time": NOW})), "allow");
        assert_eq!(code(body, json!({"client_id": "batch", "scope": "batch"})), "allow");
        assert_eq!(code(body, json!({"client_id": "batch"})), "any_of_not_met");
        assert_eq!(code(body, human(Value::Null)), "auth_too_old");
    }

    #[test]
    fn explain_shows_the_inside_of_any_of() {
        let body = "any_of: [{ client: { one_of: [a] } }, { scopes: [b], initiator: { kind: human } }]";
        let checks = checks(body, json!({"scope": "b", "sub_profile": "user"}));
        let any_of = checks.last().unwrap();
        assert_eq!((&*any_of.rule, &*any_of.got), ("GET /: any_of", "any_of[1]"));
        let inner: Vec<Vec<(&str, bool)>> = any_of
            .alternatives
            .iter()
            .map(|checks| {
                checks
                    .iter()
                    .map(|check| (&*check.rule, check.code.is_none()))
                    .collect()
            })
            .collect();
        assert_eq!(
            inner,
            [
                vec![("GET /: any_of[0].client.one_of", false)],
                vec![
                    ("GET /: any_of[1].scopes", true),
                    ("GET /: any_of[1].initiator.kind", true)
                ]
            ]
        );
    }

    #[test]
    fn rules_are_compared_by_what_they_require() {
        let requirement = |body: &str| {
            let policy = Policy::from_yaml(&format!("routes:\n  - match: GET /\n    {body}\n")).unwrap();
            let Access::Guarded(requirement) = &policy.route("GET", "/").unwrap().access else {
                panic!()
            };
            Arc::clone(requirement)
        };
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
    }

    #[test]
    fn rules_on_the_chain_see_everybody_in_it() {
        let depth = "chain: { max_depth: 2 }";
        assert_eq!(code(depth, human(chain(&["b", "a"]))), "allow");
        assert_eq!(code(depth, human(chain(&["c", "b", "a"]))), "chain_too_deep");
        assert_eq!(code("chain: { all_of: [a, b] }", human(chain(&["b", "a"]))), "allow");
        assert_eq!(
            code("chain: { all_of: [a, b] }", human(chain(&["b", "x"]))),
            "chain_actor_not_allowed"
        );
        assert_eq!(
            code("chain: { none_of: [x] }", human(chain(&["b", "a", "x"]))),
            "chain_actor_not_allowed"
        );
        assert_eq!(
            code("chain: { none_of: [u1] }", human(chain(&["a"]))),
            "chain_actor_not_allowed"
        );
        let mut incomplete = human(chain(&["a"]));
        incomplete["chain_complete"] = json!(false);
        assert_eq!(code(depth, incomplete), "chain_incomplete");
    }
}
