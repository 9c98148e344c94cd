//! The table through the layer in front of a service, over the wire.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use actgate::clock::FixedClock;
use actgate::layer::Rejection;
use actgate::testing::TestIssuer;
use actgate::{AuthorizeLayer, Authorizer, ConfigError, Policy};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::routing::any;
use http::Uri;
use serde_json::json;

use super::rows::{POLICY, Want, rows};
use super::{chunked, request};
use crate::wire::{self, Outcome, bearer};

/// What the service received: the target and the body of each request.
type Received = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

async fn record(State(received): State<Received>, uri: Uri, body: Bytes) {
    received.lock().unwrap().push((uri.to_string(), body.to_vec()));
}

/// A response whose body is the code of the denial.
fn code(rejection: Rejection<'_>) -> http::Response<Body> {
    rejection.response(Body::from(rejection.error().code()))
}

pub fn authorizer(issuer: &TestIssuer, policy: &str) -> Authorizer {
    let builder = Authorizer::builder().issuer(issuer.trusted(TestIssuer::AUDIENCE).unwrap());
    let builder = builder.policy(Policy::from_yaml(policy).unwrap()).reads_bodies();
    builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap()
}

pub async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_has_its_answer_and_only_what_is_allowed_reaches_the_service() {
    let issuer = TestIssuer::new().unwrap();
    let received = Received::default();
    let layer = AuthorizeLayer::new(authorizer(&issuer, POLICY)).with_rejection_response(code);
    let router = Router::new()
        .route("/refunds", any(record))
        .with_state(received.clone())
        .layer(layer.with_bodies(Body::new));
    let address = serve(router).await;
    let authorization = bearer(&issuer.token(json!({ "scope": "refunds:write" })).unwrap());
    let mut failures = Vec::new();
    for row in rows() {
        for bytes in [request(&row, &authorization), chunked(&row, &authorization)] {
            let answer = tokio::task::spawn_blocking(move || wire::exchange(address, &bytes))
                .await
                .unwrap();
            let Outcome::Answered(answer) = answer else {
                panic!("{}: no answer", row.name)
            };
            let sent = std::mem::take(&mut *received.lock().unwrap());
            let expected = (format!("/refunds{}", row.query), row.body.clone());
            let is_right = match row.want {
                Want::Reaches => answer.status == 200 && sent == [expected],
                Want::Denied(status, code) => answer.status == status && answer.text() == code && sent.is_empty(),
            };
            if !is_right {
                failures.push(format!("{}: {} {} {sent:?}", row.name, answer.status, answer.text()));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_layer_that_reads_no_bodies_denies_a_route_with_a_rule_on_them() {
    let issuer = TestIssuer::new().unwrap();
    let received = Received::default();
    let layer = AuthorizeLayer::new(authorizer(&issuer, POLICY)).with_rejection_response(code);
    let router = Router::new()
        .route("/refunds", any(record))
        .with_state(received.clone());
    let address = serve(router.layer(layer)).await;
    let authorization = bearer(&issuer.token(json!({ "scope": "refunds:write" })).unwrap());
    let row = rows().into_iter().find(|row| row.want == Want::Reaches).unwrap();
    let bytes = request(&row, &authorization);
    let answer = tokio::task::spawn_blocking(move || wire::answer(address, &bytes))
        .await
        .unwrap();
    assert_eq!((answer.status, &*answer.text()), (403, "body_not_read"));
    assert!(received.lock().unwrap().is_empty());
}

#[test]
fn a_policy_with_a_rule_on_the_body_needs_a_program_that_passes_bodies() {
    let issuer = TestIssuer::new().unwrap();
    let builder = || Authorizer::builder().issuer(issuer.trusted(TestIssuer::AUDIENCE).unwrap());
    let policy = || Policy::from_yaml(POLICY).unwrap();
    let error = builder().policy(policy()).build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the rule `POST /refunds: operation.json./amount` reads the body of requests, and no body is passed to the authorizer; \
         call `reads_bodies` of the builder, and `with_bodies` of the layer or `Presented::body`"
    );
    let open = Policy::from_yaml("routes: [{ match: GET / }]").unwrap();
    let replaced = builder().policy(open).build().unwrap().replace_policy(policy());
    assert!(matches!(replaced, Err(ConfigError::BodyRule { .. })));
    let query = Policy::from_yaml("routes: [{ match: GET /, operation: { query: { a: b } } }]").unwrap();
    assert!(builder().policy(query).build().is_ok());
    let inside = "requirements: { r: { any_of: [{ operation: { json: { /a: 1 } } }, { scopes: [x] }] } }";
    assert!(builder().policy(Policy::from_yaml(inside).unwrap()).build().is_err());
}
