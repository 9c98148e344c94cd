//! The one evaluator, of enforcement and of `explain` alike. Enforcement leaves out the first rules that the token alone meets. It is total: every input has an answer, without a panic and
//! without an endless loop.

use std::sync::Arc;

use super::check::Recorder;
use super::evaluation_time::EvaluationTime;
use super::requirement::Requirement;
use super::rules::{BODY_NOT_READ, CoreRule, Finding, HistoryRule, RequestFacts, StepUp};
use crate::chain::{Core, Facts};
use crate::error::Error;

/// How many of the first rules of a requirement are met, whatever the request is beside its token. Of almost every allowed request it is
/// all of them: that costs no more than their comparisons.
///
/// A rule that its token meets is one that a full evaluation finds met: tests evaluate each policy in both ways.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MetByToken {
    /// The first core rules that are met.
    core: usize,
    /// Whether all rules are met.
    pub(crate) is_all: bool,
}

/// Why a requirement is not met.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unmet {
    pub(crate) error: Error,
    /// The rule that is not met, as the policy lists it; [`None`] without a requirement. The error may name a part of it, or no rule.
    pub(crate) rule: Option<Arc<str>>,
    /// How the body decides, where everything but the rules on it is met.
    pub(crate) by_body: Option<ByBody>,
}

/// How the body of a request decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ByBody {
    /// It was not read, and has to be.
    Unread,
    /// It, or its length, is what denies the request.
    Read,
}

/// Evaluates a requirement on the facts of a verified token and of a request: scopes, core rules, history rules.
///
/// The outcome is that of the first rule that is not met. A step-up challenge is returned only if a new login would allow the
/// request, as far as that is known without its body. The body matters only if nothing else is missing, then its length before its
/// content, whenever they become known; it is asked for where it was not read.
pub(crate) fn evaluate(
    requirement: &Requirement,
    facts: &Facts,
    request: &RequestFacts<'_>,
    time: &EvaluationTime,
    recorder: &mut impl Recorder,
) -> Result<(), Unmet> {
    let met = MetByToken::of(requirement, facts, time, recorder);
    evaluate_after(met, requirement, facts, request, time, recorder)
}

