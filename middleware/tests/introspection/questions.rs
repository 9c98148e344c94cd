//! Who asks, who waits, and how many questions run.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actgate::clock::FixedClock;
use actgate::introspection::{IntrospectedTokens, Introspection};
use actgate::keys::{Fetch, FetchFuture, KeySource, RefreshPolicy};
use actgate::testing::TestIssuer;
use actgate::{AuthorizeLayer, Authorizer, Error, Policy, TrustedIssuer};
use axum::body::{Body, Bytes};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Request, Response};
use http_body::Frame;
use serde_json::json;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::answering::{Answering, bench, decide, pass};

#[tokio::test(start_paused = true)]
async fn requests_with_one_token_share_a_question_and_random_tokens_delay_no_known_one() {
    let bench = Arc::new(bench(IntrospectedTokens::Opaque));
    bench.answering.activate("known", json!({}));
    let decide_all = |tokens: Vec<String>| {
        let spawn = |token: String| {
            let bench = bench.clone();
            tokio::spawn(async move { bench.code(&token).await })
        };
        tokens.into_iter().map(spawn).collect::<Vec<_>>()
    };
    for task in decide_all(vec!["known".to_owned(); 100]) {
        assert_eq!(task.await.unwrap(), "allow");
    }
    assert_eq!(bench.answering.count(), 1);

    let random: Vec<String> = (0..500).map(|index| format!("random{index}")).collect();
    random.iter().for_each(|token| bench.answering.answer(token, "hang"));
    pass(30).await;
    let flood = decide_all(random);
    tokio::task::yield_now().await;
    assert_eq!(bench.code("known").await, "allow");
    for task in flood {
        assert_eq!(task.await.unwrap(), "introspection_unavailable");
    }
    assert!(bench.answering.most_at_a_time.load(Ordering::SeqCst) <= 33);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_does_not_end_the_question() {
    let bench = bench(IntrospectedTokens::Opaque);
    bench.answering.activate("a", json!({}));
    let left = tokio::time::timeout(Duration::from_millis(5), bench.code("a")).await;
    assert!(left.is_err());
    pass(1).await;
    assert_eq!((bench.code("a").await, bench.answering.count()), ("allow", 1));
}

/// Publishes a key set without the key of the issuer once, then with it.
struct Late(Mutex<Option<String>>, String);

impl Fetch for Late {
    fn fetch<'a>(&'a self, _: &'a str) -> FetchFuture<'a> {
        let document = self.0.lock().unwrap().take().unwrap_or_else(|| self.1.clone());
        Box::pin(async move { Ok(document.into()) })
    }
}

#[tokio::test(start_paused = true)]
async fn the_layer_waits_for_a_key_and_for_an_answer() {
    let (issuer, answering) = (TestIssuer::new().unwrap(), Answering::default());
    let source = KeySource::JwksUri("https://issuer.test/jwks".to_owned());
    let trusted = TrustedIssuer::new(TestIssuer::ISSUER, source).unwrap();
    let introspection = Introspection::new(answering.clone()).tokens(IntrospectedTokens::All);
    let trusted = trusted
        .audience(TestIssuer::AUDIENCE)
        .unwrap()
        .introspection(introspection);
    let policy = "routes: [{ match: GET /orders, initiator: { kind: human } }]";
    let builder = Authorizer::builder()
        .issuer(trusted)
        .policy(Policy::from_yaml(policy).unwrap());
    let built = builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap();
    let before = issuer.jwks().replace("\"testing\"", "\"before\"");
    let fetch = Late(Mutex::new(Some(before)), issuer.jwks());
    let authorizer = built.start_with(fetch).unwrap();
    authorizer.ready().await;
    pass(11).await;
    let token = issuer.token(json!({ "sub_profile": "user" })).unwrap();
    answering.activate(&token, json!({}));
    let layer = AuthorizeLayer::new(authorizer.clone());
    let status = |token: String| {
        let inner = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(String::new())) });
        let request = Request::get("/orders").header(AUTHORIZATION, format!("Bearer {token}"));
        let response = layer.layer(inner).oneshot(request.body(()).unwrap());
        async { response.await.unwrap().status().as_u16() }
    };
    assert_eq!(status(token).await, 200);
    assert_eq!(answering.count(), 1);
    assert_eq!(status("opaque".to_owned()).await, 401);
    answering.answer("other", "down");
    assert_eq!(status("other".to_owned()).await, 503);
}

