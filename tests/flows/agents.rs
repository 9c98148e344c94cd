//! Several agents: each hop reduces the scope and has one audience, and the whole chain stays.

use serde_json::{Value, json};

use super::{Api, FLIGHTS, ORCH, PLAN, TOOL, U1_BY_PASSWORD, check_issuer, exchange, exchange_for, issuer, own_token};
use crate::deployment::bundled_issuer::{BundledIssuer, access_token, claims};

const POLICY: &str = "
requirements:
  human-must-initiate:
    initiator: { kind: human }
routes:
  - match: GET /flights
    scopes: [flights:search]
    require: [human-must-initiate]
  - match: POST /bookings
    scopes: [flights:book]
  - match: GET /short
    scopes: [flights:search]
    chain: { max_depth: 2 }
  - match: GET /planned
    scopes: [flights:search]
    chain: { path: [orch, plan, tool] }
";

const BOTH: &str = "flights:search flights:book";
const SEARCH: &str = "flights:search";
const ANALYTICS: &str = "https://analytics.example";

/// The tokens of the chain orch, plan, tool.
struct Chain {
    first: String,
    second: String,
    third: String,
}

fn user_token(issuer: &BundledIssuer, scope: &str) -> String {
    access_token(&issuer.sign_in("web", U1_BY_PASSWORD, ORCH, scope))
}

fn chain(issuer: &BundledIssuer) -> Chain {
    let first = access_token(&exchange(issuer, "orch", &user_token(issuer, BOTH), PLAN, BOTH));
    let second = access_token(&exchange(issuer, "plan", &first, TOOL, BOTH));
    let third = access_token(&exchange(issuer, "tool", &second, FLIGHTS, SEARCH));
    Chain { first, second, third }
}

#[test]
fn three_agents_after_a_user() {
    let (issuer, handle) = issuer();
    let flights = Api::protect(&issuer, FLIGHTS, POLICY);
    let Chain { first, second, third } = chain(&issuer);
    let agent = |name: &str, before: Value| {
        let mut actor = json!({ "iss": issuer.url(), "sub": name, "sub_profile": "ai_agent" });
        if !before.is_null() {
            actor["act"] = before;
        }
        actor
    };
    let one = agent("orch", json!(null));
    let two = agent("plan", one.clone());
    for (token, audience, scope, act) in [
        (&first, PLAN, BOTH, &one),
        (&second, TOOL, BOTH, &two),
        (&third, FLIGHTS, SEARCH, &agent("tool", two.clone())),
    ] {
        let claims = claims(token);
        assert_eq!((&claims["sub"], &claims["aud"]), (&json!("u1"), &json!(audience)));
        let granted = claims["scope"].as_str().expect("scopes");
        assert_eq!(granted.split(' ').count(), scope.split(' ').count(), "{granted}");
        assert_eq!(&claims["act"], act);
    }
    let short = access_token(&exchange(&issuer, "plan", &first, FLIGHTS, SEARCH));
    let direct = user_token(&issuer, BOTH);
    let direct = access_token(&exchange(&issuer, "orch", &direct, TOOL, BOTH));
    let direct = access_token(&exchange(&issuer, "tool", &direct, FLIGHTS, SEARCH));
    let (three, two) = ("u1 > orch > plan > tool", "u1 > orch > plan");
    flights.check(&[
        (
            "search, human must initiate",
            "GET /flights",
            &third,
            "200 allowed",
            three,
        ),
        (
            "a token of the hop before",
            "GET /flights",
            &second,
            "401 invalid_claim",
            "",
        ),
        (
            "a token of two hops before",
            "GET /flights",
            &first,
            "401 invalid_claim",
            "",
        ),
        ("booking", "POST /bookings", &third, "403 insufficient_scope", three),
        (
            "max_depth 2, three hops",
            "GET /short",
            &third,
            "403 chain_too_deep",
            three,
        ),
        ("max_depth 2, two hops", "GET /short", &short, "200 allowed", two),
        ("the exact path", "GET /planned", &third, "200 allowed", three),
        (
            "the path without plan",
            "GET /planned",
            &direct,
            "403 chain_path_not_allowed",
            "u1 > orch > tool",
        ),
    ]);
    // The audit trail ties each token to the one before.
    let txn = claims(&third)["txn"].as_str().expect("a transaction").to_owned();
    let entries: Vec<Value> = handle
        .audited(&txn)
        .iter()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    for (token, parent) in [(&third, &second), (&second, &first)] {
        let (jti, parent) = (&claims(token)["jti"], &claims(parent)["jti"]);
        let entry = entries.iter().find(|entry| &entry["jti"] == jti);
        assert_eq!(&entry.expect("an entry")["parent_jti"], parent);
    }
}

#[test]
fn the_same_started_by_a_timer() {
    let (issuer, _) = issuer();
    let flights = Api::protect(&issuer, FLIGHTS, POLICY);
    let first = own_token(&issuer, "orch", PLAN, BOTH);
    let second = access_token(&exchange(&issuer, "plan", &first, TOOL, BOTH));
    let third = access_token(&exchange(&issuer, "tool", &second, FLIGHTS, BOTH));
    let chain = "orch > plan > tool";
    flights.check(&[
        (
            "human must initiate",
            "GET /flights",
            &third,
            "403 initiator_not_human",
            chain,
        ),
        (
            "no rule on the initiator",
            "POST /bookings",
            &third,
            "200 allowed",
            chain,
        ),
    ]);
}

#[test]
fn exchanges_that_give_no_token() {
    let (issuer, _) = issuer();
    let read = user_token(&issuer, "analytics:read");
    let both = user_token(&issuer, "analytics:read analytics:write");
    for scope in ["analytics:read", "analytics:write"] {
        let token = access_token(&exchange(&issuer, "orch", &both, ANALYTICS, scope));
        assert_eq!(claims(&token)["scope"], scope);
    }
    let Chain { first, .. } = chain(&issuer);
    let search = access_token(&exchange(&issuer, "plan", &first, TOOL, SEARCH));
    check_issuer(&[
        (
            "a scope that the parent lacks",
            exchange(&issuer, "tool", &search, FLIGHTS, "flights:book"),
            "400 invalid_scope",
        ),
        (
            "write with a parent of read",
            exchange(&issuer, "orch", &read, ANALYTICS, "analytics:write"),
            "400 invalid_scope",
        ),
        (
            "two resources",
            exchange_for(&issuer, "plan", &first, &[TOOL, FLIGHTS], SEARCH),
            "400 invalid_target",
        ),
    ]);
}

#[test]
fn a_hop_above_the_limit() {
    let (issuer, _) = issuer();
    let mut token = access_token(&exchange(&issuer, "orch", &user_token(&issuer, SEARCH), PLAN, SEARCH));
    for hop in 1..16 {
        let (agent, next) = [("tool", PLAN), ("plan", TOOL)][hop % 2];
        token = access_token(&exchange(&issuer, agent, &token, next, SEARCH));
    }
    let token_claims = claims(&token);
    let depth = std::iter::successors(token_claims.get("act"), |act| act.get("act")).count();
    assert_eq!(depth, 16, "no actor is left out");
    check_issuer(&[(
        "the seventeenth actor",
        exchange(&issuer, "tool", &token, FLIGHTS, SEARCH),
        "400 invalid_request",
    )]);
}
