//! Tokens that their issuer is asked about, by the public interface of the library.

#![allow(clippy::unwrap_used, reason = "a request that cannot be made fails the test")]

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actgate::challenge::Protocol;
use actgate::clock::FixedClock;
use actgate::introspection::{Introspect, IntrospectFuture, IntrospectedTokens, Introspection};
use actgate::keys::{Fetch, FetchError, FetchFuture, KeySource};
use actgate::request::{Presented, Target};
use actgate::testing::TestIssuer;
use actgate::{AuthorizeLayer, Authorizer, ConfigError, Decision, Error, Policy, TrustedIssuer};
use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use serde_json::{Value, json};
use tower::{Layer as _, ServiceExt as _, service_fn};

const POLICY: &str = "
routes:
  - match: GET /orders
    initiator: { kind: human }
  - match: GET /short
    chain: { max_depth: 3 }
";

/// An issuer that answers about tokens, each question after a moment.
#[derive(Clone, Default)]
struct Answering {
    answers: Arc<Mutex<HashMap<String, String>>>,
    questions: Arc<AtomicUsize>,
    at_a_time: Arc<AtomicUsize>,
    most_at_a_time: Arc<AtomicUsize>,
}

impl Answering {
    /// States the claims of an active token.
    fn activate(&self, token: &str, claims: Value) {
        let mut answer = json!({
            "active": true, "token_type": "Bearer", "iss": TestIssuer::ISSUER, "aud": TestIssuer::AUDIENCE, "sub": "alice",
            "sub_profile": "user", "client_id": "app", "exp": TestIssuer::NOW + 300,
        });
        for (name, value) in claims.as_object().unwrap() {
            answer[name] = value.clone();
        }
        answer.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        self.answer(token, &answer.to_string());
    }

    fn answer(&self, token: &str, answer: &str) {
        self.answers.lock().unwrap().insert(token.to_owned(), answer.to_owned());
    }

    fn count(&self) -> usize {
        self.questions.load(Ordering::SeqCst)
    }
}

impl Introspect for Answering {
    fn introspect<'a>(&'a self, token: &'a str) -> IntrospectFuture<'a> {
        self.questions.fetch_add(1, Ordering::SeqCst);
        let running = self.at_a_time.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_a_time.fetch_max(running, Ordering::SeqCst);
        let end = OnEnd(&self.at_a_time);
        let answer = self.answers.lock().unwrap().get(token).cloned();
        Box::pin(async move {
            let _end = end;
            if answer.as_deref() == Some("hang") {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            match answer.as_deref() {
                None => Ok(r#"{"active":false}"#.into()),
                Some("down") => Err(FetchError::Status(StatusCode::BAD_GATEWAY)),
                Some(answer) => Ok(answer.to_owned().into()),
            }
        })
    }
}

/// Counts down when a question ends, answered or not.
struct OnEnd<'a>(&'a AtomicUsize);

impl Drop for OnEnd<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A started authorizer whose issuer answers about these tokens for 30 s.
struct Bench {
    issuer: TestIssuer,
    answering: Answering,
    authorizer: Authorizer,
    clock: FixedClock,
}

fn bench(tokens: IntrospectedTokens) -> Bench {
    bench_with(tokens, |issuer| issuer)
}

fn bench_with(tokens: IntrospectedTokens, change: impl FnOnce(TrustedIssuer) -> TrustedIssuer) -> Bench {
    let (issuer, answering) = (TestIssuer::new().unwrap(), Answering::default());
    let introspection = Introspection::new(answering.clone()).tokens(tokens);
    let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
    let trusted = change(trusted.introspection(introspection));
    let clock = FixedClock::at(TestIssuer::NOW);
    let builder = Authorizer::builder().issuer(trusted).clock(clock.clone());
    let built = builder.policy(Policy::from_yaml(POLICY).unwrap()).build().unwrap();
    Bench {
        issuer,
        answering,
        authorizer: built.start().unwrap(),
        clock,
    }
}

async fn decide(authorizer: &Authorizer, path: &'static str, token: &str) -> Decision {
    let uri = Uri::from_static(path);
    let target = Target::new(&Method::GET, &uri).unwrap();
    let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
    let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
    authorizer.decide(&target, &headers).await
}

impl Bench {
    async fn code(&self, token: &str) -> &'static str {
        self.code_at("/orders", token).await
    }

