//! Which changes a token can have, and what the change of a fact changes as well, by the claims that the facts come from.

use std::sync::Arc;

use super::change::{Change, Changes, Fact, Login, OTHER_INITIATOR, Value, is_other};
use super::changed::Evaluated;
use super::claim_sources::{ClaimSources, TokenFact, top};
use crate::chain::{Core, Party};
use crate::issuer::TrustedIssuer;
use crate::profile::Kind;

impl<'e> Evaluated<'e> {
    /// The change as a token can have it: of an issuer that is trusted, and of unknown kind where that one proves no such kind.
    pub(crate) fn possible(self, change: Change) -> Option<Change> {
        let (party, kind, is_proven) = match (&change.fact, &change.value) {
            (Fact::Initiator, Value::Party(party, kind)) => {
                (party, kind, ClaimSources(self.issuer_of(party)?).prove(*kind))
            }
            (Fact::Actor, Value::Party(party, kind)) => (party, kind, ClaimSources(self.issuer).prove_of_actor(*kind)),
            _ => return Some(change),
        };
        let kind = match is_proven {
            true => *kind,
            false => Kind::Unknown,
        };
        let value = Value::Party(party.clone(), kind);
        Some(Change { value, ..change })
    }

    /// The issuer of the tokens of an initiator, if it is trusted.
    fn issuer_of(self, initiator: &Party) -> Option<&'e TrustedIssuer> {
        match initiator.issuer() == self.facts.core().initiator.issuer() {
            true => Some(self.issuer),
            false => {
                let mut trusted = self.trusted.iter();
                trusted.find(|issuer| *issuer.issuer == *initiator.issuer()).copied()
            }
        }
    }

    /// The changes as they are meant: that of a kind alone is about any initiator of that kind, unless rules accept the present one alone.
    fn meant(self, changes: &Changes) -> Changes {
        let core = self.facts.core();
        let mut meant = changes.clone();
        if let Some(change) = changes.get(&Fact::Initiator)
            && let Value::Party(party, kind) = &change.value
            && party == core.initiator
        {
            let other = Party::new(party.to_issuer(), OTHER_INITIATOR.into());
            let value = Value::Party(other, *kind);
            let change = Change {
                value,
                ..Change::clone(change)
            };
            meant.insert(Fact::Initiator, Arc::new(change));
            if !self.with(&meant).is_allowed() {
                return changes.clone();
            }
        }
        meant
    }

    /// The rules that read a claim which one of these changes of facts changes as well: how they end after the changes is not known. Where
    /// such a claim decides on the token itself, these are the rules that ask for the change.
    pub(crate) fn unknown_after(self, changes: &Changes) -> Vec<Arc<str>> {
        let core = self.facts.core();
        let issuer = match changes.get(&Fact::Initiator).map(|change| &change.value) {
            Some(Value::Party(party, _)) => self.issuer_of(party).unwrap_or(self.issuer),
            _ => self.issuer,
        };
        let (sources, meant) = (ClaimSources(issuer), self.meant(changes));
        let is_changed = |path: &str| {
            let claim = top(path);
            let mut changes = changes.values();
            changes.any(|change| changes_claim(change, sources, &core, &claim))
        };
        let reads = self.requirement.reads();
        let changed = reads.claims().filter(|(_, claim)| is_changed(claim));
        let mut unknown: Vec<Arc<str>> = changed.map(|(read, _)| Arc::clone(read.rule)).collect();
        let facts = [TokenFact::Initiator, TokenFact::Actor, TokenFact::Client];
        for fact in facts
            .into_iter()
            .filter(|fact| is_given_too(&meant, sources, &core, *fact))
        {
            // Those that no policy writes are about actors.
            let has_actor = self.facts.core().delegation.actor().is_some();
            let rules = self.requirement.core.iter();
            let rules = rules.filter(|rule| rule.reads(fact) && (has_actor || !rule.is_implicit()));
            unknown.extend(rules.map(|rule| Arc::clone(&rule.name)));
        }
        for change in changes
            .values()
            .filter(|change| decides_on_token(change, sources, &core))
        {
            let mut without = changes.clone();
            without.remove(&change.fact);
            let checks = self.with(&without).checks().into_iter();
            unknown.extend(
                checks
                    .filter(|check| check.code.is_some())
                    .map(|check| check.rule.into()),
            );
        }
        unknown
    }
}

