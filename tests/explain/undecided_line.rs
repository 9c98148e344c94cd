//! What a line of the decision log does not decide, and its decision beside that of an explanation.

use serde_json::{Value, json};

use super::line::{LOG, Logged};
use super::report;
use crate::check::output_text;

#[test]
fn what_a_line_does_not_have_is_not_decided() {
    let logged = Logged::start(LOG);
    let token = logged.issuer.token(json!({ "tid": "T1", "level": 7 }));
    let line = logged.line("/level", &token, 0).to_string();
    let output = logged.explain_line(&line, &["--json"]);
    let found = report(&output);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        (&found["decision"], &found["status"]),
        (&json!("unknown"), &Value::Null),
        "{found}"
    );
    let check = super::check(&found, "GET /level: expression");
    assert_eq!(check["passed"], Value::Null);
    assert_eq!(check["got"], json!("the value of the claim `level` is not recorded"));
    assert_eq!(
        check["help"],
        json!("add the claim to `claims` of `decision_log`, for the lines to come")
    );
    let text = output_text(&logged.explain_line(&line, &[]));
    assert!(
        text.contains("? expression: expected") && text.contains("not decided: 1 rule depends on values"),
        "{text}"
    );
    // The hash of a value that a rule names is enough.
    let line = logged.line("/page?page=1", &token, 1).to_string();
    assert!(!line.contains("page=1"), "{line}");
    let found = report(&logged.explain_line(&line, &["--json"]));
    assert_eq!(found["decision"], json!("allow"), "{found}");
    let found = report(&logged.explain_line(&line, &["--json", "--path", "/page?page=2"]));
    assert_eq!(found["decision"], json!("deny"), "{found}");
}

#[test]
fn what_is_not_named_of_the_request_is_not_decided() {
    let logged = Logged::start(LOG);
    let line = logged.line("/orders/1", &logged.issuer.token(json!({})), 0).to_string();
    let unknown = json!("unknown");
    for (rule, given, got, help, decided) in [
        (
            "POST /refunds: operation.json./amount",
            &["--method", "POST", "--path", "/refunds"][..],
            "the body is not known",
            "add the body with `--body`",
            &[
                (&["--body", r#"{"amount": 5}"#][..], json!("allow")),
                (&["--body", r#"{"amount": 6}"#], json!("deny")),
                (&["--header", "Content-Type: application/json"], unknown.clone()),
            ][..],
        ),
        (
            "GET /page: operation.query.page",
            &["--path", "/page"],
            "the query with the parameter `page` is not known",
            "add the query with `--path`, such as `/a?b=c`; `/a?` has none",
            &[],
        ),
        (
            "GET /tenant: expression",
            &["--path", "/tenant", "--header", "X-Tenant: t1"],
            "the header `x-debug` is not known",
            "add it with `--header`; where the request had no such header, add `--all-headers`",
            &[
                (&["--all-headers"], json!("allow")),
                (&["--header", "X-Debug: 1"], json!("deny")),
            ],
        ),
    ] {
        let explain = |more: &[&str]| {
            let arguments = [given, more, &["--json"]].concat();
            report(&logged.explain_line(&line, &arguments))
        };
        let found = explain(&[]);
        assert_eq!(found["decision"], unknown, "{found}");
        let check = super::check(&found, rule);
        assert_eq!((&check["got"], &check["help"]), (&json!(got), &json!(help)), "{rule}");
        for (more, decision) in decided {
            assert_eq!(explain(more)["decision"], *decision, "{rule}: {more:?}");
        }
    }
    for (path, decision) in [("/page?page=1", "allow"), ("/page?", "deny")] {
        let found = report(&logged.explain_line(&line, &["--path", path, "--json"]));
        assert_eq!(found["decision"], json!(decision), "{path}");
    }
}

#[test]
fn a_denial_by_a_decided_rule_is_one_whatever_the_others_are() {
    let logged = Logged::start(LOG);
    let claims = json!({ "tid": "T2", "level": 7, "act": { "sub": "a", "act": { "sub": "b" } } });
    let line = logged.line("/mixed", &logged.issuer.token(claims), 0).to_string();
    let output = logged.explain_line(&line, &["--json"]);
    let found = report(&output);
    assert_eq!(output.status.code(), Some(1));
    let decision = (&found["decision"], &found["code"], &found["rule"]);
    let expected = (json!("deny"), json!("claim_not_met"), json!("GET /mixed: claims.tid"));
    assert_eq!(decision, (&expected.0, &expected.1, &expected.2), "{found}");
    assert_eq!(
        (&found["undecided_alternatives"], &found["status"]),
        (&json!(0), &json!(403))
    );
    let change = &found["smallest_change"];
    assert_eq!(change["undecided"], json!(["GET /mixed: expression"]), "{found}");
    let needed: Vec<&Value> = change["alternatives"][0]
        .as_array()
        .into_iter()
        .flatten()
        .map(|change| &change["needed"])
        .collect();
    assert_eq!(
        needed,
        [&json!("a chain of at most 1 actor"), &json!("claim tid \"T1\"")],
        "{found}"
    );
    assert_eq!(found["recorded"]["agrees"], json!(true), "{found}");
    assert_eq!(found["shadow"]["decision"], json!("unknown"), "{found}");
    let text = output_text(&logged.explain_line(&line, &[]));
    for part in [
        "denied 403: GET /mixed: claims.tid (claim_not_met)",
        "to be allowed, it needs, beside what the rules need that are not decided",
        "with the rules in shadow: not decided",
        "the line has this decision, too",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let claims = json!({ "tid": "T1", "level": 2, "act": { "sub": "a", "act": { "sub": "b" } } });
    let line = logged.line("/mixed", &logged.issuer.token(claims), 1).to_string();
    let found = report(&logged.explain_line(&line, &["--json"]));
    assert_eq!(
        (&found["code"], &found["undecided_alternatives"]),
        (&json!("chain_too_deep"), &json!(1)),
        "{found}"
    );
    assert_eq!(found["recorded"]["code"], json!("expression_not_true"), "{found}");
    assert_eq!(found["recorded"]["agrees"], json!(true), "{found}");
    let text = output_text(&logged.explain_line(&line, &[]));
    assert!(
        text.contains("1 rule is not decided and may deny in its place"),
        "{text}"
    );
}

#[test]
fn another_decision_than_that_of_the_line_is_shown() {
    let logged = Logged::start(LOG);
    let claims = json!({ "tid": "T1", "level": 7 });
    let line = logged.line("/level", &logged.issuer.token(claims), 0).to_string();
    for (further, decision, agrees, text) in [
        (
            &["--path", "/none"][..],
            "deny",
            json!(false),
            "the line has another decision: allow; the policy",
        ),
        (&[], "unknown", Value::Null, "the decision of the line is allow\n"),
        (
            &["--path", "/open"],
            "allow",
            json!(true),
            "the line has this decision, too",
        ),
    ] {
        let found = report(&logged.explain_line(&line, &[further, &["--json"]].concat()));
        assert_eq!(
            (&found["decision"], &found["recorded"]["agrees"]),
            (&json!(decision), &agrees),
            "{found}"
        );
        assert!(
            output_text(&logged.explain_line(&line, further)).contains(text),
            "{text}"
        );
    }
}
