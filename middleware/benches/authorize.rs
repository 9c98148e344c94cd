//! The cost of authorizing a request, as ratios within one run: absolute times depend on the machine.
//!
//! `cargo bench -p actgate`. Each pair is measured alternating; the median of the ratios is printed.
//!
//! `authorize ROW COUNT` runs one row so many times, for a tool that counts instructions: `README.md` beside this file.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark stops at the first error"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use actgate::clock::FixedClock;
use actgate::limits::Limits;
use actgate::testing::TestIssuer;
use actgate::{AuthorizeLayer, Authorizer, Policy};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Uri};
use serde_json::{Value, json};
use tower_service::Service;

/// A refund by an agent for a person who has just logged in: rules on the scope, the initiator, the current actor and prior actors.
const REFUND: &str = include_str!("../../policy-examples/06-fresh-mfa-for-refunds/policy.yaml");

/// A refund within a limit: a rule on the body.
const REFUND_LIMIT: &str = include_str!("../../policy-examples/40-refund-limit/policy.yaml");

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [row, count] = &arguments[..]
        && let Ok(count) = count.parse::<usize>()
    {
        let mut row = rows().remove(&**row).expect("a row");
        return (0..count).for_each(|_| row());
    }
    let issuer = TestIssuer::new().expect("an issuer");
    let token = issuer.token(claims()).expect("a token");
    let no_cache = Limits::default().with_cache_bytes(0);
    let authorized = |routes, limits| router().layer(AuthorizeLayer::new(authorizer(&issuer, policy(routes), limits)));

    let raw = raw_verification(&issuer, &token);
    let mut bare = router();
    let mut arc_only = router().layer(arc_only());
    let mut fresh = authorized(1, no_cache.clone());
    let mut fresh_again = authorized(1, no_cache);
    let mut warm = authorized(1, Limits::default());
    let mut broad = authorized(100, Limits::default());
    let mut conditional = router().layer(AuthorizeLayer::new(authorizer(
        &issuer,
        with_expression(),
        Limits::default(),
    )));
    let forged = forge(&token);
    let malformed = token.replacen("eyJ", "eyK", 1);

    println!("bar                                                  ratio   must");
    let (new, verify) = (
        over(|| call(&mut fresh, &token), || call(&mut bare, &token)),
        over(&raw, || {}),
    );
    println!(
        "L2  new token over the bare router ÷ raw ES256 verify {:>5.3}   1.06",
        new / verify
    );
    let (repeat, arc) = (
        over(|| call(&mut warm, &token), || call(&mut bare, &token)),
        over(|| call(&mut arc_only, &token), || call(&mut bare, &token)),
    );
    println!(
        "L3  repeat token ÷ one Arc, both over the bare router {:>5.3}   1.8",
        repeat / arc
    );
    let forged = ratio(|| call(&mut fresh, &forged), || call(&mut fresh_again, &token));
    println!("L6  forged signature ÷ valid one                      {forged:>5.3}   1.2");
    let early = ratio(|| call(&mut fresh, &malformed), || call(&mut fresh_again, &token));
    println!("L6  denied before the signature ÷ valid one           {early:>5.3}   0.1");
    let hundred = ratio(|| call(&mut broad, &token), || call(&mut warm, &token));
    println!("L7  policy of 100 routes ÷ policy of one              {hundred:>5.3}   2.0");
    let (one, none) = (
        over(|| call(&mut conditional, &token), || call(&mut bare, &token)),
        over(|| call(&mut warm, &token), || call(&mut bare, &token)),
    );
    println!(
        "    repeat token with one expression ÷ without        {:>5.3}",
        one / none
    );
    println!(
        "    the expression by itself, in ns                   {:>5.0}",
        one - none
    );

    let mut rows = rows();
    let mut row = |name| rows.remove(name).expect("a row");
    let (mut bare, mut arc, mut refund, mut broad) = (row("bare"), row("arc"), row("refund"), row("refund-100"));
    let (repeat, least) = (over(&mut refund, &mut bare), over(&mut arc, &mut bare));
    println!(
        "L3  the same by the policy of the refund              {:>5.3}   1.8",
        repeat / least
    );
    let hundred = ratio(&mut broad, &mut refund);
    println!("L7  the same by the policy of the refund              {hundred:>5.3}   2.0");
    let by_body = over(row("body"), row("bare-body"));
    println!(
        "    with a rule on the body ÷ without, over the bare router {:>5.3}",
        by_body / repeat
    );
}

/// What is run alone, by its name: whole requests through a router.
fn rows() -> BTreeMap<&'static str, Box<dyn FnMut()>> {
    let issuer = TestIssuer::new().expect("an issuer");
    let mut rows = BTreeMap::<_, Box<dyn FnMut()>>::new();
    let refund = Call::refund(&issuer, "billing-bot");
    let limited = Call::limited(&issuer);
    let layer = |text: &str| AuthorizeLayer::new(authorizer(&issuer, read(text), Limits::default()));
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
        let token = format!("Bearer {}", issuer.token(claims).expect("a token"));
        Call {
            path: Uri::from_static("/refunds"),
            token: HeaderValue::try_from(token).expect("a header"),
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

fn authorizer(issuer: &TestIssuer, policy: Policy, limits: Limits) -> Authorizer {
    let trusted = issuer.trusted(TestIssuer::AUDIENCE).expect("a trusted issuer");
    let builder = Authorizer::builder().issuer(trusted).policy(policy).limits(limits);
    let builder = builder.clock(FixedClock::at(TestIssuer::NOW)).reads_bodies();
    builder.build().expect("an authorizer")
}

fn raw_verification(issuer: &TestIssuer, token: &str) -> impl Fn() + use<> {
    let jwks: Value = serde_json::from_str(&issuer.jwks()).expect("a key set");
    let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(jwks["keys"][0][name].as_str().unwrap()).unwrap();
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).expect("a key");
    let (signed, signature) = token.rsplit_once('.').expect("a signature");
    let (signed, signature) = (signed.to_owned(), URL_SAFE_NO_PAD.decode(signature).unwrap());
    move || {
        key.verify_sig(black_box(signed.as_bytes()), &signature)
            .expect("a valid signature")
    }
}

fn forge(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').expect("a signature");
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    signature[40] ^= 1;
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn call(router: &mut Router, token: &str) {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = http::Uri::from_static("/orders/7");
    let field = HeaderValue::try_from(format!("Bearer {token}")).expect("a header");
    request.headers_mut().insert(AUTHORIZATION, field);
    let mut context = Context::from_waker(Waker::noop());
    let mut future = std::pin::pin!(Service::<Request<Body>>::call(router, black_box(request)));
    assert!(future.as_mut().poll(&mut context).is_ready());
}

/// The median of the ratios of many short rounds, taken alternating.
fn ratio(mut measured: impl FnMut(), mut base: impl FnMut()) -> f64 {
    median((0..60).map(|_| time(&mut measured) / time(&mut base)).collect())
}

/// The median of the differences, in nanoseconds a call.
fn over(mut measured: impl FnMut(), mut base: impl FnMut()) -> f64 {
    median((0..60).map(|_| time(&mut measured) - time(&mut base)).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn time(run: &mut impl FnMut()) -> f64 {
    let (start, mut calls) = (Instant::now(), 0_u32);
    while start.elapsed() < Duration::from_millis(5) {
        for _ in 0..16 {
            run();
        }
        calls += 16;
    }
    start.elapsed().as_nanos() as f64 / f64::from(calls)
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
