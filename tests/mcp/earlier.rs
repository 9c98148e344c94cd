//! Clients of earlier revisions, whose headers prove nothing: only a route that covers every message is for them.

use serde_json::json;

use super::post;
use crate::deployment::Deployment;
use crate::wire::{self, bearer};

const STRICT: &str = r#"
routes:
  - match: POST /mcp
    mcp: { method: tools/call, name: get_* }
    scopes: [read]
  - match: POST /mcp
    mcp: tools/call
    scopes: [write]
  - match: "GET,POST,DELETE /mcp"
    scopes: [read, write, admin]
"#;

/// The status for a token with these scopes.
fn status(deployment: &Deployment, scope: &str, fields: &[(&str, &str)]) -> u16 {
    let token = bearer(&deployment.issuer.token(json!({ "scope": scope })));
    wire::answer(deployment.gate.address, &post(&token, fields)).status
}

const EARLIER: [&[(&str, &str)]; 4] = [
    &[],
    &[("MCP-Protocol-Version", "2025-11-25"), ("Mcp-Session-Id", "1")],
    &[
        ("MCP-Protocol-Version", "2025-06-18"),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", "get_order"),
    ],
    &[("Mcp-Method", "tools/call"), ("Mcp-Name", "get_order")],
];

#[test]
fn a_route_that_requires_what_all_others_do_is_for_every_revision() {
    let deployment = Deployment::with_policy(STRICT);
    for fields in EARLIER {
        assert_eq!(status(&deployment, "read write admin", fields), 200, "{fields:?}");
        for scope in ["read", "read write", "admin"] {
            assert_eq!(status(&deployment, scope, fields), 403, "{scope} {fields:?}");
        }
    }
    let modern = [
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", "get_order"),
    ];
    assert_eq!(status(&deployment, "read", &modern), 200);
    for doubled in [
        &[
            ("MCP-Protocol-Version", "2025-11-25"),
            ("MCP-Protocol-Version", "2026-07-28"),
        ][..],
        &[("Mcp_Protocol_Version", "2026-07-28")],
        &[("MCP-Protocol-Version", "soon")],
        &[("MCP-Protocol-Version", "2026-07-28")],
    ] {
        assert_eq!(status(&deployment, "read write admin", doubled), 400, "{doubled:?}");
    }
}

#[test]
fn a_route_that_requires_less_is_for_this_revision_only() {
    for weaker in ["[read, write]", "[write, admin]"] {
        let deployment = Deployment::with_policy(
            &STRICT
                .replace("[write]", "[write, pay]")
                .replace("[read, write, admin]", weaker),
        );
        for fields in EARLIER {
            assert_eq!(
                status(&deployment, "read write admin pay", fields),
                400,
                "{weaker} {fields:?}"
            );
        }
        assert_eq!(deployment.upstream.count(), 0);
    }
}
