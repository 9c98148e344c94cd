//! A client that lacks a scope for a tool learns every scope of the route of the tool, and comes back with them.

use super::{deployment, post, token};
use crate::wire;
use crate::wire::challenge::Challenge;

#[test]
fn a_tool_names_every_scope_of_its_route_at_once() {
    let deployment = deployment();
    let secret = [
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", "get_secret"),
    ];
    let order = [secret[0], secret[1], ("Mcp-Name", "get_order")];
    let answer = |scope: &str, fields: &[(&str, &str)]| {
        wire::answer(deployment.gate.address, &post(&token(&deployment, scope), fields))
    };
    for (fields, held, scopes) in [
        (&secret, "read", "read secret"),
        (&secret, "secret", "read secret"),
        (&secret, "list", "read secret"),
        (&order, "list", "read"),
    ] {
        let denied = answer(held, fields);
        assert_eq!(denied.status, 403, "{held}");
        let challenge = Challenge::parse(&denied.head.values("www-authenticate")[0]).unwrap();
        assert_eq!(challenge.parameter("error"), Some("insufficient_scope"), "{held}");
        assert_eq!(challenge.parameter("scope"), Some(scopes), "{held}");
        assert_eq!(answer(scopes, fields).status, 200, "{held}");
    }
}

#[test]
fn a_tool_names_its_scopes_to_a_client_without_a_token() {
    let deployment = deployment();
    for (name, scope) in [
        ("get_secret", "read secret"),
        ("list_orders", "read"),
        ("delete_order", "other"),
    ] {
        let fields = [
            ("MCP-Protocol-Version", "2026-07-28"),
            ("Mcp-Method", "tools/call"),
            ("Mcp-Name", name),
        ];
        let denied = wire::answer(deployment.gate.address, &post("X-Y: z", &fields));
        assert_eq!(denied.status, 401, "{name}");
        let challenge = Challenge::parse(&denied.head.values("www-authenticate")[0]).unwrap();
        assert_eq!(challenge.parameter("scope"), Some(scope), "{name}");
    }
}
