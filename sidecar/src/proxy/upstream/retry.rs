//! Whether a request that gets no answer is sent again.

use http::{Method, Request};
use http_body::Body as _;

use super::connection::Connection;
use crate::proxy::request_body::RequestBody;

/// A request without a body that may have to be sent twice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repeatable {
    is_idempotent: bool,
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

impl Repeatable {
    /// Whether a request may have to be sent twice on this connection; None where that is not permitted.
    pub(super) fn of(
        request: &Request<RequestBody>,
        connection: &Connection,
        end: UnansweredEnd,
    ) -> Option<Repeatable> {
        let is_idempotent = is_idempotent(request.method());
        let may_be_unanswered = end == UnansweredEnd::SendAgain && is_idempotent;
        let is_repeatable = (may_be_unanswered || connection.can_refuse()) && request.body().is_end_stream();
        is_repeatable.then_some(Repeatable { is_idempotent, end })
    }

    /// Whether it is sent once more where the connection ended without an answer: the server may have processed it, so its
    /// method is idempotent (RFC 9110 section 9.2.2).
    pub(super) fn permits_after_silence(self) -> bool {
        self.end == UnansweredEnd::SendAgain && self.is_idempotent
    }

    /// Whether it is sent once more where the server announced the end of the connection: it may have processed the request, so
    /// its method is idempotent.
    pub(super) fn permits_after_announcement(self) -> bool {
        self.is_idempotent
    }
}

fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::PUT | Method::DELETE | Method::OPTIONS
    )
}
