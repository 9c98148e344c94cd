//! Messages of MCP through the layer.

#![allow(clippy::unwrap_used, reason = "a request that cannot be made fails the test")]

use std::convert::Infallible;

use actgate::clock::FixedClock;
use actgate::testing::TestIssuer;
use actgate::{AuthorizeLayer, Authorizer, Decision, Policy};
use axum::body::Body;
use http::{Request, Response};
use serde_json::json;
use tower::{ServiceBuilder, ServiceExt as _, service_fn};

const POLICY: &str = "
mcp: { origins: https://chat.example }
routes:
  - { match: POST /mcp, mcp: server/discover, public: true }
  - { match: POST /mcp, mcp: { method: tools/call, name: get_* }, scopes: [read] }
  - { match: POST /mcp, mcp: tools/call, scopes: [write] }
";

/// The route that a message reaches, or the status and the code of its denial.
async fn reached(fields: &[(&str, &str)]) -> String {
    let issuer = TestIssuer::new().unwrap();
    let builder = Authorizer::builder().issuer(issuer.trusted(TestIssuer::AUDIENCE).unwrap());
    let builder = builder.policy(Policy::from_yaml(POLICY).unwrap());
    let authorizer = builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap();
    let service = service_fn(|request: Request<Body>| async move {
        let decision = request.extensions().get::<Decision>().and_then(Decision::route);
        let route = Body::from(decision.unwrap_or_default().to_owned());
        Ok::<_, Infallible>(Response::new(route))
    });
    let layer = AuthorizeLayer::new(authorizer).with_decision_extension();
    let service = ServiceBuilder::new().layer(layer).service(service);
    let token = issuer.token(json!({ "scope": "read" })).unwrap();
    let mut request = Request::post("/mcp").header("authorization", format!("Bearer {token}"));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let response = service.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    if let Some(error) = response.extensions().get::<actgate::Error>() {
        return format!("{} {}", response.status().as_u16(), error.code());
    }
    let route = axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
    String::from_utf8(route.to_vec()).unwrap()
}

#[tokio::test]
async fn a_message_reaches_its_route_through_the_layer() {
    let version = ("mcp-protocol-version", "2026-07-28");
    let call = ("mcp-method", "tools/call");
    let order = ("mcp-name", "get_order");
    for (fields, outcome) in [
        (
            &[version, ("mcp-method", "server/discover")][..],
            "POST /mcp mcp server/discover",
        ),
        (&[version, call, order], "POST /mcp mcp tools/call get_*"),
        (&[version, call, ("mcp-name", "set")], "403 insufficient_scope"),
        (&[version, ("mcp-method", "tools/list")], "403 no_route"),
        (&[call, order], "400 mcp_header_mismatch"),
        (
            &[("mcp-protocol-version", "2025-11-25"), call, order],
            "400 mcp_revision_not_supported",
        ),
        (
            &[version, call, order, ("origin", "https://chat.example")],
            "POST /mcp mcp tools/call get_*",
        ),
        (
            &[version, call, order, ("origin", "https://evil.example")],
            "403 origin_not_allowed",
        ),
        (
            &[version, ("mcp-method", "server/discover"), ("origin", "null")],
            "403 origin_not_allowed",
        ),
    ] {
        assert_eq!(reached(fields).await, outcome, "{fields:?}");
    }
}

/// The status and the code of a request without a token.
async fn without_token(method: &str, path: &str, routes: &str, fields: &[(&str, &str)]) -> String {
    let issuer = TestIssuer::new().unwrap();
    let builder = Authorizer::builder().issuer(issuer.trusted(TestIssuer::AUDIENCE).unwrap());
    let authorizer = builder.policy(Policy::from_yaml(routes).unwrap()).build().unwrap();
    let service = service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
    let service = ServiceBuilder::new()
        .layer(AuthorizeLayer::new(authorizer))
        .service(service);
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let response = service.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let error = response.extensions().get::<actgate::Error>();
    format!(
        "{} {}",
        response.status().as_u16(),
        error.map_or("allow", actgate::Error::code)
    )
}

#[tokio::test]
async fn a_message_that_is_not_accepted_is_answered_by_what_it_needs_first() {
    let guarded = "routes: [{ match: POST /mcp, mcp: tools/call }, { match: POST /mcp, mcp: tools/list }]";
    let partly =
        "routes: [{ match: POST /mcp, mcp: tools/call }, { match: POST /mcp, mcp: server/discover, public: true }]";
    let earlier = [("mcp-protocol-version", "2025-11-25"), ("mcp-method", "tools/call")];
    assert_eq!(
        without_token("POST", "/mcp", guarded, &earlier).await,
        "401 missing_token"
    );
    assert_eq!(
        without_token("POST", "/mcp", partly, &earlier).await,
        "400 mcp_revision_not_supported"
    );
}

#[tokio::test]
async fn the_origin_matters_at_an_endpoint_alone() {
    let routes = "routes: [{ match: POST /mcp, mcp: tools/call }, { match: GET /open, public: true }]";
    let foreign = [("origin", "https://evil.example")];
    assert_eq!(without_token("GET", "/open", routes, &foreign).await, "200 allow");
    for (method, path) in [("POST", "/mcp"), ("GET", "/mcp"), ("POST", "/MCP")] {
        let denied = without_token(method, path, routes, &foreign).await;
        assert_eq!(denied, "403 origin_not_allowed", "{method} {path}");
    }
}
