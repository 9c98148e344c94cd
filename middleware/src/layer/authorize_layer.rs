//! [`AuthorizeLayer`]: how requests are authorized and rejected, for any inner service.

use std::any;
use std::fmt;
use std::sync::Arc;

use http::{Request, Response};
use tower_service::Service;

use super::rejection::{EmptyBody, Rejection, ResponseForRejection};
use crate::authorizer::{Authorization, Authorizer, Decision};
use crate::challenge::Protocol;
use crate::error::{ConfigError, Error};
use crate::policy::Requirement;
use crate::request::{Presented, Target};

/// Authorizes every request of the services it wraps.
///
/// It wraps any `Service<http::Request<_>, Response = http::Response<_>>` that is `Clone` (a request with an unknown key
/// takes the ready service along while it waits). The response body must be `Default`, because the body of a rejection is
/// empty; [`with_rejection_response`](Self::with_rejection_response) wraps services with any other body.
///
/// A rejection is a response: 400, 401 or 403 with the challenge of RFC 6750, 503 with `Retry-After` while keys are
/// unavailable, and for gRPC callers status 3, 7, 14 or 16 without a body.
#[derive(Clone)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct AuthorizeLayer<R = EmptyBody> {
    authorizer: Authorizer,
    /// A named requirement that replaces the routes of the policy.
    requirement: Option<(Arc<str>, Arc<Requirement>)>,
    /// Whether an allowed request carries its decision.
    decision_extension: bool,
    rejection_response: R,
}

/// In the extensions of an allowed request that has no identity, because its route is public.
#[derive(Clone, Copy, Debug)]
pub(super) struct PublicRoute;

impl AuthorizeLayer {
    /// Authorizes by the routes of the authorizer's policy.
    pub fn new(authorizer: Authorizer) -> Self {
        AuthorizeLayer {
            authorizer,
            requirement: None,
            decision_extension: false,
            rejection_response: EmptyBody,
        }
    }

    /// Authorizes by one requirement of the policy, whatever the path: for axum's `route_layer`, where the router decides
    /// which paths exist. It verifies the token itself and needs no other layer.
    ///
    /// ```
    /// # use actgate::{AuthorizeLayer, Authorizer, Policy, testing::TestIssuer};
    /// # let issuer = TestIssuer::new()?.trusted("https://api.example")?;
    /// let policy = Policy::from_yaml("requirements: { people-only: { actor: { absent: true } } }")?;
    /// let authorizer = Authorizer::builder().issuer(issuer).policy(policy).build()?;
    /// let people_only = AuthorizeLayer::for_requirement(&authorizer, "people-only")?;
    /// # let router: axum::Router = axum::Router::new().route("/", axum::routing::get(|| async {}));
    /// let router = router.route_layer(people_only);
    ///
    /// assert!(AuthorizeLayer::for_requirement(&authorizer, "people").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError::UnknownRequirement`].
    pub fn for_requirement(authorizer: &Authorizer, name: &str) -> Result<Self, ConfigError> {
        let requirement = authorizer.policy().requirement(name);
        let requirement = requirement.ok_or_else(|| ConfigError::UnknownRequirement(name.to_owned()))?;
        Ok(AuthorizeLayer {
            requirement: Some((name.into(), Arc::clone(requirement))),
            ..AuthorizeLayer::new(authorizer.clone())
        })
    }
}

impl<R> AuthorizeLayer<R> {
    /// Makes the responses to denied requests with `response`: a function of the [`Rejection`], or another
    /// [`ResponseForRejection`].
    pub fn with_rejection_response<T, B>(self, response: T) -> AuthorizeLayer<T>
    where
        T: ResponseForRejection<B>,
    {
        AuthorizeLayer {
            authorizer: self.authorizer,
            requirement: self.requirement,
            decision_extension: self.decision_extension,
            rejection_response: response,
        }
    }

    /// Puts the [`Decision`] into the extensions of each allowed request, so that inner services read which route of the
    /// policy matched, also where it is public. It costs one allocation for each request.
    pub fn with_decision_extension(mut self) -> Self {
        self.decision_extension = true;
        self
    }

    pub(super) fn authorize<B>(&self, request: &Request<B>) -> Authorization {
        let target = match Target::new(request.method(), request.uri()) {
            Ok(target) => target,
            Err(error) => return Authorization::Decided(Decision::without_route(error)),
        };
        let presented = Presented::headers(&target, request.headers());
        let required = self.requirement.as_ref().map(|(name, requirement)| (name, requirement));
        self.authorizer.enforce(required, &presented)
    }

    /// Calls `inner`, which must be ready, with the identity attached; or returns the rejection.
    pub(super) fn enforce<S, B, C>(
        &self,
        inner: &mut S,
        mut request: Request<B>,
        decision: Decision,
    ) -> Result<S::Future, Response<C>>
    where
        S: Service<Request<B>, Response = Response<C>>,
        R: ResponseForRejection<C>,
    {
        decision.trace();
        if self.decision_extension && decision.outcome().is_ok() {
            request.extensions_mut().insert(decision.clone());
        }
        match decision.into_identity() {
            Ok(Some(identity)) => {
                request.extensions_mut().insert(identity);
                Ok(inner.call(request))
            }
            Ok(None) => {
                request.extensions_mut().insert(PublicRoute);
                Ok(inner.call(request))
            }
            Err(error) => Err(self.reject(Protocol::of(request.method(), request.headers()), error)),
        }
    }

    fn reject<C>(&self, protocol: Protocol, error: Error) -> Response<C>
    where
        R: ResponseForRejection<C>,
    {
        let rejection = Rejection::new(&error, self.authorizer.challenge(&error), protocol);
        let mut response = self.rejection_response.response_for_rejection(rejection);
        response.extensions_mut().insert(error);
        response
    }
}

impl<R> fmt::Debug for AuthorizeLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizeLayer")
            .field("authorizer", &self.authorizer)
            .field("requirement", &self.requirement.as_ref().map(|(name, _)| name))
            .field("rejection_response", &format_args!("{}", any::type_name::<R>()))
            .finish_non_exhaustive()
    }
}
