//! [`AuthorizeLayer`]: how requests are authorized and rejected, for any inner service.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};
use tower_service::Service;

use super::rejection_body::{EmptyBody, RejectionBody};
use crate::authorizer::{Authorization, Authorizer, Decision};
use crate::challenge::Protocol;
use crate::error::{ConfigError, Error};
use crate::policy::Requirement;
use crate::request::{Presented, Target};

/// Authorizes every request of the services it wraps.
///
/// It wraps any `Service<http::Request<_>, Response = http::Response<_>>` that is `Clone` (a request with an unknown key
/// takes the ready service along while it waits) and whose response body is `Default` (the body of a rejection is empty).
///
/// A rejection is a response: 400, 401 or 403 with the challenge of RFC 6750, 503 with `Retry-After` while keys are
/// unavailable, and for gRPC callers status 3, 7, 14 or 16 without a body.
#[derive(Clone, Debug)]
pub struct AuthorizeLayer<R = EmptyBody> {
    authorizer: Authorizer,
    /// A named requirement that replaces the routes of the policy.
    requirement: Option<(Arc<str>, Arc<Requirement>)>,
    rejection_body: R,
}

impl AuthorizeLayer {
    /// Authorizes by the routes of the authorizer's policy.
    pub fn new(authorizer: Authorizer) -> Self {
        AuthorizeLayer {
            authorizer,
            requirement: None,
            rejection_body: EmptyBody,
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
    /// Writes the bodies of rejections with `body`, which returns a content type and a body. gRPC callers get none.
    pub fn with_rejection_body<F, B>(self, body: F) -> AuthorizeLayer<F>
    where
        F: Fn(&Error) -> (HeaderValue, B),
    {
        AuthorizeLayer {
            authorizer: self.authorizer,
            requirement: self.requirement,
            rejection_body: body,
        }
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
        R: RejectionBody<C>,
        C: Default,
    {
        match decision.into_identity() {
            Ok(identity) => {
                if let Some(identity) = identity {
                    request.extensions_mut().insert(identity);
                }
                Ok(inner.call(request))
            }
            Err(error) => Err(self.reject(Protocol::of(request.method(), request.headers()), error)),
        }
    }

    fn reject<C: Default>(&self, protocol: Protocol, error: Error) -> Response<C>
    where
        R: RejectionBody<C>,
    {
        let mut response: Response<C> = self.authorizer.challenge(&error).respond(protocol);
        if protocol == Protocol::Http {
            let (content_type, body) = self.rejection_body.body(&error);
            if let Some(content_type) = content_type {
                response.headers_mut().insert(CONTENT_TYPE, content_type);
            }
            *response.body_mut() = body;
        }
        response.extensions_mut().insert(error);
        response
    }
}
