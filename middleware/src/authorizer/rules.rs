//! The rules on an identity, and the denial of a request that does not meet them.

use std::sync::Arc;

use super::authenticate::Failure;
use super::decision::{Conclusion, Denied};
use super::pending::Authorization;
use super::pipeline::Pipeline;
use super::protected::Protected;
use super::shadow::{ShadowOutcome, evaluate_all};
use crate::error::Error;
use crate::identity::Identity;
use crate::policy::{ByBody, Deciding, EvaluationTime, MetByToken, Recorder, Requirement, Unmet};
use crate::request::Presented;

impl Pipeline<'_> {
    /// A request without an accepted credential.
    #[cold]
    pub(super) fn unauthenticated(
        &self,
        required: Option<(Deciding, &Requirement)>,
        protected: Option<&Arc<Protected>>,
        Failure { error, pending }: Failure,
    ) -> Authorization<Conclusion> {
        let (deciding, requirement) = required.unzip();
        let denied = self.denied_by(error, protected, requirement);
        let conclusion = Conclusion::new(deciding, None, Err(Box::new(denied)));
        match pending {
            None => Authorization::Decided(conclusion),
            Some(pending) => Authorization::Pending(Box::new(pending), conclusion),
        }
    }

    /// Evaluates the rules on an identity, the first of which are known to be met. Apart from what every request runs through: most meet all
    /// rules by their token.
    #[inline(never)]
    pub(super) fn evaluate(
        &self,
        (required, met): (Option<(Deciding, &Requirement)>, Option<MetByToken>),
        protected: Option<&Arc<Protected>>,
        identity: Identity,
        presented: &Presented<'_>,
        time: &EvaluationTime,
        recorder: &mut impl Recorder,
    ) -> Conclusion {
        let (deciding, requirement) = required.unzip();
        let facts = identity.facts();
        let (outcome, shadow) = match requirement.zip(met) {
            Some((requirement, met)) => evaluate_all(met, requirement, facts, presented, time, recorder),
            None => (Err(Unmet::from(no_route())), ShadowOutcome::Absent),
        };
        // One body is read for all rules, with those in shadow.
        let promoted = requirement.map(|requirement| requirement.promoted().map_or(requirement, |promoted| promoted));
        let unmet = |unmet: Unmet, requirement| {
            let error = identity.trusted_issuer().profile.actor.errors.apply(unmet.error);
            let mut denied = self.denied_by(error, protected, requirement);
            denied.rule = unmet.rule;
            denied.is_by_body = unmet.by_body.is_some();
            if unmet.by_body == Some(ByBody::Unread) {
                let limit = promoted.and_then(Requirement::body_limit);
                denied.body_limit = limit.and_then(|bytes| usize::try_from(bytes).ok());
            }
            denied
        };
        let outcome = outcome.map_err(|error| Box::new(unmet(error, requirement)));
        let shadow = shadow.map(|error| unmet(error, promoted));
        Conclusion::new(deciding, Some(identity), outcome).beside(shadow)
    }

    fn denied_by(&self, error: Error, protected: Option<&Arc<Protected>>, requirement: Option<&Requirement>) -> Denied {
        Denied {
            error,
            protected: Some(Arc::clone(protected.unwrap_or(self.resources.elsewhere()))),
            rule: None,
            scope: requirement.and_then(Requirement::scope).cloned(),
            body_limit: None,
            is_by_body: false,
        }
    }
}

/// Why a request without a route is denied.
pub(super) fn no_route() -> Error {
    Error::Denied {
        code: "no_route",
        rule: "routes".into(),
    }
}
