//! What the change of a fact changes as well, by the claims that the facts of a token come from.

use std::sync::Arc;

use super::change::{Change, Changes, Fact, Login, Value, is_other};
use super::claim_sources::{ClaimSources, TokenFact};
use crate::chain::Core;

/// Whether a fact is given by a claim that a change of another fact changes.
pub(super) fn is_given_too(changes: &Changes, sources: ClaimSources<'_>, core: &Core<'_>, fact: TokenFact) -> bool {
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
pub(super) fn changes_claim(change: &Change, sources: ClaimSources<'_>, core: &Core<'_>, claim: &str) -> bool {
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
pub(super) fn decides_on_token(change: &Change, sources: ClaimSources<'_>, core: &Core<'_>) -> bool {
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
