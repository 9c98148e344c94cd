//! The checks of a verified token that depend on the request and the time.

use std::sync::Arc;

use super::pipeline::Pipeline;
use super::protected::Protected;
use super::step::Step;
use crate::chain::Actor;
use crate::error::Error;
use crate::identity::Identity;
use crate::policy::Recorder;
use crate::request::Presented;
use crate::token::Confirmation;
use crate::token::revocation::{Revocations, RevokedBy};

impl Pipeline<'_> {
    /// The checks of every request, for a fresh and for a cached token alike.
    pub(super) fn check(
        &self,
        identity: &Identity,
        presented: &Presented<'_>,
        protected: Option<&Arc<Protected>>,
        now: u64,
        recorder: &mut impl Recorder,
    ) -> Result<(), Error> {
        let claims = &identity.facts().claims;
        let issuer = identity.trusted_issuer();
        let audiences = protected.map_or(&[][..], |protected| protected.audiences(issuer));
        let audience = claims.check_audience(audiences);
        let accepted = || match audiences {
            [] => "no resource at this host and path".to_owned(),
            audiences => audiences.join(" or "),
        };
        Step::AUDIENCE.compare(audience, recorder, accepted, || claims.audience().join(", "))?;
        let time = claims.check_time(now, self.inner.leeway);
        let accepted = || format!("with a leeway of {} s", self.inner.leeway);
        Step::TIME.compare(time, recorder, accepted, || claims.validity(now))?;
        let confirmation = &claims.confirmation;
        Step::CONFIRMATION.report(
            confirmation.check(presented.certificate()),
            recorder,
            |()| match confirmation {
                Confirmation::None => "no bound key".to_owned(),
                _ => "the certificate that the token is bound to".to_owned(),
            },
        )?;
        let Some(revocations) = self.inner.revocations.get() else {
            return Ok(());
        };
        let revoked = match revoked_by(&revocations.load(), identity) {
            Some(by) => Err(Error::TokenRevoked { by: by.name() }),
            None => Ok(()),
        };
        Step::REVOCATION.report(revoked, recorder, |()| "not revoked".to_owned())
    }
}

/// What of a token an entry of the list names.
fn revoked_by(revocations: &Revocations, identity: &Identity) -> Option<RevokedBy> {
    let (claims, chain) = (&identity.facts().claims, identity.facts().history());
    let issuer = identity.issuer();
    let revoke = |by, issuer: &str, name: &str| revocations.revoke(by, issuer, name, claims.issued_at).then_some(by);
    let named = |by, name: Option<&str>| name.and_then(|name| revoke(by, issuer, name));
    let mut actors = chain.actors().map(Actor::party);
    named(RevokedBy::TokenId, claims.token_id())
        .or_else(|| revoke(RevokedBy::Initiator, issuer, chain.initiator.subject()))
        .or_else(|| actors.find_map(|party| revoke(RevokedBy::Actor, party.issuer(), party.subject())))
        .or_else(|| named(RevokedBy::Client, claims.client()))
}
