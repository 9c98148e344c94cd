//! `expression` in the real binary: `check` on mistakes, `explain`, and parameters and headers over the wire.

use serde_json::{Value, json};

use crate::check::{CONFIGURATION, Files, output_text, place};
use crate::deployment::Deployment;
use crate::deployment::gate::run_to_end;
use crate::mint::{AUDIENCE, ISSUER, TokenIssuer};
use crate::wire;

#[test]
fn check_reports_every_mistake_with_its_place() {
    let routes = r#"  - match: GET /a/{id}
    expression: 'claims.region == "eu" && clams.tier == 1'
  - match: GET /b
    expression: claims.name.matches("a+")
  - match: GET /c
    expression: |-
      claims.tier == 1 &&
        params.id == "7"
  - match: GET /d
    any_of: [{ expression: 'size(chain) < 2' }, { scopes: [a] }]
  - match: GET /e
    expression: { cel: 'claims.tier = 1' }
"#;
    let text = format!("{CONFIGURATION}{routes}");
    let files = Files::new();
    let path = files.write("actgate.yaml", &text);
    let output = run_to_end(&["check", "--config", &path], "");
    let shown = output_text(&output);
    assert_eq!(output.status.code(), Some(78), "{shown}");
    for (needle, message) in [
        ("clams", "`clams` is not a fact"),
        ("matches", "`matches` is not a function of expressions"),
        ("id == \"7\"", "the route has no parameter `id`"),
        (
            "{ expression: 'size",
            "`chain` cannot be an alternative: prior actors may only deny",
        ),
        ("= 1' }", "`=` is not expected here"),
    ] {
        let (line, column) = place(&text, needle);
        let expected = format!(":{line}:{column}: {message}");
        assert!(shown.contains(&expected), "{expected} in {shown}");
    }
    assert!(shown.contains("help: did you mean `claims`?"), "{shown}");
}

