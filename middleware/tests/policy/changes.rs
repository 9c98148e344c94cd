//! The smallest change that would allow a request, by rules that a table of single rules does not show.

use actgate::clock::FixedClock;
use actgate::profile::{ChainCompleteness, PriorActors, Profile};
use actgate::request::{Presented, Target};
use actgate::testing::TestIssuer;
use actgate::{Authorizer, Policy, TrustedIssuer};
use http::{Method, Uri};
use serde_json::{Value, json};

/// What is needed for `POST /`: alternatives of changes, and the rules whose changes are not computed.
fn needed(policy: &str, claims: Value) -> (Vec<String>, Vec<String>) {
    needed_with(Profile::default(), policy, claims)
}

/// The same with a profile.
fn needed_with(profile: Profile, policy: &str, claims: Value) -> (Vec<String>, Vec<String>) {
    let issuer = TestIssuer::new().unwrap();
    let trusted = TrustedIssuer::new(TestIssuer::ISSUER, issuer.key_set().unwrap()).unwrap();
    let trusted = trusted.profile(profile).audience(TestIssuer::AUDIENCE).unwrap();
    let trusted = trusted
        .chain_completeness(ChainCompleteness::Complete)
        .prior_actors(PriorActors::Enforce);
    let builder = Authorizer::builder()
        .issuer(trusted)
        .policy(Policy::from_yaml(policy).unwrap());
    let authorizer = builder
        .clock(FixedClock::at(TestIssuer::NOW))
        .reads_bodies()
        .build()
        .unwrap();
    let (uri, token) = (Uri::from_static("/"), issuer.token(claims).unwrap());
    let target = Target::new(&Method::POST, &uri).unwrap();
    let presented = Presented::token(&target, &token);
    let explanation = authorizer.explain(&presented, TestIssuer::NOW);
    let Some(change) = authorizer.smallest_change(&explanation, &presented, TestIssuer::NOW) else {
        return (vec!["nothing".to_owned()], Vec::new());
    };
    let alternatives = change.alternatives.iter().map(|changes| {
        let changes: Vec<&str> = changes.iter().map(|change| &*change.needed).collect();
        changes.join(" and ")
    });
    (alternatives.collect(), change.not_computed)
}

