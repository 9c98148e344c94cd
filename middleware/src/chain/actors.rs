//! The actors of a token: nested in the claim of the current actor, in a list beside it, or the client itself.

use std::sync::Arc;

use super::party::{Actor, Party};
use crate::error::Error;
use crate::issuer::TrustedIssuer;
use crate::json::{Json, Object};
use crate::limits::Limits;
use crate::profile::{ActorIssuer, ClaimName, Evidence, Kind, Kinds, PartyClaims, ProvenKind};
use crate::shared_text::SharedDocument;
use crate::token::{ChainClaims, ClaimReader};

/// Reads the actors of one token.
pub(super) struct ActorReader<'i, 't> {
    pub(super) issuer: &'i TrustedIssuer,
    /// The identifier of the issuer, as the token has it if it does.
    pub(super) named: &'t str,
    pub(super) limits: &'t Limits,
    pub(super) document: &'t SharedDocument<'t>,
    pub(super) initiator: &'t Party,
    pub(super) initiator_kind: Kind,
}

/// An actor, what proves its kind, and what names it.
pub(super) struct ProvenActor<'i> {
    pub(super) actor: Actor,
    pub(super) kind: ProvenKind<'i>,
    pub(super) source: ActorSource<'i>,
}

/// What names an actor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ActorSource<'i> {
    /// The claim of the current actor, or one nested in it; the list beside it; or the object of the first party.
    Claim(ClaimName),
    /// The client of the token, by evidence of the profile.
    Presenter(&'i Evidence),
    /// The client of the token, which the operator names.
    AgentClient,
}

