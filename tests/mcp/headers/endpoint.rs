//! The endpoint: its other methods and spellings, and headers that a connection would drop.

use super::{CALL, ORDER, V};
use crate::mcp::{deployment, post, token};
use crate::wire;

#[test]
fn a_header_of_a_message_cannot_be_dropped_on_the_way() {
    let deployment = deployment();
    let all = token(&deployment, "list read secret other");
    for nominated in [
        "MCP-Protocol-Version",
        "mcp-method",
        "Mcp_Name",
        "close, Mcp-Param-Region",
        "Origin",
    ] {
        let fields = [V, CALL, ORDER, ("Connection", nominated)];
        let answer = wire::answer(deployment.gate.address, &post(&all, &fields));
        assert_eq!(answer.status, 400, "{nominated}");
    }
    assert_eq!(deployment.upstream.count(), 0);
}

#[test]
fn other_methods_and_spellings_of_the_endpoint_have_no_route() {
    let deployment = deployment();
    let all = token(&deployment, "list read secret other");
    for (method, path, status) in [
        ("GET", "/mcp", 403),
        ("DELETE", "/mcp", 403),
        ("PUT", "/mcp", 403),
        ("POST", "/mcp/", 403),
        ("POST", "/MCP", 403),
        ("POST", "/%6dcp", 400),
        ("POST", "/plain", 200),
        ("POST", "/mcp?_method=DELETE", 400),
    ] {
        let request = wire::request(
            method,
            path,
            &["MCP-Protocol-Version: 2026-07-28", "Mcp-Method: tools/list", &all],
        );
        assert_eq!(
            wire::answer(deployment.gate.address, &request).status,
            status,
            "{method} {path}"
        );
    }
}
