//! [`AuthorizeLayer`]: how requests are authorized and rejected, for any inner service.

use std::any;
use std::fmt;
use std::sync::Arc;

use http::request::Parts;
use http::{Extensions, HeaderMap, Request, Response};
use http_body::Body;
use tower_service::Service;

use super::bodies::{NoBodies, ReplayBodies};
use super::metadata::{NoMetadata, PublishMetadata, ResponseForMetadata};
use super::rejection::{EmptyBody, Rejection, ResponseForRejection};
use crate::authorizer::{Authorization, Authorizer, Conclusion, Counting, Decision, Denied, InForce};
use crate::challenge::Protocol;
use crate::error::{ConfigError, Error};
use crate::identity::Identity;
use crate::request::{ClientCertificate, Presented, ReplayBody, Target};
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
pub struct AuthorizeLayer<R = EmptyBody, M = NoMetadata, P = NoBodies> {
    authorizer: Authorizer,
    /// The name of a requirement that replaces the routes of the policy.
    requirement: Option<Arc<str>>,
    /// Whether an allowed request carries its decision.
    decision_extension: bool,
    rejection_response: R,
    metadata_response: M,
    pub(super) bodies: P,
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
            bodies: NoBodies,
        }
    }

    /// Authorizes by one requirement of the policy, whatever the path: for axum's `route_layer`, where the router decides
    /// which paths exist. It verifies the token itself and needs no other layer. A policy without the requirement cannot
    /// [replace](Authorizer::replace_policy) one that has it.
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
        Ok(AuthorizeLayer {
            requirement: Some(authorizer.require(name)?),
            ..AuthorizeLayer::new(authorizer.clone())
        })
    }
}

