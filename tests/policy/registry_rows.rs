//! The keys on agents that the owner knows, and on groups of parties.

use serde_json::json;

use super::row::{Row, row};
use crate::mint::chain;

/// The agents and the groups of the rows.
pub const REGISTRY: &str = "
groups:
  people-canary: [alice-canary]
  retired-canary: [old]
agents:
  - { subject: bot, owner: team-canary@example.com, groups: payments-canary, tenant: T1 }
  - { subject: other, tenant: T2, clients: [client-of-other] }
";

pub fn registry_rows() -> Vec<Row> {
    let by = |actor: &str| json!({ "act": chain(&[actor]) });
    let of_tenant = |actor: &str| json!({ "tid": "T1", "act": chain(&[actor]) });
    let presented = |client: &str| json!({ "client_id": client, "act": chain(&["other"]) });
    vec![
        row(
            "actor: { registered: true }",
            by("bot"),
            by("unknown"),
            "actor_not_registered",
            "actor.registered",
        ),
        row(
            "actor: { group: payments-canary }",
            by("bot"),
            by("other"),
            "actor_not_allowed",
            "actor.group",
        ),
        row(
            "actor: { none_of: [{ group: retired-canary }] }",
            by("bot"),
            by("old"),
            "actor_not_allowed",
            "actor.none_of",
        ),
        row(
            "actor: { same_tenant: tid }",
            of_tenant("bot"),
            of_tenant("other"),
            "actor_tenant_mismatch",
            "actor.same_tenant",
        ),
        row(
            "actor: { same_tenant: tid }",
            of_tenant("bot"),
            of_tenant("unknown"),
            "actor_not_registered",
            "actor.same_tenant",
        ),
        row(
            "actor: { is_presenter: true }",
            presented("client-of-other"),
            presented("other"),
            "actor_not_presenter",
            "actor.is_presenter",
        ),
        row(
            "initiator: { group: people-canary }",
            json!({}),
            json!({ "sub": "carol" }),
            "initiator_not_allowed",
            "initiator.group",
        ),
        row(
            "chain: { none_of: [{ group: retired-canary }] }",
            by("bot"),
            json!({ "act": chain(&["bot", "old"]) }),
            "chain_actor_not_allowed",
            "chain.none_of",
        ),
        row(
            "chain: { prior: { all_of: [{ group: payments-canary }] } }",
            json!({ "act": chain(&["other", "bot"]) }),
            json!({ "act": chain(&["bot", "other"]) }),
            "prior_actor_not_allowed",
            "chain.prior.all_of",
        ),
    ]
}
