//! The list of revoked tokens, by the public interface of the library.

#![allow(clippy::unwrap_used, reason = "a request that cannot be made fails the test")]

use actgate::clock::FixedClock;
use actgate::request::{Presented, Target};
use actgate::revocation::Revocations;
use actgate::testing::TestIssuer;
use actgate::{Authorizer, Error, Policy};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, Uri};
use serde_json::{Value, json};

const ISSUER: &str = TestIssuer::ISSUER;
const NOW: u64 = TestIssuer::NOW;

async fn code(authorizer: &Authorizer, token: &str) -> &'static str {
    let uri = Uri::from_static("/orders");
    let target = Target::new(&Method::GET, &uri).unwrap();
    let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
    let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
    let decision = authorizer.decide(&target, &headers).await;
    decision.error().map_or("allow", Error::code)
}

fn delegated() -> Value {
    json!({
        "sub": "alice", "client_id": "app", "jti": "j1", "iat": NOW - 10,
        "act": { "sub": "tool", "iss": "https://agents.example", "act": { "sub": "planner" } },
    })
}

#[tokio::test]
async fn an_entry_revokes_cached_tokens_at_once_and_later_ones_are_accepted() {
    let issuer = TestIssuer::new().unwrap();
    let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
    let policy = Policy::from_yaml("routes: [{ match: GET /orders }]").unwrap();
    let builder = Authorizer::builder()
        .issuer(trusted)
        .policy(policy)
        .clock(FixedClock::at(NOW));
    let authorizer = builder.revocations(Revocations::default()).build().unwrap();
    let token = issuer.token(delegated()).unwrap();
    let mut later = delegated();
    later["iat"] = json!(NOW - 5);
    later["jti"] = json!("j2");
    let later = issuer.token(later).unwrap();
    let mut undated = delegated();
    undated["iat"] = json!(null);
    let undated = issuer.token(undated).unwrap();
    let codes = async |list: Revocations| {
        authorizer.replace_revocations(list);
        [&token, &later, &undated].map(async |token| code(&authorizer, token).await)
    };
    let before = NOW - 5;
    let (revoked, allow) = ("token_revoked", "allow");
    let list = Revocations::default;
    for (what, list, expected) in [
        ("none", list(), [allow; 3]),
        (
            "initiator",
            list().initiator(ISSUER, "alice", before),
            [revoked, allow, revoked],
        ),
        (
            "prior actor",
            list().actor(ISSUER, "planner", before),
            [revoked, allow, revoked],
        ),
        (
            "current actor",
            list().actor("https://agents.example", "tool", before),
            [revoked, allow, revoked],
        ),
        (
            "party",
            list().party(ISSUER, "planner", before),
            [revoked, allow, revoked],
        ),
        (
            "client",
            list().client(ISSUER, "app", before),
            [revoked, allow, revoked],
        ),
        ("jti", list().jti(ISSUER, "j1"), [revoked, allow, revoked]),
        ("another issuer", list().actor(ISSUER, "tool", before), [allow; 3]),
        (
            "another role",
            list()
                .initiator(ISSUER, "planner", before)
                .actor(ISSUER, "alice", before),
            [allow; 3],
        ),
        ("none again", list(), [allow; 3]),
    ] {
        for (found, expected) in codes(list).await.into_iter().zip(expected) {
            assert_eq!(found.await, expected, "{what}");
        }
    }
}

#[tokio::test]
async fn the_list_is_that_of_every_clone_and_is_explained() {
    let issuer = TestIssuer::new().unwrap();
    let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
    let policy = Policy::from_yaml("routes: [{ match: GET /orders, scopes: [a] }]").unwrap();
    let builder = Authorizer::builder()
        .issuer(trusted)
        .policy(policy)
        .clock(FixedClock::at(NOW));
    let authorizer = builder.build().unwrap();
    let clone = authorizer.start().unwrap();
    let token = issuer.token(delegated()).unwrap();
    assert_eq!(code(&clone, &token).await, "insufficient_scope");
    authorizer.replace_revocations(Revocations::default().party(ISSUER, "planner", NOW));
    assert_eq!(code(&clone, &token).await, "token_revoked");
    let uri = Uri::from_static("/orders");
    let target = Target::new(&Method::GET, &uri).unwrap();
    let explanation = authorizer.explain(&Presented::token(&target, &token), NOW);
    let last = explanation.checks().last().unwrap();
    assert_eq!((&*last.rule, last.code), ("revocation", Some("token_revoked")));
    assert_eq!(last.got, "the token is revoked by an actor");
    assert_eq!(last.source.as_deref(), Some("`jti`, `iat`, the parties and the client"));
    let challenge = authorizer.challenge_to(explanation.decision()).unwrap();
    let challenge = challenge.www_authenticate().unwrap().to_str().unwrap();
    assert!(
        challenge.contains("invalid_token") && !challenge.contains("planner"),
        "{challenge}"
    );
}
