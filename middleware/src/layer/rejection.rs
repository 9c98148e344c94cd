//! The response to a denied request, and who makes it.

use http::Response;

use crate::challenge::{Challenge, Protocol};
use crate::error::Error;

/// A denied request: what its response is made from.
#[derive(Clone, Debug)]
#[must_use]
pub struct Rejection<'e> {
    error: &'e Error,
    challenge: Challenge,
    protocol: Protocol,
}

impl<'e> Rejection<'e> {
    pub(super) fn new(error: &'e Error, challenge: Challenge, protocol: Protocol) -> Self {
        Rejection {
            error,
            challenge,
            protocol,
        }
    }

    /// Why the request is denied. It is for the operator: what a response contains of it reaches the caller.
    pub fn error(&self) -> &'e Error {
        self.error
    }

    /// What the caller may know: the status, a code and a sentence.
    pub fn challenge(&self) -> &Challenge {
        &self.challenge
    }

    /// The protocol of the caller. A gRPC caller reads the status from the headers: its body must be empty.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The response with the status and the headers of the challenge, and with `body`.
    pub fn response<B>(&self, body: B) -> Response<B> {
        self.challenge.respond(self.protocol, body)
    }
}

/// Makes the whole response to a denied request. Functions `Fn(Rejection<'_>) -> Response<B>` implement it.
///
/// The inner service is not called, whatever the response is. The layer adds the [`Error`] to its extensions.
///
/// ```
/// use actgate::challenge::Protocol;
/// use actgate::layer::Rejection;
/// use http::{HeaderValue, Response, header::CONTENT_TYPE};
///
/// /// Any body type will do: it needs no `Default`.
/// fn problem(rejection: Rejection<'_>) -> Response<String> {
///     if rejection.protocol() == Protocol::Grpc {
///         return rejection.response(String::new());
///     }
///     let mut response = rejection.response(format!(r#"{{"code":"{}"}}"#, rejection.challenge().code()));
///     let problem = HeaderValue::from_static("application/problem+json");
///     response.headers_mut().insert(CONTENT_TYPE, problem);
///     response
/// }
/// # use actgate::{AuthorizeLayer, Authorizer};
/// # fn with(authorizer: Authorizer) -> impl Sized {
/// AuthorizeLayer::new(authorizer).with_rejection_response(problem)
/// # }
/// ```
pub trait ResponseForRejection<B> {
    /// The response.
    fn response_for_rejection(&self, rejection: Rejection<'_>) -> Response<B>;
}

/// No body: status and challenge contain all that a caller can act on.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyBody;

impl<B: Default> ResponseForRejection<B> for EmptyBody {
    fn response_for_rejection(&self, rejection: Rejection<'_>) -> Response<B> {
        rejection.response(B::default())
    }
}

impl<B, F: Fn(Rejection<'_>) -> Response<B>> ResponseForRejection<B> for F {
    fn response_for_rejection(&self, rejection: Rejection<'_>) -> Response<B> {
        self(rejection)
    }
}
