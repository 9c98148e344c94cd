//! What is left of a request that gets no answer.

use http::{Extensions, HeaderName, HeaderValue, Method, Request, Uri, Version};
use http_body::Body as _;

use super::connection::Connection;
use crate::proxy::request_body::RequestBody;

/// A copy of a request without a body.
#[derive(Debug)]
pub(super) struct Spare {
    method: Method,
    uri: Uri,
    version: Version,
    /// In their order: a map would be built for each request, and few are sent again.
    headers: Vec<(HeaderName, HeaderValue)>,
    extensions: Extensions,
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
        let headers = request.headers().iter();
        Some(Spare {
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            headers: headers.map(|(name, value)| (name.clone(), value.clone())).collect(),
            extensions: request.extensions().clone(),
            end,
        })
    }

    /// The request once more, where the connection ended without an answer: the server may have processed it, so its
    /// method is idempotent (RFC 9110 section 9.2.2).
    pub(super) fn unanswered(self) -> Option<Request<RequestBody>> {
        (self.end == UnansweredEnd::SendAgain && is_idempotent(&self.method)).then(|| self.unprocessed())
    }

    /// The request once more, where the server announced the end of the connection: it may have processed the request, so
    /// its method is idempotent.
    pub(super) fn announced(self) -> Option<Request<RequestBody>> {
        is_idempotent(&self.method).then(|| self.unprocessed())
    }

    /// The request once more, where the server processed nothing of it.
    pub(super) fn unprocessed(self) -> Request<RequestBody> {
        let mut request = Request::new(RequestBody::empty());
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.version_mut() = self.version;
        for (name, value) in self.headers {
            request.headers_mut().append(name, value);
        }
        *request.extensions_mut() = self.extensions;
        request
    }
}

fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::PUT | Method::DELETE | Method::OPTIONS
    )
}
