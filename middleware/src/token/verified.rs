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

    /// Checks that these are the claims of an access token: the marker of its type is present, and no claim that occurs
    /// in ID tokens and security events only.
    pub(crate) fn check_token_type(&self, token_type: &TokenType) -> Result<(), Error> {
        let mismatch = |claim| Error::InvalidClaim {
            claim,
            reason: Reason::Mismatch,
        };
        if let Some(claim) = ["nonce", "at_hash", "c_hash", "events"]
            .into_iter()
            .find(|claim| self.object.get(claim).is_some())
        {
            return Err(mismatch(claim));
        }
        match token_type.marker {
            None => Ok(()),
            Some((claim, value)) => match self.object.get(claim) {
                Some(Json::String(text)) if text == value => Ok(()),
                Some(Json::String(_)) | None => Err(mismatch(claim)),
                Some(_) => Err(malformed(claim)),
            },
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
