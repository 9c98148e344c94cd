//! What the layer does for an allowed request beside calling its service, in a process without a subscriber: one that traces decisions
//! makes an event of each, and the layer then takes no short way.

#![allow(clippy::unwrap_used, reason = "a request that cannot be made fails the test")]

use std::convert::Infallible;

use actgate::clock::FixedClock;
use actgate::policy::Mode;
use actgate::profile::{ChainCompleteness, PriorActors};
use actgate::testing::TestIssuer;
use actgate::{AuthorizeLayer, Authorizer, Decision, Policy};
use axum::body::Body;
use http::header::AUTHORIZATION;
use http::{Request, Response, StatusCode};
use serde_json::json;
use tower::{Layer as _, ServiceExt as _, service_fn};

fn authorizer(issuer: &TestIssuer, policy: &str) -> Authorizer {
    let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
    let trusted = trusted
        .chain_completeness(ChainCompleteness::Complete)
        .prior_actors(PriorActors::Enforce);
    let builder = Authorizer::builder().issuer(trusted);
    let policy = Policy::from_yaml(policy).unwrap_or_else(|error| unreachable!("{error}"));
    builder
        .policy(policy)
        .clock(FixedClock::at(TestIssuer::NOW))
        .build()
        .unwrap()
}

/// The status of a request by a person with two agents, and whether its decision came with it.
async fn answered(layer: &AuthorizeLayer, issuer: &TestIssuer) -> (StatusCode, bool) {
    let actors = json!({ "sub": "bot", "act": { "sub": "planner" } });
    let token = issuer
        .token(json!({ "sub": "alice", "sub_profile": "user", "act": actors }))
        .unwrap();
    let request = Request::builder()
        .uri("/orders")
        .header(AUTHORIZATION, format!("Bearer {token}"));
    let service = service_fn(async |request: Request<Body>| {
        let mut response = Response::new(Body::empty());
        if let Some(decision) = request.extensions().get::<Decision>() {
            response.extensions_mut().insert(decision.clone());
        }
        Ok::<_, Infallible>(response)
    });
    let request = request.body(Body::empty()).unwrap();
    let response = layer.layer(service).oneshot(request).await.unwrap();
    (response.status(), response.extensions().get::<Decision>().is_some())
}

#[tokio::test]
async fn a_limit_counts_each_allowed_request() {
    let issuer = TestIssuer::new().unwrap();
    let policy = "limit: { per: initiator, rate: 2/d }\nroutes: [{ match: GET /orders }]";
    let layer = AuthorizeLayer::new(authorizer(&issuer, policy));
    for status in [200, 200, 429] {
        assert_eq!(answered(&layer, &issuer).await.0, status);
    }
}

#[tokio::test]
async fn a_rule_in_shadow_counts_each_allowed_request_that_does_not_meet_it() {
    let issuer = TestIssuer::new().unwrap();
    let policy = "requirements: { other: { mode: shadow, actor: { one_of: [other] } } }\n\
                  routes: [{ match: GET /orders, initiator: { kind: human }, require: [other] }]";
    let authorizer = authorizer(&issuer, policy);
    let layer = AuthorizeLayer::new(authorizer.clone());
    for count in 1..=3 {
        assert_eq!(answered(&layer, &issuer).await.0, StatusCode::OK);
        let unmet = |mode| {
            let rules = authorizer.rules().into_iter().filter(|rule| rule.mode == mode);
            rules.map(|rule| rule.unmet).sum::<u64>()
        };
        assert_eq!((unmet(Mode::Shadow), unmet(Mode::Enforce)), (count, 0));
    }
}

#[tokio::test]
async fn a_decision_is_attached_where_the_layer_is_asked_to() {
    let issuer = TestIssuer::new().unwrap();
    let authorizer = authorizer(&issuer, "routes: [{ match: GET /orders, initiator: { kind: human } }]");
    let layer = AuthorizeLayer::new(authorizer);
    assert_eq!(answered(&layer, &issuer).await, (StatusCode::OK, false));
    assert_eq!(
        answered(&layer.with_decision_extension(), &issuer).await,
        (StatusCode::OK, true)
    );
}

#[tokio::test]
async fn a_rule_on_the_whole_chain_denies_what_every_other_rule_allows() {
    let issuer = TestIssuer::new().unwrap();
    for (rule, status) in [
        ("chain: { max_depth: 2 }", StatusCode::OK),
        ("chain: { max_depth: 1 }", StatusCode::FORBIDDEN),
        #[cfg(feature = "cel")]
        ("expression: 'chain.all(one, one.subject != \"other\")'", StatusCode::OK),
        #[cfg(feature = "cel")]
        (
            "expression: 'chain.all(one, one.subject != \"planner\")'",
            StatusCode::FORBIDDEN,
        ),
    ] {
        let policy = format!("routes: [{{ match: GET /orders, initiator: {{ kind: human }}, {rule} }}]");
        let layer = AuthorizeLayer::new(authorizer(&issuer, &policy));
        // The second token is a known one.
        for _ in 0..2 {
            assert_eq!(answered(&layer, &issuer).await.0, status, "{rule}");
        }
    }
}
