//! [`AuthorizeLayer`] and the service it makes: a thin shell around [`Authorizer`].

use std::mem;
use std::task::{Context, Poll};

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::future::{Held, ResponseFuture};
use super::refusal_body::{Empty, RefusalBody, Shaped};
use crate::authorizer::{Authorizer, Decision, Gate, Judged};
use crate::challenge::Protocol;
use crate::error::Error;
use crate::target::Target;

/// Judges every request of the services it wraps.
///
/// A refusal is a response: 400, 401 or 403 with the challenge of RFC 6750, 503 with `Retry-After` while keys are out of
/// reach, and for gRPC callers status 16, 7 or 14 without a body.
#[derive(Clone, Debug)]
pub struct AuthorizeLayer<R = Empty> {
    pub(super) authorizer: Authorizer,
    pub(super) gate: Gate,
    pub(super) refusal_body: R,
}

impl AuthorizeLayer {
    /// Judges by the routes of the authorizer's policy.
    pub fn new(authorizer: Authorizer) -> Self {
        AuthorizeLayer {
            authorizer,
            gate: Gate::Routes,
            refusal_body: Empty,
        }
    }
}

impl<R> AuthorizeLayer<R> {
    /// Writes the bodies of refusals with `shape`, which returns a content type and a body. gRPC callers get none.
    pub fn with_refusal_body<F>(self, shape: F) -> AuthorizeLayer<Shaped<F>> {
        AuthorizeLayer {
            authorizer: self.authorizer,
            gate: self.gate,
            refusal_body: Shaped(shape),
        }
    }
}

impl<S, R: Clone> Layer<S> for AuthorizeLayer<R> {
    type Service = Authorize<S, R>;

    fn layer(&self, inner: S) -> Authorize<S, R> {
        Authorize {
            inner,
            shell: self.clone(),
        }
    }
}

/// The service that an [`AuthorizeLayer`] makes.
#[derive(Clone, Debug)]
pub struct Authorize<S, R = Empty> {
    inner: S,
    shell: AuthorizeLayer<R>,
}

impl<S, R, B, C> Service<Request<B>> for Authorize<S, R>
where
    S: Service<Request<B>, Response = Response<C>> + Clone,
    R: RefusalBody<C> + Clone,
    C: Default,
{
    type Response = Response<C>;
    type Error = S::Error;
    type Future = ResponseFuture<S, R, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> ResponseFuture<S, R, B> {
        let Judged { decision, missed } = self.shell.judge(&request);
        if let Some(keys) = missed {
            // Only a token with an unknown key comes here. The service that is ready goes along; its clone stays.
            let ready = self.inner.clone();
            let inner = mem::replace(&mut self.inner, ready);
            let held = Held {
                service: Authorize {
                    inner,
                    shell: self.shell.clone(),
                },
                request,
            };
            return ResponseFuture::refetching(keys, held, decision);
        }
        match admit(&mut request, decision) {
            Ok(()) => ResponseFuture::inner(self.inner.call(request)),
            Err(error) => ResponseFuture::refused(self.shell.refuse(request.headers(), error)),
        }
    }
}

impl<S, R> Authorize<S, R> {
    /// Judges once more, after the keys were fetched or were not to be fetched.
    pub(super) fn resume<B, C>(mut self, mut request: Request<B>, decision: Decision) -> Result<S::Future, Response<C>>
    where
        S: Service<Request<B>, Response = Response<C>>,
        R: RefusalBody<C>,
        C: Default,
    {
        match admit(&mut request, decision) {
            Ok(()) => Ok(self.inner.call(request)),
            Err(error) => Err(self.shell.refuse(request.headers(), error)),
        }
    }

    pub(super) fn decide_again<B>(&self, request: &Request<B>) -> Decision {
        self.shell.judge(request).decision
    }
}

impl<R> AuthorizeLayer<R> {
    fn judge<B>(&self, request: &Request<B>) -> Judged {
        match Target::new(request.method(), request.uri()) {
            Ok(target) => self.authorizer.judge(&self.gate, &target, request.headers()),
            Err(error) => Judged {
                decision: Decision::ambiguous(error),
                missed: None,
            },
        }
    }

    fn refuse<C: Default>(&self, headers: &HeaderMap, error: Error) -> Response<C>
    where
        R: RefusalBody<C>,
    {
        let protocol = Protocol::of(headers);
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

/// Attaches the identity, or says why not.
fn admit<B>(request: &mut Request<B>, decision: Decision) -> Result<(), Error> {
    let identity = decision.into_identity()?;
    if let Some(identity) = identity {
        request.extensions_mut().insert(identity);
    }
    Ok(())
}
