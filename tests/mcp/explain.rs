//! `actgate explain` of a message.

use serde_json::{Value, json};

use super::TOOLS;
use crate::check::Files;
use crate::deployment::gate::run_to_end;
use crate::explain::{ROUTES, configuration, report};
use crate::mint::TokenIssuer;

/// The report on a request with a token of these claims, or without one.
fn explained(arguments: &[&str], claims: Option<Value>) -> Value {
    let issuer = TokenIssuer::new();
    let files = Files::new();
    let text = configuration().replace(ROUTES, TOOLS);
    let (config, keys) = (
        files.write("actgate.yaml", &text),
        files.write("keys.json", &issuer.document()),
    );
    let common = [
        "explain", "--config", &config, "--jwks", &keys, "--method", "POST", "--path", "/mcp", "--json",
    ];
    let token = claims.map_or_else(String::new, |claims| issuer.token(claims));
    report(&run_to_end(&[&common[..], arguments].concat(), &token))
}

#[test]
fn the_route_of_a_message_is_explained() {
    for (arguments, status, code, got) in [
        (
            &["--mcp", "tools/call:get_order"][..],
            401,
            "missing_token",
            "POST /mcp mcp tools/call get_*,list_orders",
        ),
        (&["--mcp", "prompts/list"], 401, "missing_token", "POST /mcp"),
        (
            &[
                "--header",
                "MCP-Protocol-Version: 2026-07-28",
                "--header",
                "mcp-method: tools/list",
            ],
            401,
            "missing_token",
            "POST /mcp mcp server/discover,tools/list",
        ),
        (
            &[],
            400,
            "mcp_header_mismatch",
            "the headers of the MCP message cannot be used: `MCP-Protocol-Version` is missing; revision 2026-07-28 or a later one is required",
        ),
        (
            &["--header", "MCP-Protocol-Version: 2025-11-25"],
            400,
            "mcp_revision_not_supported",
            "the MCP message is neither of revision 2026-07-28 nor of a later one",
        ),
        (
            &["--mcp", "tools/list", "--header", "Origin: https://evil.example"],
            403,
            "origin_not_allowed",
            "denied by policy: origin_not_allowed (mcp.origins)",
        ),
        (
            &["--mcp", "resources/read:FILE:///a"],
            400,
            "mcp_header_mismatch",
            "the headers of the MCP message cannot be used: the resource URI in `Mcp-Name` is not in its normal form",
        ),
    ] {
        let claims = (status == 400).then_some(json!({}));
        let report = explained(arguments, claims);
        assert_eq!(
            (&report["status"], &report["code"]),
            (&json!(status), &json!(code)),
            "{arguments:?}"
        );
        assert_eq!(report["checks"][0]["got"], got, "{arguments:?}");
        if status == 400 {
            let report = explained(arguments, None);
            assert_eq!(
                (&report["status"], &report["code"]),
                (&json!(401), &json!("missing_token")),
                "{arguments:?}"
            );
            assert_eq!(report["checks"][0]["got"], got, "{arguments:?}");
        }
    }
}

#[test]
fn a_message_without_a_route_is_explained() {
    let issuer = TokenIssuer::new();
    let files = Files::new();
    let policy = "routes: [{ match: POST /mcp, mcp: { method: tools/call, name: get_* }, scopes: [read] }]\n";
    let config = files.write("actgate.yaml", &configuration().replace(ROUTES, policy));
    let keys = files.write("keys.json", &issuer.document());
    let arguments = [
        "explain",
        "--config",
        &config,
        "--jwks",
        &keys,
        "--method",
        "POST",
        "--path",
        "/mcp",
        "--mcp",
        "tools/call:set",
        "--json",
    ];
    let report = report(&run_to_end(&arguments, &issuer.token(json!({}))));
    assert_eq!(report["code"], "no_route");
    let got = "none: the path has routes for other messages of MCP";
    assert_eq!(report["checks"][0]["got"], got);
    let checked = run_to_end(&["check", "--config", &config], "");
    let text = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(
        text.contains("\n  mcp       /mcp: the server must reject a message that differs from its headers"),
        "{text}"
    );
}

#[test]
fn a_token_is_no_header_of_the_command_line() {
    let output = run_to_end(&["explain", "--path", "/", "--header", "Authorization: Bearer x"], "");
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("a credential is read from standard input"), "{text}");
}

#[test]
fn a_request_without_a_message_has_help() {
    let help = |arguments: &[&str]| {
        let report = explained(arguments, Some(json!({})));
        let checks = report["checks"].as_array().cloned().unwrap_or_default();
        let of_route = checks.into_iter().find(|check| check["rule"] == json!("route"));
        of_route.map(|check| check["help"].clone())
    };
    let hint = "name the message with `--mcp METHOD:NAME`, such as `--mcp tools/call:NAME`";
    assert_eq!(help(&[]), Some(json!(hint)));
    assert_eq!(help(&["--mcp", "tools/call:get_order"]), Some(Value::Null));
}
