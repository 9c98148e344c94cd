//! Tokens that are deep, wide, long, or encrypted.

use serde_json::json;

use crate::deployment::Deployment;
use crate::mint::signing_key::{Curve, SigningKey, base64url};
use crate::mint::{claims_text, claims_text_with_last, header, sign};
use crate::table::{HEAD_TOO_LARGE, INVALID_TOKEN, PASSES, Table};
use crate::wire;

#[test]
fn a_deep_or_wide_signed_token_gets_an_answer() {
    let deployment = Deployment::with_routes();
    let issuer = &deployment.issuer;
    let mut table = Table::on(&deployment);
    for (depth, want) in [
        (20, PASSES),
        (60, INVALID_TOKEN),
        (120, INVALID_TOKEN),
        (500, INVALID_TOKEN),
        (1000, INVALID_TOKEN),
    ] {
        let deep = format!(r#""x":{}{}"#, "[".repeat(depth), "]".repeat(depth));
        let token = issuer.signed_text(&claims_text_with_last(&deep));
        table.token(&format!("{depth} levels"), &token, want);
    }
    for count in [100, 400] {
        let wide: Vec<_> = (0..count).map(|i| format!(r#""m{i}":{i}"#)).collect();
        let token = issuer.signed_text(&claims_text_with_last(&wide.join(",")));
        table.token(&format!("{count} members"), &token, PASSES);
    }
    table.token("a usual token afterwards", &issuer.token(json!({})), PASSES);
    table.finish();
}

#[test]
fn a_too_large_token_is_rejected_quickly() {
    let deployment = Deployment::with_routes();
    let untrusted = SigningKey::ec("es256", Curve::P256);
    let deep = "[".repeat(20_000);
    let wide = format!("{}.{}.{}", "A".repeat(300), "A".repeat(200_000), "A".repeat(86));
    let mut table = Table::on(&deployment);
    for (what, token, want) in [
        ("20 KB of one letter", "A".repeat(20_000), INVALID_TOKEN),
        ("200 KB in three parts", wide, HEAD_TOO_LARGE),
        ("1 MB", "A".repeat(1_000_000), HEAD_TOO_LARGE),
        ("thousands of dots", ".".repeat(10_000), INVALID_TOKEN),
        ("a hundred thousand dots", ".".repeat(100_000), HEAD_TOO_LARGE),
        (
            "deep nesting under an untrusted signature",
            sign(&untrusted, "ES256", header(&untrusted), &deep),
            INVALID_TOKEN,
        ),
        (
            "deep nesting in the header under an untrusted signature",
            sign(&untrusted, "ES256", &deep, claims_text()),
            INVALID_TOKEN,
        ),
        (
            "a signed token with 60 KB of claims",
            deployment.issuer.token(json!({ "x": "y".repeat(60_000) })),
            HEAD_TOO_LARGE,
        ),
    ] {
        // The fastest of several: the machine may be busy during one.
        let times = (0..5).map(|_| {
            let began = std::time::Instant::now();
            table.token(what, &token, want);
            began.elapsed()
        });
        let took = times.min().expect("several");
        table.check(&format!("{what} took {took:?}"), took.as_secs() < 3);
    }
    let after = wire::get(
        deployment.gate.address,
        "/orders/1",
        &deployment.issuer.token(json!({})),
    );
    table.check("the gate answers afterwards", after.status == 200);
    table.finish();
}

#[test]
fn an_encrypted_token_is_rejected() {
    let deployment = Deployment::with_routes();
    let mut table = Table::on(&deployment);
    for algorithm in [
        "dir",
        "RSA-OAEP-256",
        "ECDH-ES",
        "A256KW",
        "PBES2-HS256+A128KW",
        "ES256",
        "none",
    ] {
        let head = json!({ "alg": algorithm, "enc": "A256GCM", "kid": "es256", "typ": "at+jwt" });
        let inner = deployment.issuer.token(json!({}));
        for (what, middle) in [("ciphertext", base64url([9; 40])), ("a token", base64url(&inner))] {
            let token = format!(
                "{}.{}.{}.{middle}.{}",
                base64url(head.to_string()),
                base64url([1; 32]),
                base64url([2; 12]),
                base64url([3; 16])
            );
            table.token(&format!("five parts, {algorithm}, {what}"), &token, INVALID_TOKEN);
        }
        let direct = format!(
            "{}..{}.{}.{}",
            base64url(head.to_string()),
            base64url([2; 12]),
            base64url(claims_text()),
            base64url([3; 16])
        );
        table.token(&format!("no encrypted key, {algorithm}"), &direct, INVALID_TOKEN);
    }
    table.finish();
}
