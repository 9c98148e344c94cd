//! The binding of keys to algorithms.

use serde_json::json;

use crate::deployment::{Configuration, Deployment};
use crate::mint::signing_key::{Curve, RsaPair, SigningKey, base64url};
use crate::mint::weak_rsa;
use crate::mint::{self, TokenIssuer, claims_text, header_of, sign, signing_input, token_of};
use crate::table::{INVALID_TOKEN, PASSES, Table};

#[test]
fn an_algorithm_that_is_not_of_the_key_is_denied() {
    let deployment = Deployment::with_issuer(TokenIssuer::of_every_kind());
    let mut table = Table::on(&deployment);
    for (what, kid, named, made) in [
        ("another hash within PKCS#1", "rs256", "RS512", "RS512"),
        ("PSS for a key of PKCS#1", "rs256", "PS256", "PS256"),
        ("PKCS#1 for a key of PSS", "ps256", "RS256", "RS256"),
        ("another hash within PSS", "ps256", "PS384", "PS384"),
        ("an EC algorithm on an RSA key", "rs256", "ES256", "RS256"),
        ("EdDSA on an RSA key", "rsa-bare", "EdDSA", "RS256"),
        ("an RSA algorithm on an EC key", "es256", "RS256", "ES256"),
        (
            "an RSA algorithm on an EC key without alg",
            "es256-bare",
            "PS256",
            "ES256",
        ),
        ("the algorithm of another curve", "es256", "ES384", "ES256"),
        (
            "the algorithm of another curve, on a key without alg",
            "es256-bare",
            "ES512",
            "ES256",
        ),
        ("an EC algorithm on an Ed25519 key", "ed25519", "ES256", "EdDSA"),
        ("EdDSA on an EC key", "es256-bare", "EdDSA", "ES256"),
        ("signed with another hash than named", "rs256", "RS256", "RS384"),
        ("signed with another padding than named", "rs256", "RS256", "PS256"),
        ("signed with PKCS#1 where PSS is named", "ps256", "PS256", "RS256"),
        ("signed with another hash than named, PSS", "ps256", "PS256", "PS512"),
        (
            "signed with another hash, on a key without alg",
            "rsa-bare",
            "RS384",
            "RS256",
        ),
    ] {
        let key = deployment.issuer.key(kid);
        let token = sign(key, made, header_of(named, kid), claims_text());
        table.token(&format!("{what}: {named} on {kid}"), &token, INVALID_TOKEN);
    }
    let key = deployment.issuer.key("es512");
    let input = signing_input(header_of("ES512", "es512"), claims_text());
    let signature = base64url(key.sign_p521_with_sha256(input.as_bytes()));
    let token = format!("{input}.{signature}");
    table.token("ES512 signed with SHA-256", &token, INVALID_TOKEN);
    table.finish();
}

#[test]
fn unsuitable_keys_verify_no_access_token() {
    let mut issuer = TokenIssuer::new();
    let kinds = [
        "enc",
        "ops",
        "ops-encrypt",
        "alg-curve",
        "crv-alg",
        "off-curve",
        "unknown-kty",
    ];
    let keys = kinds.map(|kid| SigningKey::ec(kid, Curve::P256));
    let koblitz = SigningKey::ec("secp256k1", Curve::Secp256k1);
    let oaep = SigningKey::rsa("oaep", RsaPair::Issuer);
    for key in &keys {
        let mut jwk = key.jwk(None);
        match key.kid.as_str() {
            "enc" => jwk["use"] = json!("enc"),
            "ops" => jwk["key_ops"] = json!(["sign"]),
            "ops-encrypt" => jwk["key_ops"] = json!(["encrypt", "wrapKey"]),
            "alg-curve" => jwk["alg"] = json!("ES384"),
            "crv-alg" => jwk["crv"] = json!("P-384"),
            "off-curve" => jwk["y"] = jwk["x"].clone(),
            _ => jwk["kty"] = json!("AKP"),
        }
        issuer.publish(jwk);
    }
    let mut jwk = oaep.jwk(Some("RSA-OAEP"));
    jwk["use"] = json!("enc");
    issuer.publish(jwk);
    issuer.publish(koblitz.jwk(Some("ES256K")));
    issuer.publish(weak_rsa::jwk("small"));
    let deployment = Deployment::with_issuer(issuer);
    let mut table = Table::on(&deployment);
    for key in &keys {
        for named in ["ES256", "ES384"] {
            let token = sign(key, "ES256", header_of(named, &key.kid), claims_text());
            table.token(&format!("{named} of the key {}", key.kid), &token, INVALID_TOKEN);
        }
    }
    let token = token_of(&oaep, "RS256");
    table.token("a key meant for encryption", &token, INVALID_TOKEN);
    for named in ["ES256K", "ES256"] {
        let token = sign(&koblitz, "ES256", header_of(named, "secp256k1"), claims_text());
        table.token(&format!("{named} on secp256k1"), &token, INVALID_TOKEN);
    }
    let input = signing_input(header_of("RS256", "small"), claims_text());
    let token = format!("{input}.{}", base64url(weak_rsa::sign(input.as_bytes())));
    table.token("RSA below 2048 bits", &token, INVALID_TOKEN);
    let token = deployment.issuer.token(json!({}));
    table.token("a suitable key in the same set", &token, PASSES);
    table.finish();
}

#[test]
fn an_algorithm_that_is_not_configured_is_denied() {
    let configuration = Configuration {
        issuer: "    algorithms: [ES256, PS256]\n".into(),
        ..Configuration::default()
    };
    let deployment = Deployment::start(TokenIssuer::of_every_kind(), &configuration);
    let mut table = Table::on(&deployment);
    for (kid, algorithm, want) in [
        ("es256", "ES256", PASSES),
        ("rsa-bare", "PS256", PASSES),
        ("es384", "ES384", INVALID_TOKEN),
        ("rs256", "RS256", INVALID_TOKEN),
        ("rsa-bare", "RS256", INVALID_TOKEN),
        ("rsa-bare", "PS384", INVALID_TOKEN),
        ("ed25519", "EdDSA", INVALID_TOKEN),
    ] {
        let token = deployment.issuer.token_of(kid, algorithm);
        table.token(&format!("{algorithm} of {kid}"), &token, want);
    }
    let foreign = TokenIssuer::of_every_kind();
    let forged = mint::token_of(foreign.key("es256"), "ES256");
    table.token("an untrusted key of a configured algorithm", &forged, INVALID_TOKEN);
    table.finish();
}
