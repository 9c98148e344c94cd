//! The points of a domain of small facts, and the situation of each.

use serde_json::{Value as Json, json};

use crate::chain::{Facts, Party};
use crate::policy::{Changes, Fact, Value, is_other};
use crate::profile::Kind;

/// The time of each evaluation, in seconds since 1970.
pub(super) const NOW: u64 = 1_000_000;

/// One point of the domain: the value of each fact by its number.
pub(super) type Point = [usize; FACTS];

const FACTS: usize = 14;
const PARTIES: [&str; 4] = ["p", "q", "zz", "yy"];
const KINDS: [&str; 4] = ["", "user", "ai_agent", "service"];

/// How many values each fact has: two scopes, initiator, login, actor, prior actors, client, claim, item of a list, times of the token,
/// audience, parameter of the query, two members of the body.
pub(super) const SIZES: Point = [2, 2, 16, 12, 17, 8, 3, 3, 2, 8, 2, 4, 5, 4];

/// What a policy is evaluated on.
#[derive(Clone, Debug)]
pub(super) struct Situation {
    pub(super) claims: Json,
    pub(super) query: Option<String>,
    pub(super) body: Json,
}

/// The situation of a point.
pub(super) fn situation(point: &Point) -> Situation {
    let mut body = json!({});
    if point[12] > 0 {
        body["amount"] = [json!(0), json!(3), json!(9), json!("3")][point[12] - 1].clone();
    }
    if point[13] > 0 {
        body["currency"] = [json!("eur"), json!("gbp"), json!(7)][point[13] - 1].clone();
    }
    Situation {
        claims: claims(point),
        query: ["", "n=1", "n=7", "n=x"]
            .get(point[11])
            .filter(|query| !query.is_empty())
            .map(|query| (*query).to_owned()),
        body,
    }
}

/// The claims of a point.
fn claims(point: &Point) -> Json {
    let mut claims = json!({"iss": "https://idp.example", "aud": "a", "tags": ["m"]});
    let scopes: Vec<&str> = ["a", "b"]
        .into_iter()
        .zip(point)
        .filter(|(_, held)| **held == 1)
        .map(|(scope, _)| scope)
        .collect();
    claims["scope"] = scopes.join(" ").into();
    let party = |number: usize| {
        let mut party = json!({"sub": PARTIES[number / 4]});
        if !number.is_multiple_of(4) {
            party["sub_profile"] = KINDS[number % 4].into();
        }
        party
    };
    let initiator = party(point[2]);
    claims
        .as_object_mut()
        .unwrap()
        .extend(initiator.as_object().unwrap().clone());
    match point[3] % 3 {
        0 => {}
        time => claims["auth_time"] = (NOW - [0, 10, 400][time]).into(),
    }
    if point[3] / 3 % 2 == 1 {
        claims["amr"] = json!(["mfa"]);
    }
    if point[3] / 6 == 1 {
        claims["acr"] = "hi".into();
    }
    if point[4] > 0 {
        let mut act = party(point[4] - 1);
        let prior: &[&str] = [
            &[][..],
            &["p"],
            &["q"],
            &["zz"],
            &["p", "q"],
            &["q", "p"],
            &["p", "p"],
            &["p", "q", "zz"],
        ][point[5]];
        let chain = prior.iter().rev().fold(Json::Null, |inner, name| {
            let mut act = json!({"sub": name, "sub_profile": "ai_agent"});
            if !inner.is_null() {
                act["act"] = inner;
            }
            act
        });
        if !chain.is_null() {
            act["act"] = chain;
        }
        claims["act"] = act;
    }
    if point[6] > 0 {
        claims["client_id"] = ["", "c", "zz"][point[6]].into();
    }
    if point[7] > 0 {
        claims["tenant"] = ["", "t", "u"][point[7]].into();
    }
    if point[8] > 0 {
        claims["tags"] = json!(["m", "n"]);
    }
    claims["exp"] = (NOW + [60, 5000][point[9] / 4]).into();
    if !point[9].is_multiple_of(4) {
        claims["iat"] = (NOW - [200, 400, 4000][point[9] % 4 - 1]).into();
    }
    if point[10] > 0 {
        claims["aud"] = json!(["a", "b"]);
    }
    claims
}

