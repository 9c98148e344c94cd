//! The response to a request that is not forwarded or not answered by the upstream.
//!
//! The body is `application/problem+json` (RFC 9457) with a generic code and the id of the decision. The rule, the
//! actor and the claim that decided are in the decision log under the same id.

use std::time::Duration;

use actgate::challenge::{Challenge, Protocol};
use actgate::resource::Metadata;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, EXPECT, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, Version};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use serde::Serialize;
use uuid::Uuid;

use super::grpc;
use crate::gate::cors::Preflight;
use crate::gate::upgrade::WEBSOCKET_VERSION;

/// The longest body of a denied request that is read so that its connection can serve the next request.
const MAX_DISCARDED_BYTES: usize = 64 * 1024;

/// How long that may take.
const DISCARD_TIME: Duration = Duration::from_secs(1);

/// A status and a code that disclose no more than the RFCs let the caller act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
}

#[derive(Serialize)]
struct ProblemDetails {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    decision: Uuid,
}

impl Refusal {
    /// A refusal without a challenge.
    pub(crate) fn new(status: StatusCode, code: &'static str, title: &'static str) -> Refusal {
        Refusal { status, code, title }
    }

    /// The response to a caller of `protocol`. It closes the connection when the request body was not read.
    pub(crate) fn response(&self, protocol: Protocol, decision: Uuid, body: RequestBodyState) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::default());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UPGRADE_REQUIRED {
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            let version = HeaderValue::from_static(WEBSOCKET_VERSION);
            headers.insert(SEC_WEBSOCKET_VERSION, version);
        }
        match protocol {
            Protocol::Grpc => grpc::write_status(&mut response, self.title),
            _ => self.describe(&mut response, decision),
        }
        body.close(&mut response);
        response
    }

    fn describe(&self, response: &mut Response<Full<Bytes>>, decision: Uuid) {
        let problem = ProblemDetails {
            r#type: "about:blank",
            title: self.title,
            status: self.status.as_u16(),
            code: self.code,
            decision,
        };
        *response.body_mut() = Full::from(serde_json::to_vec(&problem).unwrap_or_default());
        let content_type = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
}

/// The response to a request that is not authorized: a code of RFC 6750, 9470 or 6749, never that of the policy. A gRPC
/// caller gets a status in the headers and no body.
pub(crate) fn challenge(
    challenge: &Challenge,
    protocol: Protocol,
    decision: Uuid,
    body: RequestBodyState,
) -> Response<Full<Bytes>> {
    let mut response = challenge.respond(protocol, Full::default());
    if protocol == Protocol::Http {
        Refusal::new(challenge.status(), challenge.code(), challenge.description()).describe(&mut response, decision);
    }
    body.close(&mut response);
    response
}

/// The response to a request for the metadata of a resource.
pub(crate) fn metadata(metadata: &Metadata, decision: Uuid, body: RequestBodyState) -> Response<Full<Bytes>> {
    let mut response = metadata.response(Full::from);
    match metadata.status() {
        status @ StatusCode::NOT_FOUND => {
            let title = "no resource has metadata at this path";
            Refusal::new(status, "no_metadata", title).describe(&mut response, decision);
        }
        status @ StatusCode::METHOD_NOT_ALLOWED => {
            let title = "metadata is read by GET and HEAD";
            Refusal::new(status, "method_not_allowed", title).describe(&mut response, decision);
        }
        _ => {}
    }
    body.close(&mut response);
    response
}

/// The response to a preflight of CORS.
pub(crate) fn preflight(preflight: &Preflight, body: RequestBodyState) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = Preflight::STATUS;
    preflight.apply(response.headers_mut());
    body.close(&mut response);
    response
}

/// Whether the body of a request has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestBodyState {
    /// Completely, or the next request does not follow it: the connection can serve that.
    Read,
    /// Not to its end: the connection must be closed, or the rest would be read as a request.
    Unread,
}

impl RequestBodyState {
    /// The state of a body that has not been read to its end. From HTTP/2 on each request has a stream of its own.
    pub(crate) fn unread(version: Version) -> RequestBodyState {
        match version {
            Version::HTTP_2 | Version::HTTP_3 => RequestBodyState::Read,
            _ => RequestBodyState::Unread,
        }
    }

    /// Closes the connection with this response, where the rest of the body would be read as a request.
    pub(crate) fn close(self, response: &mut Response<Full<Bytes>>) {
        if self == RequestBodyState::Unread {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
    }
}

/// Reads and discards the body of a denied request, within limits.
pub(crate) async fn discard_body<B>(request: &Parts, mut body: B) -> RequestBodyState
where
    B: Body<Data = Bytes> + Unpin,
{
    if body.is_end_stream() {
        return RequestBodyState::Read;
    }
    // A client that waits for `100 Continue` has not sent the body.
    if request.headers.contains_key(EXPECT) || body.size_hint().lower() > MAX_DISCARDED_BYTES as u64 {
        return RequestBodyState::unread(request.version);
    }
    let read = async {
        let mut left = MAX_DISCARDED_BYTES;
        while let Some(frame) = body.frame().await {
            let length = frame.ok()?.data_ref().map_or(0, Bytes::len);
            left = left.checked_sub(length)?;
        }
        Some(())
    };
    match tokio::time::timeout(DISCARD_TIME, read).await {
        Ok(Some(())) => RequestBodyState::Read,
        _ => RequestBodyState::unread(request.version),
    }
}
