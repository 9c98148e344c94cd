//! Random policies from all keys of the policy.

use actgate::Policy;
use actgate::testing::TestIssuer;
use proptest::collection::vec;
use proptest::option::{of, weighted};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::operations::{body_alternatives, operation};
use super::{CAP, FOREIGN};

/// A policy of one route with rules of its own, a requirement, and perhaps defaults.
pub fn policy() -> BoxedStrategy<Value> {
    prop_oneof![4 => policy_for(Endpoint::Any), 1 => policy_for(Endpoint::Tool)].boxed()
}

/// What the route of a policy is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Endpoint {
    /// Requests with any body.
    Any,
    /// Calls of one tool of MCP.
    Tool,
}

/// A policy whose route is for such requests.
pub fn policy_for(endpoint: Endpoint) -> BoxedStrategy<Value> {
    let policy = (without_defaults(endpoint), weighted(0.3, defaults())).prop_map(|(mut policy, defaults)| {
        if let Some(defaults) = defaults {
            policy["defaults"] = defaults;
        }
        policy
    });
    policy
        .prop_filter("rules that some request meets", has_no_conflict)
        .boxed()
}

/// Whether a policy has neither rules that exclude each other nor rules without effect, which are mistakes. Any other mistake is
/// found where the policy is used.
pub fn has_no_conflict(policy: &Value) -> bool {
    let is_conflict = |message: &str| message.contains("no request meets") || message.contains("has no effect");
    match Policy::from_yaml(&policy.to_string()) {
        Ok(_) => true,
        Err(mistakes) => !mistakes.iter().any(|mistake| is_conflict(mistake.message())),
    }
}

/// Defaults with core rules, and rules on the chain.
fn defaults() -> impl Strategy<Value = Value> {
    (plain_body(), weighted(0.2, chain_rules()))
        .prop_map(|(mut body, chain)| {
            add_chain(&mut body, chain);
            body
        })
        .prop_filter("defaults have a rule", |body| !body.is_empty())
        .prop_map(Value::Object)
}

fn without_defaults(endpoint: Endpoint) -> BoxedStrategy<Value> {
    (
        (body(), weighted(0.15, operation(endpoint))),
        weighted(0.4, chain_rules()),
        (body(), weighted(0.15, operation(endpoint))),
        weighted(0.3, chain_rules()),
        weighted(0.3, hierarchy()),
        (registry(endpoint), weighted(0.15, body_alternatives(endpoint))),
    )
        .prop_map(
            move |(
                (mut route, operation),
                chain,
                (mut shared, shared_operation),
                shared_chain,
                hierarchy,
                (registry, body_alternatives),
            )| {
                if let Some(alternatives) = body_alternatives {
                    let any_of = route.entry("any_of").or_insert_with(|| json!([]));
                    any_of
                        .as_array_mut()
                        .into_iter()
                        .for_each(|any_of| any_of.extend(alternatives.clone()));
                }
                route.extend(operation.map(|rules| ("operation".to_owned(), rules)));
                shared.extend(shared_operation.map(|rules| ("operation".to_owned(), rules)));
                if endpoint == Endpoint::Tool {
                    route.insert("mcp".to_owned(), json!({ "method": "tools/call", "name": "refund" }));
                }
                add_chain(&mut route, chain);
                add_chain(&mut shared, shared_chain);
                if shared.is_empty() {
                    shared.insert("scopes".to_owned(), json!(["r"]));
                }
                route.insert("match".to_owned(), json!("POST /refunds"));
                route.insert("require".to_owned(), json!(["shared"]));
                let mut policy = json!({ "requirements": { "shared": shared }, "routes": [route] });
                policy.as_object_mut().unwrap().extend(registry);
                if let Some(hierarchy) = hierarchy {
                    policy["scopes"] = hierarchy;
                }
                policy
            },
        )
        .boxed()
}

/// Adds rules on the chain. Some need an actor: beside one that is absent they are a mistake of a policy.
fn add_chain(body: &mut Map<String, Value>, chain: Option<Value>) {
    if let Some(chain) = chain {
        if body.get("actor") == Some(&json!({ "absent": true })) {
            body.remove("actor");
        }
        let key = if chain.is_string() { "expression" } else { "chain" };
        body.insert(key.to_owned(), chain);
    }
}

/// What an agent may do at most.
fn ceiling(endpoint: Endpoint) -> impl Strategy<Value = Value> {
    let route = match endpoint {
        Endpoint::Any => "POST /refunds",
        Endpoint::Tool => "POST /refunds mcp tools/call refund",
    };
    select(vec![
        json!({ "routes": [route] }),
        json!({ "scopes": ["r", "w"] }),
        json!({ "scopes": "admin", "routes": route }),
        json!({ "initiators": { "kind": "human", "none_of": ["u2"] } }),
        json!({ "initiators": { "max_auth_age": "5m" }, "scopes": ["r", "x"] }),
    ])
}