impl<'i> ActorReader<'i, '_> {
    /// Every actor, the current one first. `token` is what evidence on the client reads.
    ///
    /// A chain over the limit is an error, never cut. Other members of an `act` have no meaning for a decision (RFC 8693
    /// section 4.1).
    pub(super) fn read(
        &self,
        chain: ChainClaims<'_>,
        token: &PartyClaims<'_, '_>,
    ) -> Result<Vec<ProvenActor<'i>>, Error> {
        let mut actors = self.nested(chain.actor)?;
        let prior = self.list(chain.prior)?;
        let is_nested = actors.len() > 1;
        match (actors.is_empty(), &prior[..]) {
            (_, []) => {}
            (true, _) => return Err(invalid("prior actors are named, and no current one")),
            // One order, written twice.
            (false, prior) if is_nested => {
                if !same_parties(&actors[1..], prior) {
                    return Err(invalid("the prior actors in `act` and those beside it disagree"));
                }
            }
            (false, _) => actors.extend(prior),
        }
        if let Some(origin) = chain.origin {
            self.add_origin(origin, &mut actors)?;
        }
        if actors.is_empty() {
            actors.extend(self.presenter(token)?);
        }
        if actors.len() > self.limits.chain_depth {
            return Err(Error::ChainTooLong);
        }
        Ok(actors)
    }

    /// The nested `act` objects, outermost first. The loop needs no recursion.
    fn nested(&self, act: Option<Json<'_>>) -> Result<Vec<ProvenActor<'i>>, Error> {
        let profile = &self.issuer.profile.actor;
        let mut actors = Vec::new();
        let mut next = act;
        while let Some(act) = next {
            // The innermost may be the client of the login, which does not count.
            if actors.len() > self.limits.chain_depth {
                return Err(Error::ChainTooLong);
            }
            let mut object = match act {
                Json::Object(object) => object,
                Json::Null => {
                    return Err(invalid("an `act` is null: an expression at the issuer gave no value"));
                }
                _ => return Err(invalid("an `act` is not an object")),
            };
            next = object.take(profile.claim.as_str());
            let actor = self.actor(&object, profile.claim)?;
            // The current actor counts, whatever it is: a rule against actors must see it.
            if next.is_none() && !actors.is_empty() && self.is_origin_client(&actor.actor, &object)? {
                break;
            }
            actors.push(actor);
        }
        Ok(actors)
    }

    /// The prior actors in a list, newest first.
    fn list(&self, prior: Option<Json<'_>>) -> Result<Vec<ProvenActor<'i>>, Error> {
        let (items, claim) = match (prior, self.issuer.profile.actor.prior) {
            (None, _) | (_, None) => return Ok(Vec::new()),
            (Some(Json::Array(items)), Some(claim)) => (items, claim),
            (Some(_), _) => return Err(invalid("the prior actors are not a list")),
        };
        if items.len() > self.limits.chain_depth {
            return Err(Error::ChainTooLong);
        }
        let actors = items.iter().map(|item| match item {
            Json::Object(object) => self.actor_without_chain(object, claim),
            _ => Err(invalid("a prior actor is not an object")),
        });
        actors.collect()
    }

    /// Adds the first party to the end of the chain, unless it is the initiator or the oldest actor.
    fn add_origin(&self, origin: Json<'_>, actors: &mut Vec<ProvenActor<'i>>) -> Result<(), Error> {
        let (Json::Object(object), Some(claim)) = (origin, self.issuer.profile.actor.origin) else {
            return Err(invalid("the origin is not an object"));
        };
        let origin = self.actor_without_chain(&object, claim)?;
        let party = origin.actor.party();
        if actors.is_empty() && party != self.initiator {
            return Err(invalid("a first party is named, and no current actor"));
        }
        let is_oldest = actors.last().is_some_and(|oldest| oldest.actor.party() == party);
        if !(actors.is_empty() || is_oldest || party == self.initiator) {
            actors.push(origin);
        }
        Ok(())
    }

    /// The client as the current actor, where the evidence of the profile or the operator states that it is an agent. A machine
    /// acts for itself: that the operator names its client is no evidence of a delegation.
    fn presenter(&self, token: &PartyClaims<'_, '_>) -> Result<Option<ProvenActor<'i>>, Error> {
        let Some(client) = token.client else {
            return Ok(None);
        };
        let found = self.issuer.profile.actor.presenter.find(Kind::Agent, token);
        let found = found.map_err(|unmet| Error::claim(unmet.claim, unmet.reason))?;
        let is_machine = matches!(self.initiator_kind, Kind::Agent | Kind::Service);
        let is_named = || !is_machine && self.issuer.agent_clients.iter().any(|agent| **agent == *client);
        let source = match found {
            Some(evidence) => ActorSource::Presenter(evidence),
            None if is_named() => ActorSource::AgentClient,
            None => return Ok(None),
        };
        let party = self.party(self.named, client);
        Ok(Some(ProvenActor {
            actor: Actor::new(party, Kind::Agent),
            kind: ProvenKind::default(),
            source,
        }))
    }

    /// An actor beside the current one, which has no chain of its own: it would not be read.
    fn actor_without_chain(&self, object: &Object<'_>, claim: ClaimName) -> Result<ProvenActor<'i>, Error> {
        match object.get(self.issuer.profile.actor.claim.as_str()) {
            None => self.actor(object, claim),
            Some(_) => Err(invalid("a prior actor has a chain of its own")),
        }
    }

    fn actor(&self, object: &Object<'_>, claim: ClaimName) -> Result<ProvenActor<'i>, Error> {
        let profile = &self.issuer.profile;
        let read = ClaimReader::new(object, self.limits);
        let malformed = |_| invalid("a member of an `act` is of a wrong type or form");
        let subject = read.identifier("sub").map_err(malformed)?;
        let subject = subject.ok_or_else(|| invalid("an `act` has no `sub`"))?;
        let issuer = match (read.identifier("iss").map_err(malformed)?, profile.actor.issuer) {
            (Some(named), _) => named,
            (None, ActorIssuer::Implicit) => self.named,
            (None, ActorIssuer::Strict) => return Err(invalid("an `act` has no `iss`")),
        };
        let party = self.party(issuer, subject);
        // The operator knows the parties of this issuer; another may use the same identifiers.
        let own = (party.issuer() == self.issuer.identifier()).then_some(&self.issuer.kinds);
        let kinds = [&profile.actor.kinds].into_iter().chain(own);
        let proven = Kinds::derive(kinds, &self.claims(subject, object));
        let proven = proven.map_err(|_| invalid("a member of an `act` is of a wrong type or form"))?;
        Ok(ProvenActor {
            actor: Actor::new(party, proven.kind()),
            kind: proven,
            source: ActorSource::Claim(claim),
        })
    }

    fn party(&self, issuer: &str, subject: &str) -> Party {
        Party::read(self.document, issuer, subject, || {
            match *issuer == *self.issuer.issuer {
                true => Arc::clone(&self.issuer.issuer),
                false => issuer.into(),
            }
        })
    }

    fn is_origin_client(&self, actor: &Actor, object: &Object<'_>) -> Result<bool, Error> {
        let evidence = &self.issuer.profile.actor.origin_client;
        if evidence.is_empty() {
            return Ok(false);
        }
        let found = evidence.find(Kind::Unknown, &self.claims(actor.party().subject(), object));
        let found = found.map_err(|_| invalid("a member of an `act` is of a wrong type or form"))?;
        Ok(found.is_some())
    }

    fn claims<'c, 'a>(&self, subject: &'c str, object: &'c Object<'a>) -> PartyClaims<'c, 'a> {
        let mut clients = self.issuer.profile.client.iter();
        PartyClaims {
            subject,
            client: clients.find_map(|claim| object.get(claim.as_str()).and_then(Json::as_str)),
            object,
        }
    }
}

fn same_parties(one: &[ProvenActor<'_>], other: &[ProvenActor<'_>]) -> bool {
    let parties = one.iter().map(|proven| proven.actor.party());
    parties.eq(other.iter().map(|proven| proven.actor.party()))
}

fn invalid(reason: &'static str) -> Error {
    Error::InvalidChain { reason }
}
