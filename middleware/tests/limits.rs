//! Limits of parties, by the public interface of the library.

#![allow(clippy::unwrap_used, reason = "a request that cannot be made fails the test")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actgate::clock::FixedClock;
use actgate::quota::{Count, CountFuture, CountRequests, CountUnavailable, Counted};
use actgate::request::{Presented, Target};
use actgate::testing::TestIssuer;
use actgate::{AuthorizeLayer, Authorizer, AuthorizerBuilder, Decision, Error, Policy};
use axum::body::Body;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use serde_json::{Value, json};
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};

fn builder(issuer: &TestIssuer, policy: &str) -> AuthorizerBuilder {
    let policy = Policy::from_yaml(policy).unwrap_or_else(|error| unreachable!("{error}"));
    let builder = Authorizer::builder().issuer(issuer.trusted(TestIssuer::AUDIENCE).unwrap());
    builder.policy(policy).clock(FixedClock::at(TestIssuer::NOW))
}

fn headers(token: &str) -> HeaderMap {
    let bearer = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
    HeaderMap::from_iter([
        (AUTHORIZATION, bearer),
        (CONTENT_TYPE, "application/json".parse().unwrap()),
    ])
}

async fn decide(authorizer: &Authorizer, path: &str, token: &str) -> Decision {
    let uri: Uri = path.parse().unwrap();
    authorizer
        .decide(&Target::new(&Method::GET, &uri).unwrap(), &headers(token))
        .await
}

fn code(outcome: Result<(), &Error>) -> &'static str {
    outcome.err().map_or("allow", Error::code)
}

async fn codes<const N: usize>(authorizer: &Authorizer, requests: [(&str, &str); N]) -> [&'static str; N] {
    let mut codes = [""; N];
    for ((path, token), seen) in requests.into_iter().zip(&mut codes) {
        *seen = code(decide(authorizer, path, token).await.outcome());
    }
    codes
}

/// Tokens of a person, of an agent for that person, and of another person.
fn tokens(issuer: &TestIssuer) -> [String; 3] {
    let alice = json!({ "sub": "alice", "scope": "read" });
    let bot = json!({ "sub": "alice", "scope": "read", "act": { "sub": "bot" } });
    let bob = json!({ "sub": "bob", "scope": "read" });
    [alice, bot, bob].map(|claims: Value| issuer.token(claims).unwrap())
}

const OVER: &str = "limit_exceeded";
const ALLOW: &str = "allow";

#[tokio::test(start_paused = true)]
async fn a_party_that_makes_too_many_requests_is_denied_until_its_time_has_passed() {
    let issuer = TestIssuer::new().unwrap();
    let [alice, bot, bob] = &tokens(&issuer);
    let policy = "routes: [{ match: GET /, scopes: [read], limit: { per: initiator, rate: 6/m, burst: 2 } }]";
    let authorizer = builder(&issuer, policy).build().unwrap();
    let seen = codes(&authorizer, [("/", alice), ("/", bot), ("/", alice), ("/", bob)]).await;
    assert_eq!(seen, [ALLOW, ALLOW, OVER, ALLOW]);
    let denied = decide(&authorizer, "/", bot).await;
    let error = denied.error().unwrap();
    assert_eq!((error.status().as_u16(), error.rule()), (429, Some("GET /: limit")));
    let challenge = authorizer.challenge_to(&denied).unwrap();
    let response = challenge.respond(actgate::challenge::Protocol::Http, ());
    assert_eq!(response.headers().get(RETRY_AFTER).unwrap(), "10");
    assert!(response.headers().get(WWW_AUTHENTICATE).is_none());
    let counted = authorizer
        .rules()
        .into_iter()
        .find(|rule| &*rule.rule == "GET /: limit");
    assert_eq!(counted.unwrap().unmet, 2);
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(codes(&authorizer, [("/", bot), ("/", bot)]).await, [ALLOW, OVER]);
}