#[test]
fn each_change_is_the_smallest_that_the_rules_allow() {
    let now = TestIssuer::NOW;
    for (policy, claims, alternatives, not_computed) in [
        (
            "agents: [{ subject: bot, ceiling: { scopes: [a], routes: [POST /other] } }]\nroutes: [{ match: POST /, scopes: [b] }, { match: POST /other }]",
            json!({"act": {"sub": "bot"}, "scope": "b"}),
            &["no actor", "another actor"][..],
            &[][..],
        ),
        (
            "agents: [{ subject: bot, ceiling: { scopes: [a] } }]\nroutes: [{ match: POST /, scopes: { any_of: [a, b] } }]",
            json!({"act": {"sub": "bot"}, "scope": "b"}),
            &["no actor", "another actor"][..],
            &[][..],
        ),
        (
            "agents: [{ subject: bot, ceiling: { initiators: { kind: human } } }]\nroutes: [{ match: POST /, client: { one_of: [c] } }]",
            json!({"act": {"sub": "bot"}, "client_id": "c"}),
            &["an initiator of kind human", "no actor", "another actor"][..],
            &[][..],
        ),
        (
            "agents: [{ subject: bot, ceiling: { scopes: [a] } }, { subject: free }]\nroutes: [{ match: POST /, scopes: { any_of: [a, b] }, actor: { one_of: [bot, free] } }]",
            json!({"act": {"sub": "bot"}, "scope": "b"}),
            &["an actor: free"][..],
            &[][..],
        ),
        (
            "unregistered_agents: deny\nagents: [{ subject: bot }]\nroutes: [{ match: POST / }]",
            json!({"act": {"sub": "other"}}),
            &["an actor: bot", "an actor of kind human", "no actor"][..],
            &[][..],
        ),
        (
            "unregistered_agents: deny\nagents: [{ subject: bot }]\nroutes: [{ match: POST / }]",
            json!({"sub": "x", "sub_profile": "ai_agent"}),
            &["an initiator: bot", "an initiator that is not an agent"][..],
            &[][..],
        ),
        (
            "unregistered_agents: deny\nagents: [{ subject: bot }]\nroutes: [{ match: POST / }]",
            json!({"sub": "alice", "sub_profile": "user", "act": {"sub": "other"}}),
            &["an actor: bot", "an actor of kind human", "no actor"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, token: { max_lifetime: 5m, max_age: 1m } }]",
            json!({"iat": now - 600, "exp": now + 3000}),
            &["a token with a lifetime of at most 5 minutes"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, token: { max_lifetime: 5m, max_age: 10m } }]",
            json!({"iat": now - 600, "exp": now + 3000}),
            &["a token with a lifetime of at most 5 minutes"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, time: { zone: UTC, hours: 22:00-23:00 }, token: { max_age: 2d } }]",
            json!({"iat": now}),
            &["a request between 22:00 and 23:00 in UTC"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, time: { zone: UTC, hours: 22:00-23:00 }, initiator: { max_auth_age: 2d } }]",
            json!({"auth_time": now}),
            &["a request between 22:00 and 23:00 in UTC"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, time: { zone: UTC, days: wed } }]",
            json!({}),
            &["a request on wed in UTC"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, chain: { prior: { issuers: ['https://c.example'] }, via: [c] } }]",
            json!({"act": {"sub": "a", "act": {"sub": "b"}}}),
            &["an actor: c and a chain with every prior actor of issuer https://c.example"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, chain: { prior: { issuers: ['https://c.example'], any_of: [{ subject: c, issuer: 'https://c.example' }] } } }]",
            json!({"act": {"sub": "a", "act": {"sub": "b"}}}),
            &[
                "a chain with at least one prior actor of c of https://c.example, a chain with every prior actor of issuer https://c.example",
            ][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, expression: claims.a == 1, client: { one_of: [c] } }]",
            json!({"client_id": "x"}),
            &[][..],
            &["POST /: expression"][..],
        ),
        (
            "routes: [{ match: POST /, any_of: [{ expression: claims.a == 1 }, { client: { one_of: [c] } }] }]",
            json!({"client_id": "x"}),
            &["client c"][..],
            &["POST /: any_of[0].expression"][..],
        ),
        (
            "routes: [{ match: POST /, expression: 'chain.exists(a, a.subject == \"z\")', chain: { max_depth: 1 } }]",
            json!({"act": {"sub": "a", "act": {"sub": "b"}}}),
            &[][..],
            &["POST /: expression"][..],
        ),
        (
            "routes: [{ match: POST /, actor: { is_presenter: true }, client: { none_of: [c] } }]",
            json!({"client_id": "c"}),
            &[
                "an actor and the client that is that actor",
                "an actor that is that client and a client that is none of c",
            ][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, actor: { required: true } }]",
            json!({"sub_profile": "ai_agent"}),
            &["an actor that is not a human"][..],
            &[][..],
        ),
        // A rule on a claim that a fact comes from, or that the token depends on.
        (
            "routes: [{ match: POST /, claims: { sub: alice }, initiator: { none_of: [alice] } }]",
            json!({"sub": "u"}),
            &[][..],
            &["POST /: claims.sub"][..],
        ),
        (
            "routes: [{ match: POST /, claims: { sub: alice }, initiator: { one_of: [bob] } }]",
            json!({"sub": "alice"}),
            &[][..],
            &["POST /: claims.sub"][..],
        ),
        (
            "routes: [{ match: POST /, claims: { sub: u }, scopes: [a] }]",
            json!({"sub": "u"}),
            &["scope a"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, claims: { client_id: x }, client: { none_of: [y] } }]",
            json!({"client_id": "y"}),
            &[][..],
            &["POST /: claims.client_id"][..],
        ),
        (
            "routes: [{ match: POST /, claims: { scope: a }, scopes: [b] }]",
            json!({"scope": "a"}),
            &[][..],
            &["POST /: claims.scope"][..],
        ),
        (
            "routes: [{ match: POST /, claims: { sub_profile: user }, initiator: { kind: agent } }]",
            json!({"sub_profile": "user"}),
            &[][..],
            &["POST /: claims.sub_profile"][..],
        ),
        (
            "routes: [{ match: POST /, any_of: [{ claims: { exp: 4102444800 } }, { claims: { /iss: other } }, { claims: { aud: { contains: x } } }, { claims: { team: a } }] }]",
            json!({}),
            &["claim team \"a\""][..],
            &[
                "POST /: any_of[0].claims.exp",
                "POST /: any_of[1].claims./iss",
                "POST /: any_of[2].claims.aud",
            ][..],
        ),
        (
            "routes: [{ match: POST /, claims: { auth_time: 5, acr: x }, initiator: { max_auth_age: 5m } }]",
            json!({"auth_time": 5, "acr": "x"}),
            &[][..],
            &["POST /: claims.auth_time"][..],
        ),
        (
            "agents: [{ subject: bot, owner: x, tenant: t }]\nroutes: [{ match: POST /, actor: { same_tenant: sub } }]",
            json!({"sub": "u", "act": {"sub": "bot", "sub_profile": "ai_agent"}}),
            &[][..],
            &["POST /: actor.same_tenant"][..],
        ),
        // The same for an expression.
        (
            "routes: [{ match: POST /, initiator: { one_of: [bob] }, expression: 'claims.sub == \"u\"' }]",
            json!({"sub": "u"}),
            &[][..],
            &["POST /: expression"][..],
        ),
        (
            "routes: [{ match: POST /, initiator: { amr: [mfa] }, expression: '!has(claims.amr)' }]",
            json!({}),
            &[][..],
            &["POST /: expression"][..],
        ),
        (
            "routes: [{ match: POST /, time: { zone: UTC, days: wed }, expression: claims.exp > 0 }]",
            json!({}),
            &[][..],
            &["POST /: expression"][..],
        ),
        (
            "routes: [{ match: POST /, client: { one_of: [c] }, expression: 'claims.sub == \"u\" && client == \"c\"' }]",
            json!({"sub": "u", "client_id": "x"}),
            &["client c"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, chain: { max_depth: 1 } }]",
            json!({"act": {"sub": "a", "act": {"sub": "b"}}, "chain_complete": false}),
            &["a chain of at most 1 actor and a chain that its issuer does not declare incomplete"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, operation: { query: { a: x, b: y } } }]",
            json!({}),
            &["query parameter a: \"x\" and query parameter b: \"y\""][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, initiator: { kind: human }, actor: { kind: agent } }]",
            json!({"sub": "bot", "sub_profile": "ai_agent", "act": {"sub": "bot", "sub_profile": "ai_agent"}}),
            &["another initiator of kind human"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, chain: { all_of: [c], kinds: [agent] } }]",
            json!({"act": {"sub": "c", "sub_profile": "ai_agent", "act": {"sub": "c", "sub_profile": "service"}}}),
            &["a chain with every actor of kind agent"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, chain: { starts_with: [x, y, z], kinds: [agent] } }]",
            json!({"act": {"sub": "a", "sub_profile": "ai_agent"}}),
            &["a chain that begins x → y → z"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, token: { max_lifetime: 5m, max_age: 1m } }]",
            json!({ "iat": now - 200, "exp": now + 3000 }),
            &["a token issued within 1 minute with a lifetime of at most 5 minutes"][..],
            &[][..],
        ),
        (
            "requirements: { r: { time: { zone: UTC, days: wed } } }\nroutes: [{ match: POST /, require: [r], time: { zone: UTC, hours: 22:00-23:00 } }]",
            json!({}),
            &["a request on wed in UTC and between 22:00 and 23:00 in UTC"][..],
            &[][..],
        ),
    ] {
        let needed = needed(policy, claims);
        assert_eq!(needed.0, alternatives, "{policy}");
        assert_eq!(needed.1, not_computed, "{policy}");
    }
}

