//! The body of a request, which a rule of its route reads.

use serde_json::{Value, json};

use super::{ROUTES, configuration, report};
use crate::check::{Files, output_text};
use crate::deployment::gate::run_to_end;
use crate::mint::TokenIssuer;

const REFUNDS: &str = "
routes:
  - match: POST /refunds
    scopes: [refunds:write]
    operation:
      query: { dry_run: 'false' }
      json: { /amount: { min: 0, max: 500 }, /currency: { one_of: [EUR] } }
      max: 1KiB
  - match: POST /mcp
    mcp: { method: tools/call, name: refund }
    operation: { arguments: { /amount: { max: 500 } } }
  - match: POST /notes
";

const GOOD: &str = r#"{"amount": 500, "currency": "EUR"}"#;

/// A configuration with these routes, a key set, and a token.
struct Explained {
    files: Files,
    config: String,
    keys: String,
    token: String,
}

impl Explained {
    fn new() -> Explained {
        let issuer = TokenIssuer::new();
        let files = Files::new();
        Explained {
            config: files.write("actgate.yaml", &configuration().replace(ROUTES, REFUNDS)),
            keys: files.write("keys.json", &issuer.document()),
            token: issuer.token(json!({ "scope": "refunds:write" })),
            files,
        }
    }

    /// The exit code, the standard output, and what is written to standard error.
    fn output(&self, path: &str, more: &[&str]) -> std::process::Output {
        let mut arguments = vec!["explain", "--config", &self.config, "--jwks", &self.keys];
        arguments.extend(["--method", "POST", "--path", path]);
        arguments.extend(more);
        run_to_end(&arguments, &self.token)
    }

    fn report(&self, path: &str, more: &[&str]) -> Value {
        let output = self.output(path, &[more, &["--json"]].concat());
        let report = report(&output);
        let is_denied = report["decision"] == "deny";
        assert_eq!(output.status.code(), Some(i32::from(is_denied)), "{report}");
        report
    }
}

/// Whether the check of this rule passed, what it expected and what it got.
fn check(report: &Value, rule: &str) -> (bool, String, String) {
    let check = super::check(report, rule);
    let word = |name: &str| check[name].as_str().unwrap().to_owned();
    (check["passed"] == true, word("expected"), word("got"))
}

