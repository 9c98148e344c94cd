//! Evaluations for the unit tests of the rules.

use std::sync::Arc;

use serde_json::{Value, json};

use super::check::{Check, Collect, StopAtFirst};
use super::evaluate::evaluate;
use super::evaluation_time::EvaluationTime;
use super::policy::Policy;
use super::requirement::Requirement;
use super::route_table::Access;
use crate::chain::Facts;
use crate::error::Error;

pub(super) const NOW: u64 = 1_000_000;

/// The requirement of a route with this body.
pub(super) fn requirement(body: &str) -> Arc<Requirement> {
    let policy = Policy::from_yaml(&format!("routes:\n  - match: GET /\n    {body}\n")).unwrap();
    match &policy.exact_route("GET", "/").unwrap().access {
        Access::Guarded(requirement) => Arc::clone(requirement),
        Access::Public => panic!("{body}"),
    }
}

/// The outcome of a token with these claims on a route with this body.
pub(super) fn outcome(body: &str, claims: Value) -> Result<(), Error> {
    evaluated(body, claims).0
}

/// The checks of `explain`.
pub(super) fn checks(body: &str, claims: Value) -> Vec<Check> {
    evaluated(body, claims).1
}

/// The outcome and the checks. The outcome does not depend on the recorder.
fn evaluated(body: &str, claims: Value) -> (Result<(), Error>, Vec<Check>) {
    let requirement = requirement(body);
    let mut token = json!({"iss": "https://idp.example", "sub": "u1", "aud": "a", "exp": 1});
    token
        .as_object_mut()
        .unwrap()
        .extend(claims.as_object().unwrap().clone());
    let facts = Facts::for_tests(&token);
    let time = EvaluationTime { now: NOW, leeway: 30 };
    let enforced = evaluate(&requirement, &facts, &time, &mut StopAtFirst);
    let mut checks = Collect::default();
    let explained = evaluate(&requirement, &facts, &time, &mut checks);
    assert_eq!(enforced, explained, "{body}");
    assert_eq!(
        checks.0.len(),
        requirement.core.len() + requirement.history.len(),
        "every rule is evaluated"
    );
    (enforced, checks.0)
}

/// The code of the denial, or `allow`.
pub(super) fn code(body: &str, claims: Value) -> &'static str {
    outcome(body, claims).map_or_else(|error| error.code(), |()| "allow")
}

/// The claims of a human with this `act`, unless it is null.
pub(super) fn human(act: Value) -> Value {
    let mut claims = json!({"sub_profile": "user"});
    if !act.is_null() {
        claims["act"] = act;
    }
    claims
}

/// The `act` of an agent.
pub(super) fn agent(name: &str) -> Value {
    json!({"sub": name, "sub_profile": "ai_agent"})
}

/// Nested `act` objects of agents, the current one first.
pub(super) fn chain(names: &[&str]) -> Value {
    names.iter().rev().fold(Value::Null, |inner, name| {
        let mut act = agent(name);
        if !inner.is_null() {
            act["act"] = inner;
        }
        act
    })
}
