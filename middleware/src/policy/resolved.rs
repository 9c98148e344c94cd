//! The rules of a requirement as they are for tokens of one issuer: bare names and `same` are its own, and a claim that names a party
//! is a rule on that party.

use std::sync::Arc;

use super::parties::PartyName;
use super::requirement::Requirement;
use super::rules::{
    ActorCondition, ClaimCondition, ClientCondition, CoreCondition, CoreRule, HistoryCondition, HistoryRule,
    InitiatorCondition,
};
use super::syntax::Name;
use crate::profile::Profile;

/// The tokens of one issuer.
#[derive(Clone, Copy)]
pub(super) struct TokensOf<'i> {
    pub(super) issuer: &'i str,
    pub(super) profile: &'i Profile,
}

/// Two rules that no token of the issuer meets together, the later one first.
pub(super) fn conflict<'p>(requirement: &'p Requirement, tokens: TokensOf<'_>) -> Option<(&'p str, &'p str)> {
    let core: Vec<(&'p str, CoreRule)> = requirement
        .core
        .iter()
        .filter_map(|rule| {
            let condition = tokens.resolve(&rule.condition)?;
            Some((&*rule.name, CoreRule::new(Arc::clone(&rule.name), rule.span, condition)))
        })
        .collect();
    let history: Vec<(&'p str, HistoryRule)> = requirement
        .history
        .iter()
        .filter_map(|rule| {
            let HistoryCondition::Chain(condition) = &rule.condition else {
                return None;
            };
            let condition =
                HistoryCondition::Chain(condition.resolved(&|list| tokens.parties(list), &|list| tokens.issuers(list)));
            Some((
                &*rule.name,
                HistoryRule::new(Arc::clone(&rule.name), rule.span, condition),
            ))
        })
        .collect();
    for (index, (name, rule)) in core.iter().enumerate() {
        if let Some((other, _)) = core[..index].iter().find(|(_, other)| rule.excludes(other)) {
            return Some((name, other));
        }
    }
    for (index, (name, rule)) in history.iter().enumerate() {
        if let Some((other, _)) = core.iter().find(|(_, other)| rule.excludes_core(other)) {
            return Some((name, other));
        }
        if let Some((other, _)) = history[..index].iter().find(|(_, other)| rule.excludes(other)) {
            return Some((name, other));
        }
    }
    None
}

impl TokensOf<'_> {
    /// A condition on parties or on the client as it is in tokens of this issuer; [`None`] for another condition, which no issuer
    /// makes exclude one that it does not exclude as it is written.
    fn resolve(self, condition: &CoreCondition) -> Option<CoreCondition> {
        Some(match condition {
            CoreCondition::Initiator(condition) => CoreCondition::Initiator(match condition {
                InitiatorCondition::OneOf(listed) => InitiatorCondition::OneOf(self.parties(listed)),
                InitiatorCondition::NoneOf(listed) => InitiatorCondition::NoneOf(self.parties(listed)),
                _ => return None,
            }),
            CoreCondition::Actor(condition) => CoreCondition::Actor(match condition {
                ActorCondition::OneOf(listed) => ActorCondition::OneOf(self.parties(listed)),
                ActorCondition::NoneOf(listed) => ActorCondition::NoneOf(self.parties(listed)),
                ActorCondition::Issuer(issuers) => ActorCondition::Issuer(self.issuers(issuers)),
                _ => return None,
            }),
            CoreCondition::Client(ClientCondition::OneOf(listed)) => {
                CoreCondition::Client(ClientCondition::OneOf(listed.clone()))
            }
            CoreCondition::Client(ClientCondition::NoneOf(listed)) => {
                CoreCondition::Client(ClientCondition::NoneOf(listed.clone()))
            }
            CoreCondition::Claims(condition) => return self.resolve_claim(condition),
            _ => return None,
        })
    }

    /// The condition on the party or the client that a claim names.
    fn resolve_claim(self, condition: &ClaimCondition) -> Option<CoreCondition> {
        let names = |claim: &str| {
            let texts = condition.texts_of(claim)?;
            let names = texts.into_iter().map(|text| Name::try_from(Box::from(text)).ok());
            names.collect::<Option<Vec<Name>>>()
        };
        if let Some(subjects) = names(self.profile.subject.claim.as_str()) {
            let parties = subjects
                .into_iter()
                .map(|subject| PartyName::new(Some(self.own()), subject));
            let listed = InitiatorCondition::OneOf(Arc::new(parties.collect()));
            return Some(CoreCondition::Initiator(listed));
        }
        // A later claim names the client only where the first one is absent.
        let client = self.profile.client.first()?;
        let listed = names(client.as_str())?.into();
        Some(CoreCondition::Client(ClientCondition::OneOf(listed)))
    }

    fn own(self) -> Name {
        Name::from_valid(self.issuer.into())
    }

    fn parties(self, listed: &[PartyName]) -> Arc<Vec<PartyName>> {
        let resolved = listed.iter().map(|name| name.in_tokens_of(self.own()));
        Arc::new(resolved.collect())
    }

    fn issuers(self, listed: &[Name]) -> Box<[Name]> {
        let resolved = listed.iter().map(|issuer| match &**issuer {
            "same" => self.own(),
            _ => issuer.clone(),
        });
        resolved.collect()
    }
}