/// The situation after changes, made again from their description; `client_claim` is the claim of the client.
pub(super) fn changed(base: &Situation, changes: &Changes, facts: &Facts, client_claim: &str) -> Situation {
    let Situation {
        mut claims,
        mut query,
        mut body,
    } = base.clone();
    let name = |party: &Party| party.subject().replace('\u{1}', "another ");
    let profile = |kind: Kind| match kind {
        Kind::Human => json!("user"),
        Kind::Agent => json!("ai_agent"),
        Kind::Service => json!("service"),
        _ => json!(""),
    };
    for change in changes.values() {
        match (&change.fact, &change.value) {
            (Fact::Scope(scope), Value::Held(is_held)) => {
                let held = claims["scope"].as_str().unwrap().to_owned();
                let mut held: Vec<&str> = held
                    .split(' ')
                    .filter(|held| !held.is_empty() && *held != &**scope)
                    .collect();
                if *is_held {
                    held.push(scope);
                }
                claims["scope"] = held.join(" ").into();
            }
            (Fact::Initiator, Value::Party(party, kind)) => {
                claims["sub"] = name(party).into();
                claims["sub_profile"] = profile(*kind);
            }
            (Fact::Actor, Value::Absent) => {
                claims.as_object_mut().unwrap().remove("act");
            }
            (Fact::Actor, Value::Party(party, kind)) => {
                let inner = claims["act"].get("act").cloned();
                claims["act"] = json!({"sub": name(party), "sub_profile": profile(*kind)});
                if let Some(inner) = inner {
                    claims["act"]["act"] = inner;
                }
            }
            (Fact::PriorActors, Value::Fitting) => {
                let chain = facts.history().prior.iter().rev().fold(Json::Null, |inner, actor| {
                    let mut act = json!({"sub": name(actor.party()), "sub_profile": profile(actor.kind())});
                    if !inner.is_null() {
                        act["act"] = inner;
                    }
                    act
                });
                claims["act"].as_object_mut().unwrap().remove("act");
                if !chain.is_null() {
                    claims["act"]["act"] = chain;
                }
            }
            (Fact::Login, Value::Login(login)) => {
                if let Some(within) = login.within {
                    claims["auth_time"] = (NOW - within).into();
                }
                if !login.methods.is_empty() {
                    claims["amr"] = login.methods.iter().map(|method| Json::from(&**method)).collect();
                }
                if let Some(context) = &login.context {
                    claims["acr"] = (**context).into();
                }
            }
            (Fact::Client, Value::Text(client)) => {
                claims[client_claim] = if is_other(client) { "zz" } else { &**client }.into();
            }
            (Fact::Claim(claim), Value::Json(value)) => claims[&**claim] = value.clone(),
            (Fact::ClaimItem(claim, _), Value::Json(item)) => {
                claims[&**claim].as_array_mut().unwrap().push(item.clone())
            }
            (Fact::TokenTimes, Value::Times(times)) => {
                let issued = claims["iat"]
                    .as_u64()
                    .filter(|issued| times.lifetime.is_none_or(|lifetime| issued + lifetime > NOW));
                let age = times.age.unwrap_or(u64::MAX);
                let oldest = times.lifetime.map_or(age, |lifetime| age.min(lifetime - 1));
                let issued = issued.filter(|_| times.age.is_none()).unwrap_or(NOW - oldest.min(NOW));
                claims["iat"] = issued.into();
                if let Some(lifetime) = times.lifetime {
                    claims["exp"] = (issued + lifetime).into();
                }
            }
            (Fact::Audience, _) => claims["aud"] = "a".into(),
            (Fact::Query(name), Value::Text(text)) => query = Some(format!("{name}={text}")),
            (Fact::Member(path), value) => {
                body[&*path[0]] = match value {
                    Value::Text(text) => (**text).into(),
                    Value::Number(number) => serde_json::from_str(number).unwrap(),
                    _ => panic!("no rule asks for it"),
                };
            }
            (fact, _) => panic!("no rule reads {fact:?}"),
        }
    }
    Situation { claims, query, body }
}
