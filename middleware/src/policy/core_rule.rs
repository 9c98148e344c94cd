//! Rules on what RFC 8693 section 4.1 lets access control consider: the subject, the current actor, top-level claims.

use std::sync::Arc;

use serde_json::Value;

use super::moment::Moment;
use super::parties::{Parties, shown};
use crate::chain::{Acting, Actor, Core, Kind};

/// One rule of the core tier.
#[derive(Clone, Debug)]
pub(super) struct CoreRule {
    pub(super) name: Arc<str>,
    pub(super) demand: CoreDemand,
}

#[derive(Clone, Debug)]
pub(super) enum CoreDemand {
    /// Every one of these scopes.
    ScopesAll(Arc<[Box<str>]>),
    /// One of these scopes.
    ScopesAny(Arc<[Box<str>]>, Arc<str>),
    /// None of these scopes.
    ScopesNone(Arc<[Box<str>]>),
    /// Not a human who is their own actor: an anomaly, refused by every requirement.
    NotOwnActor,
    InitiatorKind(Arc<[Kind]>),
    InitiatorOneOf(Arc<Parties>),
    InitiatorNoneOf(Arc<Parties>),
    /// Every one of these methods is in `amr`.
    Methods(Arc<[Box<str>]>),
    /// `acr` is one of these; the text is for the challenge.
    Contexts(Arc<[Box<str>]>, Arc<str>),
    /// `auth_time` is at most so many seconds ago.
    LoggedInWithin(u64),
    ActorRequired,
    ActorAbsent,
    ActorKind(Arc<[Kind]>),
    ActorOneOf(Arc<Parties>),
    ActorNoneOf(Arc<Parties>),
    ActorIssuer(Arc<[IssuerName]>),
    ClientOneOf(Arc<[Box<str>]>),
    ClientNoneOf(Arc<[Box<str>]>),
    Claim(Arc<ClaimDemand>),
    /// All rules of at least one alternative.
    AnyOf(Arc<[Vec<CoreRule>]>),
}

/// An issuer that an actor may be of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IssuerName {
    /// The word `same`: the issuer of the token.
    Same,
    Named(Box<str>),
}

#[derive(Debug)]
pub(super) struct ClaimDemand {
    pub(super) name: ClaimName,
    pub(super) test: ClaimTest,
}

#[derive(Debug)]
pub(super) enum ClaimName {
    /// A top-level claim by its exact name.
    Top(Box<str>),
    /// A JSON Pointer (RFC 6901), for a value inside a claim.
    Pointer(Box<str>),
}

#[derive(Debug)]
pub(super) enum ClaimTest {
    OneOf(Vec<Value>),
    Contains(Value),
}

