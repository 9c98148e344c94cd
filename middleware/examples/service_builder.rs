//! The order of layers in a `ServiceBuilder`: trace, CORS, authorization.
//!
//! `cargo run -p actgate --example service_builder`. The first layer is the outermost one:
//!
//! 1. `TraceLayer` sees every request, also a denied one, and finds its [`Error`] in the extensions of the response.
//! 2. `CorsLayer` answers a preflight request, which has no token, and adds its headers to the response to a denied
//!    request, so that a browser shows the status to the page.
//! 3. `AuthorizeLayer` is next to the routes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actgate::clock::FixedClock;
use actgate::testing::TestIssuer;
use actgate::{AuthorizeLayer, Authorizer, Error, Policy};
use axum::Router;
use axum::body::Body;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode};
use axum::routing::get;
use serde_json::json;
use tower::{ServiceBuilder, ServiceExt as _};
use tower_http::cors::CorsLayer;
use tower_http::trace::TraceLayer;
use tracing::Span;

const PAGE: &str = "https://app.example";

fn request(method: Method) -> http::request::Builder {
    Request::builder().method(method).uri("/orders").header("origin", PAGE)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = TestIssuer::new()?;
    let authorizer = Authorizer::builder()
        .issuer(issuer.trusted(TestIssuer::AUDIENCE)?)
        .policy(Policy::from_yaml(
            "routes: [{ match: GET /orders, initiator: { kind: human } }]",
        )?)
        .clock(FixedClock::at(TestIssuer::NOW))
        .build()?;
    let authorize = AuthorizeLayer::new(authorizer);
    let cors = CorsLayer::new()
        .allow_origin(HeaderValue::from_static(PAGE))
        .allow_headers([AUTHORIZATION]);
    // In a service this is an event of `tracing`; here the codes are kept for the assertion below.
    let codes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&codes);
    let trace = TraceLayer::new_for_http().on_response(move |response: &Response<_>, _: Duration, _: &Span| {
        let code = response.extensions().get::<Error>().map_or("allow", Error::code);
        if let Ok(mut seen) = seen.lock() {
            seen.push(code);
        }
    });
    let routes = Router::new().route("/orders", get(|| async { "orders" }));
    let layers = ServiceBuilder::new()
        .layer(trace)
        .layer(cors.clone())
        .layer(authorize.clone());
    let app = routes.clone().layer(layers);

    let person = issuer.token(json!({ "sub": "alice", "sub_profile": "user" }))?;
    let service = issuer.token(json!({ "sub": "batch", "sub_profile": "service" }))?;
    for (token, status) in [(&person, StatusCode::OK), (&service, StatusCode::FORBIDDEN)] {
        let request = request(Method::GET).header(AUTHORIZATION, format!("Bearer {token}"));
        let response = app.clone().oneshot(request.body(Body::empty())?).await?;
        println!("GET /orders: {}", response.status());
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], PAGE);
    }

    let preflight = || {
        let request = request(Method::OPTIONS).header("access-control-request-method", "GET");
        request.body(Body::empty())
    };
    let response = app.oneshot(preflight()?).await?;
    println!("preflight: {}", response.status());
    assert_eq!(response.status(), StatusCode::OK);
    if let Ok(codes) = codes.lock() {
        assert_eq!(*codes, ["allow", "initiator_not_human", "allow"]);
    }

    // The other way round, a preflight request is denied: it has no token.
    let wrong = routes.layer(ServiceBuilder::new().layer(authorize).layer(cors));
    let response = wrong.oneshot(preflight()?).await?;
    println!("preflight with CORS inside of the authorization: {}", response.status());
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    Ok(())
}
