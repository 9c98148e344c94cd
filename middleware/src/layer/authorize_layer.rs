//! [`AuthorizeLayer`]: how requests are judged and refused, whatever service stands behind.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};
use tower_service::Service;

use super::refusal_body::{Empty, RefusalBody, Shaped};
use crate::authorizer::{Authorizer, Decision, Gate, Judged};
use crate::challenge::Protocol;
use crate::error::Error;
use crate::request::Target;

/// Judges every request of the services it wraps.
///
/// It wraps any `Service<http::Request<_>, Response = http::Response<_>>` that is `Clone` (a request with an unknown key
/// takes the ready service along while it waits) and whose response body is `Default` (the body of a refusal is empty).
///
/// A refusal is a response: 400, 401 or 403 with the challenge of RFC 6750, 503 with `Retry-After` while keys are out of
/// reach, and for gRPC callers status 3, 7, 14 or 16 without a body.
#[derive(Clone, Debug)]
pub struct AuthorizeLayer<R = Empty> {
    authorizer: Authorizer,
    gate: Gate,
    refusal_body: R,
}

impl AuthorizeLayer {
    /// Judges by the routes of the authorizer's policy.
    pub fn new(authorizer: Authorizer) -> Self {
        AuthorizeLayer::by(authorizer, Gate::Routes)
    }

    pub(super) fn by(authorizer: Authorizer, gate: Gate) -> Self {
        AuthorizeLayer {
            authorizer,
            gate,
            refusal_body: Empty,
        }
    }
}

impl<R> AuthorizeLayer<R> {
    /// Writes the bodies of refusals with `shape`, which returns a content type and a body. gRPC callers get none.
    pub fn with_refusal_body<F, B>(self, shape: F) -> AuthorizeLayer<Shaped<F>>
    where
        F: Fn(&Error) -> (HeaderValue, B),
    {
        AuthorizeLayer {
            authorizer: self.authorizer,
            gate: self.gate,
            refusal_body: Shaped(shape),
        }
    }

    pub(super) fn judge<B>(&self, request: &Request<B>) -> Judged {
        match Target::new(request.method(), request.uri()) {
            Ok(target) => self.authorizer.judge(&self.gate, &target, request.headers()),
            Err(error) => Judged {
                decision: Decision::ambiguous(error),
                missed: None,
            },
        }
    }

    /// Calls `inner`, which must be ready, with the identity attached; or says what to answer instead.
    pub(super) fn enforce<S, B, C>(
        &self,
        inner: &mut S,
        mut request: Request<B>,
        decision: Decision,
    ) -> Result<S::Future, Response<C>>
    where
        S: Service<Request<B>, Response = Response<C>>,
        R: RefusalBody<C>,
        C: Default,
    {
        match decision.into_identity() {
            Ok(identity) => {
                if let Some(identity) = identity {
                    request.extensions_mut().insert(identity);
                }
                Ok(inner.call(request))
            }
            Err(error) => Err(self.refuse(Protocol::of(request.method(), request.headers()), error)),
        }
    }

    fn refuse<C: Default>(&self, protocol: Protocol, error: Error) -> Response<C>
    where
        R: RefusalBody<C>,
    {
        let mut response: Response<C> = self.authorizer.challenge(&error).respond(protocol);
        if protocol == Protocol::Http {
            let (content_type, body): (Option<HeaderValue>, C) = self.refusal_body.body(&error);
            if let Some(content_type) = content_type {
                response.headers_mut().insert(CONTENT_TYPE, content_type);
            }
            *response.body_mut() = body;
        }
        response.extensions_mut().insert(error);
        response
    }
}
