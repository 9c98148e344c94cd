//! The steps before the policy, as a recorder receives them.

use crate::error::Error;
use crate::policy::{Check, Mode, Recorder, Tier};

/// A step of the pipeline: its name, and what it expects.
#[derive(Clone, Copy)]
pub(super) struct Step(&'static str, &'static str);

impl Step {
    pub(super) const ROUTE: Step = Step("route", "a route of the policy");
    pub(super) const RESOURCE: Step = Step("resource", "a resource of the host and the path");
    pub(super) const CREDENTIAL: Step = Step("credential", "one bearer token");
    pub(super) const FORM: Step = Step("form", "a strict compact JWS");
    pub(super) const ISSUER: Step = Step("issuer", "issued by");
    pub(super) const TYPE: Step = Step("type", "of type");
    pub(super) const KEY: Step = Step("key", "a key of the issuer for `kid` and `alg`");
    pub(super) const SIGNATURE: Step = Step("signature", "valid with that key");
    pub(super) const CLAIMS: Step = Step("claims", "well-formed claims and actors");
    pub(super) const REQUIRED_CLAIM: Step = Step("required claim", "every token of the issuer has");
    pub(super) const AUDIENCE: Step = Step("audience", "for");
    pub(super) const TIME: Step = Step("time", "valid now");
    pub(super) const CONFIRMATION: Step = Step("confirmation", "no bound key, or its proof");

    pub(super) const REVOCATION: Step = Step("revocation", "in no entry of the list of revoked tokens");
    pub(super) const INTROSPECTION: Step = Step("introspection", "active, as the issuer states");

    /// The steps of a token before its issuer is looked up.
    pub(super) const BEFORE_ISSUER: [Step; 2] = [Step::CREDENTIAL, Step::FORM];

    /// The steps of a token before its key is selected.
    pub(super) const BEFORE_KEY: [Step; 4] = [Step::CREDENTIAL, Step::FORM, Step::ISSUER, Step::TYPE];

    /// The steps that a cached token passed before its claims were read.
    pub(super) const BEFORE_CLAIMS: [Step; 6] = [
        Step::CREDENTIAL,
        Step::FORM,
        Step::ISSUER,
        Step::TYPE,
        Step::KEY,
        Step::SIGNATURE,
    ];

    /// The same of an opaque token.
    pub(super) const BEFORE_OPAQUE_CLAIMS: [Step; 3] = [Step::CREDENTIAL, Step::ISSUER, Step::INTROSPECTION];

    /// Reports the success of this step; `got` is what was found.
    pub(super) fn report_passed(self, recorder: &mut impl Recorder, got: impl FnOnce() -> String) {
        recorder.met(|| self.check(got()));
    }

    /// Reports the failure of this step. Whether to go on is decided by the pipeline: no step follows a failed one.
    pub(super) fn report_failed(self, recorder: &mut impl Recorder, error: &Error) {
        self.report_got(recorder, error, || match error {
            Error::MissingToken => "none".to_owned(),
            error => error.to_string(),
        });
    }

    /// Reports that this step would fail if the rules in shadow were enforced.
    pub(super) fn report_in_shadow(self, recorder: &mut impl Recorder, error: &Error) {
        let _ = recorder.unmet(|| {
            let mut check = self.check(error.to_string()).failed(error.code());
            check.mode = Mode::Shadow;
            check
        });
    }

    /// As [`report_failed`](Self::report_failed), with what was found.
    pub(super) fn report_found(self, recorder: &mut impl Recorder, error: &Error, found: impl FnOnce() -> String) {
        self.report_got(recorder, error, || format!("{error}: {}", found()));
    }

    /// As [`report_failed`](Self::report_failed), with these words in place of those of the error.
    pub(super) fn report_got(self, recorder: &mut impl Recorder, error: &Error, got: impl FnOnce() -> String) {
        let _ = recorder.unmet(|| self.check(got()).failed(error.code()));
    }

    /// Reports the result of a comparison with accepted values; `found` and `accepted` are separated texts.
    pub(super) fn compare<T>(
        self,
        result: Result<T, Error>,
        recorder: &mut impl Recorder,
        accepted: impl FnOnce() -> String,
        found: impl FnOnce() -> String,
    ) -> Result<T, Error> {
        let check = || Check::new(self.0, Tier::Token, format!("{} {}", self.1, accepted()), found());
        match &result {
            Ok(_) => recorder.met(check),
            Err(error) => {
                let _ = recorder.unmet(|| check().failed(error.code()));
            }
        }
        result
    }

    /// Reports the result of this step.
    pub(super) fn report<T>(
        self,
        result: Result<T, Error>,
        recorder: &mut impl Recorder,
        got: impl FnOnce(&T) -> String,
    ) -> Result<T, Error> {
        match &result {
            Ok(value) => self.report_passed(recorder, || got(value)),
            Err(error) => self.report_failed(recorder, error),
        }
        result
    }

    fn check(self, got: String) -> Check {
        Check::new(self.0, Tier::Token, self.1.to_owned(), got)
    }
}