#[tokio::test]
async fn a_request_that_a_rule_denies_is_not_counted() {
    let issuer = TestIssuer::new().unwrap();
    let [alice, ..] = &tokens(&issuer);
    let unscoped = &issuer.token(json!({ "sub": "alice", "scope": "other" })).unwrap();
    let policy = "routes: [{ match: GET /, scopes: [read], limit: { per: initiator, rate: 1/d } }]";
    let authorizer = builder(&issuer, policy).build().unwrap();
    let seen = codes(
        &authorizer,
        [("/", unscoped), ("/", unscoped), ("/", alice), ("/", unscoped)],
    )
    .await;
    assert_eq!(
        seen,
        ["insufficient_scope", "insufficient_scope", ALLOW, "insufficient_scope"]
    );
}

#[tokio::test]
async fn the_limit_of_the_policy_is_shared_by_the_routes_without_one() {
    let issuer = TestIssuer::new().unwrap();
    let [alice, ..] = &tokens(&issuer);
    let policy = "limit: { per: initiator, rate: 2/d }\nroutes: [{ match: GET /a }, { match: GET /b }, { match: GET /open, public: true }, \
                  { match: GET /own, limit: { per: initiator, rate: 1/d } }]";
    let authorizer = builder(&issuer, policy).build().unwrap();
    let seen = codes(
        &authorizer,
        [
            ("/own", alice),
            ("/open", alice),
            ("/a", alice),
            ("/b", alice),
            ("/a", alice),
            ("/own", alice),
        ],
    );
    assert_eq!(seen.await, [ALLOW, ALLOW, ALLOW, ALLOW, OVER, OVER]);
    let denied = decide(&authorizer, "/b", alice).await;
    assert_eq!(denied.error().unwrap().rule(), Some("limit of the policy"));
}

#[tokio::test]
async fn a_decision_names_the_limit_that_counts_it() {
    let issuer = TestIssuer::new().unwrap();
    let [alice, ..] = &tokens(&issuer);
    let text = "limit: { per: client, rate: 9/d }\nroutes: [{ match: GET / }, { match: GET /open, public: true }, \
                { match: GET /own, limit: { per: actor, rate: 5/h } }, { match: GET /denied, scopes: [other] }]";
    let authorizer = builder(&issuer, text).build().unwrap();
    for (path, expected) in [
        ("/", Some(("limit of the policy", "9/d by client"))),
        ("/own", Some(("GET /own: limit", "5/h by actor"))),
        ("/denied", None),
        ("/open", None),
    ] {
        let limit = decide(&authorizer, path, alice).await.counted_by();
        let named = limit.as_ref().map(|limit| (&*limit.rule, &*limit.quota));
        assert_eq!(named, expected, "{path}");
    }
    let has_limit = |text: &str| Policy::from_yaml(text).unwrap().has_limit();
    assert!(has_limit(text));
    assert!(has_limit(
        "routes: [{ match: GET /, limit: { per: client, rate: 9/d, mode: shadow } }]"
    ));
    assert!(!has_limit("routes: [{ match: GET / }]"));
}

#[tokio::test]
async fn an_enforced_limit_denies_in_shadow_too_where_something_is_in_shadow() {
    let issuer = TestIssuer::new().unwrap();
    let [alice, ..] = &tokens(&issuer);
    for (requirement, expected) in [("", None), ("mode: shadow, scopes: [read]", Some(OVER))] {
        let text = format!(
            "requirements: {{ q: {{ scopes: [read] }}, s: {{ {} }} }}\nroutes: [{{ match: GET /, require: [q{}], limit: {{ per: initiator, rate: 1/d }} }}]",
            if requirement.is_empty() {
                "scopes: [read]"
            } else {
                requirement
            },
            if requirement.is_empty() { "" } else { ", s" },
        );
        let authorizer = builder(&issuer, &text).build().unwrap();
        decide(&authorizer, "/", alice).await;
        let over = decide(&authorizer, "/", alice).await;
        assert_eq!(code(over.outcome()), OVER);
        assert_eq!(over.shadow().map(code), expected, "{text}");
    }
}

