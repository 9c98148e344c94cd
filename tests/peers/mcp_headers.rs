//! The servers of the MCP SDKs reject a message that differs from its headers: routes for messages rely on it.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::peers::program::Service;
use crate::wire;

const ENVELOPE: &str = "io.modelcontextprotocol/protocolVersion";

/// A call of a tool, with the envelope of a revision or without one.
fn call(tool: &str, revision: Option<&str>) -> Value {
    let mut params = json!({ "name": tool, "arguments": { "number": 7 } });
    if let Some(revision) = revision {
        params["_meta"] = json!({ ENVELOPE: revision, "io.modelcontextprotocol/clientCapabilities": {} });
    }
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params })
}

/// Sends a message with the headers of another one.
fn post(server: SocketAddr, fields: &[&str], message: &str) -> wire::Answer {
    let length = format!("Content-Length: {}", message.len());
    let common = [
        "Content-Type: application/json",
        "Accept: application/json, text/event-stream",
        &length,
    ];
    let mut request = format!("POST /mcp HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n");
    for field in common.iter().chain(fields) {
        request += field;
        request += "\r\n";
    }
    wire::answer(server, format!("{request}\r\n{message}").as_bytes())
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn servers_reject_a_message_that_differs_from_its_headers() {
    let deletion = call("delete_order", Some("2026-07-28"));
    let mut notification = deletion.clone();
    notification.as_object_mut().expect("an object").remove("id");
    let initialize =
        json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "a", "version": "1" } });
    let messages = [
        ("another tool", deletion.clone()),
        ("no envelope", call("delete_order", None)),
        (
            "the envelope of an earlier revision",
            call("delete_order", Some("2025-11-25")),
        ),
        ("a notification", notification),
        ("a batch", json!([call("get_order", Some("2026-07-28")), deletion])),
        ("a batch of an earlier revision", json!([call("delete_order", None)])),
        (
            "a handshake",
            json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize }),
        ),
    ];
    for server in ["mcp_server.js", "mcp_server.py"] {
        let service = Service::start(server);
        let version = "MCP-Protocol-Version: 2026-07-28";
        let fields = [version, "Mcp-Method: tools/call", "Mcp-Name: get_order"];
        let order = post(
            service.address,
            &fields,
            &call("get_order", Some("2026-07-28")).to_string(),
        );
        assert!(order.text().contains("order 7"), "{server}: {}", order.everything());
        for (name, message) in &messages {
            for fields in [
                &fields[..],
                &[version, "Mcp-Method: tools/call", "Mcp-Name: =?base64?Z2V0X29yZGVy?="],
                &[version, "Mcp-Method: tools/list"],
                &[
                    "MCP-Protocol-Version: 2027-01-01",
                    "Mcp-Method: tools/call",
                    "Mcp-Name: get_order",
                ],
            ] {
                let answer = post(service.address, fields, &message.to_string());
                assert!(!answer.text().contains("deleted"), "{server}: {name}: {fields:?}");
                // A server may accept a notification, which calls no tool.
                let accepted = if *name == "a notification" { 202 } else { 400 };
                assert!(
                    [400, accepted].contains(&answer.status),
                    "{server}: {name}: {}",
                    answer.everything()
                );
            }
        }
        println!("{server}: rejects every message that differs from its headers");
    }
}
