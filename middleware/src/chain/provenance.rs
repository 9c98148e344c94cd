//! Where the facts of a token come from: for `explain`, never for enforcement.

use std::fmt;

use super::actors::{ActorSource, ProvenActor};
use super::derive::Parties;
use super::facts::Facts;
use crate::issuer::TrustedIssuer;
use crate::json::Object;
use crate::limits::Limits;
use crate::profile::ClaimName;
use crate::token::VerifiedClaims;

/// One fact of a token, its value, and the signal that gives it.
///
/// It contains values of the token's claims: print it for the holder of the token, do NOT log it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FactSource {
    /// The name of the fact, such as `initiator` or `kind of the initiator`.
    pub fact: String,
    /// Its value.
    pub value: String,
    /// The claim, or the evidence, that it comes from.
    pub source: String,
}

/// Prints no value: debug output ends up in logs.
impl fmt::Debug for FactSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FactSource")
            .field("fact", &self.fact)
            .finish_non_exhaustive()
    }
}

impl Facts {
    /// The facts again, each with its source. The claims have been read before, so that nothing is missing.
    pub(crate) fn sources(&self, issuer: &TrustedIssuer, limits: &Limits) -> Vec<FactSource> {
        self.read_sources(issuer, limits).unwrap_or_default()
    }

    fn read_sources(&self, issuer: &TrustedIssuer, limits: &Limits) -> Option<Vec<FactSource>> {
        let profile = &issuer.profile;
        let mut verified = VerifiedClaims::reread(self.claims.payload(), limits)?;
        let marker = verified.reader(limits).object();
        let marker = profile.access_tokens.marker(marker).map(ToString::to_string);
        let chain = verified.take_chain(profile);
        let read = verified.reader(limits);
        let parties = Parties::read(chain, &verified, issuer, limits).ok()?;
        let subject = parties.subject;

        let mut sources = Vec::new();
        let mut add = |fact: &str, value: &str, source: String| {
            sources.push(FactSource {
                fact: fact.to_owned(),
                value: value.to_owned(),
                source,
            });
        };
        if let Some(marker) = marker {
            add("access token", "yes", marker);
        }
        add("initiator", subject.text, format!("`{}`", subject.claim));
        let (kind, proven) = (parties.initiator_kind(), parties.kind);
        let source = match kind == proven.kind() {
            true => proven.to_string(),
            false => format!("{proven}; a party that `{}` names is never human", subject.claim),
        };
        add("kind of the initiator", &kind.to_string(), source);
        if let (Some(client), Some(claim)) = (parties.client, first_present(&profile.client, read.object())) {
            add("client", client, format!("`{claim}`"));
        }
        let scope = profile.scope.iter().map(|scope| scope.claim).collect::<Vec<_>>();
        if let Some(claim) = first_present(&scope, read.object()) {
            add("scopes", self.claims.scope(), format!("`{claim}`"));
        }
        let audience = [Some(profile.audience.claim), profile.audience.substitute];
        let audience: Vec<_> = audience.into_iter().flatten().collect();
        if let Some(claim) = first_present(&audience, read.object()) {
            add("audience", &self.claims.audience().join(", "), format!("`{claim}`"));
        }
        for (index, ProvenActor { actor, kind, source }) in parties.actors.iter().enumerate() {
            let (fact, kind_fact) = match index {
                0 => ("current actor", "kind of the current actor"),
                _ => ("prior actor", "kind of the prior actor"),
            };
            let (source, evidence) = match source {
                ActorSource::Claim(claim) => (format!("`{claim}`"), Some(kind.to_string())),
                ActorSource::Presenter(evidence) => (format!("the client: {evidence}"), None),
                ActorSource::AgentClient => ("the client, one of the agent clients of the issuer".to_owned(), None),
            };
            add(fact, actor.party().subject(), source);
            if let Some(evidence) = evidence {
                add(kind_fact, &actor.kind().to_string(), evidence);
            }
        }
        Some(sources)
    }
}

/// The first claim that is present.
fn first_present(claims: &[ClaimName], object: &Object<'_>) -> Option<ClaimName> {
    claims
        .iter()
        .copied()
        .find(|claim| object.get(claim.as_str()).is_some())
}
