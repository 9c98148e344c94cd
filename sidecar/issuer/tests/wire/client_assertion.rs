//! `private_key_jwt`: each algorithm, and each assertion that is refused.

use actgate_issuer::{Registry, Settings};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaKeyPair, RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::client::{Reply, Running, claims};

const TYPE: (&str, &str) = (
    "client_assertion_type",
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
);
const GRANT: [(&str, &str); 3] = [
    ("grant_type", "client_credentials"),
    ("resource", "https://orders.example"),
    TYPE,
];

enum Key {
    Es256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Key {
    fn es256() -> Key {
        Key::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Key::Es256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y), "kid": "k1" })
            }
            Key::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref()) })
            }
            Key::Rsa(pair) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({ "kty": "RSA", "n": text(&public.n), "e": text(&public.e) })
            }
        }
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let random = SystemRandom::new();
        let signature = match self {
            Key::Es256(pair) => pair.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
            Key::Ed25519(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
            Key::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let padding: &dyn aws_lc_rs::signature::RsaEncoding = match header["alg"].as_str().unwrap() {
                    "RS256" => &RSA_PKCS1_SHA256,
                    _ => &RSA_PSS_SHA256,
                };
                pair.sign(padding, &random, message.as_bytes(), &mut signature).unwrap();
                signature
            }
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// An issuer where the warehouse has these keys in place of its secret.
async fn issuer(keys: &[&Key]) -> Running {
    issuer_with(keys, Settings::default()).await
}

async fn issuer_with(keys: &[&Key], settings: Settings) -> Running {
    let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
    let jwks = format!("jwks: {}", json!({ "keys": keys }));
    let registry = Registry::SAMPLE.replace("secret: warehouse-secret", &jwks);
    Running::with_registry(settings, Registry::from_yaml(&registry).unwrap()).await
}

fn now(issuer_time: &Reply) -> u64 {
    claims(&issuer_time.access_token())["iat"].as_u64().unwrap()
}

/// The claims of a valid assertion with others put on top; null removes one.
async fn assertion_claims(issuer: &Running, changes: Value) -> Value {
    let own = [
        ("grant_type", "client_credentials"),
        ("resource", "https://orders.example"),
    ];
    let now = now(&issuer.token("night-batch", &own).await);
    let mut claims = json!({ "iss": "warehouse", "sub": "warehouse", "aud": issuer.url, "exp": now + 60,
        "jti": changes.to_string() });
    for (name, value) in changes.as_object().unwrap() {
        let value = match (name.as_str(), value.as_i64()) {
            ("exp" | "nbf", Some(seconds)) => json!(now.saturating_add_signed(seconds)),
            _ => value.clone(),
        };
        claims[name] = value;
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

async fn send(issuer: &Running, assertion: &str) -> Reply {
    let pairs = [&GRANT[..], &[("client_assertion", assertion)]].concat();
    issuer.post("/token", &pairs).await
}

#[tokio::test]
async fn each_algorithm_authenticates() {
    let (es256, ed25519) = (Key::es256(), Key::Ed25519(Ed25519KeyPair::generate().unwrap()));
    let rsa = Key::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
    let issuer = issuer(&[&es256, &ed25519, &rsa]).await;
    for (key, header) in [
        (&es256, json!({ "alg": "ES256" })),
        (&es256, json!({ "alg": "ES256", "kid": "k1", "typ": "JWT" })),
        (&ed25519, json!({ "alg": "EdDSA", "typ": "client-authentication+jwt" })),
        (&ed25519, json!({ "alg": "Ed25519" })),
        (&rsa, json!({ "alg": "RS256" })),
        (&rsa, json!({ "alg": "PS256" })),
    ] {
        let claims = assertion_claims(&issuer, json!({ "jti": header.to_string() })).await;
        let reply = send(&issuer, &key.sign(&header, &claims)).await;
        assert_eq!(
            crate::client::claims(&reply.access_token())["sub"],
            "warehouse",
            "{header}"
        );
    }
    let metadata = issuer.get("/.well-known/openid-configuration").await.json();
    let algorithms = json!(["ES256", "EdDSA", "Ed25519", "RS256", "PS256"]);
    assert_eq!(metadata["token_endpoint_auth_signing_alg_values_supported"], algorithms);
    let methods = metadata["token_endpoint_auth_methods_supported"].as_array().unwrap();
    assert!(methods.contains(&json!("private_key_jwt")));
}

#[tokio::test]
async fn the_audience_is_the_issuer_or_its_token_endpoint() {
    let key = Key::es256();
    let issuer = issuer(&[&key]).await;
    let token_endpoint = format!("{}/token", issuer.url);
    for audience in [json!(issuer.url), json!([issuer.url]), json!(token_endpoint)] {
        let claims = assertion_claims(&issuer, json!({ "aud": audience })).await;
        send(&issuer, &key.sign(&json!({ "alg": "ES256" }), &claims))
            .await
            .access_token();
    }
    for audience in [
        json!([issuer.url, "https://other.example"]),
        json!(format!("{}/", issuer.url)),
        json!([]),
    ] {
        let claims = assertion_claims(&issuer, json!({ "aud": audience })).await;
        let reply = send(&issuer, &key.sign(&json!({ "alg": "ES256" }), &claims)).await;
        reply.assert_error(401, "invalid_client");
    }
}

#[tokio::test]
async fn each_assertion_that_is_refused() {
    let (key, other) = (Key::es256(), Key::es256());
    let issuer = issuer(&[&key]).await;
    let header = json!({ "alg": "ES256" });
    for changes in [
        json!({ "iss": "shopper" }),
        json!({ "sub": "unknown" }),
        json!({ "exp": null }),
        json!({ "exp": 0 }),
        json!({ "exp": -1 }),
        json!({ "exp": 3720 }),
        json!({ "nbf": 120 }),
        json!({ "jti": null }),
        json!({ "jti": "" }),
        json!({ "jti": "j".repeat(257) }),
        json!({ "jti": 1 }),
    ] {
        let claims = assertion_claims(&issuer, changes.clone()).await;
        let reply = send(&issuer, &key.sign(&header, &claims)).await;
        assert_eq!(reply.status, 401, "{changes}: {}", reply.text);
        reply.assert_error(401, "invalid_client");
        assert!(reply.header("www-authenticate").is_none());
    }
    for header in [
        json!({ "alg": "ES256", "kid": "k2" }),
        json!({ "alg": "ES256", "typ": "at+jwt" }),
        json!({ "alg": "ES256", "crit": ["x"], "x": 1 }),
        json!({ "alg": "EdDSA" }),
        json!({ "alg": "none" }),
        json!({ "alg": "HS256" }),
    ] {
        let claims = assertion_claims(&issuer, json!({})).await;
        let reply = send(&issuer, &key.sign(&header, &claims)).await;
        assert_eq!(reply.status, 401, "{header}: {}", reply.text);
    }
    let claims = assertion_claims(&issuer, json!({})).await;
    send(&issuer, &other.sign(&header, &claims))
        .await
        .assert_error(401, "invalid_client");
    send(&issuer, "a.b.c").await.assert_error(401, "invalid_client");
    send(&issuer, &key.sign(&header, &claims)).await.access_token();
}

#[tokio::test]
async fn an_assertion_is_used_once() {
    let key = Key::es256();
    let issuer = issuer(&[&key]).await;
    let assertion = key.sign(&json!({ "alg": "ES256" }), &assertion_claims(&issuer, json!({})).await);
    send(&issuer, &assertion).await.access_token();
    let again = send(&issuer, &assertion).await;
    again.assert_error(401, "invalid_client");
    assert!(again.text.contains("already used"), "{}", again.text);
}

#[tokio::test]
async fn an_assertion_is_used_once_with_a_restart_between() {
    let (folder, key) = (tempfile::tempdir().unwrap(), Key::es256());
    let settings = || Settings {
        issuer_url: Some("http://issuer.test".to_owned()),
        data: Some(folder.path().join("data")),
        ..Settings::default()
    };
    let issuer = issuer_with(&[&key], settings()).await;
    let assertion = key.sign(&json!({ "alg": "ES256" }), &assertion_claims(&issuer, json!({})).await);
    send(&issuer, &assertion).await.access_token();
    issuer.stop().await;
    let issuer = issuer_with(&[&key], settings()).await;
    let again = send(&issuer, &assertion).await;
    assert!(again.text.contains("already used"), "{}", again.text);
    issuer.stop().await;
}

#[tokio::test]
async fn one_registered_method_at_a_time() {
    let key = Key::es256();
    let issuer = issuer(&[&key]).await;
    let header = json!({ "alg": "ES256" });
    let assertion = |claims: Value| key.sign(&header, &claims);
    let valid = assertion(assertion_claims(&issuer, json!({})).await);
    let with =
        |extra: &[(&'static str, &'static str)]| [&GRANT[..], &[("client_assertion", valid.as_str())], extra].concat();
    issuer
        .post("/token", &with(&[("client_secret", "x")]))
        .await
        .assert_invalid("more than one method");
    issuer
        .token("storefront", &with(&[]))
        .await
        .assert_invalid("more than one method");
    let alone = [GRANT[0], GRANT[1], ("client_assertion", valid.as_str())];
    issuer.post("/token", &alone).await.assert_invalid("together");
    let saml = [
        GRANT[0],
        ("client_assertion_type", "urn:x"),
        ("client_assertion", valid.as_str()),
    ];
    issuer.post("/token", &saml).await.assert_error(401, "invalid_client");

    let secret = [
        GRANT[0],
        GRANT[1],
        ("client_id", "warehouse"),
        ("client_secret", "warehouse-secret"),
    ];
    issuer
        .post("/token", &secret)
        .await
        .assert_error(400, "unauthorized_client");
    issuer
        .token("warehouse", &GRANT[..2])
        .await
        .assert_error(400, "unauthorized_client");
    let of_secret = assertion(assertion_claims(&issuer, json!({ "iss": "shopper", "sub": "shopper" })).await);
    // As for a client that is not registered: it has proved nothing.
    send(&issuer, &of_secret).await.assert_error(401, "invalid_client");

    let claims = assertion_claims(&issuer, json!({ "jti": "with another id" })).await;
    let another = assertion(claims);
    let pairs = [
        &GRANT[..],
        &[("client_assertion", another.as_str()), ("client_id", "shopper")],
    ]
    .concat();
    issuer.post("/token", &pairs).await.assert_invalid("differs");
    send(&issuer, &valid).await.access_token();
}
