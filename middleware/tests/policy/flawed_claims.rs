//! Policies with rules on claims that no valid token meets, and what the load analysis finds.

use crate::flawed::Found::{Mistake, Warning};
use crate::flawed::{Flawed, flawed, unprovable};

/// Each flaw once.
pub const FLAWED_CLAIMS: &[Flawed] = &[
    // With any issuer.
    flawed(
        Mistake("no valid token meets the rule on the claim `jti`, which is a text"),
        3,
        "routes:
  - match: GET /orders
    claims: { jti: 5 }
",
    ),
    flawed(
        Mistake("no valid token meets the rule on the claim `exp`, which is the time at which the token expires"),
        3,
        "routes:
  - match: GET /orders
    claims: { exp: 5 }
",
    ),
    flawed(
        Mistake("no valid token meets the rule on the claim `/iss/0`, which is a text"),
        3,
        "routes:
  - match: GET /orders
    claims: { /iss/0: 'https://idp.example' }
",
    ),
    flawed(
        Mistake("`claims.tenant` and `claims./tenant/id` exclude each other"),
        3,
        "routes:
  - match: GET /orders
    claims: { tenant: hello, /tenant/id: T1 }
",
    ),
    flawed(
        Mistake("no valid token meets the rule on the claim `nbf`, which is a whole number of seconds since 1970"),
        3,
        "routes:
  - match: GET /orders
    claims: { nbf: today }
",
    ),
    flawed(
        Mistake("no valid token meets the rule on the claim `chain_complete`, which is `true` or `false`"),
        3,
        "routes:
  - match: GET /orders
    claims: { chain_complete: complete }
",
    ),
    // With these issuers.
    flawed(
        Warning("unprovable_rule"),
        3,
        "routes:
  - match: GET /orders
    claims: { sub: 5 }
",
    ),
    flawed(
        Warning("unprovable_rule"),
        3,
        "routes:
  - match: GET /orders
    claims: { sub: { contains: alice } }
",
    ),
    flawed(
        Warning("unprovable_rule"),
        3,
        "routes:
  - match: GET /orders
    claims: { aud: { contains: 5 } }
",
    ),
    flawed(
        Warning("unprovable_rule"),
        3,
        "routes:
  - match: GET /orders
    claims: { /aud/0/x: a }
",
    ),
    flawed(
        Warning("unprovable_rule"),
        3,
        "routes:
  - match: GET /orders
    claims: { /aud/name: a }
",
    ),
    flawed(
        Warning("unprovable_rule"),
        3,
        "routes:
  - match: GET /orders
    claims: { scope: { contains: orders:read } }
",
    ),
    flawed(
        Warning("unprovable_rule"),
        3,
        "routes:
  - match: GET /orders
    claims: { aud: https://other.example }
",
    ),
    unprovable(
        "unprovable_rule",
        3,
        &["rfc9068", "okta"],
        "routes:
  - match: GET /orders
    claims: { iss: { one_of: ['https://other.example'] } }
",
    ),
    flawed(
        Warning("unprovable_route"),
        2,
        "routes:
  - match: GET /orders
    initiator: { one_of: [alice] }
    claims: { sub: bob }
",
    ),
    flawed(
        Warning("unprovable_route"),
        2,
        "routes:
  - match: GET /orders
    client: { none_of: [batch] }
    claims: { client_id: batch }
",
    ),
    flawed(
        Warning("unprovable_route"),
        2,
        "routes:
  - match: GET /orders
    actor: { issuer: same }
    chain: { issuers: 'https://partner.example' }
",
    ),
    unprovable(
        "unprovable_route",
        2,
        &["rfc9068", "okta"],
        "routes:
  - match: GET /orders
    initiator: { issuer: 'https://okta.example' }
    actor: { one_of: [refund-agent] }
    chain: { path: [{ issuer: 'https://rfc9068.example', subject: refund-agent }] }
",
    ),
    // Two spellings of one claim.
    flawed(
        Warning("unmet_alternative"),
        4,
        "routes:
  - match: GET /orders
    claims: { region: eu }
    any_of: [{ claims: { /region: asia } }, { client: { one_of: [batch] } }]
",
    ),
];
