//! Policies with one flaw each in a rule, and what the load analysis finds.

/// A policy with one flaw.
pub struct Flawed {
    /// The code of the warning; of a mistake, a part of its message.
    pub found: Found,
    pub line: u64,
    /// The presets of the trusted issuers.
    pub issuers: &'static [&'static str],
    pub policy: &'static str,
}

pub enum Found {
    Warning(&'static str),
    Mistake(&'static str),
}

use Found::{Mistake, Warning};

pub const fn flawed(found: Found, line: u64, policy: &'static str) -> Flawed {
    Flawed {
        found,
        line,
        issuers: &["rfc9068"],
        policy,
    }
}

pub const fn unprovable(
    code: &'static str,
    line: u64,
    issuers: &'static [&'static str],
    policy: &'static str,
) -> Flawed {
    Flawed {
        found: Warning(code),
        line,
        issuers,
        policy,
    }
}

/// Each flaw once.
pub const FLAWED: &[Flawed] = &[
    // What no rule uses.
    flawed(
        Warning("unused_requirement"),
        2,
        "requirements:
  human: { initiator: { kind: human } }
routes:
  - match: GET /orders
    scopes: [orders:read]
",
    ),
    flawed(
        Warning("unused_requirement"),
        3,
        "requirements:
  human: { initiator: { kind: human } }
  fresh: { require: [human], initiator: { max_auth_age: 5m } }
routes:
  - match: GET /orders
    require: [human]
",
    ),
    flawed(
        Warning("constant_condition"),
        3,
        "routes:
  - match: GET /orders
    expression: '1 in [1, 2]'
",
    ),
    flawed(
        Warning("constant_condition"),
        3,
        "routes:
  - match: GET /orders
    expression: 'true ? claims.a == 1 : claims.b == 2'
",
    ),
    flawed(
        Warning("unused_group"),
        2,
        "groups:
  people: [alice, bob]
routes:
  - match: GET /orders
    initiator: { one_of: [alice] }
",
    ),
    flawed(
        Warning("unused_agents"),
        2,
        "agents:
  - subject: refund-agent
routes:
  - match: GET /orders
    scopes: [orders:read]
",
    ),
    flawed(
        Warning("unused_scope"),
        3,
        "scopes:
  implies:
    orders:admin: [orders:red]
routes:
  - match: GET /orders
    scopes: [orders:read]
",
    ),
    flawed(
        Warning("unused_defaults"),
        1,
        "defaults: { scopes: [api] }
routes:
  - match: GET /health
    public: true
",
    ),
    flawed(
        Warning("unused_limit"),
        1,
        "limit: { per: client, rate: 60/m }
routes:
  - match: GET /health
    public: true
",
    ),
    flawed(
        Warning("unused_ceiling_route"),
        4,
        "agents:
  - subject: refund-agent
    ceiling:
      routes: [GET /orders]
routes:
  - match: GET /orders
    actor: { one_of: [billing-agent] }
  - match: GET /refunds
    scopes: [refunds:read]
",
    ),
    flawed(
        Warning("unused_ceiling_scope"),
        4,
        "agents:
  - subject: refund-agent
    ceiling:
      scopes: [refunds:read]
routes:
  - match: GET /refunds
    scopes: [refunds:write]
",
    ),
    flawed(
        Warning("nothing_enforced"),
        1,
        "mode: shadow
routes:
  - match: GET /orders
    initiator: { kind: human }
",
    ),
    // What no request meets.
    flawed(
        Mistake("exclude each other"),
        4,
        "routes:
  - match: GET /orders
    initiator: { kind: human }
    any_of: [{ initiator: { kind: agent } }, { initiator: { kind: service } }]
",
    ),
    flawed(
        Mistake("no request meets `any_of`"),
        5,
        "routes:
  - match: GET /orders
    initiator: { kind: human }
    client: { one_of: [web] }
    any_of: [{ initiator: { kind: agent } }, { client: { one_of: [batch] } }]
",
    ),
    flawed(
        Warning("unmet_alternative"),
        4,
        "routes:
  - match: GET /orders
    initiator: { kind: human }
    any_of: [{ initiator: { kind: agent } }, { client: { one_of: [batch] } }]
",
    ),
    flawed(
        Warning("absorbed_alternative"),
        6,
        "routes:
  - match: GET /orders
    scopes: [orders:read]
    any_of:
      - initiator: { kind: human }
      - initiator: { kind: human, max_auth_age: 5m }
",
    ),
    flawed(
        Warning("absorbed_alternative"),
        3,
        "routes:
  - match: GET /orders
    any_of: [{ client: { one_of: [web] } }, { client: { one_of: [web] } }]
",
    ),
    flawed(
        Warning("constant_condition"),
        3,
        "routes:
  - match: GET /orders
    expression: 'claims.region == \"eu\" || 1 == 1'
",
    ),
    flawed(
        Warning("constant_condition"),
        3,
        "routes:
  - match: GET /orders
    expression: '\"a\".size() == 2'
",
    ),
    flawed(
        Mistake("depth 0"),
        4,
        "routes:
  - match: GET /orders
    actor: { required: true }
    chain: { max_depth: 0 }
",
    ),
    flawed(
        Mistake("path"),
        3,
        "routes:
  - match: GET /orders
    chain: { path: [a, b, c], max_depth: 2 }
",
    ),
    flawed(
        Mistake("no number is at least 10"),
        3,
        "routes:
  - match: POST /refunds
    operation: { json: { /amount: { min: 10, max: 5 } } }
",
    ),
    flawed(
        Mistake("`none_of`"),
        3,
        "routes:
  - match: GET /orders
    scopes: { all_of: [orders:read], none_of: [orders:read] }
",
    ),
    flawed(
        Mistake("exclude each other"),
        6,
        "requirements:
  night: { time: { zone: UTC, hours: 22:00-06:00 } }
routes:
  - match: GET /orders
    require: [night]
    time: { zone: UTC, hours: 08:00-18:00 }
",
    ),
    flawed(
        Mistake("exclude each other"),
        6,
        "requirements:
  office: { time: { zone: Europe/Berlin, hours: 08:00-12:00 } }
routes:
  - match: GET /orders
    require: [office]
    time: { zone: America/Los_Angeles, hours: 08:00-12:00 }
",
    ),
    flawed(
        Mistake("`prior.first`"),
        3,
        "routes:
  - match: GET /orders
    chain: { prior: { all_of: [a], first: [b] } }
",
    ),
    flawed(
        Warning("login_of_machine"),
        3,
        "routes:
  - match: GET /orders
    initiator: { kind: agent, max_auth_age: 5m }
",
    ),
    // What no issuer proves.
    unprovable(
        "unprovable_rule",
        2,
        &["kubernetes"],
        "requirements:
  human: { initiator: { kind: human } }
routes:
  - match: GET /orders
    require: [human]
  - match: POST /orders
    require: [human]
",
    ),
    unprovable(
        "unprovable_rule",
        3,
        &["gitlab", "github-actions"],
        "routes:
  - match: GET /orders
    initiator: { amr: [mfa] }
",
    ),
    unprovable(
        "unprovable_rule",
        3,
        &["cognito"],
        "routes:
  - match: GET /orders
    actor: { required: true }
",
    ),
    unprovable(
        "unprovable_rule",
        3,
        &["hydra"],
        "routes:
  - match: GET /orders
    chain: { via: [reviewer] }
",
    ),
    unprovable(
        "unprovable_rule",
        3,
        &["spiffe"],
        "routes:
  - match: GET /orders
    client: { one_of: [web] }
",
    ),
    unprovable(
        "unprovable_rule",
        3,
        &["rfc9068", "okta"],
        "routes:
  - match: GET /orders
    initiator: { one_of: [{ issuer: 'https://other.example', subject: alice }] }
",
    ),
    unprovable(
        "unprovable_rule",
        3,
        &["rfc9068"],
        "routes:
  - match: GET /orders
    token: { sender_constrained: true }
",
    ),
    unprovable(
        "unprovable_route",
        2,
        &["cognito", "spring"],
        "routes:
  - match: GET /orders
    initiator: { kind: human }
    actor: { required: true }
",
    ),
];