#[test]
fn a_change_of_a_member_keeps_the_others() {
    let issuer = TestIssuer::new().unwrap();
    let policy = Policy::from_yaml("routes: [{ match: POST /, operation: { json: { /a: 1, /b: 2 } } }]").unwrap();
    let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
    let builder = Authorizer::builder().issuer(trusted).policy(policy).reads_bodies();
    let authorizer = builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap();
    let token = issuer.token(json!({})).unwrap();
    let headers = http::HeaderMap::from_iter([
        (http::header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap()),
        (http::header::CONTENT_TYPE, "application/json".parse().unwrap()),
    ]);
    let uri = Uri::from_static("/");
    let target = Target::new(&Method::POST, &uri).unwrap();
    let presented = Presented::headers(&target, &headers).body(br#"{"a": 1, "b": 3}"#);
    let explanation = authorizer.explain(&presented, TestIssuer::NOW);
    let change = authorizer
        .smallest_change(&explanation, &presented, TestIssuer::NOW)
        .unwrap();
    let needed: Vec<&str> = change
        .alternatives
        .iter()
        .flatten()
        .map(|change| &*change.needed)
        .collect();
    assert_eq!(needed, ["/b of the body: 2"]);
}

#[test]
fn a_change_of_a_claim_that_gives_two_facts_is_not_computed_for_rules_on_the_other_one() {
    let profile = || Profile::from_yaml("kinds: { service: [{ claims: { client_id: batch } }] }").unwrap();
    let claims = || json!({ "sub": "u", "client_id": "batch" });
    let policy = "routes: [{ match: POST /, client: { one_of: [web] }, initiator: { kind: service } }]";
    // The client `web` is no service, whatever the kind of the token with the client `batch` is.
    let (alternatives, not_computed) = needed_with(profile(), policy, claims());
    assert_eq!(
        (alternatives, not_computed),
        (Vec::new(), vec!["POST /: initiator.kind".to_owned()])
    );
    let policy = "routes: [{ match: POST /, client: { one_of: [web] } }]";
    let (alternatives, not_computed) = needed_with(profile(), policy, claims());
    assert_eq!(
        (alternatives, not_computed),
        (vec!["client web".to_owned()], Vec::new())
    );
}