/// The same, where the first rules are known to be met.
pub(crate) fn evaluate_after(
    met: MetByToken,
    requirement: &Requirement,
    facts: &Facts,
    request: &RequestFacts<'_>,
    time: &EvaluationTime,
    recorder: &mut impl Recorder,
) -> Result<(), Unmet> {
    if met.is_all {
        return Ok(());
    }
    let (core, history) = (facts.core(), facts.history());
    let before_reading = requirement.body_limit().map(|_| request.before_reading());
    let mut denial: Option<(Needs, Unmet)> = None;
    let mut login: Option<(Needs, Arc<str>, StepUp)> = None;
    // The first rule that asks for the body.
    let mut unread: Option<Unmet> = None;
    for (index, rule) in requirement.core.iter().enumerate().skip(met.core) {
        if recorder.skips(&rule.name) {
            continue;
        }
        let (needs, finding) = match &before_reading {
            Some(before) if rule.body_limit().is_some() => by_what_is_known(rule, &core, before, request, time),
            _ => (Needs::Head, rule.condition.evaluate(&core, request, time)),
        };
        if let Finding::Met = finding {
            recorder.met(|| rule.check(&core, request, time, &finding));
            continue;
        }
        let flow = recorder.unmet_rule(&rule.name, rule.mode, || rule.check(&core, request, time, &finding));
        let name = Arc::clone(&rule.name);
        let error = match finding {
            Finding::LacksScope(required) => Error::InsufficientScope {
                required: all_required(required, &requirement.core[index + 1..], &core, request, time),
                rule: name,
            },
            Finding::Unmet(code) => Error::Denied { code, rule: name },
            Finding::AboveCeiling(part) => Error::Denied {
                code: "above_ceiling",
                rule: part,
            },
            Finding::MalformedBody(reason) => Error::MalformedBody { reason, rule: name },
            Finding::McpMismatch(reason) => Error::McpHeaders { reason },
            Finding::StepUp(needed) => {
                // Evaluation goes on: another rule may deny what no login changes.
                login = Some(match login {
                    Some((earlier, first, before)) if earlier == needs => (needs, first, before.and(needed)),
                    Some(login) if login.0 < needs => login,
                    _ => (needs, name, needed),
                });
                continue;
            }
            Finding::NeedsBody => {
                // Evaluation goes on: the body of a request that another rule denies is not read.
                let code = BODY_NOT_READ;
                unread.get_or_insert_with(|| Unmet {
                    by_body: Some(ByBody::Unread),
                    ..Unmet::of_rule(Error::Denied { code, rule: name }, &rule.name)
                });
                continue;
            }
            Finding::Met => continue,
        };
        let unmet = Unmet {
            by_body: (needs > Needs::Head).then_some(ByBody::Read),
            ..Unmet::of_rule(error, &rule.name)
        };
        let first = match denial {
            Some(first) if first.0 <= needs => first,
            _ => (needs, unmet),
        };
        if flow.is_break() && first.0 == Needs::Head {
            return Err(first.1);
        }
        denial = Some(first);
    }
    for rule in &requirement.history {
        if recorder.skips(&rule.name) {
            continue;
        }
        let Some(code) = rule.condition.evaluate(&history, &core, request, time) else {
            recorder.met(|| rule.check(&history, &core, request, time));
            continue;
        };
        let check = || rule.check(&history, &core, request, time);
        let flow = recorder.unmet_rule(&rule.name, rule.mode, check);
        let name = Arc::clone(&rule.name);
        let error = Error::Denied { code, rule: name };
        let first = match denial {
            Some(first) if first.0 == Needs::Head => first,
            _ => (Needs::Head, Unmet::of_rule(error, &rule.name)),
        };
        if flow.is_break() {
            return Err(first.1);
        }
        denial = Some(first);
    }
    match (denial, login) {
        (Some((denied, denial)), Some((needed, ..))) if denied <= needed => Err(denial),
        (_, Some((needs, rule, needed))) => {
            let name = Arc::clone(&rule);
            let error = Error::InsufficientUserAuthentication {
                code: needed.code,
                rule: name,
                max_age: needed.max_age,
                acr_values: needed.acr_values,
            };
            Err(Unmet {
                by_body: (needs > Needs::Head).then_some(ByBody::Read),
                ..Unmet::of_rule(error, &rule)
            })
        }
        (Some((_, denial)), None) => Err(denial),
        (None, None) => unread.map_or(Ok(()), Err),
    }
}

impl MetByToken {
    /// Of a requirement. No rule counts as met where a recorder keeps those that are: each is then evaluated in full.
    pub(crate) fn of(
        requirement: &Requirement,
        facts: &Facts,
        time: &EvaluationTime,
        recorder: &impl Recorder,
    ) -> MetByToken {
        match recorder.ignores_met() {
            true => MetByToken::count(requirement, facts, time),
            false => MetByToken { core: 0, is_all: false },
        }
    }

    fn count(requirement: &Requirement, facts: &Facts, time: &EvaluationTime) -> MetByToken {
        let (core, history) = (facts.core(), facts.history());
        let mut rules = requirement.core.iter();
        let unmet = rules.position(|rule| !rule.condition.is_met_by_token(&core, time));
        let is_met = |rule: &HistoryRule| rule.condition.is_met_by_token(&history);
        MetByToken {
            core: unmet.unwrap_or(requirement.core.len()),
            is_all: unmet.is_none() && requirement.history.iter().all(is_met),
        }
    }
}

/// What of a request decides a rule, in the order in which that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Needs {
    /// Whatever the body is.
    Head,
    /// How long the body is.
    Length,
    Body,
}

