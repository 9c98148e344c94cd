//! Identity headers: those of the client are removed in every spelling, those of the gate reach the upstream.

use serde_json::{Value, json};

use crate::deployment::upstream::Received;
use crate::deployment::{Configuration, Deployment};
use crate::mint::{ISSUER, TokenIssuer, chain};
use crate::table::{BAD_REQUEST, PASSES, Table};
use crate::wire::{bearer, request};

const NAMES: [&str; 7] = [
    "X-Auth-Subject",
    "X-Auth-Kind",
    "X-Auth-Actor",
    "X-Auth-Chain",
    "X-Auth-Client",
    "X-Auth-Scope",
    "X-Auth-Issuer",
];

/// Spellings of `name` that some services read as the same header.
fn spellings(name: &str) -> Vec<String> {
    let mixed = |name: &str| {
        let letters = name.chars().enumerate();
        let turned = letters.map(|(i, c)| match i % 2 {
            0 => c.to_ascii_lowercase(),
            _ => c.to_ascii_uppercase(),
        });
        turned.collect::<String>()
    };
    vec![
        name.to_owned(),
        name.to_lowercase(),
        name.to_uppercase(),
        mixed(name),
        name.replace('-', "_"),
        name.to_uppercase().replace('-', "_"),
        name.replacen('-', "_", 1),
        name.replace('-', "."),
        name.replacen("h-", "h.", 1),
    ]
}

/// The headers that some services read as identity headers, with names in lower case.
fn identity(received: &Received) -> Vec<(String, String)> {
    let fields = received.head.fields.iter().chain(&received.trailers.fields);
    let named = fields.map(|(name, value)| {
        let value = String::from_utf8_lossy(value).into_owned();
        (name.to_ascii_lowercase(), value)
    });
    named
        .filter(|(name, _)| name.replace(['_', '.'], "-").starts_with("x-auth-"))
        .collect()
}

fn value(received: &Received, name: &str) -> Option<String> {
    let all = identity(received);
    let mut named = all.into_iter().filter(|(known, _)| known == name);
    named.next().map(|(_, value)| value)
}

#[test]
fn client_headers_are_removed_in_every_spelling() {
    let deployment = Deployment::with_routes();
    let valid = deployment.reader();
    let mut table = Table::on(&deployment);
    for name in NAMES {
        for spelling in spellings(name) {
            let line = format!("{spelling}: forged");
            for (target, fields) in [
                ("/orders/1", vec![valid.as_str(), &line]),
                ("/orders/1", vec![line.as_str(), &valid, &line]),
                ("/open/page", vec![line.as_str()]),
                ("/open/page", vec![line.as_str(), &valid]),
            ] {
                let row = format!("{line} at {target} among {}", fields.len());
                let bytes = request("GET", target, &fields);
                for one in table.request(&row, &bytes, PASSES) {
                    let expected = target == "/orders/1";
                    let subject = value(&one, "x-auth-subject");
                    let of_the_token = subject.as_deref() == Some("alice-canary");
                    table.check(&format!("{row}: {:?}", identity(&one)), of_the_token == expected);
                    table.check(
                        &format!("{row}: no identity on a public route"),
                        expected || identity(&one).is_empty(),
                    );
                }
            }
        }
    }
    table.finish();
}

/// A header of the client cannot replace a claim that the token does not have.
#[test]
fn an_absent_claim_has_no_header() {
    let deployment = Deployment::with_routes();
    let claims = crate::mint::claims_without("client_id");
    let valid = bearer(&deployment.issuer.signed(&claims));
    let mut table = Table::on(&deployment);
    let fields = [
        &valid,
        "X-Auth-Actor: forged",
        "X_Auth_Actor: forged",
        "X-Auth-Client: forged",
    ];
    for one in table.request("no actor, no client", &request("GET", "/orders/1", &fields), PASSES) {
        let mut names: Vec<_> = identity(&one).into_iter().map(|(name, _)| name).collect();
        names.sort();
        table.check(
            &format!("upstream: {names:?}"),
            names
                == [
                    "x-auth-chain",
                    "x-auth-issuer",
                    "x-auth-kind",
                    "x-auth-scope",
                    "x-auth-subject",
                ],
        );
    }
    table.finish();
}

