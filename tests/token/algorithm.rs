//! The `alg` of a token: the key decides which algorithm verifies it.

use serde_json::json;

use crate::deployment::Deployment;
use crate::mint::signing_key::{SigningKey, base64url, hmac};
use crate::mint::{TokenIssuer, claims_text, header_of, sign, signing_input, token_of};
use crate::table::{INVALID_TOKEN, PASSES, Table};

#[test]
fn each_algorithm_is_accepted_with_its_own_key() {
    let mut issuer = TokenIssuer::of_every_kind();
    let with_new_name = SigningKey::ed25519("ed25519-new-name");
    issuer.publish(with_new_name.jwk(Some("Ed25519")));
    let deployment = Deployment::with_issuer(issuer);
    let mut table = Table::on(&deployment);
    for (kid, algorithm) in [
        ("es256", "ES256"),
        ("es256-bare", "ES256"),
        ("es384", "ES384"),
        ("es512", "ES512"),
        ("rs256", "RS256"),
        ("rs384", "RS384"),
        ("rs512", "RS512"),
        ("ps256", "PS256"),
        ("ps384", "PS384"),
        ("ps512", "PS512"),
        ("rsa-bare", "RS256"),
        ("rsa-bare", "PS512"),
        ("ed25519", "EdDSA"),
        ("ed25519-bare", "EdDSA"),
        ("ed25519-bare", "Ed25519"),
    ] {
        let token = deployment.issuer.token_of(kid, algorithm);
        table.token(&format!("{algorithm} of {kid}"), &token, PASSES);
    }
    let token = token_of(&with_new_name, "Ed25519");
    table.token("a key whose JWK names Ed25519", &token, PASSES);
    table.finish();
}

