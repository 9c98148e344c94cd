//! Rotation of the issuer's keys, without a restart of the gate.

use serde_json::json;

use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::{BRISK, Configuration, Deployment, Trust};
use crate::mint::signing_key::{Curve, SigningKey};
use crate::mint::{TokenIssuer, claims, claims_text, header, sign, token_of};
use crate::wire;

fn document(keys: &[&SigningKey]) -> Conduct {
    let keys: Vec<_> = keys.iter().map(|key| key.jwk(Some("ES256"))).collect();
    Conduct::Publish(json!({ "keys": keys }).to_string())
}

fn deployment(first: &SigningKey, lines: &str) -> Deployment {
    let configuration = Configuration::of_issuer(lines);
    let issuer = TokenIssuer::new();
    let deployment = Deployment::start_cold(issuer, document(&[first]), &configuration);
    deployment.wait_until_ready();
    deployment
}

#[test]
fn an_added_key_is_used() {
    let (first, second) = (SigningKey::ec("1", Curve::P256), SigningKey::ec("2", Curve::P256));
    // No refresh within the test: the unknown kid causes the fetch.
    let slow = "    keys: { refresh: 1h, cooldown: 100ms, timeout: 2s, max_stale: 24h }\n";
    let deployment = deployment(&first, slow);
    let (old, new) = (token_of(&first, "ES256"), token_of(&second, "ES256"));
    assert_eq!(deployment.status("/orders/1", &old), 200);
    assert_eq!(deployment.status("/orders/1", &new), 401, "not published yet");
    deployment.key_server.conduct(document(&[&first, &second]));
    deployment.wait_until("the new key works", || {
        assert_eq!(deployment.status("/orders/1", &old), 200, "the old key is still used");
        deployment.status("/orders/1", &new) == 200
    });
    assert_eq!(deployment.status("/orders/1", &old), 200, "both work in the overlap");
}

#[test]
fn a_withdrawn_key_is_not_used() {
    let (first, second) = (SigningKey::ec("1", Curve::P256), SigningKey::ec("2", Curve::P256));
    let deployment = deployment(&first, BRISK);
    let cached = token_of(&first, "ES256");
    for _ in 0..3 {
        assert_eq!(deployment.status("/orders/1", &cached), 200);
    }
    deployment.key_server.conduct(document(&[&second]));
    deployment.wait_until("a cached token of the withdrawn key is denied", || {
        deployment.status("/orders/1", &cached) == 401
    });
    let fresh = token_of(&first, "ES256");
    assert_eq!(
        deployment.status("/orders/1", &fresh),
        401,
        "and a fresh one of that key"
    );
    assert_eq!(deployment.status("/orders/1", &token_of(&second, "ES256")), 200);
    assert_eq!(deployment.readiness(), 200);
}

#[test]
fn a_new_key_replaces_one_with_the_same_kid() {
    let (first, second) = (SigningKey::ec("1", Curve::P256), SigningKey::ec("1", Curve::P256));
    let deployment = deployment(&first, BRISK);
    let (old, new) = (token_of(&first, "ES256"), token_of(&second, "ES256"));
    assert_eq!(deployment.status("/orders/1", &old), 200);
    assert_eq!(deployment.status("/orders/1", &new), 401);
    deployment.key_server.conduct(document(&[&second]));
    deployment.wait_until("the new key under the old name works", || {
        deployment.status("/orders/1", &new) == 200
    });
    assert_eq!(deployment.status("/orders/1", &old), 401, "the old key is gone");
}

#[test]
fn an_invalid_key_does_not_affect_the_others() {
    let first = SigningKey::ec("1", Curve::P256);
    let deployment = deployment(&first, BRISK);
    let second = SigningKey::ec("2", Curve::P256);
    let odd = [
        json!({ "kty": "AKP", "alg": "ML-DSA-44", "kid": "a", "pub": "AAAA" }),
        json!({ "kty": "oct", "kid": "b", "k": "AAAA" }),
        json!({ "kty": "EC", "crv": "P-256", "kid": "c", "x": "!", "y": 1 }),
        json!({ "kty": "RSA", "kid": "d", "n": "", "e": "AQAB" }),
        json!({ "kid": ["e"] }),
        json!({}),
        json!("no object"),
        json!(null),
        first.jwk(None),
    ];
    let mut keys = odd.to_vec();
    keys.push(second.jwk(Some("ES256")));
    let published = json!({ "keys": keys, "more": { "x": 1 } }).to_string();
    deployment.key_server.conduct(Conduct::Publish(published));
    let token = token_of(&second, "ES256");
    deployment.wait_until("the valid key among invalid ones works", || {
        deployment.status("/orders/1", &token) == 200
    });
}