#[tokio::test]
async fn a_limit_in_shadow_counts_and_denies_nothing() {
    let issuer = TestIssuer::new().unwrap();
    let [alice, ..] = &tokens(&issuer);
    for policy in [
        "routes: [{ match: GET /, limit: { per: initiator, rate: 1/d, mode: shadow } }]",
        "mode: shadow\nroutes: [{ match: GET /, limit: { per: initiator, rate: 1/d } }]",
        "limit: { per: initiator, rate: 1/d, mode: shadow }\nroutes: [{ match: GET / }]",
    ] {
        let authorizer = builder(&issuer, policy).build().unwrap();
        for shadow in [ALLOW, OVER, OVER] {
            let decision = decide(&authorizer, "/", alice).await;
            assert_eq!(code(decision.outcome()), ALLOW, "{policy}");
            assert_eq!(decision.shadow().map(code), Some(shadow), "{policy}");
        }
        let counted = authorizer
            .rules()
            .into_iter()
            .find(|rule| ["GET /: limit", "limit of the policy"].contains(&&*rule.rule));
        let counted = counted.unwrap();
        assert_eq!(
            (counted.unmet, counted.mode),
            (2, actgate::policy::Mode::Shadow),
            "{policy}"
        );
    }
    let policy = "mode: shadow\nroutes: [{ match: GET /, scopes: [other], limit: { per: initiator, rate: 1/d, mode: enforce } }]";
    let authorizer = builder(&issuer, policy).build().unwrap();
    assert_eq!(
        codes(&authorizer, [("/", alice), ("/", alice)]).await,
        [ALLOW, OVER],
        "an enforced one beside shadow"
    );
}

#[tokio::test]
async fn counts_go_on_in_a_replaced_policy_and_in_place_of_an_authorizer() {
    let issuer = TestIssuer::new().unwrap();
    let [alice, ..] = &tokens(&issuer);
    let limited = |more: &str| format!("routes: [{{ match: GET /, limit: {{ per: initiator, rate: 1/d }} {more} }}]");
    let authorizer = builder(&issuer, &limited("")).build().unwrap();
    assert_eq!(codes(&authorizer, [("/", alice)]).await, [ALLOW]);
    authorizer
        .replace_policy(Policy::from_yaml(&limited(", scopes: [read]")).unwrap())
        .unwrap();
    assert_eq!(codes(&authorizer, [("/", alice)]).await, [OVER]);
    authorizer
        .replace_policy(Policy::from_yaml(&limited("").replace("1/d", "2/d")).unwrap())
        .unwrap();
    assert_eq!(
        codes(&authorizer, [("/", alice), ("/", alice), ("/", alice)]).await,
        [ALLOW, ALLOW, OVER],
        "another rate"
    );
    authorizer
        .replace_policy(Policy::from_yaml(&limited("")).unwrap())
        .unwrap();
    let next = builder(&issuer, &limited("")).build().unwrap().in_place_of(&authorizer);
    assert_eq!(codes(&next, [("/", alice)]).await, [OVER]);
    let apart = builder(&issuer, &limited("")).build().unwrap();
    assert_eq!(codes(&apart, [("/", alice)]).await, [ALLOW]);
}

