//! Facts of a token and of a request after changes, and the rules that are not met with them.

use std::collections::BTreeSet;

use super::change::{Change, Changes, Fact, Remedies, Value};
use super::check::{Check, Collect, Skipping};
use super::evaluate::evaluate;
use super::evaluation_time::EvaluationTime;
use super::requirement::Requirement;
use super::rules::{CoreCondition, HistoryCondition, RequestFacts, fitting_prior, of_first_unmet, tests_of};
use crate::chain::{Actor, Facts};
use crate::claim_path;
use crate::issuer::TrustedIssuer;
use crate::json::{Json, Object};
use crate::request::{BodyValue, JsonBody, QueryParameter, encoded};
use crate::token::Confirmation;

/// What a requirement is evaluated on.
#[derive(Clone, Copy)]
pub(crate) struct Evaluated<'e> {
    pub(crate) requirement: &'e Requirement,
    pub(crate) facts: &'e Facts,
    pub(crate) request: &'e RequestFacts<'e>,
    /// The body as it came, where it is known.
    pub(crate) content: Option<&'e [u8]>,
    pub(crate) time: EvaluationTime,
    /// The issuer of the token.
    pub(crate) issuer: &'e TrustedIssuer,
    /// Every issuer of which a token may be.
    pub(crate) trusted: &'e [&'e TrustedIssuer],
    /// Rules that count as met.
    pub(crate) skipped: &'e BTreeSet<&'e str>,
}

/// The same after changes.
pub(crate) struct Changed<'e> {
    requirement: &'e Requirement,
    pub(crate) facts: Facts,
    query: Option<String>,
    body: JsonBody<'e>,
    content: Option<&'e [u8]>,
    /// The members that are changed: a body with them has at least their bytes.
    members: Object<'e, &'e str>,
    time: EvaluationTime,
    base: &'e RequestFacts<'e>,
    skipped: &'e BTreeSet<&'e str>,
}

impl<'e> Evaluated<'e> {
    /// Makes changes. What they are verified with is this and nothing else.
    pub(crate) fn with(self, changes: &'e Changes) -> Changed<'e> {
        let mut changed = Changed {
            requirement: self.requirement,
            facts: self.facts.clone(),
            query: self.request.query.map(str::to_owned),
            body: self.request.body.clone(),
            content: self.content,
            members: Object::default(),
            time: self.time,
            base: self.request,
            skipped: self.skipped,
        };
        changes.values().for_each(|change| changed.make(change));
        // Those that depend on the other facts.
        if changes.contains_key(&Fact::PriorActors)
            && changed.facts.history().delegation.actor().is_some()
            && let Some(prior) = fitting_prior(&changed.requirement.history, &changed.facts.history())
        {
            changed.facts.set_prior(prior);
        }
        changed
    }
}

impl<'e> Evaluated<'e> {
    /// The expressions of the requirement that are not met.
    pub(crate) fn unmet_expressions(self) -> Vec<&'e str> {
        let (request, time) = (self.request, &self.time);
        let (core, history) = (self.facts.core(), self.facts.history());
        let of_core = self.requirement.core.iter().filter(|rule| {
            matches!(rule.condition, CoreCondition::Expression(_))
                && rule.condition.evaluate(&core, request, time).code().is_some()
        });
        let of_history = self.requirement.history.iter().filter(|rule| {
            matches!(rule.condition, HistoryCondition::Expression(_))
                && rule.condition.evaluate(&history, &core, request, time).is_some()
        });
        let names = of_core
            .map(|rule| &*rule.name)
            .chain(of_history.map(|rule| &*rule.name));
        names.filter(|name| !self.skipped.contains(name)).collect()
    }
}

impl<'e> Changed<'e> {
    /// Whether the requirement is met: the evaluator decides.
    pub(crate) fn is_allowed(&self) -> bool {
        let request = self.request();
        let mut recorder = Skipping(self.skipped);
        evaluate(self.requirement, &self.facts, &request, &self.time, &mut recorder).is_ok()
    }

