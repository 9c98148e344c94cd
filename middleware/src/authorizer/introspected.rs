//! Tokens that their issuer is asked about: opaque ones, and signed ones after their checks.

use super::Trust;
use super::authenticate::Failure;
use super::pending::Pending;
use super::pipeline::Pipeline;
use super::step::Step;
use super::token_in_words::claim_in_words;
use crate::chain::Facts;
use crate::error::Error;
use crate::identity::{Identity, Proof};
use crate::policy::Recorder;
use crate::request::{Carrier, Credential, Presented, check_form};
use crate::token::VerifiedClaims;
use crate::token::introspection::{Answer, Introspector};

impl<'a> Pipeline<'a> {
    /// The issuer that an opaque token is of, and how it is asked; [`None`] for a token of three parts.
    pub(super) fn issuer_of_opaque(&self, text: &str) -> Option<(&'a Trust, &'a Introspector)> {
        let trust = self.inner.issuers.get(self.inner.opaque?)?;
        let introspector = trust.introspection.as_ref()?;
        let dots = text.bytes().filter(|byte| *byte == b'.').count();
        (dots != 2).then_some((trust, introspector))
    }

    /// From an opaque token to the facts that its issuer states.
    pub(super) fn introspect(
        &self,
        (trust, introspector): (&Trust, &Introspector),
        text: &str,
        carrier: Carrier<'_>,
        presented: &Presented<'_>,
        recorder: &mut impl Recorder,
    ) -> Result<Identity, Failure> {
        let (issuer, limits) = (&trust.issuer, &self.inner.limits);
        let form = match text.len() > limits.token_bytes {
            true => Err(Error::TokenTooLong {
                reason: "it has more bytes than are accepted",
            }),
            false => check_form(text),
        };
        Step::CREDENTIAL.report(form, recorder, |()| "one bearer token".to_owned())?;
        let placed = carrier.check(issuer.header.as_ref());
        let (expected, found) = (|| issuer.issuer.to_string(), || "an opaque token".to_owned());
        Step::ISSUER.compare(placed, recorder, expected, found)?;
        let answer = match introspector.answer(text, presented.is_continued()) {
            Some(answer) => answer,
            None => return Err(report(introspector, unanswered(introspector, text, false), recorder)),
        };
        let payload = match &answer.answer {
            Answer::Active { payload, .. } => payload,
            other => return Err(report(introspector, unusable(introspector, other), recorder)),
        };
        Step::INTROSPECTION.report_passed(recorder, || "active".to_owned());
        // It was read as strict JSON before.
        let verified = VerifiedClaims::introspected(payload, limits).ok_or_else(|| introspector.unavailable())?;
        for required in &issuer.required_claims {
            let (expected, found) = (|| required.expected(), || required.found(&verified));
            Step::REQUIRED_CLAIM.compare(required.check(&verified), recorder, expected, found)?;
        }
        let derived = verified.check_introspected_type(&issuer.profile);
        let facts = derived.and_then(|()| Facts::derive(verified, issuer, limits));
        let facts = facts.inspect_err(|error| {
            Step::CLAIMS.report_got(recorder, error, || claim_in_words(error, payload, &issuer.profile));
        })?;
        Step::CLAIMS.report_passed(recorder, || "well-formed claims".to_owned());
        Ok(Identity::verified(
            facts,
            issuer.clone(),
            Proof::Introspection(answer.number),
        ))
    }

    /// Checks that the issuer of a signed token has stated that it is active, where it is asked about tokens.
    #[inline(never)]
    pub(super) fn check_introspection(
        &self,
        identity: &Identity,
        credential: &Credential<'_, '_>,
        presented: &Presented<'_>,
        recorder: &mut impl Recorder,
    ) -> Result<(), Failure> {
        let settings = identity.trusted_issuer().introspection.as_ref();
        if !settings.is_some_and(|settings| settings.has_signed()) {
            return Ok(());
        }
        if let Proof::Introspection(_) = identity.proof() {
            return Ok(());
        }
        let trust = self.inner.trust_of(identity);
        let Some(introspector) = trust.and_then(|trust| trust.introspection.as_ref()) else {
            return Ok(());
        };
        let text = credential.text()?;
        let failure = match introspector.answer(text, presented.is_continued()) {
            None => unanswered(introspector, text, true),
            Some(answer) => match &answer.answer {
                Answer::Active { .. } => {
                    Step::INTROSPECTION.report_passed(recorder, || "active".to_owned());
                    return Ok(());
                }
                other => unusable(introspector, other),
            },
        };
        Err(report(introspector, failure, recorder))
    }
}

/// What waits for an answer.
fn unanswered(introspector: &Introspector, text: &str, is_verified: bool) -> Failure {
    Failure {
        error: introspector.unavailable(),
        pending: introspector.question(text, is_verified).map(Pending::Introspection),
    }
}

/// An answer that accepts no token.
fn unusable(introspector: &Introspector, answer: &Answer) -> Failure {
    let error = match answer {
        Answer::Inactive => Error::TokenInactive,
        Answer::Unaccepted(error) => error.clone(),
        Answer::Failed | Answer::Active { .. } => introspector.unavailable(),
    };
    error.into()
}

fn report(introspector: &Introspector, failure: Failure, recorder: &mut impl Recorder) -> Failure {
    match &failure.error {
        error @ Error::IntrospectionUnavailable { .. } => {
            Step::INTROSPECTION.report_found(recorder, error, || introspector.failure());
        }
        error => Step::INTROSPECTION.report_failed(recorder, error),
    }
    failure
}
