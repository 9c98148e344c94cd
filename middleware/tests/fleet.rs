//! 1,000 replicas and one issuer, in the time of the runtime: how many fetches of keys arrive at the issuer in a second.

#![allow(clippy::unwrap_used, reason = "a replica that cannot be made fails the test")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actgate::clock::FixedClock;
use actgate::keys::{Fetch, FetchError, FetchFuture, KeySource};
use actgate::request::Target;
use actgate::testing::TestIssuer;
use actgate::{Authorizer, Policy, TrustedIssuer};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until};

const REPLICAS: u32 = 1_000;

/// [`RefreshPolicy::refresh`](actgate::keys::RefreshPolicy) and `cooldown` by default.
const REFRESH: Duration = Duration::from_secs(600);
const COOLDOWN: Duration = Duration::from_secs(10);

/// The peak of a second over the mean of its phase.
const MOST: f64 = 5.0;

/// The server of the keys, and the fetches of each second.
struct Origin {
    start: Instant,
    state: Mutex<State>,
}

struct State {
    answer: Answer,
    fetches: BTreeMap<u64, u32>,
}

#[derive(Clone)]
enum Answer {
    Keys(String),
    Outage,
    Busy(Duration),
}

impl Origin {
    fn new(issuer: &TestIssuer) -> Arc<Origin> {
        Arc::new(Origin {
            start: Instant::now(),
            state: Mutex::new(State {
                answer: Answer::Keys(issuer.jwks()),
                fetches: BTreeMap::new(),
            }),
        })
    }

    fn answer(&self, answer: Answer) {
        self.state.lock().unwrap().answer = answer;
    }

    /// Counts the fetches from now on.
    fn begin(&self) -> Instant {
        self.state.lock().unwrap().fetches.clear();
        Instant::now()
    }

    /// Peak and mean of the fetches in a second since `began`.
    fn rate(&self, phase: &str, began: Instant) -> (f64, f64) {
        let fetches = &self.state.lock().unwrap().fetches;
        let peak = f64::from(fetches.values().copied().max().unwrap_or(0));
        let mean = f64::from(fetches.values().sum::<u32>()) / began.elapsed().as_secs_f64();
        println!("{phase}: peak {peak} fetches a second, mean {mean:.2}");
        (peak, mean)
    }

    #[track_caller]
    fn assert_even(&self, phase: &str, began: Instant) {
        let (peak, mean) = self.rate(phase, began);
        assert!(
            peak <= MOST * mean,
            "{phase}: {peak} fetches in one second where the mean is {mean}"
        );
    }
}

impl Fetch for Origin {
    fn fetch<'a>(&'a self, _: &'a str) -> FetchFuture<'a> {
        let answer = {
            let mut state = self.state.lock().unwrap();
            *state.fetches.entry(self.start.elapsed().as_secs()).or_default() += 1;
            state.answer.clone()
        };
        Box::pin(async move {
            sleep(Duration::from_millis(fastrand::u64(5..50))).await;
            match answer {
                Answer::Keys(keys) => Ok(keys.into()),
                Answer::Outage => Err(FetchError::Status(StatusCode::BAD_GATEWAY)),
                Answer::Busy(retry_after) => Err(FetchError::Busy {
                    status: StatusCode::TOO_MANY_REQUESTS,
                    retry_after,
                }),
            }
        })
    }
}

/// A replica that has begun to fetch.
fn replica(origin: &Arc<Origin>, policy: &Arc<Policy>) -> Authorizer {
    let source = KeySource::JwksUri("https://issuer.test/jwks".into());
    let trusted = TrustedIssuer::new(TestIssuer::ISSUER, source).unwrap();
    let builder = Authorizer::builder().issuer(trusted.audience(TestIssuer::AUDIENCE).unwrap());
    let builder = builder
        .policy(Arc::clone(policy))
        .clock(FixedClock::at(TestIssuer::NOW));
    builder.build().unwrap().start_with(Arc::clone(origin)).unwrap()
}

fn policy() -> Arc<Policy> {
    Arc::new(Policy::from_yaml("routes: [{ match: GET /a }]").unwrap())
}

/// A fleet that has run for a while. The random numbers of the test are the same in each run.
async fn fleet(origin: &Arc<Origin>) -> Vec<Authorizer> {
    fastrand::seed(1);
    let policy = policy();
    let fleet: Vec<_> = (0..REPLICAS).map(|_| replica(origin, &policy)).collect();
    sleep(5 * REFRESH).await;
    assert!(fleet.iter().all(Authorizer::is_ready));
    fleet
}

/// Whether a replica allows a token.
async fn allows(replica: &Authorizer, token: &str) -> bool {
    let uri: Uri = "/a".parse().unwrap();
    let target = Target::new(&Method::GET, &uri).unwrap();
    let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
    let headers = HeaderMap::from_iter([(http::header::AUTHORIZATION, value)]);
    replica.decide(&target, &headers).await.outcome().is_ok()
}

