//! What is left of a request when its connection ends without an answer.

use http::request::Parts;
use http::{Method, Request};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Empty};

use crate::gate::form::Content;
use crate::proxy::request_body::{ClientBody, RequestBody};

/// A copy of a request that may be sent twice: its method is idempotent (RFC 9110 section 9.2.2), and it has no body.
#[derive(Debug)]
pub(super) struct Spare(Request<()>);

impl Spare {
    /// None for a request that may not be sent twice.
    pub(super) fn of(request: &Request<RequestBody>) -> Option<Spare> {
        let is_idempotent = matches!(
            *request.method(),
            Method::GET | Method::HEAD | Method::PUT | Method::DELETE | Method::OPTIONS
        );
        if !is_idempotent || !request.body().is_end_stream() {
            return None;
        }
        let mut spare = Request::new(());
        *spare.method_mut() = request.method().clone();
        *spare.uri_mut() = request.uri().clone();
        *spare.version_mut() = request.version();
        *spare.headers_mut() = request.headers().clone();
        if !request.extensions().is_empty() {
            *spare.extensions_mut() = request.extensions().clone();
        }
        Some(Spare(spare))
    }

    /// The request once more.
    pub(super) fn request(self) -> Request<RequestBody> {
        let (parts, ()): (Parts, ()) = self.0.into_parts();
        let empty = ClientBody::new(Empty::new().map_err(|never| match never {}));
        Request::from_parts(parts, RequestBody::new(Content::opaque(empty), None))
    }
}
