//! Requests with their tokens: a proxy in front of the API gets the same decision on each as a client of the gate.

use serde_json::{Value, json};

use crate::mint::{self, TokenIssuer, chain, forged_token};
use crate::wire;

/// The rules on initiator, actor and chain that the rows meet, or do not.
pub const POLICY: &str = r#"
routes:
  - match: GET /open/{*rest}
    public: true
  - match: GET /orders/{id}
    scopes: [orders:read]
  - match: POST /orders
    scopes: [orders:write]
  - match: POST /refunds
    scopes: [refunds:write]
    initiator: { kind: human }
    actor: { one_of: [refund-agent] }
    chain: { max_depth: 2 }
  - match: GET /reports
    scopes: [orders:read]
    actor: { absent: true }
  - match: "* /admin/{*rest}"
    scopes: [admin]
"#;

/// A request.
pub struct Row {
    pub name: &'static str,
    pub method: &'static str,
    pub target: &'static str,
    /// Whole lines, with the credential.
    pub fields: Vec<String>,
    /// The status of the gate, or that of the API behind it.
    pub status: u16,
    /// The code in the decision log; empty where the request is allowed.
    pub code: &'static str,
}

impl Row {
    /// The request as a client sends it.
    pub fn request(&self) -> Vec<u8> {
        let fields: Vec<&str> = self.fields.iter().map(String::as_str).collect();
        wire::request(self.method, self.target, &fields)
    }
}

/// Thirty requests.
pub fn rows(issuer: &TokenIssuer) -> Vec<Row> {
    let token = |changes: Value| vec![wire::bearer(&issuer.token(changes))];
    let refund = |changes: Value| {
        let mut claims = json!({ "scope": "refunds:write" });
        let (Value::Object(all), Value::Object(changes)) = (&mut claims, changes) else {
            panic!("both are objects");
        };
        all.extend(changes);
        vec![wire::bearer(&issuer.token(claims))]
    };
    let forged = vec!["X-Auth-Subject: root".to_owned(), "X-Auth-Actor: root".to_owned()];
    let row = |name, method, target, fields, status, code| Row {
        name,
        method,
        target,
        fields,
        status,
        code,
    };
    let get = |name, target, fields, status, code| row(name, "GET", target, fields, status, code);
    let order = |name, fields, status, code| row(name, "GET", "/orders/7", fields, status, code);
    let post = |name, fields, status, code| row(name, "POST", "/refunds", fields, status, code);
    let reader = || token(json!({}));
    let long: Vec<String> = (0..17).map(|depth| format!("a{depth}")).collect();
    let long: Vec<&str> = long.iter().map(String::as_str).collect();
    vec![
        order("a token with the scope", reader(), 200, ""),
        order("no token", vec![], 401, "missing_token"),
        order(
            "another scheme",
            vec!["Authorization: Basic YTpi".into()],
            401,
            "missing_token",
        ),
        order("no token at all", vec![wire::bearer("x")], 401, "malformed_token"),
        order(
            "a forged signature",
            vec![wire::bearer(&forged_token())],
            401,
            "invalid_signature",
        ),
        order(
            "expired",
            token(json!({ "exp": mint::now() - 600 })),
            401,
            "invalid_claim",
        ),
        order(
            "for another API",
            token(json!({ "aud": "https://other.example" })),
            401,
            "invalid_claim",
        ),
        order(
            "of another issuer",
            token(json!({ "iss": "https://other.example" })),
            401,
            "invalid_claim",
        ),
        order(
            "without the scope",
            token(json!({ "scope": "other" })),
            403,
            "insufficient_scope",
        ),
        order(
            "with a malformed actor",
            token(json!({ "act": "agent" })),
            401,
            "invalid_chain",
        ),
        order(
            "with no actor in words",
            token(json!({ "act": null })),
            401,
            "invalid_chain",
        ),
        order(
            "with a chain of 17",
            token(json!({ "act": chain(&long) })),
            401,
            "chain_too_long",
        ),
        order(
            "of an agent for a person",
            token(json!({ "act": chain(&["bot"]) })),
            200,
            "",
        ),
        order(
            "with headers of an identity",
            [reader(), forged.clone()].concat(),
            200,
            "",
        ),
        get("a public route without a token", "/open/a", vec![], 200, ""),
        get("a public route with headers of an identity", "/open/a", forged, 200, ""),
        get("no route", "/nowhere", reader(), 403, "no_route"),
        row(
            "no route for the method",
            "DELETE",
            "/orders/7",
            reader(),
            403,
            "no_route",
        ),
        get(
            "a route with another scope",
            "/admin/users?a=b",
            reader(),
            403,
            "insufficient_scope",
        ),
        get(
            "its scope",
            "/admin/users?a=b",
            token(json!({ "scope": "admin" })),
            200,
            "",
        ),
        get(
            "a token in the query",
            "/orders/7?access_token=x",
            reader(),
            400,
            "invalid_request",
        ),
        get("an encoded slash", "/orders/7%2f8", reader(), 400, "invalid_request"),
        get(
            "dot segments",
            "/open/%2e%2e/admin/users",
            reader(),
            400,
            "invalid_request",
        ),
        get("the person itself", "/reports", reader(), 200, ""),
        get(
            "an agent where none may be",
            "/reports",
            token(json!({ "act": chain(&["bot"]) })),
            403,
            "actor_present",
        ),
        post(
            "the agent for a person",
            refund(json!({ "act": chain(&["refund-agent"]) })),
            200,
            "",
        ),
        post(
            "two agents",
            refund(json!({ "act": chain(&["refund-agent", "support"]) })),
            200,
            "",
        ),
        post(
            "three agents",
            refund(json!({ "act": chain(&["refund-agent", "b", "c"]) })),
            403,
            "chain_too_deep",
        ),
        post(
            "another agent",
            refund(json!({ "act": chain(&["bot"]) })),
            403,
            "actor_not_allowed",
        ),
        post(
            "for a service",
            refund(json!({ "sub_profile": "service", "act": chain(&["refund-agent"]) })),
            403,
            "initiator_not_human",
        ),
    ]
}
