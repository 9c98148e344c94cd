//! The public key of a client, and the signatures of JWTs that it verifies.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
// The provider is named explicitly: the default of jsonwebtoken is global to the process, and panics if another crate
// enables a second backend.
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

/// The minimum length of an RSA modulus, 2048 bits, in bytes.
const MIN_MODULUS: usize = 256;

const ED25519: &str = "Ed25519";

/// A JWK (RFC 7517) with the algorithms that its type and its `alg` allow.
#[derive(Clone, Debug)]
pub(crate) struct PublicKey {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

impl PublicKey {
    /// The algorithms of client assertions. Ed25519 is the newer name of EdDSA with this curve (RFC 9864).
    pub(crate) const ALGORITHMS: [&str; 5] = ["ES256", "EdDSA", ED25519, "RS256", "PS256"];

    /// The algorithm with a name.
    pub(crate) fn algorithm(name: &str) -> Option<Algorithm> {
        let name = if name == ED25519 { "EdDSA" } else { name };
        name.parse().ok()
    }

    /// None for another type, curve, use or algorithm, for a short RSA key, and for a private or a malformed key.
    pub(crate) fn read(jwk: &Value) -> Option<PublicKey> {
        let is_public = ["d", "k"].iter().all(|member| jwk.get(member).is_none());
        let mut jwk = jwk.clone();
        if jwk["alg"] == ED25519 {
            jwk["alg"] = "EdDSA".into();
        }
        let jwk: Jwk = serde_json::from_value(jwk).ok().filter(|_| is_public)?;
        let mut algorithms = match &jwk.algorithm {
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => vec![Algorithm::ES256],
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => vec![Algorithm::EdDSA],
            AlgorithmParameters::RSA(key) if URL_SAFE_NO_PAD.decode(&key.n).ok()?.len() >= MIN_MODULUS => {
                vec![Algorithm::RS256, Algorithm::PS256]
            }
            _ => return None,
        };
        if let Some(only) = jwk.common.key_algorithm {
            algorithms.retain(|algorithm| format!("{algorithm:?}") == only.to_string());
        }
        let is_for_signatures = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
        Some(PublicKey {
            key: DecodingKey::from_jwk(&jwk).ok()?,
            id: jwk.common.key_id,
            algorithms: Some(algorithms).filter(|left| is_for_signatures && !left.is_empty())?,
        })
    }

    /// Whether a header with a `kid`, or without one, can be that of a signature by this key.
    pub(crate) fn fits(&self, algorithm: Algorithm, id: Option<&str>) -> bool {
        self.algorithms.contains(&algorithm) && (id.is_none() || id == self.id.as_deref())
    }

    /// The payload of a JWT that this key signed.
    pub(crate) fn verify(&self, token: &str, algorithm: Algorithm) -> Option<Vec<u8>> {
        payload(token, algorithm, &self.key)
    }
}

/// The payload of a JWT whose signature the key verifies.
pub(super) fn payload(token: &str, algorithm: Algorithm, key: &DecodingKey) -> Option<Vec<u8>> {
    let (message, signature) = token.rsplit_once('.')?;
    let (_, payload) = message.split_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let verifier = (DEFAULT_PROVIDER.verifier_factory)(&algorithm, key).ok()?;
    verifier.verify(message.as_bytes(), &signature).ok()?;
    URL_SAFE_NO_PAD.decode(payload).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::PublicKey;

    fn algorithms(jwk: &Value) -> Option<String> {
        PublicKey::read(jwk).map(|key| format!("{:?}", key.algorithms))
    }

    #[test]
    fn the_type_and_the_alg_of_a_key_decide_its_algorithms() {
        let (x, n) = ("A".repeat(43), "A".repeat(342));
        let ec = |extra: Value| {
            let mut key = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": x });
            key.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            key
        };
        for (key, expected) in [
            (ec(json!({})), Some("[ES256]")),
            (ec(json!({ "alg": "ES256", "use": "sig" })), Some("[ES256]")),
            (ec(json!({ "alg": "ES384" })), None),
            (ec(json!({ "use": "enc" })), None),
            (ec(json!({ "d": x })), None),
            (ec(json!({ "crv": "P-384" })), None),
            (json!({ "kty": "OKP", "crv": "Ed25519", "x": x }), Some("[EdDSA]")),
            (json!({ "kty": "RSA", "n": n, "e": "AQAB" }), Some("[RS256, PS256]")),
            (
                json!({ "kty": "RSA", "n": n, "e": "AQAB", "alg": "PS256" }),
                Some("[PS256]"),
            ),
            (json!({ "kty": "RSA", "n": "A".repeat(171), "e": "AQAB" }), None),
            (json!({ "kty": "oct", "k": x }), None),
            (json!("EC"), None),
        ] {
            assert_eq!(algorithms(&key).as_deref(), expected, "{key}");
        }
    }
}
