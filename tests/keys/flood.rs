//! Unknown key ids in masses, and keys that hang: good tokens go on, and the issuer is left in peace.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::deployment::key_server::Conduct;
use crate::deployment::{Configuration, Deployment};
use crate::mint::signing_key::{Curve, SigningKey};
use crate::mint::{TokenIssuer, good, header_of, sign, token_of};
use crate::wire;

const COOLDOWN: Duration = Duration::from_millis(300);

/// No refresh falls into the test: each fetch is one that a stranger caused.
const KEYS: &str = "    keys: { refresh: 1h, cooldown: 300ms, timeout: 2s, max_stale: 24h }\n";

fn deployment() -> Deployment {
    Deployment::start(TokenIssuer::new(), &Configuration::of_issuer(KEYS))
}

/// Tells the other threads of a test to end, also when the test fails.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// 1,000 tokens of as many kids, from forty connections at once; returns the statuses that were not 401.
fn flood(deployment: &Deployment, round: usize) -> Vec<u16> {
    let stranger = SigningKey::ec("stranger", Curve::P256);
    let token = |i: usize| {
        let kid = format!("random-{round}-{i}");
        sign(&stranger, "ES256", header_of("ES256", &kid), good())
    };
    let tokens: Vec<_> = (0..1000).map(token).collect();
    std::thread::scope(|scope| {
        let senders = tokens.chunks(25).map(|chunk| {
            let send = |token: &String| deployment.status("/orders/1", token);
            scope.spawn(move || chunk.iter().map(send).filter(|status| *status != 401).collect())
        });
        let senders: Vec<_> = senders.collect();
        let odd = senders.into_iter().map(|sender| sender.join().expect("a sender"));
        odd.collect::<Vec<Vec<u16>>>().concat()
    })
}

#[test]
fn a_thousand_random_kids() {
    let deployment = deployment();
    let known = deployment.issuer.token(json!({}));
    assert_eq!(flood(&deployment, 0), [0; 0], "other than 401");
    let memory = deployment.gate.process.resident();
    let (fetches, began) = (deployment.key_server.fetches(), Instant::now());
    let over = AtomicBool::new(false);
    let good = std::thread::scope(|scope| {
        let good = scope.spawn(|| {
            let mut statuses = Vec::new();
            while !over.load(Ordering::SeqCst) {
                statuses.push(deployment.status("/orders/1", &known));
                statuses.push(deployment.status("/orders/1", &deployment.issuer.token(json!({}))));
            }
            statuses
        });
        let ending = Ending(&over);
        assert_eq!(flood(&deployment, 1), [0; 0], "other than 401");
        drop(ending);
        good.join().expect("the good caller")
    });
    assert!(
        good.iter().all(|status| *status == 200),
        "good tokens went on: {good:?}"
    );
    assert!(!good.is_empty());
    let caused = deployment.key_server.fetches() - fetches;
    let intervals = began.elapsed().as_millis() / COOLDOWN.as_millis();
    assert!(
        caused as u128 <= intervals + 1,
        "{caused} fetches in {intervals} intervals"
    );
    if let (Some(before), Some(after)) = (memory, deployment.gate.process.resident()) {
        assert!(after < before + 16 * 1024 * 1024, "from {before} to {after} bytes");
    }
}

#[test]
fn a_real_rotation_in_the_midst() {
    let deployment = deployment();
    let next = SigningKey::ec("next", Curve::P256);
    let published = json!({ "keys": [deployment.issuer.key("es256").jwk(Some("ES256")), next.jwk(Some("ES256"))] });
    let over = AtomicBool::new(false);
    let took = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 0;
            while !over.load(Ordering::SeqCst) {
                flood(&deployment, round);
                round += 1;
            }
        });
        let _ending = Ending(&over);
        deployment.key_server.conduct(Conduct::Publish(published.to_string()));
        let began = Instant::now();
        let token = token_of(&next, "ES256");
        deployment.wait_until("the new key found", || deployment.status("/orders/1", &token) == 200);
        began.elapsed()
    });
    assert!(took < Duration::from_secs(5), "found after {took:?}");
}

#[test]
fn forged_signatures_in_bulk() {
    let deployment = deployment();
    let forger = SigningKey::ec("es256", Curve::P256);
    let known = deployment.issuer.token(json!({}));
    for _ in 0..300 {
        assert_eq!(deployment.status("/orders/1", &token_of(&forger, "ES256")), 401);
    }
    assert_eq!(deployment.status("/orders/1", &known), 200);
    assert_eq!(deployment.key_server.fetches(), 1, "a known kid is no reason to fetch");
}

#[test]
fn a_held_key_never_waits_on_a_hanging_fetch() {
    let lines = "    keys: { refresh: 1h, cooldown: 100ms, timeout: 3s, max_stale: 24h }\n";
    let deployment = Deployment::start(TokenIssuer::new(), &Configuration::of_issuer(lines));
    deployment.key_server.conduct(Conduct::Hanging);
    let fetches = deployment.key_server.fetches();
    let unknown = token_of(&SigningKey::ec("unknown", Curve::P256), "ES256");
    std::thread::scope(|scope| {
        // The first ones may still fall into the cool-down and be refused at once.
        let waiting = scope.spawn(|| {
            let deadline = Instant::now() + wire::DEADLINE;
            loop {
                assert!(Instant::now() < deadline, "an unknown kid never made the gate look");
                let began = Instant::now();
                let status = deployment.status("/orders/1", &unknown);
                if deployment.key_server.fetches() > fetches {
                    return (status, began.elapsed());
                }
            }
        });
        deployment.key_server.wait_for_fetch_after(fetches);
        for _ in 0..20 {
            let began = Instant::now();
            let token = deployment.issuer.token(json!({}));
            assert_eq!(deployment.status("/orders/1", &token), 200);
            assert!(began.elapsed() < Duration::from_secs(2), "waited {:?}", began.elapsed());
        }
        assert!(!waiting.is_finished(), "the fetch hangs all the while");
        let (status, took) = waiting.join().expect("the waiting caller");
        assert_eq!(status, 401, "held keys, and none of that name");
        assert!(took < Duration::from_secs(6), "the time-out bounds the wait: {took:?}");
    });
}

/// During the cool-down an unknown kid is refused at once.
#[test]
fn the_cool_down_skips_and_never_waits() {
    let lines = "    keys: { refresh: 1h, cooldown: 1h, timeout: 5s, max_stale: 24h }\n";
    let deployment = Deployment::start(TokenIssuer::new(), &Configuration::of_issuer(lines));
    let unknown = |kid: &str| token_of(&SigningKey::ec(kid, Curve::P256), "ES256");
    assert_eq!(deployment.status("/orders/1", &unknown("first")), 401);
    deployment.key_server.conduct(Conduct::Hanging);
    let fetches = deployment.key_server.fetches();
    assert!(fetches <= 2, "{fetches} fetches");
    for kid in ["a", "b", "c", "d", "e"] {
        let began = Instant::now();
        let answer = wire::get(deployment.gate.address, "/orders/1", &unknown(kid));
        assert_eq!(answer.status, 401);
        assert!(
            began.elapsed() < Duration::from_secs(2),
            "{kid} waited {:?}",
            began.elapsed()
        );
    }
    assert_eq!(deployment.key_server.fetches(), fetches);
}
