//! Mints all tokens of the tests, valid and invalid.

pub mod certificate;
pub mod signing_key;
pub mod weak_rsa;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use crate::mint::signing_key::{Curve, RsaPair, SigningKey, base64url};

/// The issuer that the gates of these tests trust.
pub const ISSUER: &str = "https://idp.example.com";
/// The audience of the gates in these tests.
pub const AUDIENCE: &str = "https://orders.example.com";
/// A text that the claims of every token contain and no answer may contain.
pub const CANARY: &str = "canary";

/// Seconds since 1970, now.
#[expect(
    clippy::disallowed_methods,
    reason = "the only place where these tests read the clock"
)]
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a clock after 1970").as_secs()
}

/// An issuer's keys, and the tokens it signs with them.
pub struct TokenIssuer {
    keys: Vec<(SigningKey, Option<&'static str>)>,
    further: Vec<Value>,
}

impl TokenIssuer {
    /// One ES256 key, `es256`.
    pub fn new() -> Self {
        Self::with(vec![(SigningKey::ec("es256", Curve::P256), Some("ES256"))])
    }

    /// A key of every kind and algorithm, and for RSA, EC and Ed25519 also one whose JWK has no `alg`.
    pub fn of_every_kind() -> Self {
        let issuer = RsaPair::Issuer;
        Self::with(vec![
            (SigningKey::ec("es256", Curve::P256), Some("ES256")),
            (SigningKey::ec("es256-other", Curve::P256), Some("ES256")),
            (SigningKey::ec("es256-bare", Curve::P256), None),
            (SigningKey::ec("es384", Curve::P384), Some("ES384")),
            (SigningKey::ec("es512", Curve::P521), Some("ES512")),
            (SigningKey::rsa("rs256", issuer), Some("RS256")),
            (SigningKey::rsa("rs384", issuer), Some("RS384")),
            (SigningKey::rsa("rs512", issuer), Some("RS512")),
            (SigningKey::rsa("ps256", issuer), Some("PS256")),
            (SigningKey::rsa("ps384", issuer), Some("PS384")),
            (SigningKey::rsa("ps512", issuer), Some("PS512")),
            (SigningKey::rsa("rsa-bare", issuer), None),
            (SigningKey::ed25519("ed25519"), Some("EdDSA")),
            (SigningKey::ed25519("ed25519-bare"), None),
        ])
    }

