//! Properties over random tokens and policies: history rules only deny, and a changed token is denied.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use actgate::clock::FixedClock;
use actgate::keys::KeySet;
use actgate::limits::Limits;
use actgate::testing::{TestIssuer, verify_signature};
use actgate::{Authorizer, Error, Policy};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

mod as_cases;
mod edits;
mod operations;
mod policies;
pub mod recorded;
mod requests;
mod shadow;
mod tokens;
mod triples;

use edits::edit;
use policies::{Endpoint, has_no_conflict, policy, policy_for};
use requests::{Request, requests};
use tokens::{CLAIMS, any_json, claims};

const FOREIGN: &str = "https://other.example.com";
const NOW: u64 = TestIssuer::NOW;

/// The maximum number of `act` objects.
const CAP: usize = 16;

static ISSUER: LazyLock<TestIssuer> = LazyLock::new(|| TestIssuer::new().unwrap());

#[test]
fn history_rules_allow_nothing_that_core_rules_deny() {
    let (allowed, denied_by_history, denied_by_core) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let count = |counter: &AtomicUsize| counter.fetch_add(1, Ordering::Relaxed);
    let mut runner = TestRunner::new(Config {
        cases: 2_000,
        failure_persistence: None,
        ..Config::default()
    });
    let result = runner.run(&(policy(), claims(), requests()), |(policy, claims, request)| {
        let whole = outcome(&policy, &claims, &request);
        let core = outcome(&without_chain(&policy), &claims, &request);
        let outer = outcome(&without_chain(&policy), &outermost_actor_only(&claims), &request);

        if whole.is_ok() {
            prop_assert_eq!(&outer, &Ok(()), "allowed, but denied without its prior actors");
        }
        if core.is_err() {
            prop_assert!(
                whole.is_err(),
                "the chain rules allow what the core rules deny: {:?}",
                core
            );
        }
        if depth(&claims) > CAP {
            // What the headers of MCP name is checked before the token.
            let expected = ["chain_too_long", "no_route", "mcp_header_mismatch"];
            let code = whole.as_ref().err().map(Error::code);
            prop_assert!(code.is_some_and(|code| expected.contains(&code)), "{:?}", code);
        } else {
            prop_assert_eq!(&core, &outer, "a core rule depends on a prior actor");
        }
        match (whole, core) {
            (Ok(()), _) => count(&allowed),
            (Err(_), Ok(())) => count(&denied_by_history),
            (Err(_), Err(_)) => count(&denied_by_core),
        };
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    // Without each of these outcomes the property is vacuous.
    for (counter, name) in [
        (allowed, "allowed"),
        (denied_by_history, "denied by history"),
        (denied_by_core, "denied by core rules"),
    ] {
        let seen = counter.into_inner();
        println!("narrowing: {seen} {name}");
        assert!(seen > 20, "{name}: only {seen}");
    }
}

#[test]
fn a_further_rule_allows_nothing_that_is_denied_without_it() {
    let (allowed, denied) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let mut runner = TestRunner::new(Config {
        cases: 1_000,
        failure_persistence: None,
        ..Config::default()
    });
    let policies = prop_oneof![4 => Just(Endpoint::Any), 1 => Just(Endpoint::Tool)];
    let policies = policies.prop_flat_map(|endpoint| (policy_for(endpoint), policy_for(endpoint)));
    let result = runner.run(
        &(policies, claims(), requests()),
        |((policy, other), claims, request)| {
            let mut narrowed = policy.clone();
            narrowed["requirements"]["further"] = other["requirements"]["shared"].clone();
            narrowed["routes"][0]["require"] = json!(["shared", "further"]);
            prop_assume!(has_no_conflict(&narrowed));
            let (before, after) = (
                outcome(&policy, &claims, &request),
                outcome(&narrowed, &claims, &request),
            );
            if after.is_ok() {
                prop_assert_eq!(&before, &Ok(()), "allowed by a further rule");
            }
            let counter = match (before, after) {
                (Ok(()), Err(_)) => &denied,
                _ => &allowed,
            };
            counter.fetch_add(1, Ordering::Relaxed);
            Ok(())
        },
    );
    if let Err(failure) = result {
        panic!("{failure}");
    }
    let denied = denied.into_inner();
    assert!(denied > 20, "only {denied} tokens are denied by the further rule alone");
}

#[test]
fn a_ceiling_allows_nothing_that_is_denied_without_it() {
    let (allowed, above) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let mut runner = TestRunner::new(Config {
        cases: 4_000,
        failure_persistence: None,
        ..Config::default()
    });
    let result = runner.run(&(policy(), claims(), requests()), |(policy, claims, request)| {
        let mut without = policy.clone();
        for agent in without["agents"].as_array_mut().into_iter().flatten() {
            agent.as_object_mut().unwrap().remove("ceiling");
        }
        if without == policy {
            return Ok(());
        }
        match outcome(&policy, &claims, &request) {
            Ok(()) => {
                prop_assert_eq!(outcome(&without, &claims, &request), Ok(()), "allowed by a ceiling");
                allowed.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) if error.code() == "above_ceiling" => {
                above.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => {}
        }
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    for (counter, name) in [(allowed, "allowed"), (above, "above the ceiling")] {
        let seen = counter.into_inner();
        assert!(seen > 20, "{name}: only {seen}");
    }
}

#[test]
fn a_changed_token_is_invalid_or_has_the_same_content() {
    let original = ISSUER
        .token(json!({ "sub": "u1", "scope": "r", "act": { "sub": "a1" } }))
        .unwrap();
    let keys = ISSUER.key_set().unwrap();
    let payload = verify_signature(&original, &keys, &Limits::default()).unwrap();
    let header = part(&original, 0);
    let mut runner = TestRunner::new(Config {
        cases: 4_000,
        failure_persistence: None,
        ..Config::default()
    });
    let result = runner.run(&vec(edit(), 1..3), |edits| {
        let changed = edits.iter().fold(original.clone(), |text, edit| edit.apply(&text));
        if let Ok(read) = verify_signature(&changed, &keys, &Limits::default()) {
            prop_assert_eq!(&read, &payload, "another payload verified: {}", changed);
            prop_assert_eq!(
                part(&changed, 0),
                header.clone(),
                "another header verified: {}",
                changed
            );
        }
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

#[test]
fn a_token_with_a_changed_bit_is_invalid() {
    let original = ISSUER.token(json!({ "sub": "u1", "scope": "r" })).unwrap();
    let keys: KeySet = ISSUER.key_set().unwrap();
    assert!(verify_signature(&original, &keys, &Limits::default()).is_ok());
    for at in 0..original.len() {
        for bit in 0..7 {
            let mut bytes = original.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let changed = String::from_utf8(bytes).unwrap();
            assert!(
                verify_signature(&changed, &keys, &Limits::default()).is_err(),
                "byte {at}, bit {bit}"
            );
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 1_000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn any_signed_claims_get_an_answer(
        claims in claims(), name in select(CLAIMS), value in any_json(), inside in any::<bool>(),
    ) {
        let mut claims = claims;
        match claims.get_mut("act") {
            Some(act) if inside => { act[name] = value; }
            _ => { claims[name] = value; }
        }
        let policy = json!({ "routes": [{ "match": "POST /refunds", "initiator": { "kind": "human", "max_auth_age": "5m" } }] });
        if let Err(error) = outcome(&policy, &claims, &Request::PLAIN) {
            prop_assert!(matches!(error.status().as_u16(), 401 | 403), "{:?}", error);
        }
    }

    #[test]
    fn any_text_in_place_of_a_token_is_rejected(text in "[!-~]{0,80}(\\.[!-~]{0,80}){0,5}") {
        let policy = json!({ "routes": [{ "match": "POST /refunds", "scopes": ["r"] }] });
        let error = decide(&policy, &text, &Request::PLAIN).unwrap_err();
        prop_assert!(matches!(error.status().as_u16(), 400 | 401), "{:?}", error);
    }
}

fn outcome(policy: &Value, claims: &Value, request: &Request) -> Result<(), Error> {
    decide(policy, &ISSUER.token(claims.clone()).unwrap(), request)
}

/// Decides one request, and checks that `explain` has the same outcome.
fn decide(policy: &Value, token: &str, request: &Request) -> Result<(), Error> {
    let authorizer = authorizer(policy);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let decision = runtime.block_on(request.decide(&authorizer, token));
    let enforced = decision.outcome().map_err(Clone::clone);
    request.present(token, |presented| {
        let explanation = authorizer.explain(presented, NOW);
        let explained = explanation.decision().outcome().map_err(Clone::clone);
        assert_eq!(explained, enforced, "explain and enforcement differ");
        enforced
    })
}

fn authorizer(policy: &Value) -> Authorizer {
    let compiled = Policy::from_yaml(&policy.to_string()).unwrap_or_else(|error| panic!("{error}\n{policy}"));
    let builder = Authorizer::builder().issuer(ISSUER.trusted(TestIssuer::AUDIENCE).unwrap());
    let builder = builder.policy(compiled).clock(FixedClock::at(NOW));
    builder.reads_bodies().build().unwrap()
}

fn depth(claims: &Value) -> usize {
    std::iter::successors(claims.get("act"), |act| act.get("act")).count()
}

fn outermost_actor_only(claims: &Value) -> Value {
    let mut claims = claims.clone();
    if let Some(act) = claims.get_mut("act").and_then(Value::as_object_mut) {
        act.remove("act");
    }
    claims
}

/// The same policy without its history rules and without a requirement that has no other rule.
fn without_chain(policy: &Value) -> Value {
    let mut policy = policy.clone();
    let requirement = policy["requirements"]["shared"].as_object_mut().unwrap();
    remove_history(requirement);
    let empty = requirement.is_empty();
    if let Some(defaults) = policy.get_mut("defaults").and_then(Value::as_object_mut) {
        remove_history(defaults);
        if defaults.is_empty() {
            policy.as_object_mut().unwrap().remove("defaults");
        }
    }
    let route = policy["routes"][0].as_object_mut().unwrap();
    remove_history(route);
    if empty {
        route.remove("require");
        policy.as_object_mut().unwrap().remove("requirements");
    }
    policy
}

fn remove_history(body: &mut serde_json::Map<String, Value>) {
    body.remove("chain");
    if body
        .get("expression")
        .is_some_and(|expression| expression.to_string().contains("chain"))
    {
        body.remove("expression");
    }
}

/// The decoded bytes of one part of a compact token.
fn part(token: &str, index: usize) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(token.split('.').nth(index)?).ok()
}