#[tokio::test(start_paused = true)]
async fn replicas_that_start_together_do_not_refresh_together() {
    fastrand::seed(1);
    let origin = Origin::new(&TestIssuer::new().unwrap());
    let policy = policy();
    let began = origin.begin();
    let fleet: Vec<_> = (0..REPLICAS).map(|_| replica(&origin, &policy)).collect();
    sleep(Duration::from_secs(1)).await;
    // A replica is not ready before its first fetch.
    assert!(fleet.iter().all(Authorizer::is_ready));
    assert_eq!(origin.rate("start of all in one second", began).0, f64::from(REPLICAS));
    for refresh in ["first hour", "second hour"] {
        let began = origin.begin();
        sleep(Duration::from_secs(3600)).await;
        origin.assert_even(refresh, began);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rolling_restart_is_even() {
    let origin = Origin::new(&TestIssuer::new().unwrap());
    let mut fleet = fleet(&origin).await;
    let policy = policy();
    let began = origin.begin();
    for (count, running) in (0..).zip(&mut fleet) {
        *running = replica(&origin, &policy);
        running.ready().await;
        sleep_until(began + REFRESH * (count + 1) / REPLICAS).await;
    }
    sleep(REFRESH).await;
    origin.assert_even("rolling restart within one refresh", began);
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_ten_minutes_is_survived_evenly() {
    let issuer = TestIssuer::new().unwrap();
    let origin = Origin::new(&issuer);
    let fleet = fleet(&origin).await;
    let (_, usual) = origin.rate("before", origin.start);
    let token = issuer.token(json!({})).unwrap();
    let began = origin.begin();
    origin.answer(Answer::Outage);
    sleep(Duration::from_secs(600)).await;
    let (peak, _) = origin.rate("outage of 10 minutes", began);
    origin.assert_even("outage of 10 minutes", began);
    assert!(peak <= 12.0 * usual, "{peak} fetches in one second during the outage");
    for replica in &fleet {
        assert!(allows(replica, &token).await, "known keys keep passing");
    }
    let began = origin.begin();
    origin.answer(Answer::Keys(issuer.jwks()));
    sleep(2 * REFRESH).await;
    origin.assert_even("after the outage", began);
}

#[tokio::test(start_paused = true)]
async fn a_new_key_arrives_within_the_cool_down_of_its_first_token() {
    let (old, new) = (TestIssuer::new().unwrap(), TestIssuer::new().unwrap());
    let origin = Origin::new(&old);
    let fleet = fleet(&origin).await;
    let renamed = new.jwks().replace("\"testing\"", "\"new\"");
    let claims = json!({ "iss": TestIssuer::ISSUER, "sub": "alice", "aud": TestIssuer::AUDIENCE, "client_id": "c",
        "iat": TestIssuer::NOW, "exp": TestIssuer::NOW + 300 });
    let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": "new" });
    let token = Arc::new(new.token_with_header(header, claims).unwrap());
    let began = origin.begin();
    // The new key signs at once; clients of half a refresh come with their new tokens.
    origin.answer(Answer::Keys(renamed));
    let first_tokens: Vec<_> = fleet
        .into_iter()
        .map(|replica| {
            let token = Arc::clone(&token);
            let first = began + (REFRESH / 2).mul_f64(fastrand::f64());
            tokio::spawn(async move {
                sleep_until(first).await;
                while !allows(&replica, &token).await {
                    assert!(
                        first.elapsed() <= COOLDOWN,
                        "no new key {:?} after its first token",
                        first.elapsed()
                    );
                    sleep(Duration::from_secs(1)).await;
                }
                replica
            })
        })
        .collect();
    let mut fleet = Vec::new();
    for replica in first_tokens {
        fleet.push(replica.await.unwrap());
    }
    origin.assert_even("rotation of a key", began);
    let began = origin.begin();
    sleep(2 * REFRESH).await;
    origin.assert_even("after the rotation", began);
    drop(fleet);
}

#[tokio::test(start_paused = true)]
async fn a_busy_issuer_gets_its_time() {
    let issuer = TestIssuer::new().unwrap();
    let origin = Origin::new(&issuer);
    origin.answer(Answer::Busy(Duration::from_secs(40)));
    fastrand::seed(1);
    let policy = policy();
    let fleet: Vec<_> = (0..REPLICAS).map(|_| replica(&origin, &policy)).collect();
    sleep(Duration::from_secs(1)).await;
    let began = origin.begin();
    let token = issuer.token(json!({})).unwrap();
    for replica in &fleet {
        assert!(!allows(replica, &token).await);
    }
    sleep_until(began + Duration::from_secs(38)).await;
    assert_eq!(origin.rate("while the issuer is busy", began).0, 0.0);
    origin.answer(Answer::Keys(issuer.jwks()));
    sleep(Duration::from_secs(12)).await;
    assert!(fleet.iter().all(Authorizer::is_ready));
    let (peak, _) = origin.rate("after its Retry-After", began);
    assert!(peak <= f64::from(REPLICAS) / MOST, "{peak} fetches in one second");
}