/// What judging one rule found.
#[derive(Debug)]
pub(super) enum Finding {
    Met,
    Unmet(&'static str),
    LacksScope,
    /// Only a new login is missing, and there is a person who can log in.
    StepUp(StepUp),
}

/// What a person must do to pass (RFC 9470).
#[derive(Clone, Debug)]
pub(super) struct StepUp {
    pub(super) code: &'static str,
    pub(super) max_age: Option<u64>,
    pub(super) acr_values: Option<Arc<str>>,
}

impl CoreRule {
    pub(super) fn judge(&self, core: &Core<'_>, moment: &Moment) -> Finding {
        let met = |met: bool, code| {
            if met { Finding::Met } else { Finding::Unmet(code) }
        };
        let initiator = core.initiator;
        match &self.demand {
            CoreDemand::ScopesAll(all) => scope_finding(all.iter().all(|scope| has_scope(core, scope))),
            CoreDemand::ScopesAny(any, _) => scope_finding(any.iter().any(|scope| has_scope(core, scope))),
            CoreDemand::ScopesNone(none) => met(!none.iter().any(|scope| has_scope(core, scope)), "scope_not_allowed"),
            CoreDemand::NotOwnActor => met(
                !(core.kind == Kind::Human && matches!(core.acting, Acting::Itself(_))),
                "self_act",
            ),
            CoreDemand::InitiatorKind(kinds) => met(
                kinds.contains(&core.kind),
                match core.kind {
                    Kind::Unknown => "initiator_kind_unknown",
                    _ if **kinds == [Kind::Human] => "initiator_not_human",
                    _ => "initiator_kind_not_allowed",
                },
            ),
            CoreDemand::InitiatorOneOf(listed) => met(listed.contain(initiator, initiator), "initiator_not_allowed"),
            CoreDemand::InitiatorNoneOf(listed) => met(!listed.contain(initiator, initiator), "initiator_not_allowed"),
            CoreDemand::Methods(methods) => {
                let used = &core.claims.authentication.methods;
                met(methods.iter().all(|method| used.contains(method)), "amr_not_met")
            }
            CoreDemand::Contexts(contexts, joined) => {
                let reached = core.claims.authentication.context.as_ref();
                if reached.is_some_and(|reached| contexts.contains(reached)) {
                    return Finding::Met;
                }
                login_finding(core, "acr_not_met", None, Some(Arc::clone(joined)))
            }
            CoreDemand::LoggedInWithin(seconds) => {
                let time = core.claims.authentication.time;
                if time.is_some_and(|time| moment.is_within(time, *seconds)) {
                    return Finding::Met;
                }
                login_finding(core, "auth_too_old", Some(*seconds), None)
            }
            CoreDemand::ActorRequired => met(core.delegate().is_some(), "actor_missing"),
            CoreDemand::ActorAbsent => met(matches!(core.acting, Acting::Nobody), "actor_present"),
            CoreDemand::ActorKind(kinds) => of_delegate(core, |actor| {
                met(
                    kinds.contains(&actor.kind()),
                    if actor.kind() == Kind::Unknown {
                        "actor_kind_unknown"
                    } else {
                        "actor_kind_not_allowed"
                    },
                )
            }),
            CoreDemand::ActorOneOf(listed) => of_delegate(core, |actor| {
                met(listed.contain(actor.party(), initiator), "actor_not_allowed")
            }),
            CoreDemand::ActorNoneOf(listed) => {
                let listed = acting_party(core).is_some_and(|actor| listed.contain(actor.party(), initiator));
                met(!listed, "actor_not_allowed")
            }
            CoreDemand::ActorIssuer(issuers) => of_delegate(core, |actor| {
                let accepted = |name: &IssuerName| match name {
                    IssuerName::Same => actor.party().issuer() == initiator.issuer(),
                    IssuerName::Named(issuer) => **issuer == *actor.party().issuer(),
                };
                met(issuers.iter().any(accepted), "foreign_issuer")
            }),
            CoreDemand::ClientOneOf(clients) => {
                let listed = core
                    .claims
                    .client
                    .as_ref()
                    .is_some_and(|client| clients.contains(client));
                met(listed, "client_not_allowed")
            }
            CoreDemand::ClientNoneOf(clients) => {
                // A client that is not known could be any of them.
                let known_other = core
                    .claims
                    .client
                    .as_ref()
                    .is_some_and(|client| !clients.contains(client));
                met(known_other, "client_not_allowed")
            }
            CoreDemand::Claim(claim) => met(claim.is_met(core), "claim_not_met"),
            CoreDemand::AnyOf(alternatives) => any_of(alternatives, core, moment),
        }
    }

    pub(super) fn expected(&self) -> String {
        let kinds = |kinds: &[Kind]| kinds.iter().map(Kind::to_string).collect::<Vec<_>>().join(" or ");
        match &self.demand {
            CoreDemand::ScopesAll(scopes) => scopes.join(" and "),
            CoreDemand::ScopesAny(scopes, _) => scopes.join(" or "),
            CoreDemand::ScopesNone(scopes) => format!("none of {}", scopes.join(", ")),
            CoreDemand::NotOwnActor => "nobody as their own actor".to_owned(),
            CoreDemand::InitiatorKind(demanded) | CoreDemand::ActorKind(demanded) => kinds(demanded),
            CoreDemand::InitiatorOneOf(listed) | CoreDemand::ActorOneOf(listed) => {
                format!("one of {}", listed.list())
            }
            CoreDemand::InitiatorNoneOf(listed) | CoreDemand::ActorNoneOf(listed) => {
                format!("none of {}", listed.list())
            }
            CoreDemand::Methods(methods) => format!("login with {}", methods.join(" and ")),
            CoreDemand::Contexts(contexts, _) => format!("login at {}", contexts.join(" or ")),
            CoreDemand::LoggedInWithin(seconds) => format!("login at most {seconds} s ago"),
            CoreDemand::ActorRequired => "an actor".to_owned(),
            CoreDemand::ActorAbsent => "no actor".to_owned(),
            CoreDemand::ActorIssuer(issuers) => {
                let name = |name: &IssuerName| match name {
                    IssuerName::Same => "the token's issuer".to_owned(),
                    IssuerName::Named(issuer) => issuer.to_string(),
                };
                format!(
                    "an actor of {}",
                    issuers.iter().map(name).collect::<Vec<_>>().join(" or ")
                )
            }
            CoreDemand::ClientOneOf(clients) => format!("client one of {}", clients.join(", ")),
            CoreDemand::ClientNoneOf(clients) => format!("client none of {}", clients.join(", ")),
            CoreDemand::Claim(claim) => claim.expected(),
            CoreDemand::AnyOf(alternatives) => {
                format!("one of {} alternatives", alternatives.len())
            }
        }
    }

