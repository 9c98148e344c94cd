//! Whose identity a request has: that of its credential, or for an explanation that of a record.

use std::sync::Arc;

use super::pending::Pending;
use super::pipeline::Pipeline;
use super::protected::Protected;
use super::step::Step;
use crate::error::Error;
use crate::identity::{Identity, Proof};
use crate::policy::Recorder;
use crate::request::Presented;

/// From a request to a checked identity.
pub(super) trait Authenticate {
    fn authenticate(
        &self,
        pipeline: &Pipeline<'_>,
        presented: &Presented<'_>,
        protected: Option<&Arc<Protected>>,
        now: u64,
        recorder: &mut impl Recorder,
    ) -> Result<Identity, Failure>;
}

/// Why a token is not accepted, and what could change that.
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) pending: Option<Pending>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure { error, pending: None }
    }
}

/// Reports the steps of a token that was verified before.
pub(super) fn report_verified_before(identity: &Identity, recorder: &mut impl Recorder) -> Result<(), Error> {
    let before = || "verified before".to_owned();
    let steps = match identity.proof() {
        Proof::Introspection(_) => &Step::BEFORE_OPAQUE_CLAIMS[..],
        Proof::Keys(_) | Proof::Record => &Step::BEFORE_CLAIMS[..],
    };
    for step in steps {
        step.report_passed(recorder, before);
    }
    for required in &identity.trusted_issuer().required_claims {
        Step::REQUIRED_CLAIM.compare(Ok(()), recorder, || required.expected(), before)?;
    }
    Step::CLAIMS.report_passed(recorder, before);
    Ok(())
}
