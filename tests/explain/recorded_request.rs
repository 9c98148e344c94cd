//! What a line of the decision log has of its request.

use serde_json::{Value, json};

use super::line::Logged;
use super::report;
use crate::check::{Files, output_text};
use crate::deployment::gate::run_to_end;
use crate::mint::{AUDIENCE, ISSUER};
use crate::wire::bearer;

const KEY: &str = "0123456789abcdef0123456789abcdef";

const ROUTES: &str = "
routes:
  - match: POST /refunds
    operation:
      query: { dry_run: 'true' }
      json: { /amount: { min: 0, max: 500 }, /currency: EUR }
  - match: GET /tenant
    expression: '!(\"x-debug\" in request.headers) && request.headers[\"x-tenant\"] == \"t1\"'
  - match: POST /mcp
    mcp: { method: tools/call, name: [refund, list_orders] }
    scopes: [orders:read]
    operation: { arguments: { /id: a1 } }
  - match: POST /mcp
    scopes: [other]
";

fn request(line: &str, host: &str, token: &str, fields: &[&str], body: &str) -> Vec<u8> {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    let (bearer, length) = (bearer(token), body.len());
    let text = format!(
        "{line} HTTP/1.1\r\nHost: {host}\r\n{bearer}\r\n{fields}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    text.into_bytes()
}

fn log(request: &str) -> String {
    format!(
        "audience: {AUDIENCE}\ndecision_log: {{ facts: true, request: [{request}], hash_key_file: log.key }}\n{ROUTES}"
    )
}

#[test]
fn a_line_decides_rules_on_its_request() {
    let logged = Logged::with_routes(&log("json./amount, headers.x-tenant, headers.x-debug"));
    let token = logged.issuer.token(json!({}));
    const JSON: &str = "Content-Type: application/json";
    let mcp = [
        JSON,
        "MCP-Protocol-Version: 2026-07-28",
        "Mcp-Method: tools/call",
        "Mcp-Name: refund",
    ];
    let other = [mcp[0], mcp[1], mcp[2], "Mcp-Name: secret-tool"];
    let message = |name: &str, id: &str| {
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": name, "arguments": { "id": id } } })
            .to_string()
    };
    let debug = ["X-Tenant: t1", "x-debug: 1"];
    for (count, (line, fields, body, code)) in [
        (
            "POST /refunds?dry_run=true",
            &[JSON][..],
            r#"{"amount":400,"currency":"EUR"}"#.to_owned(),
            None,
        ),
        (
            "POST /refunds?dry_run=true",
            &[JSON],
            r#"{"amount":501,"currency":"EUR"}"#.to_owned(),
            Some("operation_not_met"),
        ),
        (
            "POST /refunds?dry_run=true",
            &[JSON],
            r#"{"amount":1,"currency":"SECRET"}"#.to_owned(),
            Some("operation_not_met"),
        ),
        (
            "POST /refunds?dry_run=secret",
            &[JSON],
            r#"{"amount":1,"currency":"EUR"}"#.to_owned(),
            Some("operation_not_met"),
        ),
        (
            "POST /refunds?dry_run=true",
            &[],
            r#"{"amount":1,"currency":"EUR"}"#.to_owned(),
            Some("body_type_not_allowed"),
        ),
        (
            "POST /refunds?dry_run=true",
            &[JSON],
            "[secret".to_owned(),
            Some("body_malformed"),
        ),
        ("GET /tenant", &["X-Tenant: t1"], String::new(), None),
        ("GET /tenant", &debug, String::new(), Some("expression_not_true")),
        (
            "GET /tenant",
            &["X-Tenant: t2"],
            String::new(),
            Some("expression_not_true"),
        ),
        ("POST /mcp", &mcp, message("refund", "a1"), None),
        (
            "POST /mcp",
            &mcp,
            message("refund", "secret"),
            Some("operation_not_met"),
        ),
        ("POST /mcp", &mcp, message("other", "a1"), Some("mcp_header_mismatch")),
        (
            "POST /mcp",
            &other,
            message("secret-tool", "a1"),
            Some("insufficient_scope"),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let line = logged.line_of(&request(line, "orders.example.com", &token, fields, &body), count);
        assert_eq!(line["code"].as_str(), code, "{line}");
        assert!(!line.to_string().to_ascii_lowercase().contains("secret"), "{line}");
        let found = report(&logged.explain_line(&line.to_string(), &["--json"]));
        assert_eq!(
            (&found["decision"], found["code"].as_str()),
            (&line["decision"], code),
            "{line} {found}"
        );
        assert_eq!(found["recorded"]["agrees"], json!(true), "{found}");
    }
}

#[test]
fn a_value_that_is_not_listed_is_not_decided_and_named() {
    let logged = Logged::with_routes(&log(""));
    let token = logged.issuer.token(json!({}));
    // An amount that no time, identifier or hash of the line can have by chance.
    let body = r#"{"amount":412.0625,"currency":"EUR"}"#;
    let fields = ["Content-Type: application/json"];
    let line = logged.line_of(
        &request(
            "POST /refunds?dry_run=true",
            "orders.example.com",
            &token,
            &fields,
            body,
        ),
        0,
    );
    assert!(
        !line.to_string().contains("412.0625") && !line.to_string().contains("\"EUR\""),
        "{line}"
    );
    let found = report(&logged.explain_line(&line.to_string(), &["--json"]));
    assert_eq!(found["decision"], json!("unknown"), "{found}");
    let check = super::check(&found, "POST /refunds: operation.json./amount");
    assert_eq!(
        (&check["got"], &check["help"]),
        (
            &json!("the value of `json./amount` of the request is not recorded"),
            &json!(
                "add `json./amount` to `request` of `decision_log`, for the lines to come; or add the body with `--body`"
            )
        )
    );
    for rule in ["operation.query.dry_run", "operation.json./currency"] {
        assert_eq!(
            super::check(&found, &format!("POST /refunds: {rule}"))["passed"],
            json!(true),
            "{found}"
        );
    }
    let found = report(&logged.explain_line(&line.to_string(), &["--json", "--body", body]));
    assert_eq!(found["decision"], json!("allow"), "{found}");
}

#[test]
fn a_route_or_a_resource_that_is_not_known_is_not_decided() {
    let routes = "
resources:
  - { resource: 'https://orders.example.com', hosts: [orders.example.com] }
  - { resource: 'https://admin.example.com', hosts: [admin.example.com] }
decision_log: { facts: true, hash_key_file: log.key }
routes:
  - { match: POST /mcp, mcp: { method: tools/call, name: get_* }, scopes: [orders:read] }
  - { match: POST /mcp, scopes: [other] }
  - { match: GET /a, scopes: [orders:read] }
";
    let logged = Logged::with_routes(routes);
    let token = logged.issuer.token(json!({ "aud": "https://orders.example.com" }));
    let line = logged.line_of(&request("GET /a", "orders.example.com", &token, &[], ""), 0);
    let found = report(&logged.explain_line(&line.to_string(), &["--json"]));
    assert_eq!(found["decision"], json!("allow"), "{found}");
    let mut without = line.clone();
    without["facts"]["request"] = json!({});
    let explain = |line: &Value, rule: &str, further: &[&str]| {
        let found = report(&logged.explain_line(&line.to_string(), &[further, &["--json"]].concat()));
        let check = super::check(&found, rule);
        (
            found["decision"].clone(),
            check["got"].clone(),
            check["help"].clone(),
            found["code"].clone(),
        )
    };
    let unknown = (
        json!("unknown"),
        json!("the host is not known"),
        json!("name the host with `--header 'Host: …'`"),
        Value::Null,
    );
    assert_eq!(explain(&without, "resource", &[]), unknown);
    assert_eq!(
        explain(&without, "resource", &["--header", "Host: orders.example.com"]).0,
        json!("allow")
    );
    let fields = [
        "MCP-Protocol-Version: 2026-07-28",
        "Mcp-Method: tools/call",
        "Mcp-Name: get_a",
    ];
    let line = logged.line_of(&request("POST /mcp", "orders.example.com", &token, &fields, ""), 1);
    let unknown = (
        json!("unknown"),
        json!("the value of `mcp.name` of the request is not recorded"),
        json!("add `mcp.name` to `request` of `decision_log`, for the lines to come; or name the message with `--mcp`"),
        Value::Null,
    );
    assert_eq!(explain(&line, "route", &[]), unknown);
    assert_eq!(
        explain(&line, "route", &["--mcp", "tools/call:get_a"]).0,
        json!("allow")
    );
    let mut without = line.clone();
    without["facts"]["request"]["mcp"].take();
    assert_eq!(
        explain(&without, "route", &[]).1,
        json!("the message of MCP is not known")
    );
}

#[test]
fn check_warns_of_values_of_requests_that_a_line_does_not_decide() {
    let files = Files::new();
    files.write("log.key", KEY);
    let found = |listed: &str| {
        let text = format!(
            "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\nissuers:\n  - issuer: {ISSUER}\n{}",
            log(listed)
        );
        let config = files.write("actgate.yaml", &text);
        output_text(&run_to_end(&["check", "--config", &config], ""))
    };
    let text = found("query.page, 'headers.x-tenant'");
    for part in [
        "`json./amount` of requests as a hash, from which `actgate explain --log-line` cannot decide the rule `POST /refunds: operation.json./amount`",
        "add `json./amount` to `request` of `decision_log`",
        "`headers.x-debug` of requests as a hash",
        "no rule reads `query.page` of requests, and so the decision log never has it",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for part in ["`json./currency` of requests", "`headers.x-tenant` of", "`mcp.name` of"] {
        assert!(!text.contains(part), "{part}: {text}");
    }
    assert!(
        found("amount").contains("write `query.NAME`, `headers.NAME`, `json./NAME`, `arguments./NAME` or `mcp.name`")
    );
}