    async fn code_at(&self, path: &'static str, token: &str) -> &'static str {
        let decision = decide(&self.authorizer, path, token).await;
        decision.error().map_or("allow", Error::code)
    }
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn an_opaque_token_is_what_its_issuer_states() {
    let bench = bench(IntrospectedTokens::Opaque);
    let actor = |sub: &str| json!({ "sub": sub, "sub_profile": "ai_agent" });
    for (token, claims, expected) in [
        ("person", json!({}), "allow"),
        ("agent", json!({ "sub_profile": "ai_agent" }), "initiator_not_human"),
        ("delegated", json!({ "act": actor("bot") }), "allow"),
        ("inverted", json!({ "act": { "sub": 7 } }), "invalid_chain"),
        ("elsewhere", json!({ "aud": "https://other.example" }), "invalid_claim"),
        ("without-audience", json!({ "aud": null }), "invalid_claim"),
        ("expired", json!({ "exp": TestIssuer::NOW - 31 }), "invalid_claim"),
        ("without-end", json!({ "exp": null }), "invalid_claim"),
        ("text-end", json!({ "exp": "soon" }), "invalid_claim"),
        ("other-issuer", json!({ "iss": "https://other.test" }), "invalid_claim"),
        ("own-issuer", json!({ "iss": null }), "allow"),
        ("refresh", json!({ "token_type": "refresh_token" }), "invalid_claim"),
        (
            "refresh-of-hydra",
            json!({ "token_use": "refresh_token" }),
            "invalid_claim",
        ),
        ("id-token", json!({ "at_hash": "x" }), "invalid_claim"),
        ("bound", json!({ "cnf": { "jkt": "x" } }), "invalid_confirmation"),
        ("five.parts.of.a.jwe", json!({}), "allow"),
    ] {
        bench.answering.activate(token, claims);
        for attempt in ["first", "second"] {
            assert_eq!(bench.code(token).await, expected, "{token}, {attempt}");
        }
    }
    assert_eq!(bench.answering.count(), 16, "one question for each token");
    let decision = decide(&bench.authorizer, "/orders", "delegated").await;
    let identity = decision.identity().unwrap();
    assert_eq!((identity.subject(), identity.client()), ("alice", Some("app")));
    assert_eq!(identity.chain().depth(), 1);
    assert_eq!(bench.code("random").await, "token_inactive");
    assert_eq!(bench.code(&"x".repeat(16 * 1024 + 1)).await, "token_too_long");
    assert_eq!(bench.code("x\u{e9}").await, "invalid_request");
    assert_eq!(bench.answering.count(), 17);
    // A signed token is not asked about.
    let signed = bench.issuer.token(json!({ "sub_profile": "user" })).unwrap();
    assert_eq!((bench.code(&signed).await, bench.answering.count()), ("allow", 17));
    assert_eq!(bench.code("a.b.c").await, "malformed_token");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_used_for_its_time_and_never_longer_than_the_token() {
    let bench = bench(IntrospectedTokens::Opaque);
    bench.answering.activate("a", json!({}));
    assert_eq!(bench.code("a").await, "allow");
    bench.answering.answer("a", r#"{"active":false}"#);
    pass(29).await;
    assert_eq!((bench.code("a").await, bench.answering.count()), ("allow", 1));
    pass(1).await;
    assert_eq!((bench.code("a").await, bench.answering.count()), ("token_inactive", 2));
    assert_eq!((bench.code("a").await, bench.answering.count()), ("token_inactive", 2));
    pass(10).await;
    bench.answering.activate("a", json!({}));
    assert_eq!((bench.code("a").await, bench.answering.count()), ("allow", 3));
    bench.clock.set(TestIssuer::NOW + 330);
    assert_eq!((bench.code("a").await, bench.answering.count()), ("invalid_claim", 3));
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_no_token_is_active() {
    let bench = bench(IntrospectedTokens::All);
    let signed = bench.issuer.token(json!({ "sub_profile": "user" })).unwrap();
    for token in ["opaque", &signed] {
        bench.answering.activate(token, json!({}));
        assert_eq!(bench.code(token).await, "allow");
        for fault in [
            "down",
            "hang",
            "",
            "<html>",
            "[]",
            r#"{"active":"true"}"#,
            r#"{"active":true"#,
            r#"{"active":true,"active":false}"#,
        ] {
            bench.answering.answer(token, fault);
            pass(30).await;
            let decision = decide(&bench.authorizer, "/orders", token).await;
            let error = decision.error().unwrap();
            assert_eq!(error.code(), "introspection_unavailable", "{fault}");
            let challenge = bench.authorizer.challenge_to(&decision).unwrap();
            let response = challenge.respond(Protocol::Http, ());
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers().get(RETRY_AFTER), Some(&HeaderValue::from(5)));
            assert!(!response.headers().contains_key(WWW_AUTHENTICATE));
            let asked = bench.answering.count();
            assert_eq!(bench.code(token).await, "introspection_unavailable");
            assert_eq!(bench.answering.count(), asked, "the failure is known for a second");
        }
        bench.answering.activate(token, json!({}));
        pass(1).await;
        assert_eq!(bench.code(token).await, "allow");
    }
}

#[tokio::test(start_paused = true)]
async fn a_signed_token_is_verified_first_and_then_its_issuer_is_asked() {
    let bench = bench(IntrospectedTokens::Signed);
    let token = bench.issuer.token(json!({ "sub_profile": "user" })).unwrap();
    let forged = TestIssuer::new()
        .unwrap()
        .token(json!({ "sub_profile": "user" }))
        .unwrap();
    let expired = bench.issuer.token(json!({ "exp": 7 })).unwrap();
    let elsewhere = bench.issuer.token(json!({ "aud": "x" })).unwrap();
    assert_eq!(bench.code(&forged).await, "invalid_signature");
    assert_eq!(bench.code(&expired).await, "invalid_claim");
    assert_eq!(bench.code(&elsewhere).await, "invalid_claim");
    assert_eq!(bench.code("opaque").await, "malformed_token");
    assert_eq!(bench.answering.count(), 0);

    bench.answering.activate(&token, json!({ "sub": "mallory" }));
    assert_eq!((bench.code(&token).await, bench.answering.count()), ("allow", 1));
    let decision = decide(&bench.authorizer, "/orders", &token).await;
    assert_eq!(
        decision.identity().unwrap().subject(),
        "someone",
        "that of the signature"
    );
    bench.answering.answer(&token, r#"{"active":false}"#);
    pass(29).await;
    assert_eq!(bench.code(&token).await, "allow");
    pass(1).await;
    assert_eq!(bench.code(&token).await, "token_inactive");
    pass(10).await;
    bench.answering.activate(&token, json!({ "iss": "https://other.test" }));
    assert_eq!(bench.code(&token).await, "invalid_claim");
}

#[tokio::test(start_paused = true)]
async fn an_incomplete_chain_meets_no_rule_on_prior_actors_and_is_asked_about_again_soon() {
    let bench = bench(IntrospectedTokens::Opaque);
    let act = json!({ "sub": "bot", "sub_profile": "ai_agent" });
    bench
        .answering
        .activate("cut", json!({ "act": act, "chain_complete": false }));
    assert_eq!(bench.code_at("/short", "cut").await, "chain_incomplete");
    bench.answering.activate("cut", json!({ "act": act }));
    pass(10).await;
    assert_eq!(bench.code_at("/short", "cut").await, "allow");
    assert_eq!(bench.answering.count(), 2);
}

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

#[tokio::test(start_paused = true)]
async fn an_authorizer_in_place_of_another_keeps_the_answers_of_an_endpoint_of_the_same_name() {
    let (issuer, answering) = (TestIssuer::new().unwrap(), Answering::default());
    answering.activate("a", json!({}));
    let built = |name: &str, cache| {
        let introspection = Introspection::new(answering.clone()).named(name);
        let introspection = introspection.cache(Duration::from_secs(cache)).unwrap();
        let trusted = issuer
            .trusted(TestIssuer::AUDIENCE)
            .unwrap()
            .introspection(introspection);
        let builder = Authorizer::builder()
            .issuer(trusted)
            .clock(FixedClock::at(TestIssuer::NOW));
        builder.policy(Policy::from_yaml(POLICY).unwrap()).build().unwrap()
    };
    let asked = async |authorizer: &Authorizer| {
        assert_eq!(decide(authorizer, "/orders", "a").await.outcome(), Ok(()));
        answering.count()
    };
    let mut running = built("one", 60).start().unwrap();
    assert_eq!(asked(&running).await, 1);
    for (name, cache, expected) in [("one", 60, 1), ("one", 30, 2), ("two", 30, 3), ("two", 30, 3)] {
        running = built(name, cache).in_place_of(&running).start().unwrap();
        assert_eq!(asked(&running).await, expected, "{name} {cache}");
    }
}

#[tokio::test]
async fn before_the_start_there_is_no_answer() {
    let (issuer, answering) = (TestIssuer::new().unwrap(), Answering::default());
    let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
    let trusted = trusted.introspection(Introspection::new(answering.clone()));
    let builder = Authorizer::builder()
        .issuer(trusted)
        .policy(Policy::from_yaml(POLICY).unwrap());
    let built = builder.build().unwrap();
    let decision = decide(&built, "/orders", "a").await;
    assert_eq!(decision.error().map(Error::code), Some("introspection_unavailable"));
    assert_eq!(answering.count(), 0);
    let started = std::thread::spawn(move || built.start().err()).join().unwrap();
    assert_eq!(started, Some(ConfigError::NoRuntime));
}

#[test]
fn one_issuer_can_have_opaque_tokens() {
    let trusted = |name: &str, tokens| {
        let issuer = TrustedIssuer::discover(name).unwrap().audience("a").unwrap();
        issuer.introspection(Introspection::new(Answering::default()).tokens(tokens))
    };
    let check = |second| {
        let builder = Authorizer::builder().policy(Policy::from_yaml(POLICY).unwrap());
        let builder = builder.issuer(trusted("https://a.example", IntrospectedTokens::Opaque));
        builder.issuer(trusted("https://b.example", second)).check()
    };
    assert!(
        !check(IntrospectedTokens::Signed)
            .iter()
            .any(|error| matches!(error, ConfigError::OpaqueTokens { .. }))
    );
    for second in [IntrospectedTokens::Opaque, IntrospectedTokens::All] {
        assert!(
            check(second)
                .iter()
                .any(|error| matches!(error, ConfigError::OpaqueTokens { .. }))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_explanation_shows_the_answer_and_does_not_ask() {
    let bench = bench(IntrospectedTokens::All);
    let uri = Uri::from_static("/orders");
    let target = Target::new(&Method::GET, &uri).unwrap();
    let steps = |token: &str| {
        let explanation = bench
            .authorizer
            .explain(&Presented::token(&target, token), TestIssuer::NOW);
        let checks = explanation.checks().iter();
        checks
            .map(|check| format!("{} {:?}", check.rule, check.outcome))
            .collect::<Vec<_>>()
    };
    bench.answering.activate("opaque", json!({}));
    let before = ["route Passed", "credential Passed", "issuer Passed"];
    assert_eq!(steps("opaque"), [&before[..], &["introspection Failed"]].concat());
    assert_eq!(bench.answering.count(), 0);
    assert_eq!(bench.code("opaque").await, "allow");
    let after = steps("opaque");
    assert_eq!(
        after[..5],
        [&before[..], &["introspection Passed", "claims Passed"]].concat()
    );
    assert_eq!(steps("opaque"), after, "also of a cached token");
    let signed = bench.issuer.token(json!({ "sub_profile": "user" })).unwrap();
    bench.answering.activate(&signed, json!({}));
    assert_eq!(steps(&signed).last().unwrap(), "introspection Failed");
    assert_eq!(bench.code(&signed).await, "allow");
    assert!(steps(&signed).contains(&"introspection Passed".to_owned()));
}
