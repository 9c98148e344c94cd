//! The cost of authorizing a request, as ratios within one run: absolute times depend on the machine.
//!
//! `cargo bench -p actgate` prints every bar. What is compared is measured alternating; the median over the rounds is printed.
//!
//! `authorize ROW COUNT` runs one row so many times, for a tool that counts instructions: `README.md` beside this file.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark stops at the first error"
)]

mod look_up;
mod rounds;
mod signer;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use actgate::clock::FixedClock;
use actgate::limits::Limits;
use actgate::request::Target;
use actgate::testing::TestIssuer;
use actgate::{AuthorizeLayer, Authorizer, Policy, TrustedIssuer};
use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use serde_json::{Value, json};
use tower_service::Service;

use crate::rounds::Rounds;
use crate::signer::Signer;

/// A refund by an agent for a person who has just logged in: rules on the scope, the initiator, the current actor and prior actors.
const REFUND: &str = include_str!("../../../policy-examples/06-fresh-mfa-for-refunds/policy.yaml");

/// A refund within a limit: a rule on the body.
const REFUND_LIMIT: &str = include_str!("../../../policy-examples/40-refund-limit/policy.yaml");

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [row, count] = &arguments[..]
        && let Ok(count) = count.parse::<usize>()
    {
        let new = signer::NAMES.into_iter().find(|name| name == row);
        let mut row = new.map_or_else(|| rows().remove(&**row).expect("a row"), new_token_row);
        return (0..count).for_each(|_| row());
    }
    println!("bar                                                         must measured holds");
    for name in signer::NAMES {
        new_token(name);
    }
    repeat_token();
    println!("L4  allocations that a repeat token adds: tests/allocations.rs asserts that there are none");
    bar("L5  look-up, one token ÷ frozen map", 1.8, look_up::ratio(1));
    bar("L5  look-up, 5,000 tokens ÷ frozen map", 1.4, look_up::ratio(5_000));
    refused();
    bodies_and_expressions();
}

/// One line of the table.
fn bar(name: &str, must: f64, measured: f64) {
    let holds = if measured <= must { "yes" } else { "no" };
    println!("{name:<58} {must:>5.2} {measured:>8.3} {holds}");
}

/// L1 and L2: a token that is new each time, as nothing is cached.
fn new_token(name: &'static str) {
    let signer = Signer::new(name);
    let token = signer.token(claims());
    let authorizer = authorizer(signer.trusted(), policy(1), Limits::default().with_cache_bytes(0));
    let (mut raw, mut decide) = (signer.raw_verification(&token), decision(&authorizer, &token));
    let mut bare = to_order(router(), &token);
    let mut layered = to_order(router().layer(AuthorizeLayer::new(authorizer)), &token);
    let rounds = Rounds::of([&mut decide, &mut raw, &mut layered, &mut bare]);
    let (whole, on_router) = match name {
        "RS256" => (1.10, Some(1.12)),
        "PS256" => (1.10, None),
        "ES256" => (1.05, Some(1.06)),
        "ES384" => (1.02, None),
        _ => (1.05, Some(1.07)),
    };
    bar(
        &format!("L1  {name}: decision on a new token ÷ raw verify"),
        whole,
        rounds.ratio(0, 1),
    );
    if let Some(must) = on_router {
        let measured = rounds.median(|[_, raw, layered, bare]| (layered - bare) / raw);
        bar(
            &format!("L2  {name}: layer, new token, over the router ÷ raw"),
            must,
            measured,
        );
    }
    let [raw, rest] = [rounds.median(|round| round[1]), rounds.over(0, 1)];
    println!("    {name}: raw verify {raw:.0} ns, the rest of the decision {rest:.0} ns");
}

/// L3 and L7: a token that is in the cache.
fn repeat_token() {
    let signer = Signer::new("ES256");
    let token = signer.token(claims());
    let layered = |routes| {
        let layer = AuthorizeLayer::new(authorizer(signer.trusted(), policy(routes), Limits::default()));
        to_order(router().layer(layer), &token)
    };
    repeated(
        [
            "L3  repeat token ÷ one `Arc`, both over the router",
            "L7  100 routes ÷ one",
        ],
        [
            &mut layered(1),
            &mut to_order(router().layer(arc_only()), &token),
            &mut to_order(router(), &token),
            &mut layered(100),
        ],
    );
    let mut rows = rows();
    let mut row = |name| rows.remove(name).expect("a row");
    repeated(
        [
            "L3  the same by the policy of the refund",
            "L7  the same by the policy of the refund",
        ],
        [
            &mut row("refund"),
            &mut row("arc"),
            &mut row("bare"),
            &mut row("refund-100"),
        ],
    );
}

