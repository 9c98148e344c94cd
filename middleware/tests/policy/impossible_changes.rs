//! Changes that no token has: they change the kind, the audience or the issuer as well.

use actgate::analysis::SmallestChange;
use actgate::clock::FixedClock;
use actgate::profile::Profile;
use actgate::request::{Presented, Target};
use actgate::testing::TestIssuer;
use actgate::{Authorizer, Policy, TrustedIssuer};
use http::{Method, Uri};
use serde_json::json;

use super::changes::needed_with;

#[test]
fn a_change_that_changes_evidence_or_the_validity_of_the_token_as_well_is_not_proposed() {
    let human = "kinds: { human: [{ claims: { sub_profile: user } }] }";
    for (profile, rules, claims, alternatives, not_computed) in [
        // The client is the audience, too.
        (
            "audience: { claim: target, substitute: client_id }",
            "client: { one_of: [c2] }",
            json!({ "client_id": TestIssuer::AUDIENCE }),
            &[][..],
            &["POST /: client.one_of"][..],
        ),
        // The login is the evidence.
        (
            "kinds: { human: [{ claims: { acr: { present: true } } }] }",
            "initiator: { kind: human, acr: l2 }",
            json!({}),
            &[],
            &["POST /: initiator.kind", "POST /: initiator.acr"],
        ),
        (
            "kinds: { human: [{ claims: { sub_profile: user } }], agent: [{ claims: { amr: { contains: mfa } } }] }",
            "initiator: { kind: human, amr: [mfa] }",
            json!({ "sub_profile": "user" }),
            &[],
            &["POST /: initiator.kind", "POST /: initiator.amr"],
        ),
        (
            human,
            "initiator: { kind: human, acr: l2 }",
            json!({ "sub_profile": "user" }),
            &["a login at l2"],
            &[],
        ),
        // No token of the issuer proves the kind.
        (
            human,
            "initiator: { kind: service }",
            json!({ "sub_profile": "user" }),
            &[],
            &[],
        ),
        // The kind is that of the client.
        (
            "kinds: { service: [{ client: batch }] }",
            "initiator: { kind: service }, client: { one_of: [web] }",
            json!({ "client_id": "web" }),
            &[],
            &["POST /: client.one_of"],
        ),
        // The only subject that is accepted is evidence of another kind.
        (
            "kinds: { human: [{ claims: { sub_profile: user } }], service: [{ subject: 'svc*' }] }",
            "initiator: { kind: human, one_of: [svc1] }",
            json!({ "sub": "svc1" }),
            &[],
            &["POST /: initiator.kind", "POST /: initiator.one_of"],
        ),
        // No token of the issuer proves a kind of actor.
        (
            "actor: { kinds: {} }",
            "actor: { kind: agent }",
            json!({ "act": { "sub": "a" } }),
            &[],
            &[],
        ),
        // Another initiator of the kind is meant, and not the same subject.
        (
            "kinds: { human: [{ claims: { sub_profile: user } }], service: [{ subject: 'svc*' }] }",
            "initiator: { kind: human }",
            json!({ "sub": "svc1" }),
            &["an initiator of kind human"],
            &[],
        ),
        // The subject is evidence of another kind, or not that of this one.
        (
            "kinds: { human: [{ claims: { sub_profile: user } }], service: [{ subject: 'svc*' }] }",
            "initiator: { kind: human, one_of: [svc1, bob] }",
            json!({ "sub_profile": "user" }),
            &["an initiator of kind human: bob"],
            &["POST /: initiator.kind", "POST /: initiator.one_of"],
        ),
        (
            "kinds: { service: [{ claims: { sub: { same_as: client_id } } }] }",
            "initiator: { kind: service, one_of: [app2] }",
            json!({ "sub": "app1", "client_id": "app1" }),
            &[],
            &["POST /: initiator.kind", "POST /: initiator.one_of"],
        ),
        (
            "kinds: { human: [{ subject: 'user-*' }] }",
            "initiator: { kind: human, one_of: [user-1, bob] }",
            json!({ "sub": "user-2" }),
            &["an initiator of kind human: user-1"],
            &["POST /: initiator.kind", "POST /: initiator.one_of"],
        ),
    ] {
        let policy = format!("routes: [{{ match: POST /, {rules} }}]");
        let found = needed_with(Profile::from_yaml(profile).unwrap(), &policy, claims);
        let expected = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(found.0, expected(alternatives), "{profile}: {rules}");
        let (mut found, mut expected) = (found.1, expected(not_computed));
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{profile}: {rules}");
    }
}

