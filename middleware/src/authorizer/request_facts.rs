//! What the rules on a request read of it.

use http::HeaderMap;

use crate::policy::{RequestFacts, Requirement};
use crate::request::{HeaderTexts, JsonBody, McpCall, Mirrored, Presented};

/// The facts of a request. Its body is parsed only where a rule reads it.
pub(crate) fn request_facts<'r>(requirement: &Requirement, presented: &Presented<'r>) -> RequestFacts<'r> {
    let target = presented.target();
    let head = RequestFacts {
        method: target.method().as_str(),
        path: target.path(),
        headers: HeaderTexts::new(presented.fields()),
        query: target.query(),
        body: JsonBody::OtherType,
        mcp: None,
    };
    match requirement.body_limit() {
        None => head,
        Some(limit) => RequestFacts {
            body: match presented.whole_bytes() {
                None => JsonBody::read(presented.fields(), presented.content(), limit),
                Some(bytes) => JsonBody::read(presented.fields(), presented.content(), u64::MAX).of_bytes(bytes, limit),
            },
            mcp: presented.fields().and_then(message),
            ..head
        },
    }
}

/// The message of MCP that the headers name.
pub(super) fn message(headers: &HeaderMap) -> Option<McpCall<'_>> {
    match Mirrored::read(headers) {
        Ok(Mirrored::Call(call)) => Some(call),
        Ok(Mirrored::Nothing(_)) | Err(_) => None,
    }
}