/// The bars L3 and L7 of a layer, one `Arc`, the bare router, and the layer with a hundred routes.
fn repeated(names: [&str; 2], calls: [&mut dyn FnMut(); 4]) {
    let rounds = Rounds::of(calls);
    bar(names[0], 1.8, rounds.over(0, 2) / rounds.over(1, 2));
    bar(names[1], 2.0, rounds.ratio(3, 0));
}

/// L6: what a request costs that is refused.
fn refused() {
    let signer = Signer::new("ES256");
    let token = signer.token(claims());
    let authorizer = authorizer(signer.trusted(), policy(1), Limits::default().with_cache_bytes(0));
    let call = |token: &str| to_order(router().layer(AuthorizeLayer::new(authorizer.clone())), token);
    let (mut good, mut forged) = (call(&token), call(&forge(&token)));
    let mut early = call(&token.replacen("eyJ", "eyK", 1));
    let rounds = Rounds::of([&mut good, &mut forged, &mut early]);
    bar("L6  a forged signature ÷ a good one", 1.2, rounds.ratio(1, 0));
    bar("L6  refused before the signature ÷ a good one", 0.1, rounds.ratio(2, 0));
}

/// What no bar is for.
fn bodies_and_expressions() {
    let signer = Signer::new("ES256");
    let token = signer.token(claims());
    let layered = |policy| {
        let layer = AuthorizeLayer::new(authorizer(signer.trusted(), policy, Limits::default()));
        to_order(router().layer(layer), &token)
    };
    let (mut with, mut without) = (layered(with_expression()), layered(policy(1)));
    let rounds = Rounds::of([&mut with, &mut without]);
    println!("    an expression by itself: {:.0} ns", rounds.over(0, 1));
    let mut rows = rows();
    let mut row = |name| rows.remove(name).expect("a row");
    let (mut body, mut bare_body, mut refund, mut bare) = (row("body"), row("bare-body"), row("refund"), row("bare"));
    let rounds = Rounds::of([&mut body, &mut bare_body, &mut refund, &mut bare]);
    let ratio = rounds.over(0, 1) / rounds.over(2, 3);
    println!("    a rule on the body ÷ none, each over the router: {ratio:.2}");
}

/// What is run alone, by its name: whole requests through a router.
fn rows() -> BTreeMap<&'static str, Box<dyn FnMut()>> {
    let issuer = TestIssuer::new().expect("an issuer");
    let mut rows = BTreeMap::<_, Box<dyn FnMut()>>::new();
    let refund = Call::refund(&issuer, "billing-bot");
    let limited = Call::limited(&issuer);
    let trusted = || issuer.trusted(TestIssuer::AUDIENCE).expect("a trusted issuer");
    let layer = |text: &str| AuthorizeLayer::new(authorizer(trusted(), read(text), Limits::default()));
    let mut add = |name, mut router: Router, call: &Call| {
        let call = call.clone();
        rows.insert(name, Box::new(move || call.send(&mut router)) as Box<dyn FnMut()>);
    };
    add("bare", router(), &refund);
    add("arc", router().layer(arc_only()), &refund);
    add("refund", router().layer(layer(REFUND)), &refund);
    add("refund-100", router().layer(layer(&broad(REFUND))), &refund);
    add("bare-body", router(), &limited);
    add(
        "body",
        router().layer(layer(REFUND_LIMIT).with_bodies(Body::new)),
        &limited,
    );
    rows
}

/// The decision on a new token of this algorithm. It is made by itself: how long the search for an RSA key takes varies.
fn new_token_row(name: &'static str) -> Box<dyn FnMut()> {
    let signer = Signer::new(name);
    let token = signer.token(claims());
    let limits = Limits::default().with_cache_bytes(0);
    Box::new(decision(&authorizer(signer.trusted(), policy(1), limits), &token))
}

fn read(text: &str) -> Policy {
    Policy::from_yaml(text).expect("a policy")
}

/// A policy with 99 more routes.
fn broad(text: &str) -> String {
    let more = (1..100).map(|index| {
        format!("  - {{ match: 'GET /area{index}/{{id}}', scopes: [area:{index}], require: [human-must-initiate] }}\n")
    });
    format!("{text}{}", more.collect::<String>())
}

/// A request: what is sent again and again.
#[derive(Clone)]
struct Call {
    path: Uri,
    token: HeaderValue,
    body: &'static str,
}

impl Call {
    /// For the route of [`REFUND`], of a token with a chain two deep.
    fn refund(issuer: &TestIssuer, actor: &str) -> Call {
        let mut claims = claims();
        claims["amr"] = json!(["pwd", "mfa"]);
        claims["auth_time"] = json!(TestIssuer::NOW - 60);
        claims["act"]["sub"] = json!(actor);
        let token = issuer.token(claims).expect("a token");
        Call {
            path: Uri::from_static("/refunds"),
            token: bearer(&token),
            body: "",
        }
    }

