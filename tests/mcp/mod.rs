//! Messages of the Model Context Protocol: the headers that mirror them, their origin, and the routes that they reach.

mod earlier;
mod explain;
mod headers;
mod origin;
mod property;
mod step_up;
mod uris;

use serde_json::json;

use crate::deployment::Deployment;
use crate::wire::{bearer, request};

/// Scopes show which route a message reaches.
const TOOLS: &str = r#"
mcp:
  origins: [https://chat.example.com, "http://localhost:3000"]
routes:
  - match: POST /mcp
    mcp: [server/discover, tools/list]
    scopes: [list]
  - match: POST /mcp
    mcp: { method: tools/call, name: [get_*, list_orders] }
    scopes: [read]
  - match: POST /mcp
    mcp: { method: tools/call, name: get_secret }
    scopes: [read, secret]
  - match: POST /mcp
    mcp: { method: resources/read, name: "file:///public/*" }
    scopes: [read]
  - match: POST /mcp
    scopes: [other]
  - match: POST /plain
    scopes: [read]
"#;

/// The headers of one message.
type Fields<'f> = &'f [(&'f str, &'f str)];

fn deployment() -> Deployment {
    Deployment::with_policy(TOOLS)
}

/// The `Authorization` line of a token with these scopes.
fn token(deployment: &Deployment, scope: &str) -> String {
    bearer(&deployment.issuer.token(json!({ "scope": scope })))
}

/// A POST to the endpoint.
fn post(authorization: &str, fields: Fields<'_>) -> Vec<u8> {
    let lines: Vec<String> = fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let lines: Vec<&str> = lines.iter().map(|line| &**line).chain([authorization]).collect();
    request("POST", "/mcp", &lines)
}
