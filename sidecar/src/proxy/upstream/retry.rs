//! What is left of a request that gets no answer.

use http::request::Parts;
use http::{Method, Request};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Empty};

use super::connection::Connection;
use crate::gate::form::Content;
use crate::proxy::request_body::{ClientBody, RequestBody};

/// A copy of a request without a body.
#[derive(Debug)]
pub(super) struct Spare {
    head: Request<()>,
    end: UnansweredEnd,
}

/// What the end of a connection without a byte of the response says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnansweredEnd {
    /// It may not concern the request: the connection was used before, or there is another address.
    SendAgain,
    /// The server does not answer the request.
    Final,
}

impl Spare {
    /// The copy of a request that may have to be sent twice on this connection; None where that is not permitted.
    pub(super) fn of(request: &Request<RequestBody>, connection: &Connection, end: UnansweredEnd) -> Option<Spare> {
        let may_be_unanswered = end == UnansweredEnd::SendAgain && is_idempotent(request.method());
        if !(may_be_unanswered || connection.can_refuse()) || !request.body().is_end_stream() {
            return None;
        }
        let mut head = Request::new(());
        *head.method_mut() = request.method().clone();
        *head.uri_mut() = request.uri().clone();
        *head.version_mut() = request.version();
        *head.headers_mut() = request.headers().clone();
        if !request.extensions().is_empty() {
            *head.extensions_mut() = request.extensions().clone();
        }
        Some(Spare { head, end })
    }

    /// The request once more, where the connection ended without an answer: the server may have processed it, so its
    /// method is idempotent (RFC 9110 section 9.2.2).
    pub(super) fn unanswered(self) -> Option<Request<RequestBody>> {
        (self.end == UnansweredEnd::SendAgain && is_idempotent(self.head.method())).then(|| self.unprocessed())
    }

    /// The request once more, where the server announced the end of the connection: it may have processed the request, so
    /// its method is idempotent.
    pub(super) fn announced(self) -> Option<Request<RequestBody>> {
        is_idempotent(self.head.method()).then(|| self.unprocessed())
    }

    /// The request once more, where the server processed nothing of it.
    pub(super) fn unprocessed(self) -> Request<RequestBody> {
        let (parts, ()): (Parts, ()) = self.head.into_parts();
        let empty = ClientBody::new(Empty::new().map_err(|never| match never {}));
        Request::from_parts(parts, RequestBody::new(Content::opaque(empty), None))
    }
}

fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::PUT | Method::DELETE | Method::OPTIONS
    )
}
