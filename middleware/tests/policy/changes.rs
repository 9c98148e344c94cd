//! The smallest change that would allow a request, by rules that a table of single rules does not show.

use actgate::clock::FixedClock;
use actgate::profile::{ChainCompleteness, PriorActors, Profile};
use actgate::request::{Presented, Target};
use actgate::testing::TestIssuer;
use actgate::{Authorizer, Policy, TrustedIssuer};
use http::{Method, Uri};
use serde_json::{Value, json};

/// What is needed for `POST /`: alternatives of changes, and the rules whose changes are not computed.
pub fn needed(policy: &str, claims: Value) -> (Vec<String>, Vec<String>) {
    needed_with(Profile::default(), policy, claims)
}

/// The same with a profile.
pub fn needed_with(profile: Profile, policy: &str, claims: Value) -> (Vec<String>, Vec<String>) {
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
            "routes: [{ match: POST /, scopes: [w], expression: 'claims.tid == \"T1\"' }]",
            json!({"scope": "", "tid": "T2"}),
            &["scope w"][..],
            &["POST /: expression"][..],
        ),
        (
            "routes: [{ match: POST /, chain: { issuers: same } }]",
            json!({"act": {"sub": "a", "iss": "https://other.example"}}),
            &[
                "another actor of issuer https://issuer.test",
                "an actor of issuer https://issuer.test",
                "no actor",
            ][..],
            &[][..],
        ),
        (
            "agents: [{ subject: bot, ceiling: { scopes: [a], routes: [POST /other] } }]\nroutes: [{ match: POST /, scopes: [b] }, { match: POST /other }]",
            json!({"act": {"sub": "bot"}, "scope": "b"}),
            &["no actor", "another actor"][..],
            &[][..],
        ),
        (
            "agents: [{ subject: bot, ceiling: { scopes: [a] } }]\nroutes: [{ match: POST /, scopes: { any_of: [a, b] } }]",
            json!({"act": {"sub": "bot"}, "scope": "b"}),
            &["scope a", "no actor", "another actor"][..],
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
            &["scope a", "an actor: free"][..],
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
            &["a token issued within 1 minute with a lifetime of at most 5 minutes"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, token: { max_lifetime: 5m, max_age: 10m } }]",
            json!({"iat": now - 600, "exp": now + 3000}),
            &["a token with a lifetime of at most 5 minutes"][..],
            &[][..],
        ),
        (
            "requirements: { young: { token: { max_age: 1m } } }\nroutes: [{ match: POST /, require: [young], token: { max_lifetime: 5m } }]",
            json!({"iat": now - 30, "exp": now + 3000}),
            &["a token with a lifetime of at most 5 minutes"][..],
            &[][..],
        ),
        // One time meets both, and what each of them accepts is named.
        (
            "requirements: { q: { time: { zone: UTC, days: mon } } }\nroutes: [{ match: POST /, require: [q], time: { zone: UTC, hours: '08:00-18:00' } }]",
            json!({}),
            &["a request on mon in UTC and between 08:00 and 18:00 in UTC"][..],
            &[][..],
        ),
        // A detail that meets the second rule meets the first one.
        (
            "requirements: { q: { authorization_details: { type: pay } } }\nroutes: [{ match: POST /, require: [q], authorization_details: { type: pay, members: { amt: { max: 5 } } } }]",
            json!({}),
            &["a detail of type pay, with amt at most 5"][..],
            &[][..],
        ),
        (
            "requirements: { q: { authorization_details: { type: pay, members: { amt: { min: 3 } } } } }\nroutes: [{ match: POST /, require: [q], authorization_details: { type: pay, members: { amt: { max: 5 } } } }]",
            json!({}),
            &["a detail of type pay, with amt at least 3 and a detail of type pay, with amt at most 5"][..],
            &[][..],
        ),
        // The token has no other issuer, and one that is not trusted is no token.
        (
            "routes: [{ match: POST /, initiator: { one_of: [bob, { issuer: 'https://other.example', subject: v }] } }]",
            json!({}),
            &["an initiator: bob"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, may_act: honored }]",
            json!({"may_act": "a1", "client_id": null}),
            &["a token without may_act"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, may_act: honored }]",
            json!({"may_act": {"sub": "a1"}, "client_id": "c9"}),
            &["an actor: a1", "client a1", "a may_act that names c9, the client"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, may_act: honored }]",
            json!({"may_act": {"sub": "a1", "iss": TestIssuer::ISSUER}, "client_id": "c9"}),
            &["an actor: a1", "client a1", "a may_act that names c9, the client"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, may_act: honored, actor: { none_of: [a1], required: true } }]",
            json!({"may_act": {"sub": "a1"}, "act": {"sub": "a1"}}),
            &["another actor and a may_act that names that actor"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, may_act: honored, client: { none_of: [c1] }, actor: { absent: true } }]",
            json!({"may_act": {"sub": "c1"}, "client_id": "c1"}),
            &["a client that is none of c1 and a may_act that names that client"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, scopes: [a, b, c, d, e, f, g, h, i, j, k, l, m] }]",
            json!({"scope": "c"}),
            &[
                "scope a and scope b and scope d and scope e and scope f and scope g and scope h and scope i and scope j and scope k and scope l and scope m",
            ][..],
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
            &["client c"][..],
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
            &["a chain of at most 1 actor"][..],
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
        (
            "unregistered_agents: deny\nagents: [{ subject: bot, ceiling: { scopes: [a] } }, { subject: other, ceiling: { scopes: [b] } }]\nroutes: [{ match: POST /, scopes: { any_of: [a, b] }, actor: { required: true } }]",
            json!({"act": {"sub": "bot"}, "scope": "b"}),
            &["scope a", "an actor: other", "another actor of kind human"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, chain: { issuers: ['https://c.example'] }, actor: { required: true } }]",
            json!({"act": {"sub": "a"}}),
            &[
                "an actor of issuer https://c.example",
                "another actor of issuer https://c.example",
            ][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, chain: { none_of: [b], via: [c, d, e, f] }, actor: { one_of: [a] } }]",
            json!({"act": {"sub": "a", "act": {"sub": "c", "act": {"sub": "d", "act": {"sub": "b", "act": {"sub": "e", "act": {"sub": "f"}}}}}}}),
            &["a chain with no party of b"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, chain: { none_of: [b], via: [c, d, e, f, g, h, i, j] }, actor: { one_of: [a] } }]",
            json!({"act": {"sub": "a", "act": {"sub": "c", "act": {"sub": "d", "act": {"sub": "e", "act": {"sub": "f", "act": {"sub": "b",
                "act": {"sub": "g", "act": {"sub": "h", "act": {"sub": "i", "act": {"sub": "j"}}}}}}}}}}}),
            &["a chain with no party of b"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, chain: { starts_with: [x, y, z, u, v, w] } }]",
            json!({"act": {"sub": "a"}}),
            &["a chain that begins x → y → z → u → v → w"][..],
            &[][..],
        ),
        (
            "agents: [{ subject: bot, ceiling: { scopes: [a] } }, { subject: other, ceiling: { scopes: [b] } }]\nroutes: [{ match: POST /, scopes: { any_of: [a, b] }, expression: 'actor.subject in [\"bot\", \"other\"]' }]",
            json!({"act": {"sub": "bot"}, "scope": "b"}),
            &["scope a", "an actor: other"][..],
            &["POST /: expression"][..],
        ),
        // The actor may have any kind.
        (
            "routes: [{ match: POST /, actor: { one_of: [u] } }]",
            json!({"sub": "u", "sub_profile": "user"}),
            &["another initiator and an actor: u"][..],
            &[][..],
        ),
        // What an alternative lacks that the scopes of the ceiling leave.
        (
            "agents: [{ subject: bot, ceiling: { scopes: [a] } }]\nroutes: [{ match: POST /, any_of: [{ scopes: [b] }, { scopes: [a], initiator: { acr: x } }] }]",
            json!({"act": {"sub": "bot"}, "scope": "a b", "sub_profile": "user"}),
            &["a login at x", "no actor", "another actor"][..],
            &[][..],
        ),
        (
            "agents: [{ subject: bot, ceiling: { scopes: [a] } }]\nroutes: [{ match: POST /, any_of: [{ scopes: [b] }, { scopes: [a], client: { one_of: [c] } }] }]",
            json!({"act": {"sub": "bot"}, "scope": "a b"}),
            &["client c", "no actor", "another actor"][..],
            &[][..],
        ),
        // An actor that gets another place keeps its kind.
        (
            "routes: [{ match: POST /, chain: { via: [x], prior: { first: [b] } }, actor: { one_of: [a] }, expression: 'chain.all(one, one.subject != \"b\" || one.kind == \"service\")' }]",
            json!({"act": {"sub": "a", "sub_profile": "ai_agent", "act": {"sub": "b", "sub_profile": "service", "act": {"sub": "x", "sub_profile": "ai_agent"}}}}),
            &["a chain with the first prior actor one of b"][..],
            &[][..],
        ),
    ] {
        let needed = needed(policy, claims);
        assert_eq!(needed.0, alternatives, "{policy}");
        assert_eq!(needed.1, not_computed, "{policy}");
    }
}

#[test]
fn prior_actors_are_proposed_that_a_token_can_have() {
    let names = |count: usize| (1..=count).map(|number| format!("p{number}")).collect::<Vec<_>>();
    let found = |count: usize| {
        let names = names(count);
        let act = names.iter().rev().fold(None, |inner: Option<Value>, name| match inner {
            Some(inner) => Some(json!({ "sub": name, "act": inner })),
            None => Some(json!({ "sub": name })),
        });
        let all = names.join(", ");
        let policy = format!(
            "routes: [{{ match: POST /, actor: {{ one_of: [a] }}, chain: {{ via: [{all}], prior: {{ any_of: [x] }} }} }}]"
        );
        needed(&policy, json!({ "act": { "sub": "a", "act": act } })).0
    };
    // A token has at most 16 actors, of which one is the current one.
    assert_eq!(found(14), ["a chain with at least one prior actor of x"]);
    assert_eq!(found(15), [""; 0]);
}