#[test]
fn a_body_is_decided_on_as_the_gate_does() {
    let explained = Explained::new();
    let with_type = |value: &str| format!("Content-Type: {value}");
    let (plain, utf8) = (with_type("text/plain"), with_type("application/json; charset=utf-8"));
    let long = format!(
        "{{\"amount\": 5, \"currency\": \"EUR\", \"note\": \"{}\"}}",
        "x".repeat(1024)
    );
    let body = |text: &'static str| vec!["--body", text];
    let refunds = "/refunds?dry_run=false";
    let rows: Vec<(&str, &str, Vec<&str>, Value, Value)> = vec![
        ("at the limit", refunds, body(GOOD), Value::Null, Value::Null),
        (
            "another notation",
            refunds,
            body(r#"{"amount":5.00e2,"currency":"EUR"}"#),
            Value::Null,
            Value::Null,
        ),
        (
            "a charset",
            refunds,
            vec!["--body", GOOD, "--header", &utf8],
            Value::Null,
            Value::Null,
        ),
        (
            "above",
            refunds,
            body(r#"{"amount":500.000000000000001,"currency":"EUR"}"#),
            json!(403),
            json!("operation_not_met"),
        ),
        ("no member", refunds, body("{}"), json!(403), json!("operation_not_met")),
        (
            "another query",
            "/refunds?dry_run=true",
            body(GOOD),
            json!(403),
            json!("operation_not_met"),
        ),
        (
            "a doubled parameter",
            "/refunds?dry_run=false&dry_run=false",
            body(GOOD),
            json!(403),
            json!("operation_not_met"),
        ),
        (
            "another type",
            refunds,
            vec!["--body", GOOD, "--header", &plain],
            json!(403),
            json!("body_type_not_allowed"),
        ),
        (
            "too long",
            refunds,
            vec!["--body", &long],
            json!(403),
            json!("body_too_large"),
        ),
        ("no JSON", refunds, body("{"), json!(400), json!("body_malformed")),
        (
            "a doubled name",
            refunds,
            body(r#"{"amount":1,"amount":1,"currency":"EUR"}"#),
            json!(400),
            json!("body_malformed"),
        ),
        ("empty", refunds, body(""), json!(400), json!("body_malformed")),
        ("not given", refunds, vec![], json!(403), json!("body_not_read")),
        (
            "none",
            refunds,
            vec!["--header", &utf8],
            json!(403),
            json!("body_not_read"),
        ),
        (
            "of a route without a rule",
            "/notes",
            body("{"),
            Value::Null,
            Value::Null,
        ),
    ];
    for (name, path, more, status, code) in rows {
        let report = explained.report(path, &more);
        assert_eq!(
            (&report["status"], &report["code"]),
            (&status, &code),
            "{name}: {report}"
        );
    }
}

#[test]
fn each_rule_on_the_body_shows_what_it_got() {
    let explained = Explained::new();
    let report = explained.report(
        "/refunds?dry_run=false",
        &["--body", r#"{"amount": 501, "currency": "EUR"}"#],
    );
    let (passed, expected, got) = check(&report, "POST /refunds: operation.json./amount");
    assert!(!passed && expected.contains("500") && got.contains("501"), "{report}");
    assert!(check(&report, "POST /refunds: operation.json./currency").0);
    assert!(check(&report, "POST /refunds: operation.query.dry_run").0);
    assert_eq!(report["rule"], "POST /refunds: operation.json./amount");
    let text = explained.output(
        "/refunds?dry_run=false",
        &["--body", r#"{"amount": 501, "currency": "EUR"}"#],
    );
    let text = output_text(&text);
    assert!(
        text.contains("✗ operation.json./amount") && text.contains("✓ operation.query.dry_run"),
        "{text}"
    );
    assert!(
        text.contains("denied 403") && text.contains("operation_not_met"),
        "{text}"
    );
}

#[test]
fn a_body_is_read_from_a_file() {
    let explained = Explained::new();
    let good = format!("@{}", explained.files.write("good.json", GOOD));
    let report = explained.report("/refunds?dry_run=false", &["--body", &good]);
    assert_eq!(report["decision"], "allow", "{report}");
    let long = explained
        .files
        .write("long.json", &format!("{GOOD}{}", " ".repeat(3 << 20)));
    let report = explained.report("/refunds?dry_run=false", &["--body", &format!("@{long}")]);
    assert_eq!(report["code"], "body_too_large", "{report}");
    let missing = explained.output("/refunds?dry_run=false", &["--body", "@missing.json"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        output_text(&missing).contains("body in missing.json"),
        "{}",
        output_text(&missing)
    );
}

#[test]
fn the_arguments_of_a_tool_are_explained_with_the_headers_of_the_message() {
    let explained = Explained::new();
    let call = |amount: u32, name: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}","arguments":{{"amount":{amount}}}}}}}"#
        )
    };
    for (body, status, code) in [
        (call(500, "refund"), Value::Null, Value::Null),
        (call(501, "refund"), json!(403), json!("operation_not_met")),
        (call(500, "other"), json!(400), json!("mcp_header_mismatch")),
    ] {
        let report = explained.report("/mcp", &["--mcp", "tools/call:refund", "--body", &body]);
        assert_eq!(
            (&report["status"], &report["code"]),
            (&status, &code),
            "{body}: {report}"
        );
    }
}

#[test]
fn the_policy_of_an_explanation_is_that_of_check() {
    let explained = Explained::new();
    let checked = run_to_end(&["check", "--config", &explained.config, "--json"], "");
    let checked = report(&checked);
    let hash = checked["policy_hash"].as_str().unwrap();
    assert_eq!(hash.len(), 64, "{checked}");
    let report = explained.report("/notes", &["--body", ""]);
    assert_eq!(report["policy_hash"], hash);
    let text = output_text(&explained.output("/notes", &[]));
    assert!(text.contains(&format!("policy {hash}\n")), "{text}");
    let text = output_text(&run_to_end(&["check", "--config", &explained.config], ""));
    assert!(text.contains(&format!("hash: {hash}\n")), "{text}");
}

#[test]
fn a_request_without_a_body_is_explained_as_the_gate_decides_it() {
    let explained = Explained::new();
    let (path, without) = ("/refunds?dry_run=false", ["--no-body"]);
    let report = explained.report(path, &without);
    assert_eq!(
        (&report["status"], &report["code"]),
        (&json!(403), &json!("body_type_not_allowed")),
        "{report}"
    );
    let typed = ["--no-body", "--header", "Content-Type: application/json"];
    assert_eq!(explained.report(path, &typed)["code"], "body_malformed");
    let both = explained.output(path, &["--no-body", "--body", "{}"]);
    assert_eq!(both.status.code(), Some(2), "{}", output_text(&both));
}
