//! Claims that are proven to be the issuer's.

use super::claim_reader::ClaimReader;
use super::claims::Claims;
use crate::claim_path;
use crate::error::{Error, Reason};
use crate::json::{self, Json, Object};
use crate::limits::Limits;
use crate::profile::{ClaimName, Profile};
use crate::shared_text::{Excerpt, SharedDocument};

/// The claims of a token whose origin is verified.
///
/// Their origins are the signature check of [`UnverifiedToken`](super::UnverifiedToken), and the answer of the issuer to an
/// [introspection](super::introspection).
pub(crate) struct VerifiedClaims<'p> {
    document: SharedDocument<'p>,
    object: Object<'p>,
}

/// The claims that hold the chain.
pub(crate) struct ChainClaims<'p> {
    /// The current actor, and in it the prior ones.
    pub(crate) actor: Option<Json<'p>>,
    /// A list of prior actors.
    pub(crate) prior: Option<Json<'p>>,
    /// The first party.
    pub(crate) origin: Option<Json<'p>>,
}

impl<'p> VerifiedClaims<'p> {
    /// `payload` is the text of `object`.
    pub(super) fn new(payload: &'p str, object: Object<'p>) -> Self {
        let document = SharedDocument::new(payload);
        VerifiedClaims { document, object }
    }

    /// The claims of a token that was verified before.
    pub(crate) fn reread(payload: &'p str, limits: &Limits) -> Option<Self> {
        let object = json::object_of(payload, limits).ok()?;
        Some(VerifiedClaims::new(payload, object))
    }

    /// The members of an answer that states that a token is active.
    pub(crate) fn introspected(payload: &'p [u8], limits: &Limits) -> Option<Self> {
        VerifiedClaims::reread(json::as_text(payload).ok()?, limits)
    }

    #[cfg(test)]
    pub(crate) fn for_tests(payload: &'p str) -> Result<Self, Error> {
        let object = json::object_of(payload, &Limits::default());
        let object = object.map_err(|_| Error::MalformedToken { reason: "" })?;
        Ok(VerifiedClaims::new(payload, object))
    }

    pub(crate) fn reader<'r>(&'r self, limits: &'r Limits) -> ClaimReader<'r, 'p> {
        ClaimReader::new(&self.object, limits)
    }

    /// The text of the claims, which facts share.
    pub(crate) fn document(&self) -> &SharedDocument<'p> {
        &self.document
    }

    /// The claim of this name, or at this path.
    pub(crate) fn find(&self, claim: &str) -> Option<&Json<'p>> {
        claim_path::find(claim, &self.object)
    }

    /// Checks that these are the claims of an access token: a marker for its `typ` is present, and no claim that occurs in
    /// other tokens only.
    pub(crate) fn check_token_type(&self, profile: &Profile, typ: Option<&str>) -> Result<(), Error> {
        check_token_type(&self.object, profile, typ)
    }

    /// Checks that these can be the members of an answer about an access token: none of them occurs in other tokens only. No
    /// marker is needed: that the token is active and of its type is stated by the issuer.
    pub(crate) fn check_introspected_type(&self, profile: &Profile) -> Result<(), Error> {
        check_refused(&self.object, profile)?;
        match profile.access_tokens.mark_of_another(&self.object) {
            None => Ok(()),
            Some(claim) => Err(Error::claim(claim, Reason::Mismatch)),
        }
    }

    /// Moves the claims of the chain out.
    pub(crate) fn take_chain(&mut self, profile: &Profile) -> ChainClaims<'p> {
        let mut take = |claim: ClaimName| self.object.take(claim.as_str());
        ChainClaims {
            actor: take(profile.actor.claim),
            prior: profile.actor.prior.and_then(&mut take),
            origin: profile.actor.origin.and_then(&mut take),
        }
    }

    /// The claims that `profile` names, but for the parties; the client has been read.
    pub(crate) fn claims(self, client: Option<Excerpt>, profile: &Profile, limits: &Limits) -> Result<Claims, Error> {
        Claims::parse(self.document, &self.object, client, profile, limits)
    }
}

fn check_refused(object: &Object<'_>, profile: &Profile) -> Result<(), Error> {
    let mut refused = profile.refused_claims.iter();
    match refused.find(|claim| object.get(claim.as_str()).is_some()) {
        None => Ok(()),
        Some(claim) => Err(Error::claim(claim.as_str(), Reason::Mismatch)),
    }
}

/// As [`VerifiedClaims::check_token_type`].
pub(super) fn check_token_type(object: &Object<'_>, profile: &Profile, typ: Option<&str>) -> Result<(), Error> {
    check_refused(object, profile)?;
    let found = profile.access_tokens.find(typ, object);
    found
        .map(|_| ())
        .map_err(|unmet| Error::claim(unmet.claim, unmet.reason))
}