#[test]
fn a_value_that_the_issuer_requires_otherwise_is_not_proposed() {
    let one_of = "initiator: { one_of: [bob, carl] }, actor: { one_of: [a] }";
    for (claim, values, rules, claims, expected) in [
        ("scope", ["r", "r r"], "scopes: [w]", json!({ "scope": "r" }), &[][..]),
        (
            "other",
            ["r", "s"],
            "scopes: [w]",
            json!({ "scope": "r", "other": "r" }),
            &["scope w"],
        ),
        (
            "sub_profile",
            ["user", "x"],
            "initiator: { kind: service }",
            json!({ "sub_profile": "user" }),
            &[],
        ),
        (
            "sub_profile",
            ["user", "x"],
            "initiator: { kind: human, one_of: [bob] }",
            json!({ "sub_profile": "user" }),
            &["an initiator of kind human: bob"],
        ),
        (
            "/act/sub",
            ["a", "b"],
            "actor: { absent: true }",
            json!({ "act": { "sub": "a" } }),
            &[],
        ),
        (
            "sub",
            ["alice", "bob"],
            one_of,
            json!({ "sub": "alice", "act": { "sub": "a" } }),
            &["an initiator: bob"],
        ),
    ] {
        let issuer = TestIssuer::new().unwrap();
        let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
        let authorizer = Authorizer::builder()
            .issuer(trusted.require_claim(claim, values).unwrap())
            .policy(Policy::from_yaml(&format!("routes: [{{ match: POST /, {rules} }}]")).unwrap())
            .clock(FixedClock::at(TestIssuer::NOW))
            .build()
            .unwrap();
        assert_eq!(
            needed_by(&authorizer, &issuer.token(claims).unwrap(), &Method::POST),
            expected,
            "{rules}"
        );
    }
}

#[test]
fn a_party_of_another_issuer_is_one_that_this_one_has() {
    let issuer = TestIssuer::new().unwrap();
    let other = TrustedIssuer::new("https://other.example", issuer.key_set().unwrap()).unwrap();
    let other = other.audience(TestIssuer::AUDIENCE).unwrap();
    let of_other =
        "{ issuer: 'https://other.example', subject: bob }, { issuer: 'https://other.example', subject: carl }";
    let policy = format!("routes: [{{ match: POST /, initiator: {{ one_of: [{of_other}] }} }}]");
    let authorizer = Authorizer::builder()
        .issuer(issuer.trusted(TestIssuer::AUDIENCE).unwrap())
        .issuer(other.require_claim("sub", ["carl"]).unwrap())
        .policy(Policy::from_yaml(&policy).unwrap())
        .clock(FixedClock::at(TestIssuer::NOW))
        .build()
        .unwrap();
    let token = issuer.token(json!({})).unwrap();
    assert_eq!(
        needed_by(&authorizer, &token, &Method::POST),
        ["an initiator: carl of issuer https://other.example"]
    );
}

#[test]
fn a_value_that_the_issuer_does_not_write_is_not_proposed() {
    let issuer = TestIssuer::new().unwrap();
    let first = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
    let first = first.require_claim("acr", ["l1", "l3"]).unwrap();
    let other = TrustedIssuer::new("https://other.example", issuer.key_set().unwrap()).unwrap();
    let people = TrustedIssuer::new("https://people.example", issuer.key_set().unwrap()).unwrap();
    let machines = Profile::from_yaml("kinds: { service: [{ claims: { sub_profile: service } }] }").unwrap();
    let policy = "routes:
  - { match: POST /, initiator: { acr: [l2, l3] } }
  - { match: PUT /, initiator: { kind: human, issuer: 'https://other.example' } }
  - { match: GET /, initiator: { issuer: 'https://other.example' } }
  - { match: DELETE /, initiator: { issuer: 'https://people.example' }, actor: { one_of: [a] }, client: { one_of: [client] } }";
    let authorizer = Authorizer::builder()
        .issuer(first)
        .issuer(people.audience(TestIssuer::AUDIENCE).unwrap())
        .issuer(other.profile(machines).audience(TestIssuer::AUDIENCE).unwrap())
        .policy(Policy::from_yaml(policy).unwrap())
        .clock(FixedClock::at(TestIssuer::NOW))
        .build()
        .unwrap();
    let token = issuer.token(json!({ "sub_profile": "user", "acr": "l1" })).unwrap();
    // Its actor is of the issuer of the token, which would be another one.
    let by_actor = json!({ "sub_profile": "user", "acr": "l1", "act": { "sub": "a" } });
    let by_actor = issuer.token(by_actor).unwrap();
    for (method, token, expected) in [
        (Method::POST, &token, &["a login at l3"][..]),
        (Method::PUT, &token, &[]),
        (Method::GET, &token, &["an initiator of issuer https://other.example"]),
        (Method::DELETE, &by_actor, &[]),
        (
            Method::DELETE,
            &token,
            &[
                "an initiator of issuer https://people.example",
                "an actor: a of issuer https://people.example",
            ],
        ),
    ] {
        assert_eq!(needed_by(&authorizer, token, &method), expected, "{method}");
    }
    // The client is the same.
    let not_computed = change_of(&authorizer, &by_actor, &Method::DELETE).not_computed;
    assert_eq!(
        not_computed,
        [
            "DELETE /: actor.one_of",
            "DELETE /: chain_inverted",
            "DELETE /: self_actor"
        ]
    );
}

/// What a token needs for `/`.
fn needed_by(authorizer: &Authorizer, token: &str, method: &Method) -> Vec<String> {
    let alternatives = change_of(authorizer, token, method).alternatives;
    alternatives.into_iter().flatten().map(|change| change.needed).collect()
}

fn change_of(authorizer: &Authorizer, token: &str, method: &Method) -> SmallestChange {
    let uri = Uri::from_static("/");
    let target = Target::new(method, &uri).unwrap();
    let presented = Presented::token(&target, token);
    let explanation = authorizer.explain(&presented, TestIssuer::NOW);
    let change = authorizer.smallest_change(&explanation, &presented, TestIssuer::NOW);
    change.expect("a denial")
}
