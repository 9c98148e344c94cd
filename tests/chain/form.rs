//! The form of a delegation chain: malformed at any depth, duplicate names, too deep.

use serde_json::{Value, json};

use crate::chain::actor::{AGENT, deployment, row};
use crate::mint::{ISSUER, chain, claims_text_with_last};
use crate::table::{FORBIDDEN, HEAD_TOO_LARGE, INVALID_TOKEN, PASSES, Table};

/// Malformed `act` claims, and the same inside a valid one at depth two and three.
fn malformed() -> Vec<Value> {
    let no_actor = [
        json!("agent"),
        json!(""),
        json!(1),
        json!(true),
        json!(false),
        json!(null),
        json!([]),
        json!([{ "sub": AGENT }]),
        json!({}),
        json!({ "sub": "" }),
        json!({ "sub": " " }),
        json!({ "sub": null }),
        json!({ "sub": 1 }),
        json!({ "sub": [AGENT] }),
        json!({ "sub": { "sub": AGENT } }),
        json!({ "iss": ISSUER }),
        json!({ "client_id": AGENT }),
        json!({ "Sub": AGENT }),
        json!({ "sub": "agent\ncanary" }),
        json!({ "sub": "agent\u{0}canary" }),
        json!({ "sub": "a".repeat(1025) }),
        json!({ "sub": AGENT, "iss": 1 }),
        json!({ "sub": AGENT, "iss": null }),
        json!({ "sub": AGENT, "iss": "" }),
        json!({ "sub": AGENT, "iss": [ISSUER] }),
    ];
    let within = |act: &Value| json!({ "sub": AGENT, "sub_profile": "ai_agent", "act": act });
    let prior = no_actor.iter().map(within);
    let second = no_actor.iter().map(|act| within(&within(act)));
    no_actor.iter().cloned().chain(prior).chain(second).collect()
}

#[test]
fn a_malformed_act_is_denied() {
    let deployment = deployment();
    let mut table = Table::on(&deployment);
    for act in malformed() {
        let token = deployment.issuer.token(json!({ "act": act }));
        let shown: String = act.to_string().chars().take(120).collect();
        // Also on routes without delegation: a malformed actor is not an absent one.
        for target in ["/orders/1", "/people/1", "/delegated/1", "/named/1", "/shallow/1"] {
            row(&mut table, &format!("act {shown}"), target, &token, INVALID_TOKEN);
        }
    }
    table.finish();
}

#[test]
fn duplicate_names_in_act_are_denied() {
    let deployment = deployment();
    let mut table = Table::on(&deployment);
    for member in [
        r#""act":{"sub":"refund-agent-canary"},"act":{"sub":"other"}"#,
        r#""act":{"sub":"other"},"act":{"sub":"refund-agent-canary"}"#,
        r#""act":{"sub":"refund-agent-canary"},"act":null"#,
        r#""act":{"sub":"refund-agent-canary"},"\u0061ct":{"sub":"other"}"#,
        r#""act":{"sub":"other","sub":"refund-agent-canary"}"#,
        r#""act":{"sub":"refund-agent-canary","s\u0075b":"other"}"#,
        r#""act":{"sub":"refund-agent-canary","iss":"https://a","iss":"https://idp.example.com"}"#,
        r#""act":{"sub":"refund-agent-canary","act":{"sub":"a"},"act":{"sub":"b"}}"#,
        r#""act":{"sub":"refund-agent-canary","act":{"sub":"a","sub":"b"}}"#,
        r#""act":{"sub":"refund-agent-canary","x":1,"x":2}"#,
    ] {
        let token = deployment.issuer.signed_text(&claims_text_with_last(member));
        for target in ["/orders/1", "/people/1", "/named/1"] {
            row(&mut table, member, target, &token, INVALID_TOKEN);
        }
    }
    table.finish();
}

#[test]
fn a_too_deep_chain_is_denied() {
    let deployment = deployment();
    let issuer = &deployment.issuer;
    let mut table = Table::on(&deployment);
    let of_depth = |depth: usize| {
        let names: Vec<_> = (0..depth).map(|i| format!("agent-{i}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        issuer.token(json!({ "act": chain(&names) }))
    };
    for depth in [1, 2] {
        row(
            &mut table,
            &format!("{depth} actors"),
            "/shallow/1",
            &of_depth(depth),
            PASSES,
        );
    }
    for depth in [3, 4, 16] {
        row(
            &mut table,
            &format!("{depth} actors"),
            "/shallow/1",
            &of_depth(depth),
            FORBIDDEN,
        );
    }
    row(&mut table, "exactly at the cap", "/orders/1", &of_depth(16), PASSES);
    for depth in [17, 18, 30] {
        row(
            &mut table,
            &format!("{depth} actors"),
            "/orders/1",
            &of_depth(depth),
            INVALID_TOKEN,
        );
        row(
            &mut table,
            &format!("{depth} actors"),
            "/shallow/1",
            &of_depth(depth),
            INVALID_TOKEN,
        );
    }
    // Deep enough to overflow the stack of a recursive parser; as text, since serde_json is one.
    for depth in [100, 200, 400] {
        let act = format!(
            r#""act":{}{}{}"#,
            r#"{"sub":"a","act":"#.repeat(depth),
            r#"{"sub":"z"}"#,
            "}".repeat(depth)
        );
        let token = issuer.signed_text(&claims_text_with_last(&act));
        row(
            &mut table,
            &format!("{depth} actors, far above the cap"),
            "/orders/1",
            &token,
            INVALID_TOKEN,
        );
    }
    let act = format!(
        r#""act":{}{}{}"#,
        r#"{"sub":"a","act":"#.repeat(10_000),
        r#"{"sub":"z"}"#,
        "}".repeat(10_000)
    );
    let token = issuer.signed_text(&claims_text_with_last(&act));
    row(&mut table, "10,000 actors", "/orders/1", &token, HEAD_TOO_LARGE);
    row(
        &mut table,
        "a usual token afterwards",
        "/orders/1",
        &of_depth(1),
        PASSES,
    );
    table.finish();
}