#[tokio::test]
async fn a_request_that_is_decided_on_again_by_its_body_is_counted_once() {
    let issuer = TestIssuer::new().unwrap();
    let [alice, ..] = &tokens(&issuer);
    let uri = Uri::from_static("/");
    let target = Target::new(&Method::POST, &uri).unwrap();
    let headers = headers(alice);
    for mode in ["enforce", "shadow"] {
        let policy = format!(
            "requirements: {{ small: {{ {} operation: {{ json: {{ /a: x }} }} }} }}\nroutes: [{{ match: POST /, require: [small], limit: {{ per: initiator, rate: 2/d }} }}]",
            if mode == "shadow" { "mode: shadow," } else { "" }
        );
        let authorizer = builder(&issuer, &policy).reads_bodies().build().unwrap();
        for expected in [ALLOW, ALLOW, OVER] {
            let presented = Presented::headers(&target, &headers);
            let by_head = authorizer.decide_presented(&presented).await;
            let decision = match by_head.body_limit().or(by_head.shadow_body_limit()) {
                None => by_head,
                Some(_) => {
                    let by_body = authorizer
                        .decide_again(&by_head, &presented.body(br#"{"a": "x"}"#))
                        .await;
                    if by_head.outcome().is_ok() { by_head } else { by_body }
                }
            };
            assert_eq!(code(decision.outcome()), expected, "{mode}");
        }
        let layer = AuthorizeLayer::new(authorizer.clone()).with_bodies(Body::new);
        authorizer
            .replace_policy(Policy::from_yaml(&policy.replace("2/d", "3/d")).unwrap())
            .unwrap();
        let mut service = layer.layer(service_fn(async |_: Request<Body>| {
            Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
        }));
        for expected in [200, 200, 200, 429] {
            let mut request = Request::post("/").body(Body::from(r#"{"a": "x"}"#)).unwrap();
            *request.headers_mut() = headers.clone();
            let response = service.ready().await.unwrap().call(request).await.unwrap();
            assert_eq!(response.status(), expected, "{mode}");
        }
    }
}

/// Gives the answers of a script, after a turn of the runtime, and keeps the keys.
#[derive(Clone, Default)]
struct Scripted {
    answers: Arc<Mutex<Vec<Result<Counted, CountUnavailable>>>>,
    keys: Arc<Mutex<Vec<[u8; 32]>>>,
}

impl CountRequests for Scripted {
    fn count<'a>(&'a self, count: &'a Count) -> CountFuture<'a> {
        self.keys.lock().unwrap().push(*count.key());
        Box::pin(async {
            tokio::task::yield_now().await;
            self.answers.lock().unwrap().pop().unwrap_or(Ok(Counted::Within))
        })
    }
}

#[tokio::test]
async fn a_counter_that_processes_share_is_asked_once_for_each_request() {
    let issuer = TestIssuer::new().unwrap();
    let [alice, bot, _] = &tokens(&issuer);
    let scripted = Scripted::default();
    let policy = "routes: [{ match: GET /, limit: { per: [initiator, actor], rate: 1/d } }, { match: GET /free }]";
    let authorizer = builder(&issuer, policy).count_by(scripted.clone()).build().unwrap();
    let exceeded = Counted::Exceeded {
        retry_after: Duration::from_millis(1500),
    };
    *scripted.answers.lock().unwrap() = vec![Err(CountUnavailable), Ok(exceeded), Ok(Counted::Within)];
    let seen = codes(&authorizer, [("/", alice), ("/", alice), ("/free", alice), ("/", bot)]).await;
    assert_eq!(seen, [ALLOW, OVER, ALLOW, "limit_unavailable"]);
    let unmet = authorizer.rules().iter().map(|rule| rule.unmet).sum::<u64>();
    assert_eq!(unmet, 1, "an outage is no request beyond the limit");
    let keys = std::mem::take(&mut *scripted.keys.lock().unwrap());
    assert_eq!(keys.len(), 3);
    assert!(keys[0] == keys[1] && keys[1] != keys[2]);

    let layer = AuthorizeLayer::new(authorizer);
    let mut service = layer.layer(service_fn(async |_: Request<Body>| {
        Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
    }));
    *scripted.answers.lock().unwrap() = vec![Err(CountUnavailable), Ok(exceeded), Ok(Counted::Within)];
    for (status, retry_after) in [(200, None), (429, Some("2")), (503, Some("1"))] {
        let mut request = Request::get("/").body(Body::empty()).unwrap();
        *request.headers_mut() = headers(alice);
        let response = service.ready().await.unwrap().call(request).await.unwrap();
        let seen = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|seconds| seconds.to_str().ok());
        assert_eq!((response.status().as_u16(), seen), (status, retry_after));
    }
    assert_eq!(scripted.keys.lock().unwrap().len(), 3);
}
