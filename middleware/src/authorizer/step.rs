//! The steps before the policy, as a recorder receives them.

use crate::error::Error;
use crate::policy::{Check, Recorder, Tier};

/// A step of the pipeline, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Route,
    Credential,
    Form,
    Issuer,
    Type,
    Key,
    Signature,
    Claims,
    Audience,
    Time,
    Confirmation,
}

impl Step {
    /// The steps that a cached token passed when it was verified.
    pub(super) const CACHED: [Step; 7] = [
        Step::Credential,
        Step::Form,
        Step::Issuer,
        Step::Type,
        Step::Key,
        Step::Signature,
        Step::Claims,
    ];

    /// Reports the success of this step.
    pub(super) fn report_passed(self, recorder: &mut impl Recorder, got: impl FnOnce() -> String) {
        recorder.met(|| self.check(got()));
    }

    /// Reports the result of this step; `got` is what was found.
    pub(super) fn report<T>(
        self,
        result: Result<T, Error>,
        recorder: &mut impl Recorder,
        got: impl FnOnce(&T) -> String,
    ) -> Result<T, Error> {
        match &result {
            Ok(value) => recorder.met(|| self.check(got(value))),
            // Whether to go on is decided by the pipeline: no step follows a failed one.
            Err(error) => {
                let _ = recorder.unmet(|| self.check(error.to_string()).failed(error.code()));
            }
        }
        result
    }

    /// Reports a failure of this step; its success is reported later.
    pub(super) fn report_error<T>(self, result: Result<T, Error>, recorder: &mut impl Recorder) -> Result<T, Error> {
        match result {
            Ok(value) => Ok(value),
            Err(error) => self.report(Err(error), recorder, |_: &T| String::new()),
        }
    }

    fn check(self, got: String) -> Check {
        let (name, expected) = match self {
            Step::Route => ("route", "a route of the policy"),
            Step::Credential => ("credential", "one bearer token"),
            Step::Form => ("form", "a strict compact JWS"),
            Step::Issuer => ("issuer", "a trusted issuer"),
            Step::Type => ("type", "an access token"),
            Step::Key => ("key", "a key of the issuer for `kid` and `alg`"),
            Step::Signature => ("signature", "valid with that key"),
            Step::Claims => ("claims", "well-formed claims and actors"),
            Step::Audience => ("audience", "an accepted audience"),
            Step::Time => ("time", "valid now"),
            Step::Confirmation => ("confirmation", "no bound key, or its proof"),
        };
        Check::new(name, Tier::Token, expected.to_owned(), got)
    }
}
