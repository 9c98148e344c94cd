//! `ceiling` of an agent in `agents`: what it may do at most, as it is written and compiled.

use std::collections::BTreeMap;
use std::sync::Arc;

use actgate_yaml::{OneOrMany, Span, Spanned, nearest};
use serde::Deserialize;

use super::initiator::{self, InitiatorCondition, InitiatorDocument};
use crate::chain::{Core, Party};
use crate::policy::exact;
use crate::policy::parties::PartyList;
use crate::policy::syntax::{Context, Name, Word, joined};

/// What the agent may do at most, whatever the initiator and the token may do. All that is written must allow. Denied with
/// `above_ceiling`.
/// Example: `{ routes: [POST /refunds], scopes: ['refunds:write'], initiators: { kind: human } }`
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a mapping\nwrite `ceiling: { routes: [VALUE] }`")]
#[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1)))]
pub(in crate::policy) struct CeilingDocument {
    /// The routes that the agent may use, as their `match` is written in this policy; one, or a list.
    /// Example: `[POST /refunds, 'GET /orders/{id}']`
    #[cfg_attr(feature = "schema", schemars(extend("x-non-empty" = true)))]
    routes: Option<Spanned<OneOrMany<Spanned<String>>>>,
    /// The scopes that count for the agent; one, or a list.
    /// Example: `['refunds:write', 'orders:read']`
    #[cfg_attr(feature = "schema", schemars(extend("x-non-empty" = true)))]
    scopes: Option<Spanned<OneOrMany<Word>>>,
    /// For whom the agent acts, with the keys of `initiator`.
    /// Example: `{ kind: human }`
    initiators: Option<Spanned<InitiatorDocument>>,
}

impl CeilingDocument {
    /// Every list of parties that can contain groups.
    pub(in crate::policy) fn party_lists(&mut self) -> Vec<&mut PartyList> {
        let initiators = self.initiators.iter_mut();
        initiators.flat_map(|written| written.value.party_lists()).collect()
    }

    /// The scopes that it lists, with the place of the list.
    pub(in crate::policy) fn scopes(&self) -> impl Iterator<Item = (&Word, Span)> {
        let scopes = self.scopes.iter();
        scopes.flat_map(|scopes| scopes.value.iter().map(|scope| (scope, scopes.span())))
    }

    /// The routes that it lists.
    pub(in crate::policy) fn routes(&self) -> impl Iterator<Item = &Spanned<String>> {
        self.routes.iter().flat_map(|routes| routes.value.iter())
    }
}

/// An agent with a ceiling, as both are written.
#[derive(Clone, Copy)]
pub(in crate::policy) struct CeilingOf<'d> {
    pub(in crate::policy) subject: &'d Name,
    /// [`None`] for the issuer of the token.
    pub(in crate::policy) issuer: Option<&'d Name>,
    pub(in crate::policy) document: &'d Spanned<CeilingDocument>,
}

/// The ceilings while a policy is compiled.
#[derive(Debug, Default)]
pub(in crate::policy) struct KnownCeilings {
    pub(in crate::policy) table: Arc<Ceilings>,
    /// The routes of the policy, each with whether it is public.
    routes: Vec<(String, bool)>,
    /// Whether a route could not be read.
    pub(in crate::policy) lacks_routes: bool,
}

impl KnownCeilings {
    /// Compiles the ceilings of agents.
    pub(in crate::policy) fn compile<'d>(
        agents: impl Iterator<Item = CeilingOf<'d>>,
        context: &mut Context<'_>,
    ) -> KnownCeilings {
        let mut table = Ceilings::default();
        for (id, agent) in agents.enumerate() {
            context.agents.is_read = true;
            let ceiling = Ceiling::compile(id, &agent, context);
            table.has_scopes |= ceiling.scopes.is_some();
            for route in agent.document.value.routes() {
                let ids = table.by_route.entry(route.value.trim().into()).or_default();
                // Ascending, as the agents are.
                if ids.last() != Some(&id) {
                    ids.push(id);
                }
            }
            let same_subject = table.by_subject.entry((**agent.subject).into()).or_default();
            same_subject.push(ceiling);
        }
        KnownCeilings {
            table: Arc::new(table),
            ..KnownCeilings::default()
        }
    }

    /// A route of the policy, by its name.
    pub(in crate::policy) fn add_route(&mut self, name: &str, is_public: bool) {
        if !self.table.by_route.is_empty() {
            self.routes.push((name.to_owned(), is_public));
        }
    }

    /// Reports routes in the ceilings that the policy does not have, and those that no ceiling applies to.
    pub(in crate::policy) fn check_routes<'d>(
        &self,
        agents: impl Iterator<Item = CeilingOf<'d>>,
        context: &mut Context<'_>,
    ) {
        let is_partial = ["routes", "match"].iter().any(|key| context.omissions.has_key(key));
        for written in agents.flat_map(|agent| agent.document.value.routes()) {
            let name = written.value.trim();
            let mut named = self.routes.iter().filter(|(route, _)| route == name).peekable();
            if named.peek().is_none() {
                if is_partial || self.lacks_routes {
                    continue;
                }
                let known: Vec<&str> = self.routes.iter().map(|(route, _)| &**route).collect();
                let help = match known[..] {
                    [] => "add it to `routes` of the policy".to_owned(),
                    _ => nearest(name, &known),
                };
                let message = format!("no route has the `match` `{}`", exact::shown(name));
                context.mistake(written.span(), message, help);
            } else if named.all(|(_, is_public)| *is_public) {
                let message = format!("`{name}` is public, so that no ceiling applies to it");
                context.mistake(written.span(), message, "remove it from the ceiling");
            }
        }
    }
}

