//! A policy that is replaced while requests arrive: one policy decides on each request, and its decision has the hash of that one.

#![allow(clippy::unwrap_used, reason = "a request that cannot be made fails the test")]

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use actgate::clock::FixedClock;
use actgate::keys::{Fetch, FetchFuture, KeySource};
use actgate::profile::ChainCompleteness;
use actgate::request::{Presented, Target};
use actgate::testing::TestIssuer;
use actgate::{AuthorizeLayer, Authorizer, AuthorizerBuilder, ConfigError, Decision, Policy, Resource, TrustedIssuer};
use axum::body::{Body, Bytes};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use http_body::Frame;
use serde_json::json;
use tokio::sync::Notify;
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};

/// The requests of each thread.
const REQUESTS: usize = 2_000;
const THREADS: usize = 3;

const POLICIES: [&str; 3] = [
    "routes: [{ match: GET /a, scopes: [read] }, { match: GET /b, scopes: [write] }]",
    "routes: [{ match: GET /b, scopes: [read] }, { match: GET /c, public: true }]",
    "{ spelling: exact, routes: [{ match: GET /c, scopes: [admin] }, { match: GET /a }] }",
];
const PATHS: [&str; 3] = ["/a", "/b", "/c"];

fn policy(text: &str) -> Policy {
    Policy::from_yaml(text).unwrap()
}

fn builder(issuer: &TestIssuer, text: &str) -> AuthorizerBuilder {
    let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
    let builder = Authorizer::builder().issuer(trusted).policy(policy(text));
    builder.clock(FixedClock::at(TestIssuer::NOW))
}

/// The decision about a request that waits for nothing.
fn decide(authorizer: &Authorizer, path: &str, headers: &HeaderMap) -> Decision {
    let uri: Uri = path.parse().unwrap();
    let target = Target::new(&Method::GET, &uri).unwrap();
    ready(authorizer.decide(&target, headers))
}

fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("it waits"),
    }
}

/// All that a decision says but its policy.
fn summary(decision: &Decision) -> String {
    format!("{:?} {:?}", decision.route(), decision.outcome())
}

fn hash(decision: &Decision) -> String {
    decision.policy().hash().to_string()
}

fn bearer(token: &str) -> HeaderMap {
    let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
    HeaderMap::from_iter([(http::header::AUTHORIZATION, value)])
}

#[test]
fn under_load_every_decision_is_the_one_of_the_policy_that_it_names() {
    let issuer = TestIssuer::new().unwrap();
    let headers = bearer(&issuer.token(json!({ "scope": "read" })).unwrap());
    let expected: Vec<(String, [String; 3])> = POLICIES
        .iter()
        .map(|text| {
            let authorizer = builder(&issuer, text).build().unwrap();
            let hash = authorizer.policy().hash().to_string();
            (hash, PATHS.map(|path| summary(&decide(&authorizer, path, &headers))))
        })
        .collect();
    let authorizer = builder(&issuer, POLICIES[0]).build().unwrap();
    let policies = POLICIES.map(|text| Arc::new(policy(text)));
    let running = AtomicUsize::new(THREADS);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let clone = authorizer.clone();
                for request in 0..REQUESTS {
                    let path = request % PATHS.len();
                    let decision = decide(&clone, PATHS[path], &headers);
                    let named = expected.iter().find(|(known, _)| *known == hash(&decision));
                    assert_eq!(summary(&decision), named.unwrap().1[path]);
                }
                running.fetch_sub(1, Ordering::SeqCst);
            });
        }
        for policy in policies.iter().cycle() {
            authorizer.replace_policy(Arc::clone(policy)).unwrap();
            if running.load(Ordering::SeqCst) == 0 {
                break;
            }
            thread::yield_now();
        }
    });
}

#[test]
fn a_route_that_is_removed_is_gone_for_the_next_request() {
    let issuer = TestIssuer::new().unwrap();
    let headers = bearer(&issuer.token(json!({ "scope": "read" })).unwrap());
    let authorizer = builder(&issuer, POLICIES[0]).build().unwrap();
    let clone = authorizer.clone();
    let before = decide(&clone, "/a", &headers);
    assert_eq!((before.outcome(), before.route()), (Ok(()), Some("GET /a")));
    authorizer.replace_policy(policy(POLICIES[1])).unwrap();
    let after = decide(&clone, "/a", &headers);
    assert_eq!(after.error().map(|error| error.code()), Some("no_route"));
    assert_eq!(decide(&clone, "/b", &headers).outcome(), Ok(()));
    assert_eq!(hash(&after), policy(POLICIES[1]).hash().to_string());
    // A decision keeps its policy.
    assert_eq!(
        (before.route(), hash(&before)),
        (Some("GET /a"), policy(POLICIES[0]).hash().to_string())
    );
}