    /// Every check.
    pub(crate) fn checks(&self) -> Vec<Check> {
        let mut checks = Collect::default();
        // The checks have the outcome.
        let _ = evaluate(self.requirement, &self.facts, &self.request(), &self.time, &mut checks);
        let is_skipped = |check: &Check| self.skipped.iter().any(|rule| check.is_of(rule));
        checks.0.retain(|check| !is_skipped(check));
        checks.0
    }

    /// What the rules accept of a fact, in words, where they are met: of a member of the body, a parameter or the time.
    pub(crate) fn tests_of(&self, fact: &Fact) -> Vec<String> {
        let rules = self.requirement.core.iter();
        let rules = rules.filter(|rule| !self.skipped.contains(&*rule.name));
        tests_of(rules, fact, &self.facts.core(), &self.request(), &self.time)
    }

    /// Adds what could meet the first rule that is not met.
    pub(crate) fn remedies(&self, remedies: &mut Remedies<'_>) {
        let request = self.request();
        let (core, history) = (self.facts.core(), self.facts.history());
        let is_evaluated = |name: &str| !self.skipped.contains(name);
        let rules = self.requirement.core.iter().filter(|rule| is_evaluated(&rule.name));
        if of_first_unmet(rules, &core, &request, &self.time, remedies) {
            return;
        }
        for rule in self.requirement.history.iter().filter(|rule| is_evaluated(&rule.name)) {
            let condition = &rule.condition;
            let before = remedies.found.len();
            if condition.evaluate(&history, &core, &request, &self.time).is_some() {
                rule.remedies(&history, &core, remedies);
            }
            if remedies.found.len() > before {
                return;
            }
        }
    }