/// The ceilings of a policy, to be searched by the party of their agent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::policy) struct Ceilings {
    by_subject: BTreeMap<Box<str>, Vec<Ceiling>>,
    /// The ceilings that list each route, in ascending order.
    by_route: BTreeMap<Box<str>, Vec<usize>>,
    /// Whether one of them lists scopes.
    pub(in crate::policy) has_scopes: bool,
}

/// What an agent may do at most.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ceiling {
    pub(super) id: usize,
    /// [`None`] for the issuer of the token.
    issuer: Option<Name>,
    pub(super) routes: Option<Listed>,
    pub(super) scopes: Option<Listed>,
    pub(super) initiators: Box<[(Arc<str>, InitiatorCondition)]>,
}

/// What a key of a ceiling lists, with the name of its rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) rule: Arc<str>,
    /// Routes separated by commas, or scopes separated by spaces.
    pub(super) items: Box<str>,
}

impl Ceilings {
    pub(in crate::policy) fn is_empty(&self) -> bool {
        self.by_subject.is_empty()
    }

    /// The ceilings that list a route, in ascending order.
    pub(super) fn with_route(&self, name: &str) -> &[usize] {
        self.by_route.get(name).map_or(&[], Vec::as_slice)
    }

    /// The names of the rules of all ceilings.
    pub(super) fn rules(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_subject.values().flatten().flat_map(|ceiling| {
            let listed = ceiling.routes.iter().chain(&ceiling.scopes).map(|listed| &listed.rule);
            listed.chain(ceiling.initiators.iter().map(|(rule, _)| rule))
        })
    }

    /// The parties that have a ceiling in a token of `initiator`.
    pub(super) fn agents(&self, initiator: &Party) -> impl Iterator<Item = Party> {
        let ceilings = self
            .by_subject
            .iter()
            .flat_map(|(subject, same)| same.iter().map(move |one| (subject, one)));
        ceilings.map(|(subject, ceiling)| {
            let own = || initiator.to_issuer();
            let issuer = ceiling.issuer.as_deref().map_or_else(own, Arc::from);
            Party::new(issuer, (**subject).into())
        })
    }

    /// The ceiling of the party that acts.
    pub(super) fn of(&self, core: &Core<'_>) -> Option<&Ceiling> {
        let party = acting(core);
        let same_subject = self.by_subject.get(party.subject())?;
        same_subject.iter().find(|ceiling| {
            let issuer = ceiling.issuer.as_deref().unwrap_or(core.initiator.issuer());
            *issuer == *party.issuer()
        })
    }
}

/// The party that acts: the current actor, or an initiator that acts for itself.
pub(super) fn acting<'f>(core: &Core<'f>) -> &'f Party {
    core.delegation.actor().map_or(core.initiator, |actor| actor.party())
}

impl Ceiling {
    /// Whether a rule is its list of routes.
    pub(super) fn is_of_routes(&self, rule: &str) -> bool {
        self.routes.as_ref().is_some_and(|routes| *routes.rule == *rule)
    }

    fn compile(id: usize, agent: &CeilingOf<'_>, context: &mut Context<'_>) -> Ceiling {
        let written = &agent.document.value;
        if written.routes.is_none() && written.scopes.is_none() && written.initiators.is_none() {
            report_empty(agent.document.span(), "ceiling", context);
        }
        let rule = |key: &str| Arc::from(format!("agents.{}.ceiling.{key}", agent.subject));
        if let Some(written) = &written.routes
            && written.value.is_empty()
        {
            report_empty(written.span(), "routes", context);
        }
        if let Some(written) = &written.scopes
            && written.value.is_empty()
        {
            report_empty(written.span(), "scopes", context);
        }
        let initiators = written.initiators.as_ref();
        let initiators = initiators.map(|written| initiator::compile(written, context));
        let initiators = initiators.into_iter().flatten();
        Ceiling {
            id,
            issuer: agent.issuer.cloned(),
            routes: written.routes.as_ref().map(|_| Listed {
                rule: rule("routes"),
                items: joined(written.routes().map(|route| &route.value), ", ").into(),
            }),
            scopes: written.scopes.as_ref().map(|written| Listed {
                rule: rule("scopes"),
                items: joined(written.value.iter(), " ").into(),
            }),
            initiators: initiators
                .map(|(word, condition)| (rule(&format!("initiators.{word}")), condition))
                .collect(),
        }
    }
}

/// An empty ceiling would look like a check: that it allows everything, or nothing.
fn report_empty(span: Span, key: &str, context: &mut Context<'_>) {
    let help = "write what the agent may do at most, or remove it";
    context.mistake_if_whole(span, format!("`{key}` is empty"), help);
}
