//! Random requests to the one route of a random policy.

use actgate::request::{Presented, Target};
use actgate::{Authorizer, Decision};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Uri};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// A request without its token.
#[derive(Clone, Debug)]
pub struct Request {
    target: &'static str,
    content_type: Option<&'static str>,
    /// The name of the tool that the headers of MCP name.
    tool: Option<&'static str>,
    body: Option<&'static str>,
    /// Whether the length of the body is announced.
    is_announced: bool,
}

impl Request {
    /// Without a query and a body.
    pub const PLAIN: Request = Request {
        target: "/refunds",
        content_type: None,
        tool: None,
        body: None,
        is_announced: false,
    };

    /// Calls `decide` with what the request presents.
    pub fn present<T>(&self, token: &str, decide: impl FnOnce(&Presented<'_>) -> T) -> T {
        let headers = self.headers(token);
        let (method, uri) = (Method::POST, Uri::from_static(self.target));
        let target = Target::new(&method, &uri).unwrap();
        let presented = Presented::headers(&target, &headers);
        match self.body {
            Some(body) => decide(&presented.body(body.as_bytes())),
            None => decide(&presented),
        }
    }

    /// The decision of a gate.
    pub async fn decide(&self, authorizer: &Authorizer, token: &str) -> Decision {
        let headers = self.headers(token);
        let (method, uri) = (Method::POST, Uri::from_static(self.target));
        let target = Target::new(&method, &uri).unwrap();
        gate(authorizer, Presented::headers(&target, &headers), self.body).await
    }

    fn headers(&self, token: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let bearer = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
        headers.insert(AUTHORIZATION, bearer);
        if let Some(content_type) = self.content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if let Some(body) = self.body.filter(|_| self.is_announced) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        if let Some(tool) = self.tool {
            headers.insert("mcp-protocol-version", HeaderValue::from_static("2026-07-28"));
            headers.insert("mcp-method", HeaderValue::from_static("tools/call"));
            headers.insert("mcp-name", HeaderValue::from_static(tool));
        }
        headers
    }
}

/// Decides as a gate: without the body, and by so much of it as the decision depends on.
pub async fn gate(authorizer: &Authorizer, head: Presented<'_>, body: Option<&str>) -> Decision {
    let first = authorizer.decide_presented(&head).await;
    match (first.body_limit().or_else(|| first.shadow_body_limit()), body) {
        (Some(limit), Some(body)) => {
            // One byte over the limit shows that there are too many.
            let read = &body.as_bytes()[..body.len().min(limit + 1)];
            authorizer.decide_again(&first, &head.body(read)).await
        }
        _ => first,
    }
}

impl Request {
    /// Calls `decide` with its method and its path.
    pub fn present_alone<T>(&self, decide: impl FnOnce(&Presented<'_>) -> T) -> T {
        let path = self.target.split('?').next().unwrap_or_default();
        let (method, uri) = (Method::POST, Uri::from_static(path));
        decide(&Presented::token(&Target::new(&method, &uri).unwrap(), ""))
    }

    /// Whether it has no body, or one with a media type.
    pub fn has_media_type(&self) -> bool {
        self.body.is_none() || self.content_type.is_some()
    }

    /// It as a case, without name, token and expected decision.
    pub fn case(&self) -> Value {
        let mut case = json!({ "request": format!("POST {}", self.target), "headers": {} });
        if let Some(content_type) = self.content_type {
            case["headers"]["content-type"] = content_type.into();
        }
        if let Some(tool) = self.tool {
            case["headers"]["mcp-protocol-version"] = "2026-07-28".into();
            case["headers"]["mcp-method"] = "tools/call".into();
            case["headers"]["mcp-name"] = tool.into();
        }
        if let Some(body) = self.body {
            case["body"] = body.into();
        }
        case
    }
}

/// Requests that meet most rules on the operation, and some that meet none.
pub fn requests() -> impl Strategy<Value = Request> {
    let target = select(vec![
        "/refunds?dry_run=true",
        "/refunds?dry_run=true",
        "/refunds?dry_run=true&page=2",
        "/refunds?dry_run=true&dry_run=false",
        "/refunds?dry_run=false",
        "/refunds?DRY_RUN=true",
        "/refunds?dry_run",
        "/refunds?dry_run=true;page=2",
        "/refunds",
    ]);
    let content_type = select(vec![
        Some("application/json"),
        Some("application/json"),
        Some("application/json"),
        Some("text/plain"),
        None,
    ]);
    let tool = select(vec![Some("refund"), Some("refund"), Some("delete"), None]);
    let body = select(vec![
        r#"{"amount":100,"currency":"EUR","method":"tools/call","params":{"name":"refund","arguments":{"amount":1}}}"#,
        r#"{"amount":100,"currency":"EUR","method":"tools/call","params":{"name":"refund","arguments":{"amount":1}}}"#,
        r#"{"amount":100.5,"currency":"EUR","method":"tools/call","params":{"name":"delete","arguments":{"amount":1}}}"#,
        r#"{"amount":1,"currency":"USD","method":"tools/call","params":{"name":"refund","arguments":{"amount":1000}}}"#,
        r#"{"amount":"1","currency":["EUR"]}"#,
        r#"{"amount":1,"amount":2}"#,
        r#"{"amount":100,"currency":"EUR","Amount":1}"#,
        r#" {"amount":100,"currency":null} "#,
        "[]",
        "",
    ]);
    let parts = (target, content_type, tool, weighted(0.9, body), any::<bool>());
    parts.prop_map(|(target, content_type, tool, body, is_announced)| Request {
        target,
        content_type,
        tool,
        body,
        is_announced,
    })
}
