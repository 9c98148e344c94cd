//! Many unknown key ids, and a hanging key server: valid tokens are accepted, and fetches are limited.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::deployment::key_server::Conduct;
use crate::deployment::{Configuration, Deployment};
use crate::mint::signing_key::{Curve, SigningKey};
use crate::mint::{TokenIssuer, claims_text, header_of, sign, token_of};
use crate::wire;

const COOLDOWN: Duration = Duration::from_millis(300);

/// No refresh within the test: every fetch is caused by an unknown key id.
const KEYS: &str = "    keys: { refresh: 1h, cooldown: 300ms, timeout: 2s, max_stale: 24h }\n";

fn deployment() -> Deployment {
    Deployment::start(TokenIssuer::new(), &Configuration::of_issuer(KEYS))
}

/// Ends the other threads of a test, also when the test fails.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Sends 1,000 tokens with different key ids on forty connections; returns the statuses other than 401.
fn flood(deployment: &Deployment, round: usize) -> Vec<u16> {
    let untrusted = SigningKey::ec("untrusted", Curve::P256);
    let token = |i: usize| {
        let kid = format!("random-{round}-{i}");
        sign(&untrusted, "ES256", header_of("ES256", &kid), claims_text())
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
fn unknown_kids_cause_one_fetch_per_cool_down() {
    let deployment = deployment();
    let known = deployment.issuer.token(json!({}));
    assert_eq!(flood(&deployment, 0), [0; 0], "other than 401");
    let memory = deployment.gate.process.resident();
    let (fetches, began) = (deployment.key_server.fetches(), Instant::now());
    let over = AtomicBool::new(false);
    let statuses = std::thread::scope(|scope| {
        let client = scope.spawn(|| {
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
        client.join().expect("the valid client")
    });
    assert!(
        statuses.iter().all(|status| *status == 200),
        "statuses of valid tokens: {statuses:?}"
    );
    assert!(!statuses.is_empty());
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
fn a_new_key_is_found_among_unknown_kids() {
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
fn forged_signatures_cause_no_fetch() {
    let deployment = deployment();
    let forger = SigningKey::ec("es256", Curve::P256);
    let known = deployment.issuer.token(json!({}));
    for _ in 0..300 {
        assert_eq!(deployment.status("/orders/1", &token_of(&forger, "ES256")), 401);
    }
    assert_eq!(deployment.status("/orders/1", &known), 200);
    assert_eq!(deployment.key_server.fetches(), 1, "a known kid does not cause a fetch");
}

#[test]
fn a_known_key_does_not_wait_for_a_hanging_fetch() {
    let lines = "    keys: { refresh: 1h, cooldown: 100ms, timeout: 3s, max_stale: 24h }\n";
    let deployment = Deployment::start(TokenIssuer::new(), &Configuration::of_issuer(lines));
    deployment.key_server.conduct(Conduct::Hanging);
    let fetches = deployment.key_server.fetches();
    let unknown = token_of(&SigningKey::ec("unknown", Curve::P256), "ES256");
    std::thread::scope(|scope| {
        // The first requests may be within the cool-down and be answered at once.
        let waiting = scope.spawn(|| {
            let deadline = Instant::now() + wire::DEADLINE;
            loop {
                assert!(Instant::now() < deadline, "an unknown kid never caused a fetch");
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
        assert!(!waiting.is_finished(), "the fetch still hangs");
        let (status, took) = waiting.join().expect("the waiting client");
        assert_eq!(status, 401, "keys are available, but none with that kid");
        assert!(took < Duration::from_secs(6), "the time-out bounds the wait: {took:?}");
    });
}

/// During the cool-down an unknown kid is denied at once.
#[test]
fn an_unknown_kid_does_not_wait_for_the_cool_down() {
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