/// The finding of a rule that reads the body, by the first part of the request that decides it. The decision is then the same for a request that is
/// decided on without its body first, as by a gate.
fn by_what_is_known(
    rule: &CoreRule,
    core: &Core<'_>,
    before_reading: &[RequestFacts<'_>; 2],
    request: &RequestFacts<'_>,
    time: &EvaluationTime,
) -> (Needs, Finding) {
    for (needs, request) in [Needs::Head, Needs::Length].into_iter().zip(before_reading) {
        match rule.condition.evaluate(core, request, time) {
            Finding::NeedsBody => {}
            finding => return (needs, finding),
        }
    }
    (Needs::Body, rule.condition.evaluate(core, request, time))
}

impl Unmet {
    fn of_rule(error: Error, rule: &Arc<str>) -> Unmet {
        Unmet {
            rule: Some(Arc::clone(rule)),
            ..Unmet::from(error)
        }
    }
}

impl From<Error> for Unmet {
    fn from(error: Error) -> Unmet {
        Unmet {
            error,
            rule: None,
            by_body: None,
        }
    }
}

/// The scopes of a rule that is not met, and those of the next rules that a token with them would still not meet: one
/// challenge names all of them.
fn all_required(
    first: Arc<str>,
    next: &[CoreRule],
    core: &Core<'_>,
    request: &RequestFacts<'_>,
    time: &EvaluationTime,
) -> Arc<str> {
    let mut required = first;
    for rule in next.iter().take_while(|rule| rule.asks_for_scope()) {
        if let Finding::LacksScope(more) = rule.condition.evaluate(core, request, time) {
            let is_new = |scope: &&str| !required.split(' ').any(|known| known == *scope);
            let new: Vec<&str> = more.split(' ').filter(is_new).collect();
            if !new.is_empty() {
                required = format!("{required} {}", new.join(" ")).into();
            }
        }
    }
    required
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ByBody, Unmet, evaluate};
    use crate::error::Error;
    use crate::policy::check::StopAtFirst;
    use crate::policy::evaluation_time::EvaluationTime;
    use crate::policy::rules::RequestFacts;
    use crate::policy::testing::{
        NOW, agent, code, facts, human, outcome, outcome_of_request, requirement_of, without_body,
    };
    use crate::request::JsonBody;

    #[test]
    fn one_challenge_names_every_scope_that_is_required() {
        let required = |body: &str, scope: &str| match outcome(body, json!({"scope": scope})) {
            Err(Error::InsufficientScope { required, .. }) => required.to_string(),
            other => panic!("{body}: {other:?}"),
        };
        let body = "scopes: { all_of: [a, b], any_of: [c, d] }";
        assert_eq!(required(body, ""), "a b c d");
        assert_eq!(required(body, "a c"), "a b");
        assert_eq!(required(body, "a b"), "a b c d");
        assert_eq!(required("scopes: [a, b]", "b"), "a b");
    }

    #[test]
    fn a_step_up_is_returned_only_if_a_new_login_alone_would_allow_the_request() {
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

    /// Why a person gets no access to the route `GET /` of a policy with this body of a request.
    fn unmet(policy: &str, body: &'static [u8]) -> Unmet {
        let request = RequestFacts {
            body: JsonBody::of_json(body, 1000),
            ..without_body()
        };
        let time = EvaluationTime { now: NOW, leeway: 30 };
        let person = facts(human(Value::Null));
        evaluate(&requirement_of(policy), &person, &request, &time, &mut StopAtFirst).unwrap_err()
    }

    const BODY_OR_LOGIN: &str = "any_of: [{ operation: { json: { /a: x } } }, { initiator: { acr: phr } }]";

    #[test]
    fn a_login_that_only_the_body_asks_for_is_not_asked_for_beside_another_one() {
        for policy in [
            format!("routes:\n  - match: GET /\n    initiator: {{ max_auth_age: 5m }}\n    {BODY_OR_LOGIN}\n"),
            format!(
                "requirements: {{ q: {{ {BODY_OR_LOGIN} }} }}\nroutes: [{{ match: GET /, require: [q], initiator: {{ max_auth_age: 5m }} }}]\n"
            ),
        ] {
            let Error::InsufficientUserAuthentication {
                max_age, acr_values, ..
            } = unmet(&policy, br#"{"a":"y"}"#).error
            else {
                panic!("{policy}")
            };
            assert_eq!((max_age, acr_values), (Some(300), None), "{policy}");
        }
    }

    #[test]
    fn a_denial_states_whether_the_body_is_what_denies() {
        for (rules, by_body) in [
            ("operation: { json: { /a: x } }", Some(ByBody::Read)),
            (BODY_OR_LOGIN, Some(ByBody::Read)),
            ("client: { one_of: [c] }", None),
            ("initiator: { max_auth_age: 5m }", None),
        ] {
            let policy = format!("routes:\n  - match: GET /\n    {rules}\n");
            assert_eq!(unmet(&policy, br#"{"a":"y"}"#).by_body, by_body, "{rules}");
        }
    }

    #[test]
    fn a_body_decides_only_where_nothing_else_denies_whenever_it_is_read() {
        let old = "initiator: { max_auth_age: 5m }\n    operation: { json: { /a: x } }";
        let chain = "operation: { json: { /a: x } }\n    chain: { any_of: [a] }";
        let any_of = "any_of: [{ operation: { json: { /a: x } } }, { client: { one_of: [c] } }]\n    initiator: { max_auth_age: 5m }";
        let other_any_of =
            "any_of: [{ claims: { a: 1 } }, { client: { one_of: [c] } }]\n    operation: { json: { /a: x } }";
        let both = "any_of: [{ operation: { json: { /a: x } }, initiator: { max_auth_age: 5m } }]";
        let nested = "any_of: [{ any_of: [{ operation: { json: { /a: x } } }, { client: { one_of: [c] } }], initiator: { max_auth_age: 5m } }]";
        let two_limits = "operation: { json: { /a: x } }\n    any_of: [{ operation: { json: { /b: x }, max: 5B } }]";
        let (x, y, malformed): (&'static [u8], &'static [u8], &'static [u8]) = (br#"{"a":"x"}"#, br#"{"a":"y"}"#, b"{");
        for (body, read, code) in [
            (old, x, "auth_too_old"),
            (old, y, "auth_too_old"),
            (old, malformed, "auth_too_old"),
            (chain, y, "chain_actor_missing"),
            (any_of, y, "auth_too_old"),
            (other_any_of, y, "any_of_not_met"),
            ("operation: { json: { /a: x } }", y, "operation_not_met"),
            (
                "operation: { json: { /a: x }, max: 5B }\n    initiator: { max_auth_age: 5m }",
                y,
                "auth_too_old",
            ),
            (
                "operation: { json: { /a: x }, max: 5B }\n    actor: { required: true }",
                y,
                "actor_missing",
            ),
            (both, x, "auth_too_old"),
            (both, y, "auth_too_old"),
            (both, malformed, "auth_too_old"),
            (nested, y, "auth_too_old"),
            (two_limits, y, "any_of_not_met"),
            (two_limits, b"{\"a\": ", "any_of_not_met"),
        ] {
            let of = |request: JsonBody<'static>, rules: &str| {
                let request = RequestFacts {
                    body: request,
                    ..without_body()
                };
                outcome_of_request(rules, human(Value::Null), &request)
            };
            assert_eq!(of(JsonBody::of_json(read, 1000), body), code, "{body}");
            for announced in [None, Some(read.len() as u64)] {
                let unread = of(JsonBody::Unread { announced }, body);
                assert!(unread == code || unread == "body_not_read", "{body}: {unread}");
                let is_long = announced.is_some() && ["body_too_large", "any_of_not_met"].contains(&code);
                assert!(!is_long || body == other_any_of || unread == code, "{body}: {unread}");
            }
        }
    }
}