/// Keys with one kid, or without, are distinguished by type and algorithm; an ambiguous choice is denied.
#[test]
fn keys_with_the_same_kid_are_distinguished_by_algorithm() {
    let (first, second) = (SigningKey::ec("1", Curve::P256), SigningKey::ec("1", Curve::P384));
    let deployment = deployment(&first, BRISK);
    let without_name = SigningKey::ed25519("");
    let mut without_kid = without_name.jwk(Some("EdDSA"));
    without_kid.as_object_mut().and_then(|members| members.remove("kid"));
    let keys = [first.jwk(Some("ES256")), second.jwk(Some("ES384")), without_kid];
    let published = json!({ "keys": keys }).to_string();
    deployment.key_server.conduct(Conduct::Publish(published));
    deployment.wait_until("the second key of that name works", || {
        deployment.status("/orders/1", &token_of(&second, "ES384")) == 200
    });
    assert_eq!(deployment.status("/orders/1", &token_of(&first, "ES256")), 200);
    let bare = r#"{"alg":"EdDSA","typ":"at+jwt"}"#;
    let status = deployment.status("/orders/1", &sign(&without_name, "EdDSA", bare, claims_text()));
    assert_eq!(status, 200, "one key without a kid fits");
    let named = r#"{"alg":"EdDSA","typ":"at+jwt","kid":"1"}"#;
    let status = deployment.status("/orders/1", &sign(&without_name, "EdDSA", named, claims_text()));
    assert_eq!(status, 401, "a key without a kid does not match a kid");
}

#[test]
fn keys_are_not_shared_between_issuers() {
    let own = SigningKey::ec("1", Curve::P256);
    let partner = SigningKey::ec("1", Curve::P256);
    let elsewhere = KeyServer::start(document(&[&partner]));
    let lines = format!(
        "  - issuer: https://partner.example.com\n    jwks_uri: {}\n",
        elsewhere.jwks_uri()
    );
    let deployment = deployment(&own, &lines);
    let of = |issuer: &str, key: &SigningKey| {
        let claims = claims(json!({ "iss": issuer })).to_string();
        sign(key, "ES256", header(key), claims)
    };
    let (issuer, partner_issuer) = (crate::mint::ISSUER, "https://partner.example.com");
    for (issuer, key, status) in [
        (issuer, &own, 200),
        (partner_issuer, &partner, 200),
        (issuer, &partner, 401),
        (partner_issuer, &own, 401),
    ] {
        assert_eq!(deployment.status("/orders/1", &of(issuer, key)), status, "{issuer}");
    }
}

#[test]
fn discovery_finds_the_keys_and_compares_the_issuer() {
    let key = SigningKey::ec("1", Curve::P256);
    let server = KeyServer::start(document(&[&key]));
    server.claim_to_be("https://untrusted.example.com");
    let configuration = Configuration {
        trust: Trust::Discovery,
        ..Configuration::of_issuer(BRISK)
    };
    let deployment = Deployment::start_beside(TokenIssuer::new(), server, &configuration);
    let issuer = deployment.key_server.url();
    let claims = claims(json!({ "iss": issuer })).to_string();
    let token = sign(&key, "ES256", header(&key), claims);
    deployment.wait_until("discovery is requested", || {
        !deployment.key_server.requests().is_empty()
    });
    for _ in 0..5 {
        let answer = wire::get(deployment.gate.address, "/orders/1", &token);
        assert_eq!(answer.status, 503, "a document of another issuer provides no keys");
    }
    assert_eq!(deployment.key_server.fetches(), 0, "nor a jwks_uri");
    deployment.key_server.claim_to_be(&issuer);
    deployment.wait_until_ready();
    assert_eq!(deployment.status("/orders/1", &token), 200);
    let other = sign(&key, "ES256", header(&key), claims_text());
    assert_eq!(deployment.status("/orders/1", &other), 401, "a token of another issuer");
}
