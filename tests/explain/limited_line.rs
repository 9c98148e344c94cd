//! A line of the decision log whose request a limit denied.

use serde_json::json;

use super::line::Logged;
use super::report;
use crate::check::output_text;
use crate::mint::AUDIENCE;

#[test]
fn a_line_that_a_limit_denied_is_allowed_by_every_rule_and_contradicts_nothing() {
    let logged = Logged::with_routes(&format!(
        "audience: {AUDIENCE}\ndecision_log: {{ facts: true }}\nroutes:\n  - match: GET /orders/{{id}}\n    scopes: [orders:read]\n    \
         limit: {{ per: [actor, initiator], rate: 5/d, burst: 1 }}\n"
    ));
    let token = logged.issuer.token(json!({ "scope": "orders:read" }));
    let allowed = logged.line("/orders/1", &token, 0).to_string();
    let denied = logged.line("/orders/1", &token, 1);
    assert_eq!(denied["code"], "limit_exceeded", "{denied}");
    let denied = denied.to_string();

    let output = logged.explain_line(&denied, &[]);
    let text = output_text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let expected = "allowed by every rule: the line was denied by a limit, which depends on the requests before it: 5/d (1 at once) by \
                    initiator and actor (GET /orders/{id}: limit)";
    assert!(text.contains(expected), "{text}");
    for contradiction in ["is forwarded to the upstream", "the line has another decision"] {
        assert!(!text.contains(contradiction), "{text}");
    }
    let explained = report(&logged.explain_line(&denied, &["--json"]));
    assert_eq!(
        (&explained["decision"], &explained["recorded"]["agrees"]),
        (&json!("allow"), &json!(null)),
        "{explained}"
    );
    let unavailable = denied.replace("limit_exceeded", "limit_unavailable");
    let text = output_text(&logged.explain_line(&unavailable, &[]));
    assert!(text.contains(expected), "{text}");

    let explained = report(&logged.explain_line(&allowed, &["--json"]));
    assert_eq!(explained["recorded"]["agrees"], true, "{explained}");
    let of_rule = denied.replace("limit_exceeded", "insufficient_scope");
    let text = output_text(&logged.explain_line(&of_rule, &[]));
    assert!(text.contains("the line has another decision"), "{text}");
}
