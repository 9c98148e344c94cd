//! Policies whose routes have one flaw each, and what the load analysis finds.

use crate::flawed::Found::{Mistake, Warning};
use crate::flawed::{Flawed, flawed};

/// Each flaw once.
pub const FLAWED_ROUTES: &[Flawed] = &[
    // What a path cannot be beside another.
    flawed(
        Mistake(
            "`GET /orders/{*rest}` has the rest of a path where `GET /orders/{id}` in line 2 has a segment of any name",
        ),
        4,
        "routes:
  - match: GET /orders/{id}
    scopes: [orders:read]
  - match: GET /orders/{*rest}
    scopes: [orders:read]
",
    ),
    flawed(
        Mistake("`GET /orders/{*rest}` has the rest of a path where `GET /orders/{id}/items` in line 4 has"),
        2,
        "routes:
  - match: GET /orders/{*rest}
    scopes: [orders:read]
  - match: GET /orders/{id}/items
    scopes: [orders:read]
",
    ),
    // What no request reaches.
    flawed(
        Warning("unforwarded_method"),
        4,
        "routes:
  - match: GET /orders
    scopes: [orders:read]
  - match: TRACE /orders
    scopes: [orders:read]
",
    ),
    // What requires less than it looks.
    flawed(
        Warning("weaker_route"),
        4,
        "routes:
  - match: GET /orders/{id}
    initiator: { kind: human }
  - match: GET /orders/export
",
    ),
    flawed(
        Warning("weaker_route"),
        4,
        "routes:
  - match: ['* /admin', '* /admin/', '* /admin/{*rest}']
    actor: { absent: true }
  - match: GET /admin/reports
",
    ),
    flawed(
        Warning("weaker_route"),
        4,
        "routes:
  - match: GET /orders/{id}
    initiator: { kind: human }
  - match: GET /orders/export
    scopes: [orders:export]
",
    ),
    // An alternative is a way around it.
    flawed(
        Warning("weaker_route"),
        4,
        "routes:
  - match: GET /orders/{id}
    initiator: { kind: human }
  - match: GET /orders/export
    any_of: [{ initiator: { kind: human } }, { scopes: [orders:export] }]
",
    ),
    flawed(
        Warning("weaker_route"),
        5,
        "routes:
  - match: POST /mcp
    mcp: { method: tools/call, name: 'pay_*' }
    initiator: { kind: human }
  - match: POST /mcp
    mcp: { method: tools/call, name: pay_small }
    scopes: [pay]
",
    ),
    flawed(
        Warning("other_spellings"),
        2,
        "routes:
  - match: GET /orders/{id}
    scopes: [orders:read]
  - match: GET /orders/export
    scopes: [orders:export]
",
    ),
    // A name in upper case has another spelling as well.
    flawed(
        Warning("other_spellings"),
        2,
        "routes:
  - match: GET /ORDERS/{id}
    scopes: [orders:read]
  - match: GET /ORDERS/EXPORT
    scopes: [orders:export]
",
    ),
    flawed(
        Warning("unused_weaker_than"),
        6,
        "routes:
  - match: GET /orders/{id}
    initiator: { kind: human }
  - match: GET /orders/export
    initiator: { kind: human }
    weaker_than: GET /orders/{id}
",
    ),
    flawed(
        Warning("open_amount"),
        3,
        "routes:
  - match: POST /refunds
    operation: { json: { /amount: { max: 500 } } }
",
    ),
    flawed(
        Warning("lookalike"),
        3,
        "routes:
  - match: POST /refunds
    actor: { none_of: [\"\u{440}efund-agent\"] }
",
    ),
];