    /// For the route of [`REFUND_LIMIT`].
    fn limited(issuer: &TestIssuer) -> Call {
        Call {
            path: Uri::from_static("/refunds?dry_run=false"),
            body: r#"{"amount": 499.99, "currency": "EUR"}"#,
            ..Call::refund(issuer, "refund-agent")
        }
    }

    fn send(&self, router: &mut Router) {
        let body = match self.body {
            "" => Body::empty(),
            text => Body::from(text),
        };
        let mut request = Request::new(body);
        (*request.method_mut(), *request.uri_mut()) = (Method::POST, self.path.clone());
        request.headers_mut().insert(AUTHORIZATION, self.token.clone());
        request
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut context = Context::from_waker(Waker::noop());
        let mut future = std::pin::pin!(Service::<Request<Body>>::call(router, black_box(request)));
        let Poll::Ready(Ok(response)) = future.as_mut().poll(&mut context) else {
            panic!("no response");
        };
        assert_eq!(response.status(), 200);
    }
}

fn arc_only() -> impl tower_layer::Layer<axum::routing::Route, Service = ArcOnly<axum::routing::Route>> + Clone {
    tower_layer::layer_fn(|inner| ArcOnly {
        inner,
        value: Arc::new(7),
    })
}

fn router() -> Router {
    Router::new()
        .route("/orders/{id}", get(|| async {}))
        .route("/refunds", post(|| async {}))
}

/// A token of the usual size, with a chain two deep.
fn claims() -> Value {
    json!({
        "sub": "248289761001", "sub_profile": "user", "client_id": "orchestrator", "exp": TestIssuer::NOW + 300,
        "scope": "orders:read orders:write refunds:read refunds:write flights:search flights:book",
        "act": {"sub": "planner", "sub_profile": "ai_agent", "act": {"sub": "orchestrator", "sub_profile": "ai_agent"}},
    })
}

fn policy(routes: usize) -> Policy {
    let mut text = String::from("requirements:\n  human: { initiator: { kind: human } }\nroutes:\n");
    for index in 1..routes {
        text += &format!("  - {{ match: 'GET /area{index}/{{id}}', scopes: [area:{index}], require: [human] }}\n");
    }
    text +=
        "  - { match: 'GET /orders/{id}', scopes: [orders:read], require: [human], actor: { one_of: [planner] } }\n";
    Policy::from_yaml(&text).expect("a policy")
}

/// The policy of one route, with an expression beside its other rules.
fn with_expression() -> Policy {
    let text = "requirements:\n  human: { initiator: { kind: human } }\nroutes:\n  - match: GET /orders/{id}\n    \
                scopes: [orders:read]\n    require: [human]\n    actor: { one_of: [planner] }\n    \
                expression: 'claims.sub_profile == \"user\"'\n";
    Policy::from_yaml(text).expect("a policy")
}

fn authorizer(trusted: TrustedIssuer, policy: Policy, limits: Limits) -> Authorizer {
    let builder = Authorizer::builder().issuer(trusted).policy(policy).limits(limits);
    let builder = builder.clock(FixedClock::at(TestIssuer::NOW)).reads_bodies();
    builder.build().expect("an authorizer")
}

/// The whole decision on a token, without a router.
fn decision(authorizer: &Authorizer, token: &str) -> impl FnMut() + use<> {
    let authorizer = authorizer.clone();
    let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer(token))]);
    let path = Uri::from_static("/orders/7");
    move || {
        let target = Target::new(&Method::GET, &path).expect("a target");
        let mut decision = std::pin::pin!(authorizer.decide(&target, black_box(&headers)));
        let Poll::Ready(decision) = decision.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("no decision");
        };
        assert_eq!(decision.outcome(), Ok(()));
    }
}

fn bearer(token: &str) -> HeaderValue {
    HeaderValue::try_from(format!("Bearer {token}")).expect("a header")
}

fn forge(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').expect("a signature");
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    signature[40] ^= 1;
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A request for an order with this token, through a router.
fn to_order(mut router: Router, token: &str) -> impl FnMut() + use<> {
    let field = bearer(token);
    move || {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = Uri::from_static("/orders/7");
        request.headers_mut().insert(AUTHORIZATION, field.clone());
        let mut context = Context::from_waker(Waker::noop());
        let mut future = std::pin::pin!(Service::<Request<Body>>::call(&mut router, black_box(request)));
        assert!(future.as_mut().poll(&mut context).is_ready());
    }
}

/// The minimum of a layer that attaches an identity: one shared value in the extensions.
#[derive(Clone)]
struct ArcOnly<S> {
    inner: S,
    value: Arc<u64>,
}

impl<S: Service<Request<Body>>> Service<Request<Body>> for ArcOnly<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> S::Future {
        request.extensions_mut().insert(Arc::clone(&self.value));
        self.inner.call(request)
    }
}
