//! axum with state and nested routers.
//!
//! `cargo run -p actgate --example axum_state` makes an allowed and some denied requests and prints the responses.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actgate::clock::FixedClock;
use actgate::testing::TestIssuer;
use actgate::{AuthorizeLayer, Authorizer, Identity, Policy};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::{Method, Request, StatusCode};
use axum::routing::{delete, get};
use serde_json::json;
use tower::ServiceExt as _;

const POLICY: &str = "
requirements:
  people-only:
    initiator: { kind: human }
    actor: { absent: true }
routes:
  - match: GET /health
    public: true
  - match: GET /api/orders/{id}
    scopes: [orders:read]
  - match: DELETE /api/orders/{id}
    scopes: [orders:write]
  - match: GET /api/admin/log
    scopes: [orders:read]
";

#[derive(Clone, Default)]
struct Orders {
    deleted: Arc<AtomicU64>,
}

async fn show(State(_): State<Orders>, identity: Identity, Path(id): Path<u64>) -> String {
    format!("order {id} for {}", identity.subject())
}

async fn remove(State(orders): State<Orders>) -> String {
    format!("{} deleted", orders.deleted.fetch_add(1, Ordering::Relaxed) + 1)
}

/// On a public route there is no identity, so that the extractor is an `Option`.
async fn health(identity: Option<Identity>) -> &'static str {
    if identity.is_none() { "healthy" } else { "unexpected" }
}

fn app(authorizer: &Authorizer) -> Result<Router, actgate::ConfigError> {
    // One requirement for some routes, after the routes of the policy: the router decides which paths these are.
    let people_only = AuthorizeLayer::for_requirement(authorizer, "people-only")?;
    let admin = Router::new()
        .route("/log", get(|| async { "the log" }))
        .route_layer(people_only);
    let api = Router::new()
        .route("/orders/{id}", get(show))
        .route("/orders/{id}", delete(remove))
        .nest("/admin", admin);
    Ok(Router::new()
        .route("/health", get(health))
        // Inside of `nest`, a layer receives `/orders/7`, and the routes of the policy would not match.
        .nest("/api", api)
        // Here it receives `/api/orders/7`. It covers every route above, and none that is added below.
        .layer(AuthorizeLayer::new(authorizer.clone()))
        .with_state(Orders::default()))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = TestIssuer::new()?;
    let authorizer = Authorizer::builder()
        .issuer(issuer.trusted(TestIssuer::AUDIENCE)?)
        .policy(Policy::from_yaml(POLICY)?)
        .clock(FixedClock::at(TestIssuer::NOW))
        .build()?;
    let app = app(&authorizer)?;

    let person = issuer.token(json!({ "sub": "alice", "sub_profile": "user", "scope": "orders:read" }))?;
    let assistant = json!({ "sub": "assistant", "sub_profile": "ai_agent" });
    let agent = json!({ "sub": "alice", "sub_profile": "user", "scope": "orders:read", "act": assistant });
    let agent = issuer.token(agent)?;
    for (method, path, token, status, body) in [
        (Method::GET, "/health", None, StatusCode::OK, "healthy"),
        (
            Method::GET,
            "/api/orders/7",
            Some(&person),
            StatusCode::OK,
            "order 7 for alice",
        ),
        (Method::GET, "/api/orders/7", None, StatusCode::UNAUTHORIZED, ""),
        (
            Method::DELETE,
            "/api/orders/7",
            Some(&person),
            StatusCode::FORBIDDEN,
            "",
        ),
        (Method::GET, "/api/admin/log", Some(&person), StatusCode::OK, "the log"),
        (Method::GET, "/api/admin/log", Some(&agent), StatusCode::FORBIDDEN, ""),
    ] {
        let mut request = Request::builder().method(&method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let response = app.clone().oneshot(request.body(Body::empty())?).await?;
        println!("{method} {path}: {}", response.status());
        assert_eq!(response.status(), status);
        assert_eq!(to_bytes(response.into_body(), 1024).await?, body);
    }
    Ok(())
}
