//! The life of a credential: registration, rotation, compromise, deletion.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Api, FLIGHTS, ORCH, PLAN, TOOL, U1_BY_PASSWORD, check_issuer, exchange, issuer, own_token};
use crate::deployment::bundled_issuer::{ACCESS_TOKEN, BundledIssuer, EXCHANGE, access_token};
use crate::wire::{self, Answer};

const LOGS: &str = "https://logs.example";

const POLICY: &str = "
routes:
  - match: GET /logs
    scopes: [logs:read]
";

const SCOUT: &str = r#"{"client_id": "scout", "owner": "u2", "profile": "ai_agent", "grants": ["client_credentials"],
  "scopes": ["logs:read"], "resources": ["https://logs.example"]}"#;

/// A token request of the agent `scout` with a secret.
fn token(issuer: &BundledIssuer, secret: &str) -> Answer {
    let secret = STANDARD.encode(format!("scout:{secret}"));
    let line = format!("Authorization: Basic {secret}");
    let form = [("grant_type", "client_credentials"), ("resource", LOGS)];
    wire::post_form(issuer.address, "/token", &[&line], &form)
}

/// The secret of a response, which shows it once, and the identifier of the credential.
fn credential(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 201, "{}", answer.everything());
    let json = answer.json();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (text(&json["client_secret"]), text(&json["credential_id"]))
}

#[test]
fn a_rotation_under_load_fails_no_call() {
    let (issuer, _) = issuer();
    let logs = Api::protect(&issuer, LOGS, POLICY);
    let added = issuer.administer("POST", "agents", SCOUT);
    let (first, first_id) = credential(&added);
    let read = issuer.administer("GET", "agents/scout", "");
    assert!(
        read.json()["owner"] == "u2" && !read.text().contains(&first),
        "{}",
        read.text()
    );

    let current = Mutex::new(first.clone());
    let (calls, failures, is_over) = (AtomicUsize::new(0), Mutex::new(Vec::new()), AtomicBool::new(false));
    let call = || {
        while !is_over.load(Ordering::Relaxed) {
            let secret = current.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let answer = token(&issuer, &secret);
            let status = match answer.status {
                200 => wire::get(logs.gate.address, "/logs", &access_token(&answer)).status,
                status => status,
            };
            if status != 200 {
                failures.lock().unwrap_or_else(PoisonError::into_inner).push(status);
            }
            calls.fetch_add(1, Ordering::Relaxed);
        }
    };
    let more_calls = || {
        let before = calls.load(Ordering::Relaxed);
        let deadline = std::time::Instant::now() + wire::DEADLINE;
        while calls.load(Ordering::Relaxed) < before + 20 {
            assert!(std::time::Instant::now() < deadline, "the calls stand still");
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    };
    let second = std::thread::scope(|scope| {
        let threads = [scope.spawn(call), scope.spawn(call)];
        more_calls();
        let (second, _) = credential(&issuer.administer("POST", "agents/scout/credentials", r#"{"overlap": 600}"#));
        more_calls();
        *current.lock().unwrap_or_else(PoisonError::into_inner) = second.clone();
        // The calls that read the first secret end before it does.
        more_calls();
        let removed = issuer.administer("DELETE", &format!("agents/scout/credentials/{first_id}"), "");
        assert_eq!(removed.status, 204, "{}", removed.everything());
        more_calls();
        is_over.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().expect("a thread without a panic");
        }
        second
    });
    assert_eq!(
        *failures.lock().unwrap_or_else(PoisonError::into_inner),
        Vec::<u16>::new()
    );
    let live = access_token(&token(&issuer, &second));
    assert!(issuer.is_active("monitor", &live));
    check_issuer(&[("the deleted credential", token(&issuer, &first), "401 invalid_client")]);

    let bot = own_token(&issuer, "bot", LOGS, "logs:read");
    assert_eq!(issuer.administer("DELETE", "agents/scout", "").status, 200);
    assert!(!issuer.is_active("monitor", &live) && issuer.is_active("monitor", &bot));
    check_issuer(&[("a deleted agent", token(&issuer, &second), "401 invalid_client")]);
    assert_eq!(
        issuer.administer("POST", "agents", SCOUT).status,
        409,
        "deleted for good"
    );
    logs.check(&[("other agents", "GET /logs", &bot, "200 allowed", "bot")]);
}

#[test]
fn an_agent_is_disabled_in_the_middle_of_a_chain() {
    let (issuer, _) = issuer();
    let scope = "flights:search";
    let user = access_token(&issuer.sign_in("web", U1_BY_PASSWORD, ORCH, scope));
    let first = access_token(&exchange(&issuer, "orch", &user, PLAN, scope));
    let second = access_token(&exchange(&issuer, "plan", &first, TOOL, scope));
    let third = access_token(&exchange(&issuer, "tool", &second, FLIGHTS, scope));
    let own = own_token(&issuer, "plan", FLIGHTS, scope);
    let active = || [&first, &second, &third, &own].map(|token| issuer.is_active("monitor", token));
    assert_eq!(active(), [true; 4]);
    let disabled = issuer.administer("POST", "agents/plan/disable", "");
    assert!(
        disabled.json()["revoked_tokens"].as_u64() >= Some(3),
        "{}",
        disabled.text()
    );
    assert_eq!(
        active(),
        [true, false, false, false],
        "what names it as initiator or actor ends"
    );
    let form = [
        ("grant_type", EXCHANGE),
        ("subject_token", &*first),
        ("subject_token_type", ACCESS_TOKEN),
        ("resource", TOOL),
        ("scope", scope),
    ];
    check_issuer(&[
        (
            "the next exchange by plan",
            issuer.token("plan", &form),
            "401 invalid_client",
        ),
        (
            "an exchange of a token that ended",
            exchange(&issuer, "tool", &second, FLIGHTS, scope),
            "400 invalid_request",
        ),
    ]);
    let around = access_token(&exchange(&issuer, "orch", &user, TOOL, scope));
    let around = exchange(&issuer, "tool", &around, FLIGHTS, scope);
    assert_eq!(around.json()["error"], json!(null), "other agents go on");
}
