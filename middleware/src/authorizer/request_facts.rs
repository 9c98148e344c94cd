//! What the rules on a request read of it.

use http::HeaderMap;

use crate::policy::{RequestFacts, Requirement};
use crate::request::{JsonBody, McpCall, Mirrored, Presented};

/// The facts of a request. Its body is parsed only where a rule reads it.
pub(super) fn request_facts<'r>(requirement: &Requirement, presented: &Presented<'r>) -> RequestFacts<'r> {
    let query = presented.target().query();
    match requirement.body_limit() {
        None => RequestFacts {
            query,
            body: JsonBody::OtherType,
            mcp: None,
        },
        Some(limit) => RequestFacts {
            query,
            body: JsonBody::read(presented.fields(), presented.content(), limit),
            mcp: presented.fields().and_then(message),
        },
    }
}

/// The message of MCP that the headers name.
fn message(headers: &HeaderMap) -> Option<McpCall<'_>> {
    match Mirrored::read(headers) {
        Ok(Mirrored::Call(call)) => Some(call),
        Ok(Mirrored::Nothing(_)) | Err(_) => None,
    }
}
