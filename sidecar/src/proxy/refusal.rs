//! What a refused caller is sent.
//!
//! The body is `application/problem+json` (RFC 9457) with a generic code and the id of the decision: the rule, the actor and the claim that
//! decided are in the decision log, for the operator, under the same id.

use std::time::Duration;

use actgate::Error;
use actgate::challenge::{Challenge, Protocol};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde::Serialize;

/// How much of a refused request's body is read so that its connection can serve the next request. Beyond it the connection is closed.
const DRAINED_BYTES: usize = 64 * 1024;

/// How long that may take.
const DRAINED_WITHIN: Duration = Duration::from_secs(1);

/// What the caller is told: a status and a code that say no more than the RFCs let it act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
}

#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    decision: &'a str,
}

impl Refusal {
    /// A refusal that needs no challenge.
    pub fn new(status: StatusCode, code: &'static str, title: &'static str) -> Refusal {
        Refusal { status, code, title }
    }

    /// The response. For HEAD hyper sends its head alone. It closes the connection when the request's body was left unread.
    pub fn response(&self, decision: &str, rest: Rest) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::default());
        *response.status_mut() = self.status;
        response
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        self.describe(&mut response, decision);
        rest.close(&mut response);
        response
    }

    fn describe(&self, response: &mut Response<Full<Bytes>>, decision: &str) {
        let problem = Problem {
            r#type: "about:blank",
            title: self.title,
            status: self.status.as_u16(),
            code: self.code,
            decision,
        };
        *response.body_mut() = Full::from(serde_json::to_vec(&problem).unwrap_or_default());
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    }
}

/// The answer to a request that the authorizer refused: an RFC 6750, 9470 or 6749 code, never the policy's own. A gRPC caller gets a status
/// in the headers and no body.
pub fn judged(
    error: &Error,
    challenge: &Challenge,
    protocol: Protocol,
    decision: &str,
    rest: Rest,
) -> Response<Full<Bytes>> {
    let code = match (error, error.status()) {
        (Error::MissingToken, _) => "missing_token",
        (Error::InsufficientScope { .. }, _) => "insufficient_scope",
        (Error::InsufficientUserAuthentication { .. }, _) => "insufficient_user_authentication",
        (_, 400) => "invalid_request",
        (_, 401) => "invalid_token",
        (_, 503) => "temporarily_unavailable",
        _ => "access_denied",
    };
    let mut response = challenge.respond(protocol);
    if protocol == Protocol::Http {
        Refusal::new(challenge.status(), code, challenge.description()).describe(&mut response, decision);
    }
    rest.close(&mut response);
    response
}

/// What became of the body of a refused request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Read to its end: the connection can serve the next request.
    Drained,
    /// Left where it was: the connection must not be used again, or the body would be read as a request.
    Unread,
}

impl Rest {
    fn close(self, response: &mut Response<Full<Bytes>>) {
        if self == Rest::Unread {
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

/// Reads the rest of a refused request, within bounds.
pub async fn drain(headers: &HeaderMap, mut body: Incoming) -> Rest {
    if body.is_end_stream() {
        return Rest::Drained;
    }
    // Whoever waits for `100 Continue` has not sent the body and need not.
    if headers.contains_key(http::header::EXPECT) || body.size_hint().lower() > DRAINED_BYTES as u64 {
        return Rest::Unread;
    }
    let read = async {
        let mut left = DRAINED_BYTES;
        while let Some(frame) = body.frame().await {
            let length = frame.ok()?.data_ref().map_or(0, Bytes::len);
            left = left.checked_sub(length)?;
        }
        Some(())
    };
    match tokio::time::timeout(DRAINED_WITHIN, read).await {
        Ok(Some(())) => Rest::Drained,
        _ => Rest::Unread,
    }
}
