//! What judging a request costs, as ratios taken inside one run: absolute times of shared machines mean nothing.
//!
//! `cargo bench -p actgate`. Each pair is measured alternating; the median of the ratios is printed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a bench stops at the first surprise"
)]

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use actgate::limits::Limits;
use actgate::testing::{Authority, FixedClock};
use actgate::{AuthorizeLayer, Authorizer, Policy};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use serde_json::{Value, json};
use tower_layer::Layer as _;
use tower_service::Service;

fn main() {
    let authority = Authority::new().expect("an authority");
    let token = authority.token(claims()).expect("a token");
    let one_route = policy(1);
    let remembering = authorizer(&authority, one_route, Limits::default());
    let forgetful = authorizer(
        &authority,
        policy(1),
        Limits {
            cache_bytes: 0,
            ..Limits::default()
        },
    );
    let hundred = authorizer(&authority, policy(100), Limits::default());

    let raw = raw_verification(&authority, &token);
    let mut fresh = AuthorizeLayer::new(forgetful).layer(Inner);
    let mut warm = AuthorizeLayer::new(remembering).layer(Inner);
    let mut broad = AuthorizeLayer::new(hundred).layer(Inner);
    let mut arc_only = ArcOnly {
        inner: Inner,
        value: Arc::new(7),
    };
    let mut bare = Inner;
    let forged = forge(&token);
    let unsigned = token.replacen("eyJ", "eyK", 1);

    let fresh_over_raw = ratio(|| call(&mut fresh, &token), &raw);
    println!("ES256, new token, layer ÷ raw verification        {fresh_over_raw:>6.3}   (must 1.06)");
    let mut fresh_again = fresh.clone();
    let forged_over_good = ratio(|| call(&mut fresh, &forged), || call(&mut fresh_again, &token));
    println!("forged signature ÷ good one                       {forged_over_good:>6.3}   (must 1.2)");
    let early_over_good = ratio(|| call(&mut fresh, &unsigned), || call(&mut fresh_again, &token));
    println!("refused before the signature ÷ good one           {early_over_good:>6.3}   (must 0.1)");
    let (warm_cost, arc_cost) = (
        over(|| call(&mut warm, &token), || call(&mut bare, &token)),
        over(|| call(&mut arc_only, &token), || call(&mut bare, &token)),
    );
    println!("  (over bare: {warm_cost:.0} ns; one Arc: {arc_cost:.0} ns)");
    println!(
        "repeat token, cost over bare ÷ that of one Arc    {:>6.3}   (must 1.8 on a router)",
        warm_cost / arc_cost
    );
    let hundred_over_one = ratio(|| call(&mut broad, &token), || call(&mut warm, &token));
    println!("policy of 100 routes ÷ policy of one              {hundred_over_one:>6.3}   (must 2.0)");
}

/// A token of the usual size, with a chain two deep.
fn claims() -> Value {
    json!({
        "sub": "248289761001", "sub_profile": "user", "client_id": "orchestrator", "exp": Authority::NOW + 300,
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

fn authorizer(authority: &Authority, policy: Policy, limits: Limits) -> Authorizer {
    let trusted = authority.trusted(Authority::AUDIENCE).expect("a trusted issuer");
    let authorizer = Authorizer::new([trusted], policy).expect("an authorizer");
    authorizer
        .with_limits(limits)
        .with_clock(FixedClock::at(Authority::NOW))
}

fn raw_verification(authority: &Authority, token: &str) -> impl Fn() + use<> {
    let jwks: Value = serde_json::from_str(&authority.jwks()).expect("a key set");
    let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(jwks["keys"][0][name].as_str().unwrap()).unwrap();
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).expect("a key");
    let (signed, signature) = token.rsplit_once('.').expect("a signature");
    let (signed, signature) = (signed.to_owned(), URL_SAFE_NO_PAD.decode(signature).unwrap());
    move || {
        key.verify_sig(black_box(signed.as_bytes()), &signature)
            .expect("a good signature")
    }
}

fn forge(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').expect("a signature");
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    signature[40] ^= 1;
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn call<S: Service<Request<()>>>(service: &mut S, token: &str)
where
    S::Future: Future,
{
    let mut request = Request::new(());
    *request.uri_mut() = http::Uri::from_static("/orders/7");
    let field = HeaderValue::try_from(format!("Bearer {token}")).expect("a header");
    request.headers_mut().insert(AUTHORIZATION, field);
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_ready());
    let mut future = std::pin::pin!(service.call(black_box(request)));
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

#[derive(Clone)]
struct Inner;

impl Service<Request<()>> for Inner {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        black_box(request);
        ready(Ok(Response::new(())))
    }
}

/// The least a layer that attaches an identity can cost: one shared value in the extensions.
#[derive(Clone)]
struct ArcOnly {
    inner: Inner,
    value: Arc<u64>,
}

impl Service<Request<()>> for ArcOnly {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<()>) -> Self::Future {
        request.extensions_mut().insert(Arc::clone(&self.value));
        self.inner.call(request)
    }
}
