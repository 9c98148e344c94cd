//! The response to a message of MCP whose headers are not accepted: the JSON-RPC error that revision 2026-07-28 defines.
//!
//! It has no `id`: that of the message is in its body, which is not read. A client recognises a server of the revision by it.

use actgate::challenge::{Challenge, Protocol};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use http_body_util::Full;
use serde::Serialize;
use uuid::Uuid;

use super::refusal::RequestBodyState;

/// The revision from which on the headers of a message are compared with it.
const REVISION: &str = "2026-07-28";

/// `UnsupportedProtocolVersionError`: its data names the revisions.
const UNSUPPORTED_PROTOCOL_VERSION: i32 = -32022;

/// What a denial is to a client of MCP.
#[derive(Debug)]
pub(crate) struct JsonRpcError<'r> {
    code: i32,
    versions: Option<Versions<'r>>,
}

#[derive(Debug, Serialize)]
struct Versions<'r> {
    supported: [&'static str; 1],
    requested: &'r str,
}

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
    versions: Option<&'r Versions<'r>>,
    decision: Uuid,
}

impl<'r> JsonRpcError<'r> {
    /// The error of a denial; [`None`] for one that is not about a message. `version` is the revision of the request.
    pub(crate) fn new(challenge: &Challenge, version: Option<&'r HeaderValue>) -> Option<JsonRpcError<'r>> {
        let code = challenge.json_rpc_code()?;
        // Letters, digits, `-`, `.` and `_` at most.
        let requested = version.and_then(|version| version.to_str().ok());
        let versions = requested.filter(|_| code == UNSUPPORTED_PROTOCOL_VERSION);
        let versions = versions.map(|requested| Versions {
            supported: [REVISION],
            requested,
        });
        Some(JsonRpcError { code, versions })
    }

    /// The response. It closes the connection when the request body was not read.
    pub(crate) fn response(
        &self,
        challenge: &Challenge,
        decision: Uuid,
        body: RequestBodyState,
    ) -> Response<Full<Bytes>> {
        let error = Body {
            jsonrpc: "2.0",
            error: Error {
                code: self.code,
                message: challenge.description(),
                data: Data {
                    versions: self.versions.as_ref(),
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
}