#[test]
fn an_expression_on_the_chain_needs_an_issuer_that_keeps_it() {
    let check = |issuer: &str, rule: &str| {
        let text = format!(
            "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\naudience: {AUDIENCE}\nissuers:\n  - {{ issuer: {ISSUER}{issuer} }}\n\
             routes:\n  - match: GET /\n    expression: {rule}\n"
        );
        let files = Files::new();
        let path = files.write("actgate.yaml", &text);
        let output = run_to_end(&["check", "--config", &path], "");
        (output.status.code(), output_text(&output))
    };
    let (enforced, complete) = (
        ", prior_actors: enforce",
        ", prior_actors: enforce, chain_completeness: complete",
    );
    let accepted = "{ cel: 'size(chain) < 2', accept_truncation: true }";
    for (issuer, rule, expected) in [
        ("", "size(chain) < 2", "its prior actors are not enforced"),
        (enforced, "size(chain) < 2", "its chain is not complete"),
        (enforced, accepted, ""),
        (complete, "size(chain) < 2", ""),
        ("", "actor.subject == \"a\"", ""),
        (
            "",
            "{ cel: 'actor.subject == \"a\"', accept_truncation: true }",
            "`accept_truncation` has no effect",
        ),
    ] {
        let (code, text) = check(issuer, rule);
        let expected_code = if expected.is_empty() { 0 } else { 78 };
        assert_eq!(code, Some(expected_code), "{rule}: {text}");
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn explain_shows_the_expression_and_its_result() {
    let explained = |claims: Value| {
        let issuer = TokenIssuer::new();
        let files = Files::new();
        let text = format!(
            "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\naudience: {AUDIENCE}\nissuers:\n  - issuer: {ISSUER}\n\
             routes:\n  - match: GET /orders/{{id}}\n    expression: params.id in claims.orders\n"
        );
        let (config, keys) = (
            files.write("actgate.yaml", &text),
            files.write("keys.json", &issuer.document()),
        );
        let arguments = [
            "explain",
            "--config",
            &config,
            "--jwks",
            &keys,
            "--path",
            "/orders/7",
            "--json",
        ];
        let output = run_to_end(&arguments, &issuer.token(claims));
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        let checks = report["checks"].as_array().expect("the checks");
        let check = checks
            .iter()
            .find(|check| check["rule"] == "GET /orders/{id}: expression");
        let check = check.unwrap_or_else(|| panic!("no check: {report}"));
        assert_eq!(check["expected"], "params.id in claims.orders");
        (report["decision"].clone(), report["code"].clone(), check["got"].clone())
    };
    let denied = |got: &str| (json!("deny"), json!("expression_not_true"), json!(got));
    assert_eq!(explained(json!({ "orders": ["7"] })).2, "true");
    assert_eq!(explained(json!({ "orders": ["8"] })), denied("false"));
    assert_eq!(explained(json!({})), denied("no `orders`"));
    assert_eq!(explained(json!({ "orders": "7" })), denied("a value of another type"));
    assert_eq!(
        explained(json!({ "orders": [7.000_000_000_1, 1e22] })),
        denied("a number that cannot be compared without rounding")
    );
}

#[test]
fn a_method_in_a_parameter_is_denied_where_the_expression_reads_the_method() {
    let deployment = Deployment::with_policy(
        "routes:\n  - match: ['POST /x', 'DELETE /x', '* /y']\n    expression: 'request.method != \"DELETE\" || \"admin\" in scopes'\n",
    );
    let bearer = format!("Authorization: Bearer {}", deployment.issuer.token(json!({})));
    for (method, target, status) in [
        ("POST", "/x", 200),
        ("DELETE", "/x", 403),
        ("POST", "/x?_method=DELETE", 400),
        ("POST", "/y?_method=delete", 400),
        ("POST", "/y?_method=post", 200),
    ] {
        let answer = wire::answer(deployment.gate.address, &wire::request(method, target, &[&*bearer]));
        assert_eq!(answer.status, status, "{method} {target}");
    }
}

#[test]
fn a_header_that_is_not_one_text_is_not_absent() {
    let deployment =
        Deployment::with_policy("routes:\n  - match: GET /x\n    expression: '!(\"x-block\" in request.headers)'\n");
    let bearer = format!("Authorization: Bearer {}", deployment.issuer.token(json!({})));
    for (fields, status) in [
        (&[][..], 200),
        (&["X-Block: 1"], 403),
        (&["X-Block: 1", "X-Block: 1"], 403),
        (&["X_Block: 1"], 403),
        (&["X-Block: \u{e9}"], 403),
    ] {
        let lines = [&[&*bearer], fields].concat();
        let answer = wire::answer(deployment.gate.address, &wire::request("GET", "/x", &lines));
        assert_eq!(answer.status, status, "{fields:?}");
    }
}

#[test]
fn a_trailer_does_not_carry_a_header_that_an_expression_reads() {
    let deployment =
        Deployment::with_policy("routes:\n  - match: POST /x\n    expression: '!(\"x-role\" in request.headers)'\n");
    let bearer = format!("Authorization: Bearer {}", deployment.issuer.token(json!({})));
    for (name, is_forwarded) in [("X-Role", false), ("x_role", false), ("X-Checksum", true)] {
        let fields = [&*bearer, "Transfer-Encoding: chunked", &format!("Trailer: {name}")];
        let mut bytes = wire::request("POST", "/x", &fields);
        bytes.extend(format!("2\r\n{{}}\r\n0\r\n{name}: admin\r\n\r\n").into_bytes());
        let before = deployment.upstream.count();
        assert_eq!(wire::answer(deployment.gate.address, &bytes).status, 200, "{name}");
        let received = deployment.upstream.since(before).remove(0);
        let values = received.trailers.fields.iter().map(|(_, value)| &**value);
        assert_eq!(values.eq([b"admin"]), is_forwarded, "{name}");
        assert_eq!(received.has("trailer"), is_forwarded, "{name}");
    }
}

#[test]
fn a_request_reaches_the_upstream_only_where_the_expression_is_true() {
    let deployment = Deployment::with_policy(
        "routes:\n  - match: GET /orders/{id}\n    escaped_slash: pass\n    expression: params.id in claims.orders && request.headers[\"x-tenant\"] == claims.tid\n",
    );
    let token = deployment
        .issuer
        .token(json!({ "orders": ["7", "a/b", "é"], "tid": "T1" }));
    let bearer = format!("Authorization: Bearer {token}");
    let mut reached = deployment.upstream.count();
    for (target, fields, status) in [
        ("/orders/7", &["X-Tenant: T1"][..], 200),
        ("/orders/a%2Fb", &["X-Tenant: T1"], 200),
        ("/orders/%C3%A9", &["X-Tenant: T1"], 200),
        ("/orders/8", &["X-Tenant: T1"], 403),
        ("/orders/7", &["X-Tenant: T2"], 403),
        ("/orders/7", &[], 403),
        ("/orders/7", &["X-Tenant: T1", "X-Tenant: T1"], 403),
        ("/orders/7", &["X-Tenant: T1", "X_Tenant: T2"], 403),
        ("/orders/7", &["X-Tenant: T1", "Connection: x-tenant"], 403),
    ] {
        let lines = [&[&*bearer], fields].concat();
        let answer = wire::answer(deployment.gate.address, &wire::request("GET", target, &lines));
        assert_eq!(answer.status, status, "{target} {fields:?}");
        reached += usize::from(status == 200);
        assert_eq!(deployment.upstream.count(), reached, "{target} {fields:?}");
    }
}