    /// These keys, each with the `alg` its JWK has.
    pub fn with(keys: Vec<(SigningKey, Option<&'static str>)>) -> Self {
        let further = Vec::new();
        Self { keys, further }
    }

    /// Publishes this JWK after the others.
    pub fn publish(&mut self, jwk: Value) {
        self.further.push(jwk);
    }

    /// The key named `kid`.
    pub fn key(&self, kid: &str) -> &SigningKey {
        let found = self.keys.iter().find(|(key, _)| key.kid == kid);
        &found.unwrap_or_else(|| panic!("no key {kid}")).0
    }

    /// The key set as published.
    pub fn document(&self) -> String {
        let own = self.keys.iter().map(|(key, alg)| key.jwk(*alg));
        let all: Vec<_> = own.chain(self.further.iter().cloned()).collect();
        json!({ "keys": all }).to_string()
    }

    /// A valid token with these changes to its claims.
    pub fn token(&self, changes: Value) -> String {
        self.signed(&claims(changes))
    }

    /// A token with exactly these claims, signed with the first key.
    pub fn signed(&self, claims: &Value) -> String {
        self.signed_text(&claims.to_string())
    }

    /// A token with exactly this payload, signed with the first key.
    pub fn signed_text(&self, payload: &str) -> String {
        let (key, _) = &self.keys[0];
        sign(key, key.algorithm(), header(key), payload)
    }

    /// A valid token of the key `kid`, signed with `algorithm`.
    pub fn token_of(&self, kid: &str, algorithm: &str) -> String {
        token_of(self.key(kid), algorithm)
    }

    /// Valid claims under this header, signed with the first key.
    pub fn token_with_header(&self, header: &str) -> String {
        let (key, _) = &self.keys[0];
        sign(key, key.algorithm(), header, claims_text())
    }

    /// Valid claims under the usual header with these changes, signed with the first key.
    pub fn token_with_header_changed(&self, changes: Value) -> String {
        let (key, _) = &self.keys[0];
        let mut changed: Value = serde_json::from_str(&header(key)).expect("a header");
        merge(&mut changed, changes);
        self.token_with_header(&changed.to_string())
    }
}

/// A valid token of `key`, signed with `algorithm` and with that `alg` in its header.
pub fn token_of(key: &SigningKey, algorithm: &str) -> String {
    let header = header_of(algorithm, &key.kid);
    sign(key, algorithm, &header, claims_text())
}

/// A token under the name of the trusted key `es256`, signed with another key.
pub fn forged_token() -> String {
    token_of(&SigningKey::ec("es256", Curve::P256), "ES256")
}

/// The header of an access token of the key `kid`.
pub fn header_of(algorithm: &str, kid: &str) -> String {
    json!({ "alg": algorithm, "typ": "at+jwt", "kid": kid }).to_string()
}

/// The usual header of a token of `key`.
pub fn header(key: &SigningKey) -> String {
    header_of(key.algorithm(), &key.kid)
}

/// Valid claims with these changes. A `null` stays a `null`.
pub fn claims(changes: Value) -> Value {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let mut claims = json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "alice-canary",
        "sub_profile": "user",
        "client_id": "web-canary",
        "scope": "orders:read",
        "iat": now(),
        "exp": now() + 600,
        "jti": format!("canary-{serial}"),
    });
    merge(&mut claims, changes);
    claims
}

/// Valid claims without the claim `name`.
pub fn claims_without(name: &str) -> Value {
    let mut all = claims(json!({}));
    let removed = all.as_object_mut().and_then(|members| members.remove(name));
    assert!(removed.is_some(), "no claim {name}");
    all
}

/// The JSON text of valid claims.
pub fn claims_text() -> String {
    claims(json!({})).to_string()
}

/// The JSON text of valid claims with `member` as its first member.
pub fn claims_text_with_first(member: &str) -> String {
    claims_text().replacen('{', &format!("{{{member},"), 1)
}

/// The JSON text of valid claims with `member` as its last member.
pub fn claims_text_with_last(member: &str) -> String {
    let text = claims_text();
    format!("{},{member}}}", &text[..text.len() - 1])
}

/// A signed compact JWS of exactly this header and payload.
pub fn sign(key: &SigningKey, algorithm: &str, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    sign_input(key, algorithm, &signing_input(header, payload))
}

/// A signed compact JWS of exactly this signing input, even if it is not valid Base64url.
pub fn sign_input(key: &SigningKey, algorithm: &str, input: &str) -> String {
    let signature = key.sign(algorithm, input.as_bytes());
    format!("{input}.{}", base64url(signature))
}

/// The first two parts of a compact JWS.
pub fn signing_input(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    format!("{}.{}", base64url(header), base64url(payload))
}

/// The three parts of a token.
pub fn parts(token: &str) -> [&str; 3] {
    let parts: Vec<_> = token.split('.').collect();
    parts.try_into().expect("three parts")
}

/// Nested `act` claims with these subjects, the outermost first.
pub fn chain(names: &[&str]) -> Value {
    let mut act = Value::Null;
    for name in names.iter().rev() {
        let mut actor = Map::new();
        actor.insert("sub".into(), json!(name));
        actor.insert("sub_profile".into(), json!("ai_agent"));
        if !act.is_null() {
            actor.insert("act".into(), act);
        }
        act = Value::Object(actor);
    }
    act
}

fn merge(into: &mut Value, changes: Value) {
    let (Value::Object(into), Value::Object(changes)) = (into, changes) else {
        panic!("both are objects");
    };
    into.extend(changes);
}
