//! Inputs that are JSON values.

use serde_json::{Value, json};

use super::{ALLOWED, Row};
use crate::mint::{AUDIENCE, ISSUER, chain, now};

pub(super) fn malformed_actors() -> Vec<Row> {
    let row = |input, act| (input, "/any", "invalid_chain", json!({ "act": act }));
    let within = |act| json!({ "sub": "a3", "act": { "sub": "a2", "act": act } });
    vec![
        row("act: a string", json!("a1")),
        row("act: an array", json!([{ "sub": "a1" }])),
        row("act: a number", json!(1)),
        row("act: a boolean", json!(false)),
        row("act: null, where an actor may be absent", Value::Null),
        (
            "act: null, where it has to be absent",
            "/alone",
            "invalid_chain",
            json!({ "act": null }),
        ),
        row("act: empty", json!({})),
        row("act: no sub", json!({ "iss": ISSUER })),
        row("act.sub: empty", json!({ "sub": "" })),
        row("act.sub: blank", json!({ "sub": " " })),
        row("act.sub: a number", json!({ "sub": 7 })),
        row("act.sub: 1,025 bytes", json!({ "sub": "a".repeat(1025) })),
        (
            "act.sub: 1,024 bytes",
            "/any",
            ALLOWED,
            json!({ "act": { "sub": "a".repeat(1024) } }),
        ),
        row("act.iss: empty", json!({ "sub": "a1", "iss": "" })),
        row("act.iss: a number", json!({ "sub": "a1", "iss": 7 })),
        row("act.sub: NUL at its end", json!({ "sub": "a1\0" })),
        row("act.sub: a line feed", json!({ "sub": "a\n1" })),
        row("an inner act: a string", within(json!("a1"))),
        row("an inner act: null", within(Value::Null)),
        row("an inner act: empty", within(json!({}))),
    ]
}

pub(super) fn chains() -> Vec<Row> {
    let of_depth = |depth: usize| {
        let names: Vec<String> = (0..depth).map(|n| format!("a{n}")).collect();
        json!({ "act": chain(&names.iter().map(String::as_str).collect::<Vec<_>>()) })
    };
    let cycle = || json!({ "act": chain(&["a1", "a2", "a1"]) });
    let twice = || json!({ "act": { "sub": "a1", "client_id": "c2", "act": { "sub": "a1", "client_id": "c1" } } });
    let incomplete = || json!({ "act": { "sub": "a1" }, "chain_complete": false });
    vec![
        ("a chain at the cap", "/any", ALLOWED, of_depth(16)),
        ("a chain one above the cap", "/any", "chain_too_long", of_depth(17)),
        ("a cycle", "/any", ALLOWED, cycle()),
        (
            "a cycle, where no actor repeats",
            "/once",
            "chain_actor_repeated",
            cycle(),
        ),
        ("an actor twice in a row by two clients", "/two-hops", ALLOWED, twice()),
        (
            "an actor twice in a row, where none repeats",
            "/once",
            "chain_actor_repeated",
            twice(),
        ),
        (
            "chain_complete: false, a history rule",
            "/two-hops",
            "chain_incomplete",
            incomplete(),
        ),
        (
            "chain_complete: false, a core rule on the actor",
            "/by-a1",
            ALLOWED,
            incomplete(),
        ),
        (
            "chain_complete: false, a core rule on the subject",
            "/human",
            ALLOWED,
            incomplete(),
        ),
    ]
}