#[test]
fn a_policy_that_conflicts_changes_nothing() {
    let issuer = TestIssuer::new().unwrap();
    let headers = bearer(&issuer.token(json!({ "scope": "read" })).unwrap());
    let outer = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
    let outer = outer.chain_completeness(ChainCompleteness::OuterOnly);
    let text = format!(
        "requirements: {{ people: {{ actor: {{ absent: true }} }} }}\n{}",
        POLICIES[0]
    );
    let authorizer = Authorizer::builder()
        .issuer(outer)
        .policy(policy(&text))
        .resource(Resource::new(TestIssuer::AUDIENCE).unwrap())
        .clock(FixedClock::at(TestIssuer::NOW))
        .build()
        .unwrap();
    let _layer = AuthorizeLayer::for_requirement(&authorizer, "people").unwrap();
    let before = PATHS.map(|path| summary(&decide(&authorizer, path, &headers)));
    let replace = |routes: &str, more: &str| {
        let text = format!(
            "requirements: {{ people: {{ actor: {{ absent: true }} }} }}\nroutes: [{{ match: GET /c }}, {routes}]\n{more}"
        );
        authorizer.replace_policy(policy(&text))
    };
    let history = replace("{ match: GET /a, chain: { max_depth: 1 } }", "");
    assert!(matches!(history, Err(ConfigError::HistoryRule { .. })), "{history:?}");
    let body = replace("{ match: POST /a, operation: { json: { /a: 1 } } }", "");
    assert!(matches!(body, Err(ConfigError::BodyRule { .. })), "{body:?}");
    let metadata = replace("{ match: GET /.well-known/oauth-protected-resource }", "");
    assert!(
        matches!(metadata, Err(ConfigError::MetadataRoute { .. })),
        "{metadata:?}"
    );
    let requirement = authorizer.replace_policy(policy(POLICIES[1]));
    assert_eq!(requirement, Err(ConfigError::UnknownRequirement("people".to_owned())));
    assert_eq!(PATHS.map(|path| summary(&decide(&authorizer, path, &headers))), before);
    assert_eq!(authorizer.policy().hash(), policy(&text).hash());
    replace("{ match: GET /a }", "").unwrap();
}

/// Answers with the hash of the policy that the request was decided by.
async fn answer_hash(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let decision = request.extensions().get::<Decision>().unwrap();
    Ok(Response::new(Body::from(hash(decision))))
}

async fn text(response: Response<Body>) -> (u16, String) {
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

/// A body that arrives when it is released.
struct Held {
    released: Arc<AtomicBool>,
    bytes: Option<Bytes>,
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.released.load(Ordering::SeqCst) {
            true => Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            false => Poll::Pending,
        }
    }
}

#[test]
fn a_request_whose_body_is_awaited_keeps_its_policy() {
    let issuer = TestIssuer::new().unwrap();
    let token = issuer.token(json!({})).unwrap();
    let up_to = |amount: u32| {
        format!("routes: [{{ match: POST /a, operation: {{ json: {{ /amount: {{ min: 0, max: {amount} }} }} }} }}]")
    };
    let authorizer = builder(&issuer, &up_to(500)).reads_bodies().build().unwrap();
    let layer = AuthorizeLayer::new(authorizer.clone())
        .with_bodies(Body::new)
        .with_decision_extension();
    let mut service = layer.layer(service_fn(answer_hash));
    let released = Arc::new(AtomicBool::new(false));
    let mut send = |amount: u32| {
        let request = Request::post("/a").header("authorization", format!("Bearer {token}"));
        let body = Held {
            released: Arc::clone(&released),
            bytes: Some(format!("{{\"amount\":{amount}}}").into()),
        };
        let request = request.header("content-type", "application/json");
        Box::pin(service.call(request.body(Body::new(body)).unwrap()))
    };
    let mut context = Context::from_waker(Waker::noop());
    let first = authorizer.policy().hash().to_string();
    for (amount, expected) in [(500, (200, first)), (501, (403, String::new()))] {
        released.store(false, Ordering::SeqCst);
        authorizer.replace_policy(policy(&up_to(500))).unwrap();
        let mut waiting = send(amount);
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        authorizer
            .replace_policy(policy(&up_to(if amount == 500 { 1 } else { 1000 })))
            .unwrap();
        released.store(true, Ordering::SeqCst);
        assert_eq!(ready(async { text(waiting.await.unwrap()).await }), expected);
    }
    let allowed = ready(async { text(send(501).await.unwrap()).await });
    assert_eq!(allowed, (200, authorizer.policy().hash().to_string()));
}

#[test]
fn a_decision_by_the_body_is_of_the_policy_of_the_decision_without_it() {
    let issuer = TestIssuer::new().unwrap();
    let headers = bearer(&issuer.token(json!({})).unwrap());
    let rule = "routes: [{ match: POST /a, operation: { json: { /a: 1 } } }]";
    let authorizer = builder(&issuer, rule).reads_bodies().build().unwrap();
    let uri = Uri::from_static("/a");
    let target = Target::new(&Method::POST, &uri).unwrap();
    let mut headers = headers;
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    let by_head = ready(authorizer.decide(&target, &headers));
    assert_eq!(by_head.error().map(|error| error.code()), Some("body_not_read"));
    authorizer
        .replace_policy(policy("routes: [{ match: GET /a }]"))
        .unwrap();
    let presented = Presented::headers(&target, &headers).body(b"{\"a\":1}");
    let by_body = ready(authorizer.decide_again(&by_head, &presented));
    assert_eq!(
        (by_body.outcome(), hash(&by_body)),
        (Ok(()), policy(rule).hash().to_string())
    );
    let next = ready(authorizer.decide_presented(&presented));
    assert_eq!(next.error().map(|error| error.code()), Some("no_route"));
}