/// Whether a fact is given by a claim that a change of another fact changes.
fn is_given_too(changes: &Changes, sources: ClaimSources<'_>, core: &Core<'_>, fact: TokenFact) -> bool {
    let is = |change: &Arc<Change>| match (&change.fact, fact) {
        (Fact::Scope(_), fact) => sources.scope_gives(fact),
        (Fact::Client, TokenFact::Initiator | TokenFact::Actor) => sources.client_gives(fact),
        (Fact::Initiator, TokenFact::Initiator) => match &change.value {
            Value::Party(party, kind) => !is_other(party.subject()) && sources.subject_decides(party.subject(), *kind),
            _ => false,
        },
        (Fact::Initiator, fact) => {
            let (moves_actor, of_kind) = match &change.value {
                Value::Party(party, kind) => {
                    // An actor that names no issuer has that of the token, which changes.
                    let moves_actor = fact == TokenFact::Actor && party.issuer() != core.initiator.issuer();
                    let mut kinds = [*kind, core.kind].into_iter();
                    let of_kind = *kind != core.kind && kinds.any(|kind| sources.kind_gives(kind, fact));
                    (moves_actor, of_kind)
                }
                _ => (false, false),
            };
            moves_actor && core.delegation.actor().is_some() || of_kind || sources.initiator_gives(fact)
        }
        (Fact::Login, fact) => login_claims(&change.value).any(|claim| sources.give(claim, fact)),
        // The client is the actor.
        (Fact::Actor, TokenFact::Client) => sources.client_gives(TokenFact::Actor),
        _ => false,
    };
    changes.values().any(is)
}

/// Whether a top-level claim changes together with a fact of these core facts.
fn changes_claim(change: &Change, sources: ClaimSources<'_>, core: &Core<'_>, claim: &str) -> bool {
    match (&change.fact, &change.value) {
        (Fact::Scope(_), _) => sources.of_scope(claim),
        (Fact::Initiator, Value::Party(party, kind)) => {
            party != core.initiator && sources.of_initiator(claim) || *kind != core.kind && sources.of_kind(claim)
        }
        (Fact::Login, value) => login_claims(value).any(|of_login| of_login == claim),
        (Fact::Actor | Fact::PriorActors, _) => sources.of_actor(claim),
        (Fact::ChainComplete, _) => claim == "chain_complete",
        (Fact::Client, _) => sources.of_client(claim),
        (Fact::TokenTimes, _) => ["iat", "nbf", "exp"].contains(&claim),
        (Fact::Clock, _) => ["iat", "nbf", "exp", "auth_time"].contains(&claim),
        (Fact::Audience, _) => sources.of_audience(claim),
        (Fact::Binding, _) => claim == "cnf",
        // A claim is changed itself, a request has none, and others have no such value.
        (Fact::Initiator, _) => false,
        (Fact::Claim(_) | Fact::ClaimItem(..) | Fact::Detail(_), _) => false,
        (Fact::Query(_) | Fact::Member(_) | Fact::BodyForm | Fact::BodySize, _) => false,
    }
}

/// The claims that a change of the login changes.
fn login_claims(value: &Value) -> impl Iterator<Item = &'static str> {
    let empty = Login::default();
    let login = match value {
        Value::Login(login) => login,
        _ => &empty,
    };
    let claims = [
        ("auth_time", login.within.is_some()),
        ("amr", !login.methods.is_empty()),
        ("acr", login.context.is_some()),
    ];
    claims
        .into_iter()
        .filter_map(|(claim, is_changed)| is_changed.then_some(claim))
}

/// Whether the token may be refused with what a change makes of its claims: they are what its issuer has to write, or name its audience.
fn decides_on_token(change: &Change, sources: ClaimSources<'_>, core: &Core<'_>) -> bool {
    match (&change.fact, &change.value) {
        (Fact::Client, Value::Text(client)) => sources.client_decides(client, core),
        (Fact::Login, Value::Login(login)) => {
            let context = login.context.as_deref();
            login_claims(&change.value).any(|claim| sources.is_required(claim, context.filter(|_| claim == "acr")))
        }
        (Fact::Scope(_), _) => sources.scope_is_required(),
        (Fact::Initiator, Value::Party(party, kind)) => {
            party != core.initiator && sources.initiator_is_required(party.subject())
                || *kind != core.kind && sources.kind_is_required()
        }
        (Fact::Actor | Fact::PriorActors, _) => sources.actor_is_required(),
        _ => false,
    }
}
