//! The accepted signature algorithms.

use serde::Deserialize;
use serde::de::value::{BorrowedStrDeserializer, Error};

/// A JWS signature algorithm (RFC 7518 section 3, RFC 8037, RFC 9864).
///
/// There is no variant for `none` and for HMAC, so that neither can be enabled.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512.
    ES512,
    /// Ed25519, under both of its names: `EdDSA` and `Ed25519`.
    #[serde(alias = "Ed25519")]
    EdDSA,
}

impl Algorithm {
    /// Every algorithm: the default of an issuer, since each is used with a key of its own type only.
    pub fn all() -> &'static [Algorithm] {
        &[
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
            Algorithm::ES256,
            Algorithm::ES384,
            Algorithm::ES512,
            Algorithm::EdDSA,
        ]
    }

    /// The name in a header or a JWK, compared byte for byte.
    pub(crate) fn named(name: &str) -> Option<Algorithm> {
        Algorithm::deserialize(BorrowedStrDeserializer::<Error>::new(name)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact_and_hmac_and_none_have_none() {
        assert_eq!(Algorithm::named("ES256"), Some(Algorithm::ES256));
        assert_eq!(Algorithm::named("EdDSA"), Some(Algorithm::EdDSA));
        assert_eq!(Algorithm::named("Ed25519"), Some(Algorithm::EdDSA));
        for name in [
            "none", "HS256", "es256", " ES256", "ES256 ", "", "Ed448", "ES256K", "RS1",
        ] {
            assert_eq!(Algorithm::named(name), None, "{name}");
        }
        let unknown = serde_json::from_str::<Algorithm>("\"ed25519\"")
            .unwrap_err()
            .to_string();
        assert!(
            unknown.contains("`EdDSA`") && unknown.contains("`Ed25519`"),
            "{unknown}"
        );
    }
}
