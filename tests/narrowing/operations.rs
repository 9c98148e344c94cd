//! Random rules on what a request does.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::policies::Endpoint;

/// Rules on the query, on a JSON body, and on the arguments of a tool.
pub fn operation(endpoint: Endpoint) -> impl Strategy<Value = Value> {
    let mut rules = vec![
        json!({ "query": { "dry_run": "true" } }),
        json!({ "json": { "/amount": { "min": 0, "max": 100 }, "/currency": { "one_of": ["EUR"] } } }),
        json!({ "json": { "/currency": { "matches": "E*" } }, "max": "100B" }),
        json!({ "query": { "dry_run": { "one_of": ["true", "false"] } }, "json": { "/amount": { "max": 1000 } } }),
    ];
    if endpoint == Endpoint::Tool {
        rules = vec![
            json!({ "arguments": { "/amount": { "max": 500 } } }),
            json!({ "arguments": { "/amount": 1 }, "query": { "dry_run": "true" }, "max": "1KiB" }),
        ];
    }
    select(rules)
}

/// Alternatives with rules on the body, also beside a login, and one with a scope.
pub fn body_alternatives(endpoint: Endpoint) -> impl Strategy<Value = Vec<Value>> {
    let login = select(vec![json!({ "max_auth_age": "5m" }), json!({ "acr": "high" })]);
    let alternative = (operation(endpoint), weighted(0.4, login)).prop_map(|(operation, login)| {
        let mut alternative = json!({ "operation": operation });
        if let Some(login) = login {
            alternative["initiator"] = login;
        }
        alternative
    });
    let scope = weighted(
        0.5,
        select(vec![json!({ "scopes": ["w"] }), json!({ "scopes": ["x"] })]),
    );
    (vec(alternative, 1..3), scope).prop_map(|(mut alternatives, scope)| {
        alternatives.extend(scope);
        alternatives
    })
}
