//! The JSON-RPC error for a message of MCP that is denied by its headers, as revision 2026-07-28 defines it.

use std::fmt;

use http::HeaderMap;
use serde::Serialize;

use crate::error::Error;
use crate::request::{MCP_REVISION, requested_revision};

/// `HeaderMismatch` of MCP: a header is missing or malformed, or differs from the message.
const HEADER_MISMATCH: i32 = -32020;

/// `UnsupportedProtocolVersionError` of MCP.
const UNSUPPORTED_PROTOCOL_VERSION: i32 = -32022;

/// The member `error` of the JSON-RPC response to a denied message. The response has no `id`: that of the message is in its body,
/// which is not read.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
pub struct JsonRpcError<'h> {
    code: i32,
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Revisions<'h>>,
}

/// The data of the error for a message of an earlier revision.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Revisions<'h> {
    supported: [&'static str; 1],
    requested: &'h str,
}

impl<'h> JsonRpcError<'h> {
    /// The error of a denial with this code; `headers` are those of the request.
    pub(crate) fn new(code: JsonRpcCode, message: &'static str, headers: &'h HeaderMap) -> JsonRpcError<'h> {
        let revisions = |requested| Revisions {
            supported: [MCP_REVISION],
            requested,
        };
        let (code, data) = match code {
            JsonRpcCode::HeaderMismatch => (HEADER_MISMATCH, None),
            JsonRpcCode::UnsupportedProtocolVersion => {
                let requested = requested_revision(headers);
                (UNSUPPORTED_PROTOCOL_VERSION, requested.map(revisions))
            }
        };
        JsonRpcError { code, message, data }
    }

    /// The code: -32020 for headers that are missing or malformed, -32022 for an earlier revision.
    pub fn code(&self) -> i32 {
        self.code
    }

    /// One of a few constant sentences.
    pub fn message(&self) -> &'static str {
        self.message
    }

    /// The supported revisions and the one of the request, for an earlier revision.
    pub fn data(&self) -> Option<&Revisions<'h>> {
        self.data.as_ref()
    }
}

/// Prints no value of the client: debug output ends up in logs.
impl fmt::Debug for JsonRpcError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonRpcError")
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

/// Prints no value of the client.
impl fmt::Debug for Revisions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revisions")
            .field("supported", &self.supported)
            .finish_non_exhaustive()
    }
}

/// What is not accepted about the headers of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonRpcCode {
    HeaderMismatch,
    UnsupportedProtocolVersion,
}

impl JsonRpcCode {
    /// The code for an error; [`None`] for one that is not about the headers of a message.
    pub(crate) fn of(error: &Error) -> Option<JsonRpcCode> {
        match error {
            Error::McpHeaders { .. } => Some(JsonRpcCode::HeaderMismatch),
            Error::McpRevision => Some(JsonRpcCode::UnsupportedProtocolVersion),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_earlier_revision_is_answered_with_the_accepted_one() {
        let headers = |version| HeaderMap::from_iter([("mcp-protocol-version".parse().unwrap(), version)]);
        let earlier = headers(HeaderValue::from_static("2025-11-25"));
        let error = JsonRpcError::new(JsonRpcCode::UnsupportedProtocolVersion, "m", &earlier);
        let data = json!({ "supported": ["2026-07-28"], "requested": "2025-11-25" });
        assert_eq!(json!(error), json!({ "code": -32022, "message": "m", "data": data }));
        assert!(!format!("{error:?} {:?}", error.data()).contains("2025-11-25"));
        for other in ["2025 11", "<b>", ""] {
            let headers = headers(HeaderValue::from_static(other));
            let error = JsonRpcError::new(JsonRpcCode::UnsupportedProtocolVersion, "m", &headers);
            assert_eq!(error.data(), None, "{other:?}");
        }
        let error = JsonRpcError::new(JsonRpcCode::HeaderMismatch, "m", &earlier);
        assert_eq!(json!(error), json!({ "code": -32020, "message": "m" }));
    }
}
