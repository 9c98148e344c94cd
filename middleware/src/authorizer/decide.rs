//! The decision about a request, by the policy in force when it arrives.

use std::sync::Arc;

use http::HeaderMap;

use super::Authorizer;
use super::decision::{Conclusion, Decision};
use super::in_force::InForce;
use super::kind_warning::warn_of_contradiction;
use super::pending::{Authorization, Waits};
use super::pipeline::Pipeline;
use crate::policy::{Ambiguity, StopAtFirst};
use crate::request::{Presented, Target};

impl Authorizer {
    /// Authorizes one request by the routes of the policy.
    ///
    /// Waits only where the token names a key that is not present: for one fetch, bounded by its time-out, and not at all
    /// during the cool-down; and for the answer of an issuer that is asked about its tokens, bounded by its time-out too. It does NOT read the body: a route with a rule on it is denied with the code `body_not_read`.
    pub async fn decide(&self, target: &Target<'_>, headers: &HeaderMap) -> Decision {
        let decision = self.decide_presented(&Presented::headers(target, headers)).await;
        if decision.limit_of_body().is_some() {
            decision.conclude();
        }
        decision
    }

    /// Authorizes one request by the routes of the policy, with all that it presents: its target, its headers, and the
    /// certificate of the client and the body where there is one. [`decide`](Self::decide) is the same without a certificate and a body. A decision that
    /// depends on the body ([`body_limit`](Decision::body_limit), [`shadow_body_limit`](Decision::shadow_body_limit)) is no event yet. It is
    /// counted by a [limit](crate::policy#limits) that is enforced, if it is allowed.
    ///
    /// Waits as [`decide`](Self::decide) does: for one fetch of keys and one answer of the issuer at most.
    ///
    /// # Errors
    /// It returns no `Result`: [`Decision::outcome`] has the [`Error`](crate::Error) of a denied request. A token that is bound to a
    /// certificate is [`Error::InvalidConfirmation`](crate::Error::InvalidConfirmation) without that certificate, and
    /// [`Error::KeysUnavailable`](crate::Error::KeysUnavailable) is for keys that could not be fetched.
    ///
    /// It does NOT verify the certificate, which the TLS server does, and compares its thumbprint alone (RFC 8705). It does
    /// NOT read the body, answer a request for [`metadata`](Self::metadata), or compare the host with a list of hosts.
    pub async fn decide_presented(&self, presented: &Presented<'_>) -> Decision {
        let decision = self.decide_uncounted(presented).await;
        let decision = self.count(decision).decision().await;
        if decision.limit_of_body().is_none() {
            decision.conclude();
        }
        decision
    }

    /// Authorizes a request again, with more that it presents: with its body, where the decision [depends on
    /// it](Decision::body_limit). The policy is that of the earlier decision on the request, also if it has been replaced.
    pub async fn decide_again(&self, earlier: &Decision, presented: &Presented<'_>) -> Decision {
        let decision = self.decide_uncounted_again(earlier, presented).await;
        let decision = match earlier.is_limited() {
            // An allowed request has been counted.
            true => decision,
            false => self.count(decision).decision().await,
        };
        if decision.limit_of_body().is_none() {
            decision.conclude();
        }
        decision
    }

    /// The same as [`decide_presented`](Self::decide_presented), without the [limit](crate::policy#limits) of the route and without an
    /// event: for a caller that has more reasons to deny a request. It passes every decision that does not depend on the body to
    /// [`complete`](Self::complete), or [`conclude`](Decision::conclude)s it where it denies the request itself.
    pub async fn decide_uncounted(&self, presented: &Presented<'_>) -> Decision {
        self.decide_by(self.in_force(), presented).await
    }

    /// The same as [`decide_again`](Self::decide_again), after [`decide_uncounted`](Self::decide_uncounted).
    pub async fn decide_uncounted_again(&self, earlier: &Decision, presented: &Presented<'_>) -> Decision {
        self.decide_by(earlier.in_force(), presented).await
    }

    /// Counts an allowed request by the limit of its route, and [concludes](Decision::conclude) the decision. It must be one of
    /// [`decide_uncounted`](Self::decide_uncounted).
    ///
    /// Waits only where limits are [counted elsewhere](crate::AuthorizerBuilder::count_by).
    pub async fn complete(&self, decision: Decision) -> Decision {
        let decision = self.count(decision).decision().await;
        decision.conclude();
        decision
    }

    async fn decide_by(&self, in_force: Arc<InForce>, presented: &Presented<'_>) -> Decision {
        let mut authorization = self.enforce(in_force, None, presented);
        let mut waits = Waits::default();
        while let Authorization::Pending(pending, decision) = &authorization
            && waits.begin(pending)
            && pending.resolve().await
        {
            authorization = self.enforce(decision.in_force(), None, presented);
        }
        authorization.into_decision()
    }

    /// Authorizes now, by the routes of a policy or by the requirement of a name, and records nothing.
    pub(crate) fn enforce(
        &self,
        in_force: Arc<InForce>,
        requirement: Option<&str>,
        presented: &Presented<'_>,
    ) -> Authorization {
        self.enforce_by(&in_force, requirement, presented).by(in_force)
    }

    /// The same without the policy in the result. Without type parameters, so that the compiler optimizes the pipeline as a whole in
    /// this crate.
    pub(crate) fn enforce_by(
        &self,
        in_force: &InForce,
        requirement: Option<&str>,
        presented: &Presented<'_>,
    ) -> Authorization<Conclusion> {
        let now = self.inner.clock.now();
        let pipeline = Pipeline::new(&self.inner, in_force);
        let authorization = match requirement {
            None => pipeline.authorize(presented, now, &mut StopAtFirst),
            // Only a route can accept one.
            Some(_) if presented.target().has_escaped_slash() => {
                Authorization::Decided(Conclusion::without_route(Ambiguity::EscapedSlash.error()))
            }
            Some(name) => pipeline.authorize_by(in_force.policy.requirement(name), presented, now, &mut StopAtFirst),
        };
        if let Authorization::Decided(conclusion) = &authorization
            && let Some(identity) = conclusion.identity()
            && identity.facts().contradictory
            && let Some(trust) = self.inner.trust_of(identity)
        {
            warn_of_contradiction(&trust.kind_warning, identity.issuer(), now);
        }
        authorization
    }
}
