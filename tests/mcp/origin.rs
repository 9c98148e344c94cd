//! `Origin`: only pages of the audience and those that the policy lists send messages.

use super::{deployment, post, token};
use crate::deployment::Deployment;
use crate::mint::AUDIENCE;
use crate::wire;

#[test]
fn a_message_of_another_page_is_denied() {
    let deployment = deployment();
    let all = token(&deployment, "list read secret other");
    let host = format!("http://{}", deployment.gate.address);
    let own = AUDIENCE.trim_end_matches('/');
    for (origin, status) in [
        (own, 200),
        ("https://chat.example.com", 200),
        ("http://localhost:3000", 200),
        ("https://evil.example", 403),
        ("null", 403),
        ("", 403),
        ("https://chat.example.com.evil.example", 403),
        ("https://chat.example.com:8443", 403),
        ("http://chat.example.com", 403),
        ("https://CHAT.example.com", 403),
        ("https://chat.example.com/", 403),
        ("https://chat.example.com, https://evil.example", 403),
        ("http://localhost:3001", 403),
        ("http://orders.example.com", 403),
        // The host of the request proves nothing: a name of another page may point here.
        (&host, 403),
    ] {
        let fields = [
            ("MCP-Protocol-Version", "2026-07-28"),
            ("Mcp-Method", "tools/list"),
            ("Origin", origin),
        ];
        let before = deployment.gate.decisions().len();
        let answer = wire::answer(deployment.gate.address, &post(&all, &fields));
        assert_eq!(answer.status, status, "{origin}: {}", answer.everything());
        assert_eq!(answer.field("www-authenticate"), None, "{origin}");
        let event = deployment.gate.decision_after(before);
        let code = (status == 403).then_some("origin_not_allowed");
        assert_eq!(event["code"].as_str(), code, "{origin}");
    }
}

#[test]
fn the_page_is_checked_before_the_token_and_only_for_messages() {
    let deployment = deployment();
    let message = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/list")];
    let evil = ("Origin", "https://evil.example");
    let status = |fields: &[(&str, &str)]| wire::answer(deployment.gate.address, &post("X-Y: z", fields)).status;
    assert_eq!(status(&[&message[..], &[evil]].concat()), 403);
    assert_eq!(status(&message), 401);
    assert_eq!(status(&[&message[..], &[evil, evil]].concat()), 400);
    let reader = token(&deployment, "read");
    let plain = wire::request("POST", "/plain", &["Origin: https://evil.example", &reader]);
    assert_eq!(wire::answer(deployment.gate.address, &plain).status, 200);
}

#[test]
fn the_page_is_checked_for_every_method_of_the_path() {
    const STREAM: &str = r#"
mcp:
  origins: https://chat.example.com
routes:
  - match: POST /mcp
    mcp: tools/list
    scopes: [read]
  - match: "GET,DELETE /mcp"
    scopes: [read]
  - match: "* /{*rest}"
    scopes: [read]
"#;
    let deployment = Deployment::with_policy(STREAM);
    let reader = token(&deployment, "read");
    let own = AUDIENCE.trim_end_matches('/');
    for (method, path, origin, code) in [
        ("GET", "/mcp", "https://evil.example", Some("origin_not_allowed")),
        ("GET", "/mcp?a=b", "null", Some("origin_not_allowed")),
        ("HEAD", "/mcp", "https://evil.example", Some("origin_not_allowed")),
        ("DELETE", "/mcp", "https://evil.example", Some("origin_not_allowed")),
        ("PUT", "/mcp", "https://evil.example", Some("origin_not_allowed")),
        ("OPTIONS", "/mcp", "https://evil.example", Some("origin_not_allowed")),
        ("PUT", "/MCP/", "https://evil.example", Some("origin_not_allowed")),
        ("GET", "/mcp", "https://chat.example.com", None),
        ("PUT", "/mcp", own, None),
        ("GET", "/other", "https://evil.example", None),
        ("POST", "/mcp/other", "https://evil.example", None),
    ] {
        let before = deployment.gate.decisions().len();
        let request = wire::request(method, path, &[&format!("Origin: {origin}"), &reader]);
        let answer = wire::answer(deployment.gate.address, &request);
        let event = deployment.gate.decision_after(before);
        assert_eq!(event["code"].as_str(), code, "{method} {path} {origin}");
        let status = code.map_or(200, |_| 403);
        assert_eq!(answer.status, status, "{method} {path} {origin}");
    }
}
