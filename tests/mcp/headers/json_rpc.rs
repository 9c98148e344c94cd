//! What the JSON-RPC error of a refused message contains.

use serde_json::json;

use super::{CALL, ORDER};
use crate::mcp::{deployment, post, token};
use crate::wire;

#[test]
fn the_json_rpc_error_names_no_message_and_the_accepted_revision() {
    let deployment = deployment();
    let reader = token(&deployment, "read");
    let answer = wire::answer(
        deployment.gate.address,
        &post(&reader, &[("MCP-Protocol-Version", "2025-11-25")]),
    );
    let body = answer.json();
    let decision = deployment.gate.decision_after(0)["id"].clone();
    assert_eq!(
        body,
        json!({
            "jsonrpc": "2.0",
            "error": {
                "code": -32022,
                "message": "revision 2026-07-28 of MCP or a later one is required",
                "data": { "supported": ["2026-07-28"], "requested": "2025-11-25", "decision": decision },
            },
        })
    );
    let answer = wire::answer(deployment.gate.address, &post(&reader, &[CALL, ORDER]));
    let decision = deployment.gate.decision_after(1)["id"].clone();
    assert_eq!(
        answer.json()["error"],
        json!({
            "code": -32020,
            "message": "`MCP-Protocol-Version` is missing; revision 2026-07-28 or a later one is required",
            "data": { "decision": decision },
        })
    );
}
