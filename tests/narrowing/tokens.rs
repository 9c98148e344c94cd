//! Random claims with chains of actors.

use actgate::testing::TestIssuer;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

use super::{CAP, FOREIGN, NOW};

/// Registered and other claims that access tokens have.
pub const CLAIMS: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "act",
    "may_act",
    "cnf",
    "scope",
    "client_id",
    "azp",
    "amr",
    "acr",
    "auth_time",
    "sub_profile",
    "nonce",
    "tid",
];

/// Well-formed claims of all kinds of initiators, with chains up to one above the cap.
pub fn claims() -> impl Strategy<Value = Value> {
    let members = (
        select(vec![json!("u1"), json!("u2"), json!("bot")]),
        prop_oneof![4 => Just(json!("user")), 2 => Just(json!("ai_agent")), 1 => Just(json!("service")),
            1 => Just(json!("user ai_agent")), 1 => Just(Value::Null)],
        subsequence(vec!["w", "x", "admin"], 0..=3),
        select(vec![
            json!(NOW - 100),
            json!(NOW - 100),
            json!(NOW - 1_000),
            Value::Null,
        ]),
        select(vec![json!(["mfa"]), json!(["pwd", "mfa"]), json!(["pwd"]), Value::Null]),
        select(vec![json!("high"), json!("low"), Value::Null]),
        select(vec![json!("c1"), json!("c2"), json!("a1")]),
        select(vec![json!("T1"), json!("T1"), json!("T3"), Value::Null]),
        select(vec![json!(["sre"]), json!(["dev", "sre"]), json!([])]),
        (actors(), weighted(0.3, may_act()), weighted(0.3, details())),
    );
    members.prop_map(
        |(sub, sub_profile, scope, auth_time, amr, acr, client_id, tid, roles, (actors, may_act, details))| {
            let scope = std::iter::once("r").chain(scope).collect::<Vec<_>>().join(" ");
            let mut claims = json!({
                "sub": sub, "sub_profile": sub_profile, "scope": scope, "auth_time": auth_time, "amr": amr, "acr": acr,
                "client_id": client_id, "tid": tid, "roles": roles, "place": { "country": "fr" },
            });
            if let Some(details) = details {
                claims["authorization_details"] = details;
            }
            if let Some(may_act) = may_act {
                claims["may_act"] = may_act;
            }
            if let Some(act) = nested(actors) {
                claims["act"] = act;
            }
            claims
        },
    )
}

fn details() -> impl Strategy<Value = Value> {
    select(vec![
        json!([{ "type": "payment", "actions": ["initiate"], "max": 100 }]),
        json!([{ "type": "payment", "actions": ["initiate"], "max": 100.5 }]),
        json!([{ "type": "other" }]),
        json!([{ "type": 7 }]),
        json!("payment"),
    ])
}

fn may_act() -> impl Strategy<Value = Value> {
    select(vec![
        json!({ "sub": "a1" }),
        json!({ "sub": "a1", "iss": FOREIGN }),
        json!({ "sub": "a2", "client_id": "c1" }),
        json!("a1"),
    ])
}

/// Actors from the first to the current one. Short chains are the usual ones, long ones have to occur.
fn actors() -> impl Strategy<Value = Vec<Map<String, Value>>> {
    prop_oneof![2 => Just(Vec::new()), 6 => vec(actor(), 1..=3), 2 => vec(actor(), 4..=CAP + 1)]
}

fn actor() -> impl Strategy<Value = Map<String, Value>> {
    let issuer = prop_oneof![4 => Just(Value::Null), 1 => Just(json!(TestIssuer::ISSUER)), 1 => Just(json!(FOREIGN))];
    let subject = select(vec![
        json!("a1"),
        json!("a1"),
        json!("a2"),
        json!("a3"),
        json!("u1"),
        json!("bot"),
    ]);
    let kind = select(vec![
        json!("ai_agent"),
        json!("ai_agent"),
        json!("service"),
        json!("user"),
        Value::Null,
    ]);
    let extra = weighted(
        0.2,
        (
            select(vec![
                "exp",
                "nbf",
                "aud",
                "scope",
                "amr",
                "auth_time",
                "client_id",
                "client_profile",
                "may_act",
                "tid",
            ]),
            any_json(),
        ),
    );
    (issuer, subject, kind, extra).prop_map(|(issuer, subject, kind, extra)| {
        let mut actor = Map::new();
        actor.insert("sub".to_owned(), subject);
        for (name, value) in [("iss", issuer), ("sub_profile", kind)] {
            if !value.is_null() {
                actor.insert(name.to_owned(), value);
            }
        }
        actor.extend(extra.map(|(name, value)| (name.to_owned(), value)));
        actor
    })
}

fn nested(actors: Vec<Map<String, Value>>) -> Option<Value> {
    actors.into_iter().fold(None, |prior, mut actor| {
        actor.extend(prior.map(|prior| ("act".to_owned(), prior)));
        Some(Value::Object(actor))
    })
}

pub fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        select(vec!["", "u1", "a1", "mfa", "user", "\u{0}", "a\nb"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((select(CLAIMS), inner), 0..4).prop_map(|members| {
                members
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect::<Map<_, _>>()
                    .into()
            }),
        ]
    })
}
