//! An issuer that answers about tokens, and an authorizer that asks it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actgate::clock::FixedClock;
use actgate::introspection::{Introspect, IntrospectFuture, IntrospectedTokens, Introspection};
use actgate::keys::FetchError;
use actgate::request::Target;
use actgate::testing::TestIssuer;
use actgate::{Authorizer, Decision, Error, Policy, TrustedIssuer};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use serde_json::{Value, json};

pub const POLICY: &str = "
routes:
  - match: GET /orders
    initiator: { kind: human }
  - match: GET /short
    chain: { max_depth: 3 }
";

/// An issuer that answers about tokens, each question after a moment.
#[derive(Clone, Default)]
pub struct Answering {
    answers: Arc<Mutex<HashMap<String, String>>>,
    questions: Arc<AtomicUsize>,
    at_a_time: Arc<AtomicUsize>,
    pub most_at_a_time: Arc<AtomicUsize>,
}

impl Answering {
    /// States the claims of an active token.
    pub fn activate(&self, token: &str, claims: Value) {
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

    pub fn answer(&self, token: &str, answer: &str) {
        self.answers.lock().unwrap().insert(token.to_owned(), answer.to_owned());
    }

    pub fn count(&self) -> usize {
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
pub struct OnEnd<'a>(&'a AtomicUsize);

impl Drop for OnEnd<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A started authorizer whose issuer answers about these tokens for 30 s.
pub struct Bench {
    pub issuer: TestIssuer,
    pub answering: Answering,
    pub authorizer: Authorizer,
    pub clock: FixedClock,
}

pub fn bench(tokens: IntrospectedTokens) -> Bench {
    bench_with(tokens, |issuer| issuer)
}

pub fn bench_with(tokens: IntrospectedTokens, change: impl FnOnce(TrustedIssuer) -> TrustedIssuer) -> Bench {
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

pub async fn decide(authorizer: &Authorizer, path: &'static str, token: &str) -> Decision {
    let uri = Uri::from_static(path);
    let target = Target::new(&Method::GET, &uri).unwrap();
    let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
    let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
    authorizer.decide(&target, &headers).await
}

impl Bench {
    pub async fn code(&self, token: &str) -> &'static str {
        self.code_at("/orders", token).await
    }

    pub async fn code_at(&self, path: &'static str, token: &str) -> &'static str {
        let decision = decide(&self.authorizer, path, token).await;
        decision.error().map_or("allow", Error::code)
    }
}

pub async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}
