//! A decision on a repeat token allocates nothing, by a policy without a rule on the body and without an expression; a search for the
//! smallest change keeps little.

#![allow(clippy::unwrap_used, reason = "a request that cannot be made fails the test")]

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use actgate::clock::FixedClock;
use actgate::introspection::{Introspect, IntrospectFuture, IntrospectedTokens, Introspection};
use actgate::request::{Presented, Target};
use actgate::revocation::Revocations;
use actgate::testing::TestIssuer;
use actgate::{AuthorizeLayer, Authorizer, Identity, Policy};
use allocation_counter::measure;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use serde_json::json;
use tower::{Layer as _, Service, service_fn};

const REFUND: &str = include_str!("../../policy-examples/06-fresh-mfa-for-refunds/policy.yaml");

fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("it waits"),
    }
}

fn authorizer(text: &str) -> (Authorizer, HeaderMap) {
    let issuer = TestIssuer::new().unwrap();
    let builder = Authorizer::builder().issuer(issuer.trusted(TestIssuer::AUDIENCE).unwrap());
    let builder = builder.policy(Policy::from_yaml(text).unwrap());
    let authorizer = builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap();
    let token = issuer.token(json!({
        "sub_profile": "user", "amr": ["mfa"], "auth_time": TestIssuer::NOW - 60, "scope": "refunds:read refunds:write",
        "act": { "sub": "billing-bot", "sub_profile": "ai_agent", "act": { "sub": "planner", "sub_profile": "ai_agent" } },
    }));
    let value = HeaderValue::try_from(format!("Bearer {}", token.unwrap())).unwrap();
    (authorizer, HeaderMap::from_iter([(AUTHORIZATION, value)]))
}

/// The policy of the refund with this many more routes.
fn with_more(routes: usize) -> String {
    let more = (0..routes).map(|index| format!("  - {{ match: 'GET /area{index}/{{id}}', scopes: [area:{index}] }}\n"));
    format!("{REFUND}{}", more.collect::<String>())
}

#[test]
fn a_decision_on_a_repeat_token_allocates_nothing() {
    for routes in [0, 99] {
        let (authorizer, headers) = authorizer(&with_more(routes));
        let uri = Uri::from_static("/refunds");
        let target = Target::new(&Method::POST, &uri).unwrap();
        let decide = || {
            let decision = ready(authorizer.decide(&target, &headers));
            assert_eq!((decision.outcome(), decision.route()), (Ok(()), Some("POST /refunds")));
            assert_eq!(decision.policy().hash().as_str().len(), 64);
        };
        decide();
        assert_eq!(measure(decide).count_total, 0, "{routes}");
        // So is the first one after the policy has been replaced.
        authorizer.replace_policy(Policy::from_yaml(REFUND).unwrap()).unwrap();
        assert_eq!(measure(decide).count_total, 0, "{routes}");
    }
}

/// An issuer whose every token is active.
struct Active;

impl Introspect for Active {
    fn introspect<'a>(&'a self, _: &'a str) -> IntrospectFuture<'a> {
        let answer = json!({
            "active": true, "sub": "alice", "sub_profile": "user", "aud": TestIssuer::AUDIENCE, "exp": TestIssuer::NOW + 60,
        });
        Box::pin(async move { Ok(answer.to_string().into()) })
    }
}

#[test]
fn a_repeat_token_whose_issuer_was_asked_allocates_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let issuer = TestIssuer::new().unwrap();
    let introspection = Introspection::new(Active).tokens(IntrospectedTokens::All);
    let trusted = issuer
        .trusted(TestIssuer::AUDIENCE)
        .unwrap()
        .introspection(introspection);
    let route = "{ match: GET /orders, initiator: { kind: human }, token: { single_audience: true } }";
    let policy = Policy::from_yaml(&format!("routes: [{route}]")).unwrap();
    let builder = Authorizer::builder()
        .issuer(trusted)
        .policy(policy)
        .clock(FixedClock::at(TestIssuer::NOW));
    let list = Revocations::default().party(TestIssuer::ISSUER, "planner", TestIssuer::NOW);
    let built = builder.revocations(list).build().unwrap();
    let authorizer = runtime.block_on(async { built.start() }).unwrap();
    let uri = Uri::from_static("/orders");
    let target = Target::new(&Method::GET, &uri).unwrap();
    let signed = issuer.token(json!({ "sub_profile": "user", "act": { "sub": "bot", "sub_profile": "ai_agent" } }));
    for token in [&signed.unwrap(), "opaque"] {
        let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
        assert_eq!(runtime.block_on(authorizer.decide(&target, &headers)).outcome(), Ok(()));
        let decide = || assert_eq!(ready(authorizer.decide(&target, &headers)).outcome(), Ok(()));
        decide();
        assert_eq!(measure(decide).count_total, 0, "{token}");
    }
}

#[test]
fn the_layer_adds_no_allocation_to_those_of_a_shared_value_in_the_extensions() {
    async fn inner(_: Request<()>) -> Result<Response<String>, Infallible> {
        Ok(Response::default())
    }
    let (authorizer, headers) = authorizer(REFUND);
    let request = || {
        let mut request = Request::post("/refunds").body(()).unwrap();
        *request.headers_mut() = headers.clone();
        request
    };
    let count = |service: &mut dyn FnMut(Request<()>)| {
        service(request());
        let next = request();
        measure(|| service(next)).count_total
    };
    let value = Arc::new(7);
    let mut no_op = service_fn(|mut request: Request<()>| {
        request.extensions_mut().insert(Arc::clone(&value));
        inner(request)
    });
    let mut layered = AuthorizeLayer::new(authorizer).layer(service_fn(|request: Request<()>| {
        assert!(request.extensions().get::<Identity>().is_some());
        inner(request)
    }));
    let least = count(&mut |request| drop(ready(no_op.call(request)).unwrap()));
    let with_layer = count(&mut |request| drop(ready(layered.call(request)).unwrap()));
    assert!(least > 0);
    assert_eq!(with_layer, least);
}

#[test]
fn the_search_for_the_smallest_change_keeps_a_few_megabytes() {
    let claims = |index: usize| format!("{{ claims: {{ a{index}: 1, b{index}: 1, c{index}: 1 }} }}");
    let alternatives: Vec<String> = (0..100).map(claims).collect();
    let policy = format!(
        "routes: [{{ match: POST /refunds, any_of: [{}] }}]",
        alternatives.join(", ")
    );
    let (authorizer, headers) = authorizer(&policy);
    let uri = Uri::from_static("/refunds");
    let target = Target::new(&Method::POST, &uri).unwrap();
    let token = headers[AUTHORIZATION].to_str().unwrap().trim_start_matches("Bearer ");
    let presented = Presented::token(&target, token);
    let explanation = authorizer.explain(&presented, TestIssuer::NOW);
    let mut change = None;
    let measured = measure(|| change = authorizer.smallest_change(&explanation, &presented, TestIssuer::NOW));
    let change = change.unwrap();
    assert!(change.is_cut && change.alternatives.is_empty(), "{change:?}");
    assert!(measured.bytes_max < 16 << 20, "{} bytes", measured.bytes_max);
}