impl<R, M, P> AuthorizeLayer<R, M, P> {
    /// Makes the responses to denied requests with `response`: a function of the [`Rejection`], or another
    /// [`ResponseForRejection`].
    pub fn with_rejection_response<T, B>(self, response: T) -> AuthorizeLayer<T, M, P>
    where
        T: ResponseForRejection<B>,
    {
        AuthorizeLayer {
            authorizer: self.authorizer,
            requirement: self.requirement,
            decision_extension: self.decision_extension,
            rejection_response: response,
            metadata_response: self.metadata_response,
            bodies: self.bodies,
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
    pub fn with_metadata(self) -> AuthorizeLayer<R, PublishMetadata, P> {
        self.with_metadata_handling(PublishMetadata)
    }

    /// As [`with_metadata`](Self::with_metadata), with responses that `response` makes from the
    /// [`Metadata`](crate::resource::Metadata).
    pub fn with_metadata_response<T, B>(self, response: T) -> AuthorizeLayer<R, T, P>
    where
        T: Fn(Metadata) -> Response<B>,
    {
        self.with_metadata_handling(response)
    }

    /// Reads the body of a request, where a rule of the policy is about it, and passes it on: `replay` makes the body of the inner
    /// service from the bytes and trailers that were read. For axum it is `Body::new`.
    ///
    /// Bodies are read on the routes with such a rule alone, once everything else is met, up to the `max` of the rule, within 30
    /// seconds. Where all such rules are in shadow, the body is passed on as it came, whatever it is: beyond `max` and after that time, too. The authorizer has to be built with [`reads_bodies`](crate::AuthorizerBuilder::reads_bodies).
    ///
    /// The time limit is that of a tokio runtime with its time enabled. Outside of tokio there is NO time limit, and the service panics in
    /// a runtime without time.
    ///
    /// ```
    /// # use actgate::{AuthorizeLayer, Authorizer, Policy, testing::TestIssuer};
    /// use axum::{Router, body::Body};
    ///
    /// # let issuer = TestIssuer::new()?.trusted("https://api.example")?;
    /// let policy = Policy::from_yaml("routes: [{ match: POST /refunds, operation: { json: { /amount: { max: 500 } } } }]")?;
    /// let authorizer = Authorizer::builder().issuer(issuer).policy(policy).reads_bodies().build()?;
    /// let app: Router = Router::new().layer(AuthorizeLayer::new(authorizer).with_bodies(Body::new));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_bodies<F, B>(self, replay: F) -> AuthorizeLayer<R, M, ReplayBodies<F>>
    where
        F: Fn(ReplayBody<B>) -> B,
        B: Body,
    {
        AuthorizeLayer {
            authorizer: self.authorizer,
            requirement: self.requirement,
            decision_extension: self.decision_extension,
            rejection_response: self.rejection_response,
            metadata_response: self.metadata_response,
            bodies: ReplayBodies(replay),
        }
    }

    /// The layer for a request that is not for metadata.
    pub(super) fn without_metadata(&self) -> AuthorizeLayer<R, NoMetadata, P>
    where
        R: Clone,
        P: Clone,
    {
        AuthorizeLayer {
            authorizer: self.authorizer.clone(),
            requirement: self.requirement.clone(),
            decision_extension: self.decision_extension,
            rejection_response: self.rejection_response.clone(),
            metadata_response: NoMetadata,
            bodies: self.bodies.clone(),
        }
    }

    fn with_metadata_handling<T>(self, metadata_response: T) -> AuthorizeLayer<R, T, P> {
        AuthorizeLayer {
            authorizer: self.authorizer,
            requirement: self.requirement,
            decision_extension: self.decision_extension,
            rejection_response: self.rejection_response,
            metadata_response,
            bodies: self.bodies,
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

    /// Authorizes a request; `target` is its own. Returns the identity of an allowed one about which nothing is left to do, and the
    /// authorization of any other as an error. The policy in force is borrowed for the former, which almost every request is.
    pub(super) fn authorize<B>(
        &self,
        target: &Result<Target<'_>, Error>,
        request: &Request<B>,
    ) -> Result<Identity, Authorization> {
        let in_force = self.authorizer.borrow_in_force();
        let (headers, extensions) = (request.headers(), request.extensions());
        let conclusion = match self.authorize_fields(&in_force, target, headers, extensions, None) {
            Authorization::Decided(conclusion) if !self.decision_extension => conclusion,
            authorization => return Err(authorization.by(Arc::clone(&in_force))),
        };
        conclusion
            .into_admitted(&in_force)
            .map_err(|conclusion| Authorization::Decided(conclusion).by(Arc::clone(&in_force)))
    }

    /// Authorizes a request that has waited, by the policy of the decision without waiting.
    pub(super) fn authorize_again<B>(&self, earlier: &Decision, request: &Request<B>) -> Authorization {
        let target = Target::with_escaped_slashes(request.method(), request.uri());
        let (headers, extensions) = (request.headers(), request.extensions());
        let in_force = earlier.in_force();
        self.authorize_fields(&in_force, &target, headers, extensions, None)
            .by(in_force)
    }

    /// Authorizes a request by its body, by the policy of the decision without it.
    pub(super) fn authorize_body(&self, earlier: &Decision, head: &Parts, body: &[u8]) -> Decision {
        let target = Target::with_escaped_slashes(&head.method, &head.uri);
        let in_force = earlier.in_force();
        self.authorize_fields(&in_force, &target, &head.headers, &head.extensions, Some(body))
            .by(in_force)
            .into_decision()
    }

    fn authorize_fields(
        &self,
        in_force: &InForce,
        target: &Result<Target<'_>, Error>,
        headers: &HeaderMap,
        extensions: &Extensions,
        body: Option<&[u8]>,
    ) -> Authorization<Conclusion> {
        let target = match target {
            Ok(target) => target,
            Err(error) => return Authorization::Decided(Conclusion::without_route(error.clone())),
        };
        let certificate = extensions.get::<ClientCertificate>();
        let mut presented = Presented::headers(target, headers).client_certificate(certificate);
        if let Some(body) = body {
            // It has been authorized without its body, and cannot wait again.
            presented = presented.body(body).continued();
        }
        self.authorizer
            .enforce_by(in_force, self.requirement.as_deref(), &presented)
    }

    /// Counts the request of a decision.
    pub(super) fn count(&self, decision: Decision) -> Counting {
        self.authorizer.count(decision)
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
        decision.conclude();
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
            Err(denied) => Err(self.rejection(Protocol::of(request.method(), request.headers()), *denied)),
        }
    }

    fn rejection<C>(&self, protocol: Protocol, denied: Denied) -> Response<C>
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

impl<R, M, P> fmt::Debug for AuthorizeLayer<R, M, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizeLayer")
            .field("authorizer", &self.authorizer)
            .field("requirement", &self.requirement)
            .field("rejection_response", &format_args!("{}", any::type_name::<R>()))
            .field("metadata_response", &format_args!("{}", any::type_name::<M>()))
            .finish_non_exhaustive()
    }
}