/// Groups and agents, which the rules name.
fn registry(endpoint: Endpoint) -> impl Strategy<Value = Map<String, Value>> {
    (weighted(0.2, Just(json!("deny"))), weighted(0.3, ceiling(endpoint))).prop_map(|(unregistered, ceiling)| {
        let groups = json!({ "people": ["u1", "u2"], "agents": ["a3", { "issuer": FOREIGN, "subject": "a2" }] });
        let mut agents = json!([
            { "subject": "a1", "issuer": TestIssuer::ISSUER, "groups": "agents", "tenant": "T1", "clients": ["c1"] },
            { "subject": "a2", "owner": "team@example.com", "tenant": "T3" },
            { "subject": "a1", "issuer": FOREIGN, "groups": ["partners"], "tenant": "T1" },
            { "subject": "bot" },
        ]);
        if let Some(ceiling) = ceiling {
            for agent in [0, 1, 3] {
                agents[agent]["ceiling"] = ceiling.clone();
            }
        }
        let mut members = Map::from_iter([("groups".to_owned(), groups), ("agents".to_owned(), agents)]);
        members.extend(unregistered.map(|deny| ("unregistered_agents".to_owned(), deny)));
        members
    })
}

fn hierarchy() -> impl Strategy<Value = Value> {
    select(vec![
        json!({ "implies": { "admin": ["w", "x"] } }),
        json!({ "implies": { "x": ["w"], "w": ["admin"] } }),
    ])
}

/// Core rules; each key is rare enough that many tokens are allowed.
fn body() -> BoxedStrategy<Map<String, Value>> {
    let alternatives = vec(
        plain_body().prop_filter("an alternative has a rule", |body| !body.is_empty()),
        1..4,
    );
    (plain_body(), weighted(0.2, alternatives))
        .prop_map(|(mut body, alternatives)| {
            if let Some(alternatives) = alternatives {
                body.insert("any_of".to_owned(), json!(alternatives));
            }
            body
        })
        .boxed()
}

fn plain_body() -> BoxedStrategy<Map<String, Value>> {
    let scopes = select(vec![
        json!(["r"]),
        json!(["r", "w"]),
        json!({ "any_of": ["w", "x"] }),
        json!({ "all_of": ["r"], "none_of": ["admin"] }),
    ]);
    let initiator = select(vec![
        json!({ "kind": "human" }),
        json!({ "kind": ["human", "agent"] }),
        json!({ "kind": "service" }),
        json!({ "one_of": ["u1", "bot"] }),
        json!({ "none_of": ["bot", { "issuer": FOREIGN, "subject": "u1" }] }),
        json!({ "kind": "human", "amr": ["mfa"] }),
        json!({ "acr": "high" }),
        json!({ "group": "people" }),
        json!({ "none_of": [{ "group": "agents" }] }),
        json!({ "issuer": TestIssuer::ISSUER }),
        json!({ "issuer": [FOREIGN] }),
        json!({ "max_auth_age": "5m" }),
    ]);
    let actor = select(vec![
        json!({ "required": true }),
        json!({ "absent": true }),
        json!({ "kind": "agent" }),
        json!({ "kind": ["agent", "service"], "none_of": ["a3"] }),
        json!({ "one_of": ["a1", "a2"] }),
        json!({ "one_of": [{ "issuer": FOREIGN, "subject": "a1" }, "a2"] }),
        json!({ "none_of": ["a1"] }),
        json!({ "issuer": FOREIGN }),
        json!({ "is_presenter": true }),
        json!({ "registered": true }),
        json!({ "group": "agents" }),
        json!({ "one_of": ["a2", { "group": "partners" }], "registered": true }),
        json!({ "same_tenant": "tid" }),
        json!({ "same_tenant": "tid", "is_presenter": true }),
    ]);
    let may_act = Just(json!("honored"));
    let time = select(vec![
        json!({ "zone": "UTC", "days": "mon-sun" }),
        json!({ "zone": "Europe/Berlin", "days": ["mon-wed", "sat"], "hours": "08:00-18:00" }),
        json!({ "zone": "Asia/Tokyo", "hours": ["22:00-06:00", "12:00-13:00"] }),
    ]);
    let details = select(vec![
        json!({ "type": "payment" }),
        json!({ "type": "payment", "actions": "initiate", "members": { "max": { "max": 100 } } }),
    ]);
    let client = select(vec![json!({ "one_of": ["c1"] }), json!({ "none_of": ["c2"] })]);
    let claims = select(vec![
        json!({ "tid": "T1" }),
        json!({ "tid": { "one_of": ["T1", "T2"] } }),
        json!({ "roles": { "contains": "sre" } }),
        json!({ "/place/country": "fr" }),
    ]);
    let token = select(vec![
        json!({ "max_lifetime": "10m" }),
        json!({ "max_lifetime": "30d" }),
        json!({ "max_age": "5m" }),
        json!({ "single_audience": true, "max_age": "1h" }),
        json!({ "sender_constrained": true }),
    ]);
    let expression = select(vec![
        json!("claims.tid == \"T1\""),
        json!("!(claims.tid in [\"T2\", \"T3\"])"),
        json!("\"sre\" in claims.roles || claims.missing == 1"),
        json!("claims.roles.all(role, role != \"dev\") && size(scopes) < 3"),
        json!("actor.subject != \"a3\""),
        json!("has(actor.kind) && actor.kind != \"service\""),
        json!("now - initiator.auth_time < 600 && initiator.acr != \"low\""),
        json!("client == actor.subject || initiator.subject.startsWith(\"u\")"),
    ]);
    (
        weighted(0.3, scopes),
        weighted(0.25, initiator),
        weighted(0.25, actor),
        weighted(0.1, client),
        weighted(0.1, claims),
        weighted(0.1, token),
        weighted(0.1, may_act),
        weighted(0.1, details),
        weighted(0.1, time),
        weighted(0.1, expression),
    )
        .prop_map(
            |(scopes, initiator, actor, client, claims, token, may_act, details, time, expression)| {
                [
                    ("scopes", scopes),
                    ("initiator", initiator),
                    ("actor", actor),
                    ("client", client),
                    ("claims", claims),
                    ("token", token),
                    ("may_act", may_act),
                    ("authorization_details", details),
                    ("time", time),
                    ("expression", expression),
                ]
                .into_iter()
                .filter_map(|(key, value)| Some((key.to_owned(), value?)))
                .collect()
            },
        )
        .boxed()
}