    fn request(&self) -> RequestFacts<'_> {
        RequestFacts {
            query: self.query.as_deref(),
            body: self.body.clone(),
            ..self.base.clone()
        }
    }

    fn make(&mut self, change: &'e Change) {
        let claims = &mut self.facts.claims;
        match (&change.fact, &change.value) {
            (Fact::Scope(scope), Value::Held(is_held)) => {
                let others = claims
                    .scope()
                    .split(' ')
                    .filter(|held| !held.is_empty() && *held != &**scope);
                let scopes: Vec<&str> = others.chain(is_held.then_some(&**scope)).collect();
                let scope = scopes.join(" ");
                claims.set_scope(&scope);
            }
            (Fact::Initiator, Value::Party(party, kind)) => self.facts.set_initiator(party.clone(), *kind),
            (Fact::Actor, Value::Party(party, kind)) => {
                self.facts.set_actor(Some(Actor::new(party.clone(), *kind)));
            }
            (Fact::Actor, Value::Absent) => self.facts.set_actor(None),
            (Fact::ChainComplete, _) => claims.chain_complete = None,
            (Fact::Client, Value::Text(client)) => claims.set_client(Some(client)),
            (Fact::Claim(path), Value::Json(value)) => self.set_claim(path, |at| *at = value.clone()),
            (Fact::Claim(name), Value::Absent) => claims.set_claim(name, None),
            (Fact::ClaimItem(path, _), Value::Json(item)) => self.set_claim(path, |at| match at {
                serde_json::Value::Array(items) => items.push(item.clone()),
                other => *other = vec![item.clone()].into(),
            }),
            (Fact::Detail(_), Value::Json(detail)) => self.set_claim("authorization_details", |at| match at {
                serde_json::Value::Array(details) => details.push(detail.clone()),
                other => *other = vec![detail.clone()].into(),
            }),
            (Fact::Audience, _) => claims.keep_first_audience(),
            (Fact::Binding, _) => claims.confirmation = Confirmation::Certificate(Box::default()),
            (Fact::Login, Value::Login(login)) => {
                let authentication = &mut claims.authentication;
                if let Some(within) = login.within {
                    authentication.time = Some(self.time.now.saturating_sub(within));
                }
                for method in &login.methods {
                    if !authentication.methods.contains(method) {
                        authentication.methods.push(method.clone());
                    }
                }
                if login.context.is_some() {
                    authentication.context.clone_from(&login.context);
                }
            }
            (Fact::TokenTimes, Value::Times(times)) => {
                let now = self.time.now;
                let valid = |issued_at: &u64| match times.lifetime {
                    Some(lifetime) => *issued_at <= now && issued_at.saturating_add(lifetime) > now,
                    None => *issued_at <= now,
                };
                let issued_at = match (times.age, claims.issued_at.filter(valid)) {
                    (None, Some(issued_at)) => issued_at,
                    // As old as a token of such a lifetime can be: no other rule is met by chance.
                    (None, None) => now.saturating_sub(times.lifetime.unwrap_or(1).saturating_sub(1)),
                    (Some(age), _) => {
                        let oldest = times
                            .lifetime
                            .map_or(age, |lifetime| age.min(lifetime.saturating_sub(1)));
                        now.saturating_sub(oldest)
                    }
                };
                claims.issued_at = Some(issued_at);
                if let Some(lifetime) = times.lifetime {
                    claims.expiration = issued_at.saturating_add(lifetime);
                }
            }
            (Fact::Clock, Value::Moment(moment)) => {
                let later = moment.saturating_sub(self.time.now);
                self.time.now = *moment;
                claims.expiration = claims.expiration.saturating_add(later);
                let times = [&mut claims.issued_at, &mut claims.authentication.time];
                for time in times.into_iter().flatten() {
                    *time = time.saturating_add(later);
                }
            }
            (Fact::Query(name), Value::Text(text)) => {
                let is_other = |part: &&str| {
                    !part.contains(';') && QueryParameter::find(Some(part), name) == QueryParameter::Missing
                };
                let query = self.query.take().unwrap_or_default();
                let parameter = format!("{}={}", encoded(name), encoded(text));
                let parts: Vec<&str> = query
                    .split('&')
                    .filter(is_other)
                    .filter(|part| !part.is_empty())
                    .collect();
                let parts: Vec<&str> = parts.into_iter().chain([&*parameter]).collect();
                self.query = Some(parts.join("&"));
            }
            (Fact::Member(path), value) => {
                let value: BodyValue<'e> = match value {
                    Value::Text(text) => Json::String(text.as_ref().into()),
                    Value::Number(number) => Json::Number(number),
                    Value::Held(flag) => Json::Bool(*flag),
                    _ => return,
                };
                let (mut members, bytes) = match std::mem::replace(&mut self.body, JsonBody::OtherType) {
                    JsonBody::Object { members, bytes } => (members, bytes),
                    JsonBody::Unread { announced } => (Object::default(), announced.unwrap_or_default()),
                    // Its form or its size is changed before.
                    other => {
                        self.body = other;
                        return;
                    }
                };
                self.members.set(path, value.clone());
                members.set(path, value);
                let bytes = bytes.max(self.members.least_bytes());
                self.body = JsonBody::Object { bytes, members };
            }
            (Fact::BodyForm, _) => {
                let most = self.requirement.body_limit().unwrap_or_default();
                self.body = match self.content.map(|content| JsonBody::of_json(content, most)) {
                    Some(read @ (JsonBody::Object { .. } | JsonBody::TooLong { .. })) => read,
                    _ => JsonBody::Object {
                        bytes: 0,
                        members: Object::default(),
                    },
                };
            }
            (Fact::BodySize, _) => {
                self.body = match std::mem::replace(&mut self.body, JsonBody::OtherType) {
                    JsonBody::Object { members, .. } => JsonBody::Object { bytes: 0, members },
                    _ => JsonBody::Object {
                        bytes: 0,
                        members: Object::default(),
                    },
                };
            }
            // Of no such fact, or made by its reader.
            _ => {}
        }
    }

    /// Changes the value at the path of a claim; `change` gets null where there is none.
    fn set_claim(&mut self, path: &str, change: impl FnOnce(&mut serde_json::Value)) {
        let steps: Vec<String> = match path.strip_prefix('/') {
            None => vec![path.to_owned()],
            Some(pointer) => pointer
                .split('/')
                .map(|step| claim_path::unescaped(step).into_owned())
                .collect(),
        };
        let Some((name, rest)) = steps.split_first() else {
            return;
        };
        let mut claim = self.facts.claims.get(name).cloned().unwrap_or_default();
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        let at = rest.iter().try_fold(&claim, |value, step| value.get(step));
        let mut value = at.cloned().unwrap_or_default();
        change(&mut value);
        claim_path::set(&mut claim, &rest, value);
        self.facts.claims.set_claim(name, Some(&claim));
    }
}
