//! The arguments of a tool of MCP, and the message that the headers name.

use serde_json::json;

use crate::deployment::Deployment;
use crate::wire::{self, bearer};

const POLICY: &str = r#"
routes:
  - match: POST /mcp
    mcp: { method: tools/call, name: refund }
    scopes: [refunds:write]
    operation: { arguments: { /amount: { max: 500 }, /order/id: { matches: "o-*" } }, max: 1KiB }
"#;

fn call(method: &str, name: &str, arguments: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"name":"{name}","arguments":{arguments}}}}}"#)
}

#[test]
fn a_call_of_a_tool_is_bounded_by_its_arguments() {
    let deployment = Deployment::with_policy(POLICY);
    let authorization = bearer(&deployment.issuer.token(json!({ "scope": "refunds:write" })));
    let good = r#"{"amount":500,"order":{"id":"o-1"}}"#;
    let rows = [
        ("a call", call("tools/call", "refund", good), 200, ""),
        (
            "too much",
            call("tools/call", "refund", r#"{"amount":501,"order":{"id":"o-1"}}"#),
            403,
            "operation_not_met",
        ),
        (
            "no argument",
            call("tools/call", "refund", "{}"),
            403,
            "operation_not_met",
        ),
        (
            "arguments in a list",
            call("tools/call", "refund", &format!("[{good}]")),
            403,
            "operation_not_met",
        ),
        (
            "another tool in the body",
            call("tools/call", "delete", good),
            400,
            "mcp_header_mismatch",
        ),
        (
            "another method in the body",
            call("tools/list", "refund", good),
            400,
            "mcp_header_mismatch",
        ),
        (
            "a method in another case beside it",
            call("tools/call", "refund", good).replace("\"id\":1", "\"Method\":\"x\""),
            400,
            "mcp_header_mismatch",
        ),
        ("no JSON-RPC", good.to_owned(), 400, "mcp_header_mismatch"),
        (
            "a batch",
            format!("[{}]", call("tools/call", "refund", good)),
            400,
            "body_malformed",
        ),
        (
            "arguments twice",
            call("tools/call", "refund", &format!("{good},\"arguments\":{{}}")),
            400,
            "body_malformed",
        ),
        (
            "arguments in two spellings",
            call("tools/call", "refund", &format!("{good},\"Arguments\":{{}}")),
            403,
            "operation_not_met",
        ),
    ];
    for (count, (name, body, status, code)) in rows.iter().enumerate() {
        let length = format!("Content-Length: {}", body.len());
        let fields = [
            &*authorization,
            "Content-Type: application/json",
            "MCP-Protocol-Version: 2026-07-28",
            "Mcp-Method: tools/call",
            "Mcp-Name: refund",
            &length,
        ];
        let mut bytes = wire::request("POST", "/mcp", &fields);
        bytes.extend(body.as_bytes());
        let before = deployment.upstream.count();
        let answer = wire::answer(deployment.gate.address, &bytes);
        let event = deployment.gate.decision_after(count);
        assert_eq!(
            (answer.status, event["code"].as_str().unwrap_or_default()),
            (*status, *code),
            "{name}"
        );
        if *code == "mcp_header_mismatch" {
            assert_eq!(answer.json()["error"]["code"], -32020, "{name}");
        }
        let received = deployment.upstream.since(before);
        assert_eq!(received.len(), usize::from(*status == 200), "{name}");
        if let [received] = &received[..] {
            assert_eq!(received.body, body.as_bytes());
        }
    }
}
