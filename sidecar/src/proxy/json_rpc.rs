//! The response to a message of MCP whose headers are not accepted: a JSON-RPC error. A client recognises a server of revision
//! 2026-07-28 by it.

use actgate::challenge::{Challenge, JsonRpcError, Protocol, Revisions};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use http_body_util::Full;
use serde::Serialize;
use uuid::Uuid;

use super::refusal::RequestBodyState;

#[derive(Serialize)]
struct Body<'r> {
    jsonrpc: &'static str,
    error: Error<'r>,
}

#[derive(Serialize)]
struct Error<'r> {
    code: i32,
    message: &'static str,
    data: Data<'r>,
}

#[derive(Serialize)]
struct Data<'r> {
    #[serde(flatten)]
    revisions: Option<&'r Revisions<'r>>,
    decision: Uuid,
}

/// The response with `error`, whose data names the decision. It closes the connection when the request body was not read.
pub(crate) fn response(
    challenge: &Challenge,
    error: &JsonRpcError<'_>,
    decision: Uuid,
    body: RequestBodyState,
) -> Response<Full<Bytes>> {
    let error = Body {
        jsonrpc: "2.0",
        error: Error {
            code: error.code(),
            message: error.message(),
            data: Data {
                revisions: error.data(),
                decision,
            },
        },
    };
    let text = serde_json::to_vec(&error).unwrap_or_default();
    let mut response = challenge.respond(Protocol::Http, Full::from(text));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    body.close(&mut response);
    response
}