fn chain_rules() -> impl Strategy<Value = Value> {
    prop_oneof![2 => lists_and_depth(), 3 => orders(), 2 => prior_rules(), 2 => history_expressions()]
}

/// In place of rules under `chain`.
fn history_expressions() -> impl Strategy<Value = Value> {
    select(vec![
        json!("size(chain) <= 3"),
        json!("chain.all(actor_of, actor_of.subject in [\"a1\", \"a2\", \"u1\"])"),
        json!("chain.exists(a, a.subject == \"a1\" && a.issuer == initiator.issuer)"),
        json!("!chain.exists(a, has(a.kind) && a.kind == \"service\") || claims.tid == \"T1\""),
        json!("size(chain) == 0 || chain[size(chain) - 1].subject != \"a3\""),
        json!("chain.all(a, chain.exists_one(b, a.subject == b.subject))"),
    ])
}

fn orders() -> impl Strategy<Value = Value> {
    select(vec![
        json!({ "any_of": ["a1", "u1"] }),
        json!({ "any_of": [{ "group": "agents" }] }),
        json!({ "via": [{ "group": "partners" }] }),
        json!({ "all_of": [{ "group": "agents" }, "a2"] }),
        json!({ "called_by": [{ "group": "agents" }] }),
        json!({ "kinds": ["agent", "service"] }),
        json!({ "kinds": "human" }),
        json!({ "issuers": "same" }),
        json!({ "issuers": ["same", FOREIGN], "repeats": "not_adjacent" }),
        json!({ "via": ["a1", { "issuer": FOREIGN, "subject": "a1" }] }),
        json!({ "starts_with": ["a1"] }),
        json!({ "starts_with": ["a1", "a2"], "max_depth": 4 }),
        json!({ "path": ["a1"] }),
        json!({ "path": ["a1", "a2"] }),
        json!({ "called_by": ["a1", "a2"] }),
        json!({ "repeats": "none" }),
        json!({ "repeats": "not_adjacent" }),
    ])
}

fn prior_rules() -> impl Strategy<Value = Value> {
    let prior = select(vec![
        json!({ "all_of": ["a1", "a2"] }),
        json!({ "any_of": ["a1"] }),
        json!({ "none_of": [{ "group": "agents" }] }),
        json!({ "none_of": ["a3", { "issuer": FOREIGN, "subject": "a1" }] }),
        json!({ "kinds": "agent" }),
        json!({ "issuers": ["same"] }),
        json!({ "first": ["a1", "a2"] }),
    ]);
    prior.prop_map(|prior| json!({ "prior": prior }))
}

fn lists_and_depth() -> impl Strategy<Value = Value> {
    let ids = || {
        select(vec![
            json!(["a1", "a2"]),
            json!(["a1", "a2", "a3", "u1"]),
            json!(["a3", { "issuer": FOREIGN, "subject": "a1" }]),
        ])
    };
    (of(1..=CAP), weighted(0.3, ids()), weighted(0.3, ids())).prop_map(|(max_depth, all_of, none_of)| {
        let mut rules = Map::new();
        // A party in both lists is a mistake of a policy.
        let is_in_both = |party: &Value| none_of.iter().flat_map(items).any(|other| other == party);
        let all_of: Vec<Value> = all_of
            .iter()
            .flat_map(items)
            .filter(|party| !is_in_both(party))
            .cloned()
            .collect();
        if !all_of.is_empty() {
            rules.insert("all_of".to_owned(), all_of.into());
        }
        if let Some(none_of) = none_of {
            rules.insert("none_of".to_owned(), none_of);
        }
        if max_depth.is_some() || rules.is_empty() {
            rules.insert("max_depth".to_owned(), json!(max_depth.unwrap_or(2)));
        }
        Value::Object(rules)
    })
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}
