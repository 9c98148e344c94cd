//! The smallest change that would allow a request, where a rule reads a claim that another fact comes from.

use actgate::profile::Profile;
use actgate::testing::TestIssuer;
use serde_json::json;

use super::changes::{needed, needed_with};

#[test]
fn a_rule_on_a_claim_that_changes_with_a_fact_is_not_computed() {
    for (policy, claims, alternatives, not_computed) in [
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
            "routes: [{ match: POST /, initiator: { acr: x }, expression: 'claims.acr == \"y\"' }]",
            json!({"acr": "y"}),
            &[][..],
            &["POST /: expression"][..],
        ),
        (
            "routes: [{ match: POST /, initiator: { acr: x }, expression: 'claims.amr.size() == 1' }]",
            json!({"acr": "y", "amr": ["pwd"]}),
            &["a login at x"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, chain: { max_depth: 1 }, expression: '!claims.chain_complete' }]",
            json!({"act": {"sub": "a"}, "chain_complete": false}),
            &[][..],
            &["POST /: expression"][..],
        ),
        (
            "routes: [{ match: POST /, chain: { max_depth: 1 }, expression: 'has(claims.iat)' }]",
            json!({"act": {"sub": "a"}, "chain_complete": false}),
            &["a chain that its issuer does not declare incomplete"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, token: { sender_constrained: true }, expression: 'has(claims.iat)' }]",
            json!({}),
            &["a token that is bound to a key"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, token: { single_audience: true }, expression: 'claims.aud.size() == 2' }]",
            json!({"aud": [TestIssuer::AUDIENCE, "other"]}),
            &[][..],
            &["POST /: expression"][..],
        ),
        (
            "routes: [{ match: POST /, initiator: { kind: human }, expression: 'claims.sub == \"u\"' }]",
            json!({"sub": "u", "sub_profile": "ai_agent"}),
            &["an initiator of kind human"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, initiator: { one_of: [v] }, expression: 'claims.sub_profile == \"user\"' }]",
            json!({"sub": "u", "sub_profile": "user"}),
            &["an initiator: v"][..],
            &[][..],
        ),
        (
            "routes: [{ match: POST /, token: { max_age: 1m }, expression: claims.iat > 0 }]",
            json!({"iat": TestIssuer::NOW - 600}),
            &[][..],
            &["POST /: expression"][..],
        ),
    ] {
        let needed = needed(policy, claims);
        assert_eq!(needed.0, alternatives, "{policy}");
        assert_eq!(needed.1, not_computed, "{policy}");
    }
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
    for (profile, policy, claims, rules) in [
        (
            "kinds: { service: [{ claims: { scope: a } }] }",
            "scopes: [b], initiator: { kind: service }",
            json!({ "scope": "a" }),
            "POST /: initiator.kind",
        ),
        // A ceiling is that of the actor or of the initiator, whatever the client is.
        (
            "kinds: { service: [{ claims: { client_id: batch } }] }",
            "client: { one_of: [web] }",
            json!({ "client_id": "batch", "act": { "sub": "bot" } }),
            "POST /: ceiling, POST /: chain_inverted, POST /: self_actor",
        ),
        (
            "client: [sub]",
            "initiator: { one_of: [v] }, client: { one_of: [u] }",
            json!({ "sub": "u" }),
            "POST /: client.one_of",
        ),
        (
            "actor: { presenter: [{ client: a }] }",
            "actor: { one_of: [b] }, client: { one_of: [a] }",
            json!({ "client_id": "a" }),
            "POST /: actor.one_of, POST /: chain_inverted, POST /: client.one_of, POST /: self_actor",
        ),
    ] {
        let profile = Profile::from_yaml(profile).unwrap();
        let policy = format!(
            "agents: [{{ subject: bot, ceiling: {{ initiators: {{ kind: [human, service] }} }} }}]\nroutes: [{{ match: POST /, {policy} }}]"
        );
        let (alternatives, not_computed) = needed_with(profile, &policy, claims);
        assert_eq!(
            (alternatives, &*not_computed.join(", ")),
            (Vec::new(), rules),
            "{policy}"
        );
    }
    let policy = "routes: [{ match: POST /, client: { one_of: [web] } }]";
    let (alternatives, not_computed) = needed_with(profile(), policy, claims());
    assert_eq!(
        (alternatives, not_computed),
        (vec!["client web".to_owned()], Vec::new())
    );
}