/// Publishes its keys once; every later fetch hangs.
struct Hanging(Mutex<Option<String>>);

impl Fetch for Hanging {
    fn fetch<'a>(&'a self, _: &'a str) -> FetchFuture<'a> {
        let document = self.0.lock().unwrap().take();
        Box::pin(async move {
            match document {
                Some(document) => Ok(document.into()),
                None => std::future::pending().await,
            }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_one_fetch_that_hangs() {
    let issuer = TestIssuer::new().unwrap();
    let source = KeySource::JwksUri("https://issuer.test/jwks".to_owned());
    let trusted = TrustedIssuer::new(TestIssuer::ISSUER, source).unwrap();
    let policy = RefreshPolicy::default()
        .with_cooldown(Duration::from_millis(10))
        .with_timeout(Duration::from_secs(1));
    let trusted = trusted
        .audience(TestIssuer::AUDIENCE)
        .unwrap()
        .refresh_policy(policy)
        .unwrap();
    let builder = Authorizer::builder().issuer(trusted);
    let built = builder
        .policy(Policy::from_yaml("routes: [{ match: GET /orders }]").unwrap())
        .build()
        .unwrap();
    let published = issuer.jwks().replace("\"testing\"", "\"other\"");
    let authorizer = built.start_with(Hanging(Mutex::new(Some(published)))).unwrap();
    authorizer.ready().await;
    pass(1).await;
    let began = tokio::time::Instant::now();
    let decision = decide(&authorizer, "/orders", &issuer.token(json!({})).unwrap()).await;
    assert_eq!(decision.error().map(Error::code), Some("unknown_key"));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

/// A body that arrives late.
struct Slow(Pin<Box<tokio::time::Sleep>>, Option<Bytes>);

impl http_body::Body for Slow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        ready!(self.0.as_mut().poll(cx));
        Poll::Ready(self.1.take().map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_body_is_read_for_longer_is_decided_by_the_answer_that_it_began_with() {
    let (issuer, answering) = (TestIssuer::new().unwrap(), Answering::default());
    let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
    let introspection = Introspection::new(answering.clone()).tokens(IntrospectedTokens::All);
    let introspection = introspection.cache(Duration::from_secs(10)).unwrap();
    let policy = "routes: [{ match: POST /orders, operation: { json: { /amount: { max: 5 } } } }]";
    let builder = Authorizer::builder().issuer(trusted.introspection(introspection));
    let builder = builder.policy(Policy::from_yaml(policy).unwrap()).reads_bodies();
    let built = builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap();
    let layer = AuthorizeLayer::new(built.start().unwrap()).with_bodies(Body::new);
    for (token, amount, status) in [("a", 5, 200), ("b", 6, 403)] {
        answering.activate(token, json!({}));
        let inner = service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(String::new())) });
        let request = Request::post("/orders").header(AUTHORIZATION, format!("Bearer {token}"));
        let text = format!("{{\"amount\":{amount}}}").into();
        let body = Slow(Box::pin(tokio::time::sleep(Duration::from_secs(20))), Some(text));
        let request = request.header(CONTENT_TYPE, "application/json").body(Body::new(body));
        let response = layer.layer(inner).oneshot(request.unwrap()).await.unwrap();
        assert_eq!(
            response.status().as_u16(),
            status,
            "{token} {:?} {:?}",
            response.headers(),
            response.body()
        );
    }
    assert_eq!(answering.count(), 2, "one question for each token");
}
