//! Evaluations for the unit tests of the rules.

use std::sync::Arc;

use serde_json::{Value, json};

use super::check::{Check, Collect, StopAtFirst};
use super::evaluate::evaluate;
use super::evaluation_time::EvaluationTime;
use super::policy::Policy;
use super::requirement::Requirement;
use super::route_table::Access;
use super::rules::RequestFacts;
use crate::chain::Facts;
use crate::error::Error;
use crate::request::{HeaderTexts, JsonBody};

pub(super) const NOW: u64 = 1_000_000;

/// The requirement of a route with this body.
pub(super) fn requirement(body: &str) -> Arc<Requirement> {
    requirement_of(&with_route(body))
}

/// The outcome of a token with these claims on a route with this body.
pub(super) fn outcome(body: &str, claims: Value) -> Result<(), Error> {
    evaluated(&with_route(body), claims).0
}

/// The checks of `explain`.
pub(super) fn checks(body: &str, claims: Value) -> Vec<Check> {
    checks_of(&with_route(body), claims)
}

/// The code of the denial at a time in seconds since 1970, or `allow`.
pub(super) fn code_at(body: &str, claims: Value, now: u64) -> &'static str {
    let (outcome, _) = evaluated_at(&with_route(body), claims, now);
    code_or_allow(outcome)
}

/// The checks of `explain` at a time in seconds since 1970.
pub(super) fn checks_at(body: &str, claims: Value, now: u64) -> Vec<Check> {
    evaluated_at(&with_route(body), claims, now).1
}

/// The code of the denial, or `allow`.
pub(super) fn code(body: &str, claims: Value) -> &'static str {
    code_of(&with_route(body), claims)
}

/// The code of the denial on the route `GET /` of a policy, or `allow`.
pub(super) fn code_of(policy: &str, claims: Value) -> &'static str {
    let (outcome, _) = evaluated(policy, claims);
    code_or_allow(outcome)
}

/// The checks of `explain` on the route `GET /` of a policy.
pub(super) fn checks_of(policy: &str, claims: Value) -> Vec<Check> {
    evaluated(policy, claims).1
}

/// The code of the denial of a token whose claims are this text, or `allow`: a number can have more digits than a float.
pub(super) fn raw_code(body: &str, claims: &str) -> &'static str {
    let members = claims.strip_prefix('{').unwrap();
    let token = format!(r#"{{"iss": "https://idp.example", "sub": "u1", "aud": "a", "exp": 1, {members}"#);
    let facts = Facts::for_tests_of(&token);
    let time = EvaluationTime { now: NOW, leeway: 30 };
    let outcome = evaluate(&requirement(body), &facts, &without_body(), &time, &mut StopAtFirst);
    code_or_allow(outcome.map_err(|unmet| unmet.error))
}

/// The code of a denial, which a case can expect, or `allow`.
fn code_or_allow(outcome: Result<(), Error>) -> &'static str {
    outcome.map_or_else(
        |error| {
            assert!(Error::codes().contains(&error.code()), "{}", error.code());
            error.code()
        },
        |()| "allow",
    )
}

fn with_route(body: &str) -> String {
    format!("routes:\n  - match: GET /\n    {body}\n")
}

/// The requirement of the route `GET /` of a policy.
pub(super) fn requirement_of(policy: &str) -> Arc<Requirement> {
    let policy = Policy::from_yaml(policy).unwrap();
    match &policy.exact_route("GET", "/").unwrap().access {
        Access::Guarded(requirement) => Arc::clone(requirement),
        Access::Public => panic!("a public route"),
    }
}

/// The outcome and the checks. The outcome does not depend on the recorder.
fn evaluated(policy: &str, claims: Value) -> (Result<(), Error>, Vec<Check>) {
    evaluated_at(policy, claims, NOW)
}

fn evaluated_at(policy: &str, claims: Value, now: u64) -> (Result<(), Error>, Vec<Check>) {
    let requirement = requirement_of(policy);
    let facts = facts(claims);
    let time = EvaluationTime { now, leeway: 30 };
    let request = without_body();
    let enforced = evaluate(&requirement, &facts, &request, &time, &mut StopAtFirst);
    let mut checks = Collect::default();
    let explained = evaluate(&requirement, &facts, &request, &time, &mut checks);
    assert_eq!(enforced, explained, "{policy}");
    assert_eq!(
        checks.0.len(),
        requirement.core.len() + requirement.history.len(),
        "every rule is evaluated"
    );
    (enforced.map_err(|unmet| unmet.error), checks.0)
}

/// The code of the denial, or `allow`, of a token with these claims on a route with this body, for a request with these facts.
pub(super) fn outcome_of_request(body: &str, claims: Value, request: &RequestFacts<'_>) -> &'static str {
    outcome_by(&requirement(body), claims, request)
}

/// The same of a requirement of a policy, for a human.
pub(super) fn outcome_of_requirement(policy: &str, name: &str, request: &RequestFacts<'_>) -> &'static str {
    let policy = Policy::from_yaml(policy).unwrap();
    outcome_by(policy.requirement(name).unwrap().1, human(Value::Null), request)
}

/// A request without query and body.
pub(super) fn without_body() -> RequestFacts<'static> {
    RequestFacts {
        method: "GET",
        path: "/",
        headers: HeaderTexts::of_none(),
        query: None,
        body: JsonBody::OtherType,
        mcp: None,
    }
}

pub(super) fn outcome_by(requirement: &Requirement, claims: Value, request: &RequestFacts<'_>) -> &'static str {
    let facts = Facts::for_tests(&token_of(claims));
    let time = EvaluationTime { now: NOW, leeway: 30 };
    let enforced = evaluate(requirement, &facts, request, &time, &mut StopAtFirst);
    assert_eq!(
        enforced,
        evaluate(requirement, &facts, request, &time, &mut Collect::default())
    );
    code_or_allow(enforced.map_err(|unmet| unmet.error))
}

/// The facts of a token with these claims.
pub(super) fn facts(claims: Value) -> Facts {
    Facts::for_tests(&token_of(claims))
}

fn token_of(claims: Value) -> Value {
    let mut token = json!({"iss": "https://idp.example", "sub": "u1", "aud": "a", "exp": 1});
    token
        .as_object_mut()
        .unwrap()
        .extend(claims.as_object().unwrap().clone());
    token
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