#[test]
fn trailers_cannot_carry_identity_or_framing() {
    let deployment = Deployment::with_routes();
    let writer = deployment.writer();
    let mut table = Table::on(&deployment);
    for name in [
        "X-Auth-Subject",
        "x_auth_subject",
        "X-AUTH-CHAIN",
        "Authorization",
        "Host",
        "Content-Length",
    ] {
        let text = format!(
            "POST /orders HTTP/1.1\r\nHost: a.example\r\n{writer}\r\nTransfer-Encoding: chunked\r\nTrailer: {name}\r\nTE: trailers\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\n{name}: forged\r\n\r\n"
        );
        for one in table.request(&format!("{name} in trailers"), text.as_bytes(), PASSES) {
            let forged = one.trailers.fields.iter().any(|(_, value)| value == b"forged");
            table.check(&format!("{name} stays out of the trailers upstream"), !forged);
            table.check(&format!("the body with {name} in trailers"), one.body == b"hello");
        }
    }
    table.finish();
}

#[test]
fn white_space_before_the_colon_is_rejected() {
    let deployment = Deployment::with_routes();
    let valid = deployment.reader();
    let mut table = Table::on(&deployment);
    for line in [
        "X-Auth-Subject : forged",
        "X-Auth-Subject\t: forged",
        " X-Auth-Subject: forged",
        "X Auth-Subject: forged",
        "Authorization : Bearer x",
    ] {
        let bytes = request("GET", "/orders/1", &[&valid, line]);
        table.request(&format!("{line:?}"), &bytes, BAD_REQUEST);
    }
    table.finish();
}

#[test]
fn identity_headers_describe_the_token() {
    let deployment = Deployment::with_routes();
    let token = deployment.issuer.token(json!({
        "act": chain(&["tool", "orch"]), "scope": "orders:read other",
    }));
    let before = deployment.upstream.count();
    assert_eq!(deployment.status("/orders/1?x=1&y=%2F", &token), 200);
    let seen = deployment.upstream.since(before);
    let one = &seen[0];
    assert_eq!((seen.len(), one.target.as_str()), (1, "/orders/1?x=1&y=%2F"));
    for (name, expected) in [
        ("x-auth-subject", "alice-canary"),
        ("x-auth-kind", "human"),
        ("x-auth-client", "web-canary"),
        ("x-auth-scope", "orders:read other"),
        ("x-auth-issuer", ISSUER),
    ] {
        assert_eq!(value(one, name).as_deref(), Some(expected), "{name}");
    }
    let actor = value(one, "x-auth-actor").expect("the current actor");
    assert!(actor.contains("tool") && !actor.contains("orch"), "{actor}");
    let written = value(one, "x-auth-chain").expect("the chain");
    let written: Value = serde_json::from_str(&written).expect("the chain is JSON");
    let text = written.to_string();
    let place = |name: &str| text.find(name).unwrap_or_else(|| panic!("{name} in {text}"));
    assert!(place("tool") < place("orch"), "newest first: {text}");
}

/// A comma, a quote or an encoded line break in a claim does not add or split a header.
#[test]
fn claims_cannot_change_the_structure_of_headers() {
    let deployment = Deployment::with_routes();
    let mut table = Table::on(&deployment);
    for odd in [
        "a, b",
        "a\"b",
        "a;b=c",
        "a\\b",
        "a=b",
        "é",
        "{\"x\":1}",
        "<b>",
        "a%0d%0aX-Auth-Kind: agent",
    ] {
        let token = deployment.issuer.token(json!({
            "sub": format!("canary {odd}"), "client_id": odd, "act": { "sub": odd, "sub_profile": "ai_agent" },
        }));
        let bytes = request("GET", "/orders/1", &[&bearer(&token)]);
        for one in table.request(&format!("claims with {odd:?}"), &bytes, PASSES) {
            for (name, _) in identity(&one) {
                table.check(&format!("{name} once with {odd:?}"), one.head.values(&name).len() == 1);
            }
            let chain = value(&one, "x-auth-chain").unwrap_or_default();
            let json: Result<Value, _> = serde_json::from_str(&chain);
            table.check(&format!("the chain is JSON with {odd:?}: {chain}"), json.is_ok());
            table.check("no header from a claim", one.head.values("x-auth-kind") == ["human"]);
        }
    }
    table.finish();
}

#[test]
fn configured_names_are_removed_in_every_spelling() {
    let configuration = Configuration {
        top: "identity_headers: { subject: x-user }\n".into(),
        ..Configuration::default()
    };
    let deployment = Deployment::start(TokenIssuer::new(), &configuration);
    let valid = deployment.reader();
    let mut table = Table::on(&deployment);
    for spelling in spellings("X-User") {
        let line = format!("{spelling}: forged");
        let bytes = request("GET", "/orders/1", &[&valid, &line]);
        for one in table.request(&line, &bytes, PASSES) {
            table.check(
                &format!("{line} upstream"),
                one.head.values("x-user") == ["alice-canary"],
            );
            let forged = one.head.fields.iter().any(|(_, value)| value == b"forged");
            table.check(&format!("{line} nowhere upstream"), !forged);
        }
    }
    table.finish();
}
