//! The checks of a verified token that depend on the request and the time.

use std::sync::Arc;

use super::pipeline::Pipeline;
use super::protected::Protected;
use super::step::Step;
use crate::error::Error;
use crate::identity::Identity;
use crate::policy::Recorder;
use crate::request::Presented;
use crate::token::Confirmation;

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
        Step::AUDIENCE.compare(audience, recorder, accepted, || claims.audience.join(", "))?;
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
        )
    }
}
