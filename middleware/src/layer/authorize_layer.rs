//! [`AuthorizeLayer`]: how requests are authorized and rejected, for any inner service.

use std::any;
use std::fmt;
use std::sync::Arc;

use http::{Request, Response};
use tower_service::Service;

use super::metadata::{NoMetadata, PublishMetadata, ResponseForMetadata};
use super::rejection::{EmptyBody, Rejection, ResponseForRejection};
use crate::authorizer::{Authorization, Authorizer, Decision, Denied};
use crate::challenge::Protocol;
use crate::error::{ConfigError, Error};
use crate::policy::Requirement;
use crate::request::{ClientCertificate, Presented, Target};
use crate::resource::Metadata;

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
pub struct AuthorizeLayer<R = EmptyBody, M = NoMetadata> {
    authorizer: Authorizer,
    /// A named requirement that replaces the routes of the policy.
    requirement: Option<(Arc<str>, Arc<Requirement>)>,
    /// Whether an allowed request carries its decision.
    decision_extension: bool,
    rejection_response: R,
    metadata_response: M,
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
            metadata_response: NoMetadata,
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

impl<R, M> AuthorizeLayer<R, M> {
    /// Makes the responses to denied requests with `response`: a function of the [`Rejection`], or another
    /// [`ResponseForRejection`].
    pub fn with_rejection_response<T, B>(self, response: T) -> AuthorizeLayer<T, M>
    where
        T: ResponseForRejection<B>,
    {
        AuthorizeLayer {
            authorizer: self.authorizer,
            requirement: self.requirement,
            decision_extension: self.decision_extension,
            rejection_response: response,
            metadata_response: self.metadata_response,
        }
    }

    /// Answers requests for the metadata (RFC 9728) of the authorizer's [`resource`](crate::AuthorizerBuilder::resource), without
    /// authorization. The body of the responses is made from bytes; for other bodies there is
    /// [`with_metadata_response`](Self::with_metadata_response).
    ///
    /// ```
    /// # use actgate::{AuthorizeLayer, Authorizer, Policy, Resource, testing::TestIssuer};
    /// use axum::{Router, body::Body, http::Request};
    /// use tower::ServiceExt as _;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let issuer = TestIssuer::new()?.trusted("https://api.example/mcp")?;
    /// # let policy = Policy::from_yaml("routes: [{ match: POST /mcp, scopes: [mcp] }]")?;
    /// let resource = Resource::new("https://api.example/mcp")?;
    /// let authorizer = Authorizer::builder().issuer(issuer).policy(policy).resource(resource).build()?;
    /// let app = Router::new().layer(AuthorizeLayer::new(authorizer).with_metadata());
    ///
    /// let request = Request::get("/.well-known/oauth-protected-resource/mcp").body(Body::empty())?;
    /// assert_eq!(app.oneshot(request).await?.status(), 200);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_metadata(self) -> AuthorizeLayer<R, PublishMetadata> {
        self.with_metadata_handling(PublishMetadata)
    }

    /// As [`with_metadata`](Self::with_metadata), with responses that `response` makes from the
    /// [`Metadata`](crate::resource::Metadata).
    pub fn with_metadata_response<T, B>(self, response: T) -> AuthorizeLayer<R, T>
    where
        T: Fn(Metadata) -> Response<B>,
    {
        self.with_metadata_handling(response)
    }

    /// The layer for a request that is not for metadata.
    pub(super) fn without_metadata(&self) -> AuthorizeLayer<R>
    where
        R: Clone,
    {
        AuthorizeLayer {
            authorizer: self.authorizer.clone(),
            requirement: self.requirement.clone(),
            decision_extension: self.decision_extension,
            rejection_response: self.rejection_response.clone(),
            metadata_response: NoMetadata,
        }
    }

    fn with_metadata_handling<T>(self, metadata_response: T) -> AuthorizeLayer<R, T> {
        AuthorizeLayer {
            authorizer: self.authorizer,
            requirement: self.requirement,
            decision_extension: self.decision_extension,
            rejection_response: self.rejection_response,
            metadata_response,
        }
    }

    /// Puts the [`Decision`] into the extensions of each allowed request, so that inner services read which route of the
    /// policy matched, also where it is public. It costs one allocation for each request.
    pub fn with_decision_extension(mut self) -> Self {
        self.decision_extension = true;
        self
    }

    /// The response to a request for metadata; [`None`] for any other request.
    pub(super) fn metadata<B, C>(&self, target: &Result<Target<'_>, Error>, request: &Request<B>) -> Option<Response<C>>
    where
        M: ResponseForMetadata<C>,
    {
        self.metadata_response.respond(|| {
            let target = target.as_ref().ok()?;
            self.authorizer.metadata(target, request.headers())
        })
    }

    /// `target` is that of the request.
    pub(super) fn authorize<B>(&self, target: Result<Target<'_>, Error>, request: &Request<B>) -> Authorization {
        let target = match target {
            Ok(target) => target,
            Err(error) => return Authorization::Decided(Decision::without_route(error)),
        };
        let certificate = request.extensions().get::<ClientCertificate>();
        let presented = Presented::headers(&target, request.headers()).client_certificate(certificate);
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
            Err(denied) => Err(self.reject(Protocol::of(request.method(), request.headers()), *denied)),
        }
    }

    fn reject<C>(&self, protocol: Protocol, denied: Denied) -> Response<C>
    where
        R: ResponseForRejection<C>,
    {
        let challenge = self.authorizer.challenge_to_denied(&denied);
        let rejection = Rejection::new(&denied.error, challenge, protocol);
        let mut response = self.rejection_response.response_for_rejection(rejection);
        response.extensions_mut().insert(denied.error);
        response
    }
}

impl<R, M> fmt::Debug for AuthorizeLayer<R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizeLayer")
            .field("authorizer", &self.authorizer)
            .field("requirement", &self.requirement.as_ref().map(|(name, _)| name))
            .field("rejection_response", &format_args!("{}", any::type_name::<R>()))
            .field("metadata_response", &format_args!("{}", any::type_name::<M>()))
            .finish_non_exhaustive()
    }
}
