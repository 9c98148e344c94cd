//! Secrets of clients and users, and random identifiers.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
/// The operating system returned no random bytes.
pub(crate) use aws_lc_rs::error::Unspecified as NoRandomness;
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{ErrorCode, OAuthError};

/// A secret to compare with. Only its digest is kept, so that it cannot be printed, and so that the time of a
/// comparison does not depend on its length.
#[derive(Clone)]
pub(crate) struct Secret([u8; 32]);

impl Secret {
    pub(crate) fn new(secret: &str) -> Secret {
        Secret(sha256(secret.as_bytes()))
    }

    /// A secret that nothing matches: a comparison with it takes as long as one with a real secret.
    pub(crate) fn unknown() -> Secret {
        Secret([0; 32])
    }

    /// Compares in constant time.
    pub(crate) fn matches(&self, presented: &str) -> bool {
        verify_slices_are_equal(&self.0, &sha256(presented.as_bytes())).is_ok()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl From<NoRandomness> for OAuthError {
    fn from(_: NoRandomness) -> OAuthError {
        ErrorCode::ServerError.because("an identifier could not be generated")
    }
}

/// A new random identifier of 256 bits in base64url.
pub(crate) fn random_id() -> Result<String, NoRandomness> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A new transaction identifier (`txn`) of 128 bits in base64url. It is no secret.
pub(crate) fn transaction_id() -> Result<String, NoRandomness> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Compares in constant time.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

/// SHA-256 in base64url, the S256 method of PKCE (RFC 7636 section 4.2).
pub(crate) fn s256(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(sha256(text.as_bytes()))
}

/// SHA-256 in hexadecimal, as `sha256sum` prints it.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    sha256(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::{Secret, is_same, random_id, s256, sha256_hex};

    #[test]
    fn a_secret_matches_only_itself_and_is_not_printed() {
        let secret = Secret::new("open sesame");
        assert!(secret.matches("open sesame"));
        assert!(!secret.matches("open sesam"));
        assert!(!secret.matches(""));
        assert!(!Secret::unknown().matches(""));
        assert_eq!(format!("{secret:?}"), "Secret");
    }

    #[test]
    fn the_challenge_of_rfc_7636_appendix_b() {
        assert_eq!(
            s256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn the_digest_of_no_bytes() {
        assert_eq!(
            sha256_hex(b""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert!(is_same("a", "a") && !is_same("a", "b") && !is_same("a", "ab"));
    }

    #[test]
    fn identifiers_differ() {
        assert_ne!(random_id().unwrap(), random_id().unwrap());
    }
}