    pub(super) fn got(&self, core: &Core<'_>, moment: &Moment) -> String {
        let or_none = |text: Option<&str>, none: &str| text.map_or_else(|| none.to_owned(), str::to_owned);
        match &self.demand {
            CoreDemand::ScopesAll(_) | CoreDemand::ScopesAny(..) | CoreDemand::ScopesNone(_) => {
                let scope = Some(&*core.claims.scope).filter(|scope| !scope.is_empty());
                or_none(scope, "no scope")
            }
            CoreDemand::InitiatorKind(_) => core.kind.to_string(),
            CoreDemand::InitiatorOneOf(_) | CoreDemand::InitiatorNoneOf(_) => core.initiator.subject().to_owned(),
            CoreDemand::Methods(_) => match core.claims.authentication.methods.join(", ") {
                methods if methods.is_empty() => "no amr".to_owned(),
                methods => methods,
            },
            CoreDemand::Contexts(..) => or_none(core.claims.authentication.context.as_deref(), "no acr"),
            CoreDemand::LoggedInWithin(_) => match core.claims.authentication.time {
                None => "no auth_time".to_owned(),
                Some(time) if time > moment.now => format!("{} s in the future", time - moment.now),
                Some(time) => format!("{} s ago", moment.now - time),
            },
            CoreDemand::ActorKind(_) => {
                acting_party(core).map_or("no actor".to_owned(), |actor| actor.kind().to_string())
            }
            CoreDemand::ClientOneOf(_) | CoreDemand::ClientNoneOf(_) => {
                or_none(core.claims.client.as_deref(), "no client")
            }
            CoreDemand::Claim(claim) => claim.value(core).map_or("no such claim".to_owned(), Value::to_string),
            CoreDemand::AnyOf(_) => "judged one by one".to_owned(),
            _ => match core.acting {
                Acting::Nobody => "no actor".to_owned(),
                Acting::Itself(actor) => {
                    format!("{}, for itself", shown(actor.party(), core.initiator))
                }
                Acting::Delegate(actor) => shown(actor.party(), core.initiator),
            },
        }
    }
}

fn has_scope(core: &Core<'_>, scope: &str) -> bool {
    core.claims.scope.split(' ').any(|held| held == scope)
}

fn scope_finding(met: bool) -> Finding {
    if met { Finding::Met } else { Finding::LacksScope }
}

/// Only a person can log in again; for anybody else the same finding is a plain refusal.
fn login_finding(core: &Core<'_>, code: &'static str, max_age: Option<u64>, acr_values: Option<Arc<str>>) -> Finding {
    if core.kind == Kind::Human {
        Finding::StepUp(StepUp {
            code,
            max_age,
            acr_values,
        })
    } else {
        Finding::Unmet(code)
    }
}

/// Acting for oneself is no delegation: it satisfies no rule on the actor.
fn of_delegate(core: &Core<'_>, judge: impl FnOnce(&Actor) -> Finding) -> Finding {
    core.delegate().map_or(Finding::Unmet("actor_missing"), judge)
}

/// Whoever `act` names, the initiator itself included: what a refusing list must see.
fn acting_party<'f>(core: &Core<'f>) -> Option<&'f Actor> {
    match core.acting {
        Acting::Nobody => None,
        Acting::Itself(actor) | Acting::Delegate(actor) => Some(actor),
    }
}

fn any_of(alternatives: &[Vec<CoreRule>], core: &Core<'_>, moment: &Moment) -> Finding {
    let mut verdict = Finding::Unmet("no_alternative");
    'alternative: for rules in alternatives {
        let mut step_up = None;
        for rule in rules {
            match rule.judge(core, moment) {
                Finding::Met => {}
                Finding::StepUp(needed) => step_up = step_up.or(Some(needed)),
                Finding::Unmet(_) | Finding::LacksScope => continue 'alternative,
            }
        }
        match step_up {
            None => return Finding::Met,
            // A login would do, unless another alternative does without one.
            Some(needed) => verdict = Finding::StepUp(needed),
        }
    }
    verdict
}

impl ClaimDemand {
    fn value<'f>(&self, core: &Core<'f>) -> Option<&'f Value> {
        match &self.name {
            ClaimName::Top(name) => core.claims.get(name),
            ClaimName::Pointer(pointer) => {
                let (first, inner) = match pointer[1..].find('/') {
                    Some(end) => pointer[1..].split_at(end),
                    None => (&pointer[1..], ""),
                };
                let claim = core.claims.get(&first.replace("~1", "/").replace("~0", "~"))?;
                claim.pointer(inner)
            }
        }
    }

    fn is_met(&self, core: &Core<'_>) -> bool {
        match (&self.test, self.value(core)) {
            (_, None) => false,
            (ClaimTest::OneOf(accepted), Some(value)) => accepted.contains(value),
            (ClaimTest::Contains(wanted), Some(Value::Array(items))) => items.contains(wanted),
            (ClaimTest::Contains(_), Some(_)) => false,
        }
    }

    fn expected(&self) -> String {
        match &self.test {
            ClaimTest::OneOf(accepted) => accepted.iter().map(Value::to_string).collect::<Vec<_>>().join(" or "),
            ClaimTest::Contains(wanted) => format!("a list with {wanted}"),
        }
    }
}
