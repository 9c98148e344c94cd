//! Claims of a signed token: dates, audience, issuer, subject.

use serde_json::{Value, json};

use crate::deployment::Deployment;
use crate::mint::{AUDIENCE, ISSUER, TokenIssuer, claims_text, claims_text_with_last, claims_without, now};
use crate::table::{INVALID_TOKEN, PASSES, Table};
use crate::wire;

/// A row for each invalid value of `claim`.
fn denied(table: &mut Table<'_>, issuer: &TokenIssuer, claim: &str, values: &[Value]) {
    for value in values {
        let shown: String = value.to_string().chars().take(60).collect();
        let token = issuer.token(json!({ claim: value }));
        table.token(&format!("{claim} {shown}"), &token, INVALID_TOKEN);
    }
}

/// Values of every JSON type but number.
fn other_than_numbers() -> Vec<Value> {
    let soon = now() + 600;
    let text = soon.to_string();
    vec![
        json!(text),
        json!(""),
        json!("never"),
        json!(true),
        json!(false),
        json!(null),
        json!([soon]),
        json!([]),
        json!({ "seconds": soon }),
        json!({}),
    ]
}

#[test]
fn missing_malformed_or_past_exp_is_denied() {
    let deployment = Deployment::with_routes();
    let issuer = &deployment.issuer;
    let mut table = Table::on(&deployment);
    table.token("missing", &issuer.signed(&claims_without("exp")), INVALID_TOKEN);
    denied(&mut table, issuer, "exp", &other_than_numbers());
    let past = [now() - 31, now() - 40, now() - 3600, 1, 0];
    denied(&mut table, issuer, "exp", &past.map(|date| json!(date)));
    denied(
        &mut table,
        issuer,
        "exp",
        &[json!(-1), json!(-1e300), json!(0.5), json!((now() - 60) as f64 + 0.5)],
    );
    let overflow = claims_text_with_last(r#""x":1"#).replace(r#""exp":"#, r#""exp":1e999,"y":"#);
    table.token("larger than any number", &issuer.signed_text(&overflow), INVALID_TOKEN);
    for (what, date) in [
        ("ten seconds ago", now() - 10),
        ("just past, within the leeway", now() - 1),
    ] {
        table.token(what, &issuer.token(json!({ "exp": date })), PASSES);
    }
    let fraction = json!({ "exp": (now() + 60) as f64 + 0.5 });
    table.token("a fraction in the future", &issuer.token(fraction), PASSES);
    table.finish();
}

#[test]
fn a_very_large_exp_gets_an_answer() {
    let deployment = Deployment::with_routes();
    let mut table = Table::on(&deployment);
    for (date, want) in [
        ("9999999999999", PASSES),
        ("9007199254740993", PASSES),
        ("9223372036854775807", PASSES),
        ("9223372036854775808", PASSES),
        ("18446744073709551615", PASSES),
        // Beyond the integers that the claim can have.
        ("18446744073709551616", INVALID_TOKEN),
        ("1e18", INVALID_TOKEN),
        ("1e19", INVALID_TOKEN),
        ("1e300", INVALID_TOKEN),
        ("1.7976931348623157e308", INVALID_TOKEN),
    ] {
        let text = claims_text().replace(r#""exp":"#, &format!(r#""exp":{date},"x":"#));
        let token = deployment.issuer.signed_text(&text);
        table.token(&format!("exp {date}"), &token, want);
        table.token(&format!("exp {date}, again"), &token, want);
    }
    table.finish();
}

#[test]
fn malformed_nbf_and_iat_are_denied() {
    let deployment = Deployment::with_routes();
    let issuer = &deployment.issuer;
    let mut table = Table::on(&deployment);
    denied(&mut table, issuer, "nbf", &other_than_numbers());
    denied(
        &mut table,
        issuer,
        "nbf",
        &[json!(now() + 60), json!(now() + 3600), json!(1e300), json!(-1)],
    );
    denied(&mut table, issuer, "iat", &other_than_numbers());
    table.token("nbf in the past", &issuer.token(json!({ "nbf": now() - 60 })), PASSES);
    table.token(
        "nbf within the leeway",
        &issuer.token(json!({ "nbf": now() + 10 })),
        PASSES,
    );
    for ahead in [10, 3600, 1_000_000_000] {
        let token = issuer.token(json!({ "iat": now() + ahead }));
        table.token(&format!("iat {ahead} s in the future"), &token, PASSES);
    }
    table.finish();
}

#[test]
fn another_audience_is_denied() {
    let deployment = Deployment::with_routes();
    let issuer = &deployment.issuer;
    let mut table = Table::on(&deployment);
    table.token("missing", &issuer.signed(&claims_without("aud")), INVALID_TOKEN);
    let prefix = &AUDIENCE[..AUDIENCE.len() - 1];
    denied(
        &mut table,
        issuer,
        "aud",
        &[
            json!(""),
            json!([]),
            json!([""]),
            json!("https://other.example.com"),
            json!(["https://other.example.com", "https://third.example.com"]),
            json!(prefix),
            json!(format!("{AUDIENCE}x")),
            json!(format!("{AUDIENCE}.evil.example")),
            json!(format!("x{AUDIENCE}")),
            json!("HTTPS://ORDERS.EXAMPLE.COM"),
            json!("https://Orders.example.com"),
            json!(format!("{AUDIENCE}/")),
            json!(format!("{AUDIENCE}:443")),
            json!(format!("{AUDIENCE} https://other.example.com")),
            json!(format!("https://other.example.com,{AUDIENCE}")),
            json!(format!(" {AUDIENCE}")),
            json!(format!("[\"{AUDIENCE}\"]")),
            json!(format!("{AUDIENCE}\u{0}")),
            json!("*"),
            json!(null),
            json!(1),
            json!(true),
            json!({ "aud": AUDIENCE }),
            json!({ AUDIENCE: 1 }),
            json!([[AUDIENCE]]),
            json!([{ "aud": AUDIENCE }]),
            json!([AUDIENCE, 1]),
            json!([AUDIENCE, null]),
            json!(ISSUER),
            json!("web-canary"),
        ],
    );
    for valid in [json!([AUDIENCE]), json!(["https://other.example.com", AUDIENCE])] {
        let token = issuer.token(json!({ "aud": valid }));
        table.token(&format!("the audience among {valid}"), &token, PASSES);
    }
    table.finish();
}

#[test]
fn another_issuer_is_denied() {
    let deployment = Deployment::with_routes();
    let issuer = &deployment.issuer;
    let untrusted = TokenIssuer::new();
    let mut table = Table::on(&deployment);
    table.token("missing", &issuer.signed(&claims_without("iss")), INVALID_TOKEN);
    denied(
        &mut table,
        issuer,
        "iss",
        &[
            json!("https://IDP.example.com"),
            json!("HTTPS://idp.example.com"),
            json!(format!("{ISSUER}/")),
            json!(format!("{ISSUER}:443")),
            json!("http://idp.example.com"),
            json!("idp.example.com"),
            json!(format!("{ISSUER}.evil.example")),
            json!(format!("{ISSUER}?x=1")),
            json!(format!("{ISSUER}#x")),
            json!(format!("{ISSUER} ")),
            json!(format!("{ISSUER}\u{0}")),
            json!(&ISSUER[..ISSUER.len() - 1]),
            json!(""),
            json!([ISSUER]),
            json!([ISSUER, "https://evil.example.com"]),
            json!({ "iss": ISSUER }),
            json!(null),
            json!(1),
            json!(true),
        ],
    );
    // An issuer that is not trusted; its discovery documents exist.
    let elsewhere = crate::deployment::key_server::KeyServer::start(crate::deployment::key_server::Conduct::Publish(
        untrusted.document(),
    ));
    for (what, issuer) in [
        ("with the trusted issuer", ISSUER.to_owned()),
        ("with its own issuer", elsewhere.url()),
    ] {
        let token = untrusted.token(json!({ "iss": issuer }));
        table.token(&format!("a token of an untrusted key, {what}"), &token, INVALID_TOKEN);
    }
    let token = issuer.token(json!({ "iss": elsewhere.url() }));
    table.token(
        "a token of the trusted key with an untrusted issuer",
        &token,
        INVALID_TOKEN,
    );
    table.check("no discovery at an untrusted issuer", elsewhere.requests().is_empty());
    table.finish();
}

#[test]
fn a_missing_or_malformed_sub_is_denied() {
    let deployment = Deployment::with_routes();
    let issuer = &deployment.issuer;
    let mut table = Table::on(&deployment);
    table.token("missing", &issuer.signed(&claims_without("sub")), INVALID_TOKEN);
    denied(
        &mut table,
        issuer,
        "sub",
        &[
            json!(""),
            json!(null),
            json!(1),
            json!(true),
            json!(["alice-canary"]),
            json!({ "id": "alice-canary" }),
        ],
    );
    for odd in [
        "\n",
        "\r\nX-Auth-Subject: forged",
        "\r",
        "\0",
        "\t",
        "\u{1}",
        "\u{b}",
        "\u{1b}[31m",
        "\u{1f}",
        "\u{7f}",
        "\u{85}",
    ] {
        let token = issuer.token(json!({ "sub": format!("alice{odd}canary") }));
        table.token(&format!("sub with {odd:?}"), &token, INVALID_TOKEN);
    }
    table.finish();
}

#[test]
fn unusual_subjects_reach_the_upstream_as_one_header() {
    let deployment = Deployment::with_routes();
    let mut table = Table::on(&deployment);
    for sub in [
        "ålice-canary".to_owned(),
        "алиса-canary".into(),
        "🦀-canary".into(),
        "a\u{2028}canary".into(),
        "a\u{200b}canary".into(),
        "a\u{202e}canary".into(),
        "alice%0d%0acanary".into(),
        "alice, bob; canary=\"1\"".into(),
        " canary ".into(),
        "a".repeat(900) + "-canary",
    ] {
        let token = deployment.issuer.token(json!({ "sub": sub }));
        let request = wire::request("GET", "/orders/1", &[&wire::bearer(&token)]);
        let shown: String = sub.chars().take(20).collect();
        let seen = table.request(&format!("sub {shown:?}"), &request, PASSES);
        for one in &seen {
            let named = one.head.values("x-auth-subject");
            table.check(
                &format!("one subject upstream for {shown:?}"),
                named.len() == 1 && !named[0].is_empty(),
            );
            table.check(&format!("the path upstream for {shown:?}"), one.target == "/orders/1");
        }
    }
    let long = deployment.issuer.token(json!({ "sub": "a".repeat(5000) }));
    table.token("a sub of 5,000 characters", &long, INVALID_TOKEN);
    table.finish();
}