#[test]
fn algorithm_none_is_denied_in_every_spelling() {
    let deployment = Deployment::with_issuer(TokenIssuer::of_every_kind());
    let key = deployment.issuer.key("es256");
    let mut table = Table::on(&deployment);
    for spelling in ["none", "None", "NONE", "nOnE", " none", "none ", "none\t", "n\\u006fne"] {
        for kid in ["", r#","kid":"es256""#] {
            let header = format!(r#"{{"alg":"{spelling}","typ":"at+jwt"{kid}}}"#);
            let input = signing_input(&header, claims_text());
            let genuine = sign(key, "ES256", &header, claims_text());
            let garbage = base64url([7; 64]);
            for (form, token) in [
                ("with an empty signature", format!("{input}.")),
                ("without the last dot", input.clone()),
                ("with a genuine signature", genuine),
                ("with a signature of garbage", format!("{input}.{garbage}")),
            ] {
                table.token(&format!("alg {spelling:?}{kid} {form}"), &token, INVALID_TOKEN);
            }
        }
    }
    table.finish();
}

#[test]
fn a_symmetric_signature_keyed_with_public_material_is_denied() {
    let deployment = Deployment::with_issuer(TokenIssuer::of_every_kind());
    let mut table = Table::on(&deployment);
    let kids = [
        "rs256",
        "rsa-bare",
        "es256",
        "es256-bare",
        "ed25519",
        "ed25519-bare",
        "unknown",
    ];
    for kid in kids {
        let known = match kid {
            "unknown" => "es256",
            known => known,
        };
        for (what, secret) in public_material(deployment.issuer.key(known)) {
            for algorithm in ["HS256", "HS384", "HS512"] {
                let input = signing_input(header_of(algorithm, kid), claims_text());
                let signature = hmac(algorithm, &secret, input.as_bytes());
                let token = format!("{input}.{}", base64url(signature));
                let row = format!("{algorithm} keyed with {what} of {kid}");
                table.token(&row, &token, INVALID_TOKEN);
            }
        }
    }
    table.finish();
}

/// The public material of a key, in every encoding that can serve as a secret.
fn public_material(key: &SigningKey) -> Vec<(&'static str, Vec<u8>)> {
    let jwk = key.jwk(None);
    let pem = key.public_pem();
    let mut all = vec![
        ("the JWK text", jwk.to_string().into_bytes()),
        ("the PEM", pem.clone().into_bytes()),
        ("the PEM without its last line break", pem.trim_end().into()),
        ("a blank and the PEM", format!(" {pem}").into_bytes()),
        ("the DER", key.public_der()),
        ("nothing", Vec::new()),
    ];
    match jwk["kty"].as_str() {
        Some("RSA") => {
            all.push(("the modulus", key.modulus()));
            all.push(("the modulus in Base64url", base64url(key.modulus()).into()));
        }
        Some("EC") => {
            let (x, y) = key.coordinates();
            all.push(("a coordinate in Base64url", base64url(&x).into()));
            all.push(("both coordinates", [x.clone(), y].concat()));
            all.push(("a coordinate", x));
        }
        _ => {
            let x = jwk["x"].as_str().unwrap_or_default();
            all.push(("the point in Base64url", x.into()));
        }
    }
    all
}

#[test]
fn a_published_symmetric_key_verifies_no_token() {
    let secret = b"a secret that an issuer should never publish";
    let mut issuer = TokenIssuer::new();
    for (kid, alg) in [
        ("oct", None),
        ("oct-hs256", Some("HS256")),
        ("oct-es256", Some("ES256")),
    ] {
        let mut jwk = json!({ "kty": "oct", "kid": kid, "k": base64url(secret) });
        if let Some(alg) = alg {
            jwk["alg"] = json!(alg);
        }
        issuer.publish(jwk);
    }
    let deployment = Deployment::with_issuer(issuer);
    let mut table = Table::on(&deployment);
    for kid in ["oct", "oct-hs256", "oct-es256"] {
        for header in [header_of("HS256", kid), header_of("ES256", kid)] {
            let input = signing_input(&header, claims_text());
            let tag = hmac("HS256", secret, input.as_bytes());
            let token = format!("{input}.{}", base64url(tag));
            table.token(&format!("an HMAC under {header}"), &token, INVALID_TOKEN);
        }
    }
    let token = deployment.issuer.token(json!({}));
    table.token("an asymmetric key in the same set", &token, PASSES);
    table.finish();
}

#[test]
fn unknown_algorithms_are_denied() {
    let deployment = Deployment::with_issuer(TokenIssuer::of_every_kind());
    let key = deployment.issuer.key("es256");
    let mut table = Table::on(&deployment);
    for alg in [
        r#""es256""#,
        r#""Es256""#,
        r#"" ES256""#,
        r#""ES256 ""#,
        r#""ES256\u0000""#,
        r#""ES256,RS256""#,
        r#""ES256 RS256""#,
        r#""""#,
        r#""ES256K""#,
        r#""ES128""#,
        r#""RS1""#,
        r#""RSA-OAEP""#,
        r#""dir""#,
        r#""Ed448""#,
        r#""ML-DSA-44""#,
        r#"["ES256"]"#,
        r#"{"name":"ES256"}"#,
        "256",
        "null",
        "true",
    ] {
        let header = format!(r#"{{"alg":{alg},"typ":"at+jwt","kid":"es256"}}"#);
        let token = sign(key, "ES256", &header, claims_text());
        table.token(&format!("alg {alg}"), &token, INVALID_TOKEN);
    }
    for header in [
        r#"{"typ":"at+jwt","kid":"es256"}"#,
        r#"{"ALG":"ES256","typ":"at+jwt","kid":"es256"}"#,
        r#"{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"es256"}"#,
        r#"{"alg":"ES256","alg":"none","typ":"at+jwt","kid":"es256"}"#,
        r#"{"alg":"ES256","alg":"ES256","typ":"at+jwt","kid":"es256"}"#,
        r#"{"alg":"ES256","\u0061lg":"HS256","typ":"at+jwt","kid":"es256"}"#,
    ] {
        let token = sign(key, "ES256", header, claims_text());
        table.token(&format!("alg missing or twice: {header}"), &token, INVALID_TOKEN);
    }
    table.finish();
}
