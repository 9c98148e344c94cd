//! Keys of the policy that read the token itself.

use serde_json::{Value, json};

use crate::mint::now;
use crate::policy::row::{Row, row};

pub fn token_rows() -> Vec<Row> {
    let issued = |seconds: u64| json!({ "iat": now() - seconds, "exp": now() + 600 });
    let api = crate::mint::AUDIENCE;
    let audience = |values: &[&str]| json!({ "aud": values });
    vec![
        row(
            "token: { max_lifetime: 1h }",
            json!({ "iat": now() - 60, "exp": now() + 3000 }),
            json!({ "iat": now() - 60, "exp": now() + 3600 }),
            "token_lifetime_too_long",
            "token.max_lifetime",
        ),
        row(
            "token: { max_age: 10m }",
            issued(300),
            issued(1200),
            "token_too_old",
            "token.max_age",
        ),
        row(
            "token: { single_audience: true }",
            audience(&[api]),
            audience(&["bot", api]),
            "token_audience_not_single",
            "token.single_audience",
        ),
        row(
            "authorization_details: { type: payment, actions: initiate, members: { /amount/value: { max: 500 } } }",
            payment("500"),
            payment("500.01"),
            "authorization_details_not_met",
            "authorization_details",
        ),
        row(
            "authorization_details: { type: payment }",
            payment("1"),
            json!({ "authorization_details": [{ "type": "other" }] }),
            "authorization_details_not_met",
            "authorization_details",
        ),
        row(
            "expression: 'claims.region == \"eu\" && now - token.iat < 600'",
            json!({ "region": "eu", "iat": now() - 60, "exp": now() + 600 }),
            json!({ "region": "eu", "iat": now() - 1200, "exp": now() + 600 }),
            "expression_not_true",
            "expression",
        ),
        row(
            "expression: { cel: 'size(chain) < 2 && request.method == \"GET\"' }",
            json!({ "act": { "sub": "a" } }),
            json!({ "act": { "sub": "a", "act": { "sub": "b" } } }),
            "expression_not_true",
            "expression",
        ),
    ]
}

fn payment(amount: &str) -> Value {
    json!({ "authorization_details": [{ "type": "payment", "actions": ["initiate"], "amount": { "value": amount } }] })
}
