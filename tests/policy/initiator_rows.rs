//! Keys of the policy that read the scope, the initiator and other claims of the token.

use serde_json::{Value, json};

use crate::mint::{ISSUER, now};
use crate::policy::row::{Row, agent, row};

pub fn scope_rows() -> Vec<Row> {
    let scope = |scope: &str| json!({ "scope": scope });
    let lacks = "insufficient_scope";
    vec![
        row("scopes: [a, b]", scope("b a c"), scope("a"), lacks, "scopes")
            .with_challenge(403, &[("error", "insufficient_scope"), ("scope", "a b")]),
        row("scopes: { all_of: [a, b] }", scope("a b"), scope("b"), lacks, "scopes")
            .with_challenge(403, &[("error", "insufficient_scope"), ("scope", "a b")]),
        row(
            "scopes: { any_of: [a, b] }",
            scope("b"),
            scope("c"),
            lacks,
            "scopes.any_of",
        )
        .with_challenge(403, &[("error", "insufficient_scope"), ("scope", "a b")]),
        row(
            "scopes: { all_of: [a], any_of: [b, c] }",
            scope("c a"),
            scope(""),
            lacks,
            "scopes",
        )
        .with_challenge(403, &[("error", "insufficient_scope"), ("scope", "a b c")]),
        row(
            "scopes: [orders:read, orders:write]",
            scope("root"),
            scope("orders:write"),
            lacks,
            "scopes",
        )
        .with_challenge(
            403,
            &[("error", "insufficient_scope"), ("scope", "orders:read orders:write")],
        ),
        row(
            "scopes: { any_of: [a, orders:read] }",
            scope("b orders:admin"),
            scope("orders:write"),
            lacks,
            "scopes.any_of",
        )
        .with_challenge(403, &[("error", "insufficient_scope"), ("scope", "a orders:read")]),
        row(
            "scopes: { none_of: [orders:write] }",
            scope("orders:read"),
            scope("root"),
            "scope_not_allowed",
            "scopes.none_of",
        ),
        row(
            "scopes: { none_of: [admin] }",
            scope("a"),
            scope("a admin"),
            "scope_not_allowed",
            "scopes.none_of",
        ),
    ]
}

pub fn initiator_rows() -> Vec<Row> {
    let none = || json!({});
    let other = || json!({ "iss": ISSUER, "sub": "another-user" });
    let login = |age: u64| json!({ "auth_time": now() - age });
    vec![
        row(
            "initiator: { kind: human }",
            none(),
            agent(),
            "initiator_not_human",
            "initiator.kind",
        ),
        row(
            "initiator: { kind: human }",
            none(),
            json!({ "sub_profile": "" }),
            "initiator_kind_unknown",
            "initiator.kind",
        ),
        row(
            "initiator: { kind: [agent, service] }",
            agent(),
            none(),
            "initiator_kind_not_allowed",
            "initiator.kind",
        ),
        row(
            "initiator: { one_of: [alice-canary] }",
            none(),
            other(),
            "initiator_not_allowed",
            "initiator.one_of",
        ),
        row(
            "initiator: { none_of: [another-user] }",
            none(),
            other(),
            "initiator_not_allowed",
            "initiator.none_of",
        ),
        row(
            "initiator: { amr: [mfa, otp] }",
            json!({ "amr": ["pwd", "otp", "mfa"] }),
            json!({ "amr": ["mfa2", "pwd"] }),
            "amr_not_met",
            "initiator.amr",
        ),
        row(
            "initiator: { amr: mfa }",
            json!({ "amr": ["mfa"] }),
            none(),
            "amr_not_met",
            "initiator.amr",
        ),
        row(
            "initiator: { acr: [phr, phrh] }",
            json!({ "acr": "phrh" }),
            json!({ "acr": "pwd" }),
            "acr_not_met",
            "initiator.acr",
        )
        .with_challenge(
            401,
            &[
                ("error", "insufficient_user_authentication"),
                ("acr_values", "phr phrh"),
            ],
        ),
        row(
            "initiator: { max_auth_age: 5m }",
            login(290),
            login(310),
            "auth_too_old",
            "initiator.max_auth_age",
        )
        .with_challenge(
            401,
            &[("error", "insufficient_user_authentication"), ("max_age", "300")],
        ),
        row(
            "initiator: { max_auth_age: 5m }",
            login(0),
            none(),
            "auth_too_old",
            "initiator.max_auth_age",
        )
        .with_challenge(
            401,
            &[("error", "insufficient_user_authentication"), ("max_age", "300")],
        ),
        row(
            "{ initiator: { acr: phr, max_auth_age: 1m } }",
            json!({ "acr": "phr", "auth_time": now() }),
            none(),
            "acr_not_met",
            "initiator.acr",
        )
        .with_challenge(
            401,
            &[
                ("error", "insufficient_user_authentication"),
                ("acr_values", "phr"),
                ("max_age", "60"),
            ],
        ),
        // A machine cannot log in again, so there is no step-up challenge.
        row(
            "initiator: { max_auth_age: 5m }",
            login(0),
            json!({ "sub": "bot", "sub_profile": "ai_agent", "auth_time": 1 }),
            "auth_too_old",
            "initiator.max_auth_age",
        ),
        // A new login does not help where another rule fails, too.
        row(
            "{ initiator: { max_auth_age: 5m }, actor: { required: true } }",
            json!({ "auth_time": now(), "act": { "sub": "a" } }),
            none(),
            "actor_missing",
            "actor.required",
        ),
        row(
            "actor: { none_of: [x] }",
            none(),
            json!({ "act": { "sub": "alice-canary" } }),
            "self_actor",
            "self_actor",
        ),
    ]
}

