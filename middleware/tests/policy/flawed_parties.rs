//! Policies with rules on parties of which no token has both, and what the load analysis finds.

use crate::flawed::Found::{Mistake, Warning};
use crate::flawed::{Flawed, flawed};

/// Each flaw once.
pub const FLAWED_PARTIES: &[Flawed] = &[
    flawed(
        Mistake("`actor.kind` and `initiator.kind` exclude each other"),
        4,
        "routes:
  - match: GET /orders
    initiator: { kind: agent }
    actor: { kind: human }
",
    ),
    flawed(
        Mistake("`actor.one_of` and `initiator.one_of` exclude each other"),
        4,
        "routes:
  - match: GET /orders
    initiator: { one_of: [alice] }
    actor: { one_of: [alice] }
",
    ),
    flawed(
        Mistake("`chain.kinds` and `actor.kind` exclude each other"),
        4,
        "routes:
  - match: GET /orders
    actor: { kind: service }
    chain: { kinds: agent }
",
    ),
    flawed(
        Mistake("`chain.path` and `actor.one_of` exclude each other"),
        4,
        "routes:
  - match: GET /orders
    actor: { one_of: [refund-agent] }
    chain: { path: [planner, other-agent] }
",
    ),
    flawed(
        Mistake("`chain.none_of` and `initiator.one_of` exclude each other"),
        4,
        "routes:
  - match: GET /orders
    initiator: { one_of: [alice] }
    chain: { none_of: [alice] }
",
    ),
    flawed(
        Mistake("`chain.called_by` and `once.chain.path` exclude each other"),
        5,
        "requirements:
  once: { chain: { path: [planner, refund-agent] } }
routes:
  - match: GET /orders
    chain: { called_by: [refund-agent] }
    require: [once]
",
    ),
    flawed(
        Mistake("no request meets `actor.is_presenter` beside `client.one_of` and `actor.one_of`"),
        6,
        "agents:
  - { subject: refund-agent, clients: [refund-client] }
routes:
  - match: GET /orders
    actor: { one_of: [refund-agent], is_presenter: true }
    client: { one_of: [web] }
",
    ),
    flawed(
        Mistake(
            "`other-agent` is in `one_of` and not in `agents`, and so `unregistered_agents: deny` never accepts it",
        ),
        6,
        "agents:
  - { subject: refund-agent }
unregistered_agents: deny
routes:
  - match: GET /orders
    actor: { kind: agent, one_of: [refund-agent, other-agent] }
",
    ),
    flawed(
        Warning("unregistered_actor"),
        6,
        "agents:
  - { subject: refund-agent }
unregistered_agents: deny
routes:
  - match: GET /orders
    actor: { one_of: [other-agent] }
",
    ),
    flawed(
        Mistake("`actor.registered` and `actor.kind` exclude each other"),
        5,
        "agents:
  - { subject: refund-agent }
routes:
  - match: GET /orders
    actor: { kind: human, registered: true }
",
    ),
    // What a ceiling lists and its agent never reaches.
    flawed(
        Warning("unused_ceiling_route"),
        4,
        "agents:
  - subject: refund-agent
    ceiling:
      routes: [GET /orders]
routes:
  - match: GET /orders
    initiator: { kind: human }
    actor: { absent: true }
",
    ),
];
