//! Claims that are proven to be the issuer's.

use super::claim_reader::{ClaimReader, malformed};
use super::claims::Claims;
use crate::error::{Error, Reason};
use crate::json::{Json, Object};
use crate::limits::Limits;
use crate::profile::{Profile, TokenType};

/// The claims of a token whose origin is verified.
///
/// The signature check of [`UnverifiedToken`](super::UnverifiedToken) is their only origin.
pub(crate) struct VerifiedClaims<'p> {
    payload: &'p [u8],
    object: Object<'p>,
}

impl<'p> VerifiedClaims<'p> {
    /// `payload` is the text of `object`.
    pub(super) fn new(payload: &'p [u8], object: Object<'p>) -> Self {
        VerifiedClaims { payload, object }
    }

    #[cfg(test)]
    pub(crate) fn for_tests(payload: &'p [u8]) -> Result<Self, Error> {
        let object = crate::json::object(payload, &Limits::default());
        let object = object.map_err(|_| Error::MalformedToken { reason: "" })?;
        Ok(VerifiedClaims { payload, object })
    }

    pub(crate) fn reader<'r>(&'r self, limits: &'r Limits) -> ClaimReader<'r, 'p> {
        ClaimReader::new(&self.object, limits)
    }

    /// A top-level claim.
    pub(crate) fn get(&self, name: &str) -> Option<&Json<'p>> {
        self.object.get(name)
    }

    /// Checks that these are the claims of an access token: the marker of its type is present, and no claim that occurs
    /// in other tokens only.
    pub(crate) fn check_token_type(&self, profile: &Profile, token_type: &TokenType) -> Result<(), Error> {
        for claim in profile.foreign_claims {
            if self.object.get(claim).is_some() {
                return Err(Error::claim(claim, Reason::Mismatch));
            }
        }
        let Some((claim, value)) = token_type.marker else {
            return Ok(());
        };
        match self.object.get(claim) {
            Some(Json::String(text)) if text == value => Ok(()),
            Some(Json::String(_)) => Err(Error::claim(claim, Reason::Mismatch)),
            None => Err(Error::claim(claim, Reason::Missing)),
            Some(_) => Err(malformed(claim)),
        }
    }

    /// Moves the `act` object out.
    pub(crate) fn take_actor(&mut self, profile: &Profile) -> Option<Json<'p>> {
        self.object.take(profile.actor)
    }

    /// The claims that `profile` names, but for the parties.
    pub(crate) fn claims(&self, profile: &Profile, limits: &Limits) -> Result<Claims, Error> {
        Claims::parse(self.payload, &self.object, profile, limits)
    }
}