pub fn claim_rows() -> Vec<Row> {
    let tid = |tid: Value| json!({ "tid": tid });
    let code = "claim_not_met";
    let of_t = "claims.tid";
    vec![
        // Compared as a whole.
        row(
            "claims: { email: a@shop.example }",
            json!({ "email": "a@shop.example" }),
            json!({ "email": "a@shop.example@evil.example" }),
            code,
            "claims.email",
        ),
        row("claims: { tid: T1 }", tid(json!("T1")), tid(json!("T2")), code, of_t),
        row("claims: { tid: T1 }", tid(json!("T1")), json!({}), code, of_t),
        row("claims: { tid: T1 }", tid(json!("T1")), tid(json!(["T1"])), code, of_t),
        row("claims: { tid: 7 }", tid(json!(7)), tid(json!("7")), code, of_t),
        row(
            "claims: { tid: true }",
            tid(json!(true)),
            tid(json!("true")),
            code,
            of_t,
        ),
        row(
            "claims: { tid: { equals: T1 } }",
            tid(json!("T1")),
            tid(json!("t1")),
            code,
            of_t,
        ),
        row(
            "claims: { tid: { one_of: [T1, T2] } }",
            tid(json!("T2")),
            tid(json!("T3")),
            code,
            of_t,
        ),
        row(
            "claims: { tid: { contains: T1 } }",
            tid(json!(["T0", "T1"])),
            tid(json!(["T0", "T11"])),
            code,
            of_t,
        ),
        row(
            "claims: { /realm/roles: { contains: sre } }",
            json!({ "realm": { "roles": ["sre"] } }),
            json!({ "realm": { "roles": ["dev"] } }),
            code,
            "claims./realm/roles",
        ),
        row(
            "{ require: [fresh-people] }",
            json!({ "amr": ["mfa"] }),
            json!({}),
            "amr_not_met",
            "fresh-people.initiator.amr",
        ),
        row(
            "{ require: [fresh-people] }",
            json!({ "amr": ["mfa"] }),
            agent(),
            "initiator_not_human",
            "people.initiator.kind",
        ),
        row(
            "any_of: [{ initiator: { kind: human } }, { actor: { one_of: [a] } }]",
            json!({ "sub": "bot", "sub_profile": "ai_agent", "act": { "sub": "a" } }),
            agent(),
            "any_of_not_met",
            "any_of",
        ),
    ]
}
