//! Keys of the policy that read the actor and the client.

use serde_json::{Value, json};

use crate::mint::chain;
use crate::policy::row::{Row, row};

pub fn actor_rows() -> Vec<Row> {
    let none = || json!({});
    let kind = |kind: &str| json!({ "act": { "sub": "a", "sub_profile": kind } });
    let of = |iss: &str| json!({ "act": { "sub": "a", "iss": iss } });
    vec![
        row(
            "actor: { required: true }",
            by("a"),
            none(),
            "actor_missing",
            "actor.required",
        ),
        row(
            "actor: { absent: true }",
            none(),
            by("a"),
            "actor_present",
            "actor.absent",
        ),
        row(
            "actor: { kind: agent }",
            kind("ai_agent"),
            json!({ "act": { "sub": "a" } }),
            "actor_kind_unknown",
            "actor.kind",
        ),
        row(
            "actor: { kind: [agent, service] }",
            kind("service"),
            kind("user"),
            "actor_kind_not_allowed",
            "actor.kind",
        ),
        row(
            "actor: { kind: agent }",
            kind("ai_agent"),
            none(),
            "actor_missing",
            "actor.kind",
        ),
        row(
            "actor: { one_of: [a, b] }",
            by("b"),
            by("c"),
            "actor_not_allowed",
            "actor.one_of",
        ),
        row(
            "actor: { one_of: [a] }",
            by("a"),
            none(),
            "actor_missing",
            "actor.one_of",
        ),
        row(
            "actor: { none_of: [c] }",
            by("a"),
            by("c"),
            "actor_not_allowed",
            "actor.none_of",
        ),
        row(
            "actor: { issuer: same }",
            by("a"),
            of("https://partner.example.com"),
            "actor_issuer_not_allowed",
            "actor.issuer",
        ),
        row(
            "actor: { issuer: [\"https://partner.example.com\"] }",
            of("https://partner.example.com"),
            by("a"),
            "actor_issuer_not_allowed",
            "actor.issuer",
        ),
        row(
            "initiator: { kind: [human, agent] }",
            none(),
            inverted("ai_agent"),
            "chain_inverted",
            "chain_inverted",
        ),
        row(
            "actor: { required: true }",
            by("a"),
            inverted("service"),
            "chain_inverted",
            "chain_inverted",
        ),
        row(
            "actor: { one_of: [alice-canary, a] }",
            by("a"),
            inverted("ai_agent"),
            "chain_inverted",
            "chain_inverted",
        ),
        row(
            "chain: { max_depth: 2 }",
            none(),
            inverted("ai_agent"),
            "chain_inverted",
            "chain_inverted",
        ),
        row(
            "{ require: [people] }",
            none(),
            inverted("ai_agent"),
            "chain_inverted",
            "chain_inverted",
        ),
        // The other alternative does not let it pass.
        row(
            "any_of: [{ client: { one_of: [web-canary] } }, { initiator: { kind: human } }]",
            none(),
            inverted("ai_agent"),
            "chain_inverted",
            "chain_inverted",
        ),
        row(
            "actor: { is_presenter: true }",
            json!({ "act": chain(&["bot"]), "client_id": "bot" }),
            json!({ "act": chain(&["bot"]), "client_id": "other" }),
            "actor_not_presenter",
            "actor.is_presenter",
        ),
        row(
            "may_act: honored",
            json!({ "may_act": { "sub": "bot" }, "act": chain(&["bot"]) }),
            json!({ "may_act": { "sub": "bot" }, "act": chain(&["other"]) }),
            "actor_not_in_may_act",
            "may_act",
        ),
        row(
            "may_act: honored",
            none(),
            json!({ "may_act": { "sub": "bot" } }),
            "actor_not_in_may_act",
            "may_act",
        ),
        row(
            "client: { one_of: [web-canary] }",
            inverted("ai_agent"),
            json!({ "client_id": "other" }),
            "client_not_allowed",
            "client.one_of",
        ),
        row(
            "client: { none_of: [other] }",
            none(),
            json!({ "client_id": "other" }),
            "client_not_allowed",
            "client.none_of",
        ),
    ]
}

/// A person who acts for a machine.
fn inverted(machine: &str) -> Value {
    let act = json!({ "sub": "alice-canary", "sub_profile": "user" });
    json!({ "sub": "bot", "sub_profile": machine, "act": act })
}

fn by(actor: &str) -> Value {
    json!({ "act": chain(&[actor]) })
}