pub(super) fn parties() -> Vec<Row> {
    let partner = "https://partner.example.com";
    let person = || json!({ "sub": "u1", "act": { "sub": "u1" } });
    let machine = || json!({ "sub": "bot", "sub_profile": "ai_agent", "act": { "sub": "bot" } });
    let by = |name: &str| json!({ "act": { "sub": name } });
    let unclassified = |changes: Value| {
        let mut all = changes;
        all["sub_profile"] = json!("unclassified");
        all
    };
    vec![
        (
            "act.iss: another issuer",
            "/by-a1",
            "actor_not_allowed",
            json!({ "act": { "sub": "a1", "iss": partner } }),
        ),
        ("act.iss: absent", "/by-a1", ALLOWED, by("a1")),
        (
            "act.iss: the issuer of the token",
            "/by-a1",
            ALLOWED,
            json!({ "act": { "sub": "a1", "iss": ISSUER } }),
        ),
        ("a person as their own actor", "/any", "self_actor", person()),
        (
            "a machine as its own actor, delegated",
            "/delegated",
            "actor_missing",
            machine(),
        ),
        ("a machine as its own actor, autonomous", "/agent", ALLOWED, machine()),
        (
            "a machine as its own actor, human",
            "/human",
            "initiator_not_human",
            machine(),
        ),
        (
            "the subject's name at another issuer",
            "/delegated",
            ALLOWED,
            json!({ "sub": "u1", "act": { "sub": "u1", "iss": partner } }),
        ),
        ("a name in another case", "/by-a1", "actor_not_allowed", by("A1")),
        (
            "a name in full-width letters",
            "/by-a1",
            "actor_not_allowed",
            by("\u{ff41}1"),
        ),
        ("a look-alike letter", "/by-a1", "actor_not_allowed", by("\u{430}1")),
        ("a zero-width blank", "/by-a1", "actor_not_allowed", by("a\u{200b}1")),
        ("composed, as in the policy", "/by-cafe", ALLOWED, by("caf\u{e9}")),
        ("decomposed", "/by-cafe", "actor_not_allowed", by("cafe\u{301}")),
        (
            "may_act is no actor",
            "/delegated",
            "actor_missing",
            json!({ "may_act": { "sub": "a1" } }),
        ),
        (
            "may_act is in no list of actors",
            "/by-a1",
            "actor_missing",
            json!({ "may_act": { "sub": "a1" } }),
        ),
        (
            "client_profile inside act",
            "/by-agent",
            "actor_kind_unknown",
            json!({ "act": { "sub": "a1", "client_profile": "ai_agent" } }),
        ),
        (
            "a subject with the name of its client",
            "/human",
            "initiator_kind_unknown",
            unclassified(json!({ "sub": "app", "client_id": "app" })),
        ),
        (
            "a subject with another name than its client",
            "/human",
            "initiator_kind_unknown",
            unclassified(json!({ "sub": "u1", "client_id": "app" })),
        ),
        (
            "sub_profile: two kinds",
            "/human",
            "initiator_kind_unknown",
            json!({ "sub_profile": "user ai_agent" }),
        ),
        (
            "sub_profile: upper case",
            "/human",
            ALLOWED,
            json!({ "sub_profile": "USER" }),
        ),
        (
            "sub_profile: two blanks",
            "/human",
            "initiator_kind_unknown",
            json!({ "sub_profile": "user  x" }),
        ),
    ]
}

pub(super) fn members_of_act() -> Vec<Row> {
    let with = |name: &str, value: Value| json!({ "act": { "sub": "a1", name: value } });
    vec![
        ("act.exp: past", "/by-a1", ALLOWED, with("exp", json!(1))),
        (
            "act.nbf: in the future",
            "/by-a1",
            ALLOWED,
            with("nbf", json!(99_999_999_999_u64)),
        ),
        (
            "act.aud: another one",
            "/by-a1",
            ALLOWED,
            with("aud", json!("https://other.example.com")),
        ),
        ("act.amr", "/mfa", "amr_not_met", with("amr", json!(["mfa"]))),
        (
            "act.auth_time",
            "/fresh",
            "auth_too_old",
            with("auth_time", json!(now())),
        ),
        (
            "act.scope",
            "/admin",
            "insufficient_scope",
            with("scope", json!("admin")),
        ),
        ("act.roles", "/roles", "claim_not_met", with("roles", json!(["admin"]))),
        (
            "act.cnf",
            "/bound",
            "token_not_sender_constrained",
            with("cnf", json!({ "x5t#S256": "x" })),
        ),
    ]
}

