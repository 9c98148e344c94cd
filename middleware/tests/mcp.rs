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

/// The route that a message with these names reaches, or the code of its denial.
async fn named(routes: &str, method: &str, name: &str) -> String {
    let issuer = TestIssuer::new().unwrap();
    let builder = Authorizer::builder().issuer(issuer.trusted(TestIssuer::AUDIENCE).unwrap());
    let builder = builder.policy(Policy::from_yaml(routes).unwrap());
    let authorizer = builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap();
    let token = issuer.token(json!({})).unwrap();
    let headers = [
        ("authorization", format!("Bearer {token}")),
        ("mcp-protocol-version", "2026-07-28".to_owned()),
        ("mcp-method", method.to_owned()),
        ("mcp-name", name.to_owned()),
    ];
    let headers = headers.map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()));
    let uri = http::Uri::from_static("/mcp");
    let target = actgate::request::Target::new(&http::Method::POST, &uri).unwrap();
    let decision = authorizer.decide(&target, &http::HeaderMap::from_iter(headers)).await;
    match decision.error() {
        Some(error) => error.code().to_owned(),
        None => decision.route().unwrap_or_default().to_owned(),
    }
}

#[tokio::test]
async fn the_longest_beginning_of_a_name_wins_in_every_order() {
    let route = |name: &str| format!("{{ match: POST /mcp, mcp: {{ method: tools/call, name: '{name}' }} }}");
    let names = ["get_*", "get_order_*", "get_o*"];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let routes = format!("routes: [{}]", order.map(|index| route(names[index])).join(", "));
        for (name, expected) in [
            ("get_order_1", "get_order_*"),
            ("get_owner", "get_o*"),
            ("get_x", "get_*"),
        ] {
            let expected = format!("POST /mcp mcp tools/call {expected}");
            assert_eq!(named(&routes, "tools/call", name).await, expected, "{order:?}");
        }
        assert_eq!(named(&routes, "tools/call", "set").await, "no_route");
    }
}

#[tokio::test]
async fn the_form_of_a_resource_matters_where_a_route_names_one() {
    let any = "routes: [{ match: POST /mcp, mcp: resources/read }]";
    let exact = "routes: [{ match: POST /mcp, mcp: { method: resources/read, name: 'file:///a' } }]";
    let begin = "routes: [{ match: POST /mcp, mcp: { method: resources/read, name: 'file:///a/*' } }]";
    assert_eq!(
        named(any, "resources/read", "file:///a/../b").await,
        "POST /mcp mcp resources/read"
    );
    for routes in [exact, begin] {
        assert_eq!(
            named(routes, "resources/read", "file:///a/../b").await,
            "mcp_header_mismatch"
        );
    }
}

#[test]
fn another_spelling_of_an_endpoint_needs_the_same_rules() {
    let routes = "
routes:
  - { match: POST /MCP, scopes: [first] }
  - { match: POST /other, mcp: tools/list, scopes: [list] }
  - { match: POST /mcp, mcp: tools/call, scopes: [call] }
  - { match: POST /OTHER, scopes: [last] }
";
    let mistakes = Policy::from_yaml(routes).map(drop).unwrap_err();
    let lines: Vec<u64> = mistakes.iter().map(|mistake| mistake.line()).collect();
    assert_eq!(lines, [5, 6]);
}