#[test]
fn a_layer_of_a_requirement_follows_the_policy() {
    let issuer = TestIssuer::new().unwrap();
    let token = issuer.token(json!({ "scope": "read" })).unwrap();
    let with = |scope: &str| format!("requirements: {{ r: {{ scopes: [{scope}] }} }}");
    let authorizer = builder(&issuer, &with("read")).build().unwrap();
    let layer = AuthorizeLayer::for_requirement(&authorizer, "r").unwrap();
    let service = layer.with_decision_extension().layer(service_fn(answer_hash));
    let send = || {
        let request = Request::get("/any").header("authorization", format!("Bearer {token}"));
        let response = service.clone().oneshot(request.body(Body::empty()).unwrap());
        ready(async { text(response.await.unwrap()).await })
    };
    assert_eq!(send(), (200, authorizer.policy().hash().to_string()));
    authorizer.replace_policy(policy(&with("write"))).unwrap();
    assert_eq!(send().0, 403);
    let other = authorizer.replace_policy(policy("requirements: { other: { scopes: [read] } }"));
    assert_eq!(other, Err(ConfigError::UnknownRequirement("r".to_owned())));
    assert_eq!(send().0, 403);
}

/// Publishes a key set, and holds back each fetch of it when it is asked to.
struct Published {
    document: Mutex<String>,
    holds: AtomicBool,
    started: Notify,
    released: Notify,
}

impl Fetch for Published {
    fn fetch<'a>(&'a self, _: &'a str) -> FetchFuture<'a> {
        Box::pin(async move {
            if self.holds.load(Ordering::SeqCst) {
                self.started.notify_one();
                self.released.notified().await;
            }
            Ok(self.document.lock().unwrap().clone().into_bytes().into())
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waits_for_keys_keeps_its_policy() {
    let (old, new) = (TestIssuer::new().unwrap(), TestIssuer::new().unwrap());
    let renamed = |issuer: &TestIssuer| issuer.jwks().replace("\"testing\"", "\"new\"");
    let published = Arc::new(Published {
        document: Mutex::new(old.jwks()),
        holds: AtomicBool::new(false),
        started: Notify::new(),
        released: Notify::new(),
    });
    let source = KeySource::JwksUri("https://issuer.test/jwks".into());
    let trusted = TrustedIssuer::new(TestIssuer::ISSUER, source).unwrap();
    let builder = Authorizer::builder().issuer(trusted.audience(TestIssuer::AUDIENCE).unwrap());
    let builder = builder
        .policy(policy("routes: [{ match: GET /a }]"))
        .clock(FixedClock::at(TestIssuer::NOW));
    let authorizer = builder.build().unwrap().start_with(Arc::clone(&published)).unwrap();
    authorizer.ready().await;
    // The cool-down.
    tokio::time::sleep(Duration::from_secs(11)).await;

    let claims =
        json!({ "iss": TestIssuer::ISSUER, "aud": TestIssuer::AUDIENCE, "sub": "alice", "exp": TestIssuer::NOW + 60 });
    let token = new.token_with_header(json!({ "alg": "ES256", "kid": "new", "typ": "at+jwt" }), claims);
    let token = token.unwrap();
    let layer = AuthorizeLayer::new(authorizer.clone()).with_decision_extension();
    let service = layer.layer(service_fn(answer_hash));
    let send = || {
        let request = Request::get("/a").header("authorization", format!("Bearer {token}"));
        let response = service.clone().oneshot(request.body(Body::empty()).unwrap());
        async { text(response.await.unwrap()).await }
    };
    let before = authorizer.policy().hash().to_string();
    *published.document.lock().unwrap() = renamed(&new);
    published.holds.store(true, Ordering::SeqCst);
    let by_layer = tokio::spawn(send());
    let headers = bearer(&token);
    let by_decide = tokio::spawn({
        let (authorizer, headers) = (authorizer.clone(), headers);
        async move {
            let uri = Uri::from_static("/a");
            let target = Target::new(&Method::GET, &uri).unwrap();
            authorizer.decide(&target, &headers).await
        }
    });
    published.started.notified().await;
    tokio::task::yield_now().await;
    authorizer
        .replace_policy(policy("routes: [{ match: GET /other }]"))
        .unwrap();
    published.released.notify_one();
    assert_eq!(by_layer.await.unwrap(), (200, before.clone()));
    let decision = by_decide.await.unwrap();
    assert_eq!((decision.outcome(), hash(&decision)), (Ok(()), before));
    assert_eq!(send().await.0, 403);
}
