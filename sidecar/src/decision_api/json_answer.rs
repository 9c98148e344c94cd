//! Answers in JSON.

use actgate::challenge::Protocol;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;

use crate::proxy::refusal::{Refusal, RequestBodyState};
use crate::unique_id::unique_id;

/// An answer with this body, which is not kept by caches.
pub(super) fn json_response(status: StatusCode, body: &impl Serialize) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(serde_json::to_vec(body).unwrap_or_default()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An answer without a decision.
pub(super) fn problem(status: StatusCode, code: &'static str, title: &'static str) -> Response<Full<Bytes>> {
    Refusal::new(status, code, title).response(Protocol::Http, unique_id(), RequestBodyState::Read)
}
