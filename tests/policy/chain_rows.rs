//! Keys of the policy that read the chain.

use serde_json::{Value, json};

use crate::mint::chain;
use crate::policy::row::{Row, row};

pub fn chain_rows() -> Vec<Row> {
    let of = |names: &[&str]| json!({ "act": chain(names) });
    let incomplete = || json!({ "act": chain(&["a"]), "chain_complete": false });
    let not = "chain_actor_not_allowed";
    vec![
        row(
            "chain: { max_depth: 1 }",
            of(&["a"]),
            of(&["b", "a"]),
            "chain_too_deep",
            "chain.max_depth",
        ),
        row(
            "chain: { max_depth: 0 }",
            json!({}),
            of(&["a"]),
            "chain_too_deep",
            "chain.max_depth",
        ),
        row(
            "chain: { all_of: [a, b] }",
            of(&["b", "a"]),
            of(&["b", "x"]),
            not,
            "chain.all_of",
        ),
        row(
            "chain: { none_of: [x] }",
            of(&["b", "a"]),
            of(&["b", "a", "x"]),
            not,
            "chain.none_of",
        ),
        row(
            "chain: { max_depth: 3 }",
            of(&["a"]),
            incomplete(),
            "chain_incomplete",
            "chain.max_depth",
        ),
        row(
            "chain: { none_of: [x] }",
            of(&["a"]),
            incomplete(),
            "chain_incomplete",
            "chain.none_of",
        ),
        row(
            "chain: { any_of: [a, b] }",
            of(&["x", "b"]),
            of(&["x", "y"]),
            "chain_actor_missing",
            "chain.any_of",
        ),
        row(
            "chain: { any_of: [a] }",
            of(&["a"]),
            json!({}),
            "chain_actor_missing",
            "chain.any_of",
        ),
        row(
            "chain: { kinds: agent }",
            of(&["b", "a"]),
            json!({ "act": { "sub": "b", "sub_profile": "ai_agent", "act": { "sub": "a" } } }),
            "chain_actor_kind_unknown",
            "chain.kinds",
        ),
        row(
            "chain: { issuers: same }",
            of(&["b", "a"]),
            foreign(),
            "actor_issuer_not_allowed",
            "chain.issuers",
        ),
        row(
            "chain: { via: [a, b] }",
            of(&["b", "x", "a"]),
            of(&["b", "x"]),
            "chain_actor_missing",
            "chain.via",
        ),
        row(
            "chain: { starts_with: [orch] }",
            of(&["t", "orch"]),
            of(&["t", "x"]),
            "chain_start_not_allowed",
            "chain.starts_with",
        ),
        row(
            "chain: { path: [orch, plan, tool] }",
            of(&["tool", "plan", "orch"]),
            of(&["tool", "orch"]),
            "chain_path_not_allowed",
            "chain.path",
        ),
        row(
            "chain: { called_by: [b] }",
            of(&["a", "b"]),
            of(&["a", "c", "b"]),
            "chain_caller_not_allowed",
            "chain.called_by",
        ),
        row(
            "chain: { repeats: none }",
            of(&["b", "a"]),
            of(&["a", "b", "a"]),
            "chain_actor_repeated",
            "chain.repeats",
        ),
        row(
            "chain: { repeats: not_adjacent }",
            of(&["a", "b", "a"]),
            of(&["b", "a", "a"]),
            "chain_actor_repeated",
            "chain.repeats",
        ),
        row(
            "chain: { prior: { all_of: [a] } }",
            of(&["x", "a"]),
            of(&["x", "b", "a"]),
            "prior_actor_not_allowed",
            "chain.prior.all_of",
        ),
        row(
            "chain: { prior: { any_of: [a] } }",
            of(&["x", "a"]),
            of(&["a", "x"]),
            "prior_actor_missing",
            "chain.prior.any_of",
        ),
        row(
            "chain: { prior: { none_of: [x] } }",
            of(&["x", "a"]),
            of(&["a", "x"]),
            "prior_actor_not_allowed",
            "chain.prior.none_of",
        ),
        row(
            "chain: { prior: { kinds: agent } }",
            of(&["b", "a"]),
            json!({ "act": { "sub": "b", "act": { "sub": "a" } } }),
            "prior_actor_kind_unknown",
            "chain.prior.kinds",
        ),
        row(
            "chain: { prior: { issuers: same } }",
            of(&["b", "a"]),
            foreign(),
            "actor_issuer_not_allowed",
            "chain.prior.issuers",
        ),
        row(
            "chain: { prior: { first: [orch] } }",
            of(&["t", "x", "orch"]),
            of(&["orch"]),
            "prior_actor_missing",
            "chain.prior.first",
        ),
    ]
}

/// A prior actor of another issuer.
fn foreign() -> Value {
    json!({ "act": { "sub": "b", "act": { "sub": "a", "iss": "https://partner.example.com" } } })
}
