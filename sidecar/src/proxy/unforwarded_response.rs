//! The response to a request that the gate does not allow.

use actgate::challenge::Protocol;
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::request::Parts;
use http::{Response, StatusCode};
use http_body_util::Full;

use super::json_rpc;
use super::refusal::{self, Refusal, RequestBodyState};
use crate::gate::{Decided, Denial, Gate, Unforwarded};

/// The response to a caller of `protocol`. It closes the connection where the body of `state` was not read.
pub(crate) fn response(
    gate: &Gate,
    decided: &Decided,
    request: &Parts,
    unforwarded: &Unforwarded,
    (protocol, state): (Protocol, RequestBodyState),
) -> Response<Full<Bytes>> {
    let id = decided.id;
    match unforwarded {
        Unforwarded::Metadata(metadata) => refusal::metadata(metadata, id, state),
        Unforwarded::Preflight(preflight) => refusal::preflight(preflight, state),
        Unforwarded::Denied(Denial::Head(error)) => {
            let mut response = Refusal::new(error.status, error.code, error.reason).response(protocol, id, state);
            if error.status == StatusCode::SERVICE_UNAVAILABLE {
                response.headers_mut().insert(RETRY_AFTER, 1.into());
            }
            response
        }
        Unforwarded::Denied(Denial::Authorization(error)) => {
            let challenge = decided.challenge(&gate.authorizer, error);
            match challenge.json_rpc_error(&request.headers) {
                Some(error) if protocol == Protocol::Http => json_rpc::response(&challenge, &error, id, state),
                _ => refusal::challenge(&challenge, protocol, id, state),
            }
        }
    }
}