pub(super) fn logins(now: u64) -> Vec<Row> {
    let at = |input, code, time: Value| (input, "/fresh", code, json!({ "auth_time": time }));
    let by = |input, amr: Value| (input, "/mfa", "amr_not_met", json!({ "amr": amr }));
    vec![
        at("auth_time: 300 s ago", ALLOWED, json!(now - 300)),
        at("auth_time: 301 s ago", "auth_too_old", json!(now - 301)),
        at("auth_time: a fraction", ALLOWED, json!(now as f64 - 10.5)),
        at("auth_time: a string", "auth_too_old", json!(now.to_string())),
        at("auth_time: 1e99", "auth_too_old", json!(1e99)),
        at("auth_time: negative", "auth_too_old", json!(-1)),
        at("auth_time: beyond the skew", "auth_too_old", json!(now + 3600)),
        ("auth_time: absent", "/fresh", "auth_too_old", json!({})),
        (
            "amr: a list with mfa",
            "/mfa",
            ALLOWED,
            json!({ "amr": ["pwd", "mfa"] }),
        ),
        by("amr: a string", json!("mfa")),
        by("amr: a longer word", json!(["mfa2"])),
        by("amr: empty", json!([])),
        ("amr: absent", "/mfa", "amr_not_met", json!({})),
    ]
}

pub(super) fn scopes_and_audiences() -> Vec<Row> {
    let scope = |input, code, scope: Value| (input, "/read", code, json!({ "scope": scope }));
    let audience = |input, route, code, aud: Value| (input, route, code, json!({ "aud": aud }));
    vec![
        scope("scope: a tab", "insufficient_scope", json!("a\torders:read")),
        scope("scope: two blanks", ALLOWED, json!("a  orders:read")),
        scope(
            "scope: a no-break space",
            "insufficient_scope",
            json!("a\u{a0}orders:read"),
        ),
        scope("scope: a slash", "insufficient_scope", json!("api/orders:read")),
        scope("scope: a list", "invalid_claim", json!(["orders:read"])),
        (
            "scope and scp that disagree",
            "/read",
            "invalid_claim",
            json!({ "scope": "orders:read", "scp": "orders:write" }),
        ),
        (
            "scope and scp that agree",
            "/read",
            ALLOWED,
            json!({ "scope": "orders:read", "scp": "orders:read" }),
        ),
        audience("aud: empty", "/any", "invalid_claim", json!([])),
        audience(
            "aud: a slash at its end",
            "/any",
            "invalid_claim",
            json!(format!("{AUDIENCE}/")),
        ),
        audience("aud: a further one", "/any", ALLOWED, json!(["bot", AUDIENCE])),
        audience(
            "aud: a further one, where one is required",
            "/single",
            "token_audience_not_single",
            json!(["bot", AUDIENCE]),
        ),
        (
            "iss: its port",
            "/any",
            "invalid_claim",
            json!({ "iss": format!("{ISSUER}:443") }),
        ),
        (
            "iss: a slash at its end",
            "/any",
            "invalid_claim",
            json!({ "iss": format!("{ISSUER}/") }),
        ),
        (
            "an ID token with an actor: nonce",
            "/by-a1",
            "invalid_claim",
            json!({ "nonce": "n", "act": { "sub": "a1" } }),
        ),
        (
            "an ID token with an actor: at_hash",
            "/by-a1",
            "invalid_claim",
            json!({ "at_hash": "h", "act": { "sub": "a1" } }),
        ),
        (
            "an ID token with an actor: c_hash",
            "/by-a1",
            "invalid_claim",
            json!({ "c_hash": "h", "act": { "sub": "a1" } }),
        ),
    ]
}
