//! Secrets of clients and users, and random identifiers.

use std::sync::{Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
/// The operating system returned no random bytes.
pub(crate) use aws_lc_rs::error::Unspecified as NoRandomness;
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::{OAuthError, SERVER_ERROR};

/// Of Argon2id: 8 MiB, two passes, one lane. It is less than the 19 MiB that OWASP advises, since each token request pays
/// for it: about ten milliseconds. A stored secret is at best the second defence, behind a folder of one owner.
const ARGON2: (u32, u32, u32) = (8 * 1024, 2, 1);

/// Held during a computation of Argon2id, so that requests in parallel cannot fill the memory.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A secret to compare with. Only a digest is kept, so that it cannot be printed, and so that the time of a comparison
/// does not depend on its length.
///
/// A secret that the issuer generates has 256 random bits, which SHA-256 protects: it cannot be guessed at any speed.
/// One that a person chose can be, so it is stored as Argon2id. Those of the registry file are in it as they are.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Secret {
    Sha256([u8; 32]),
    Argon2id { salt: [u8; 16], hash: [u8; 32] },
}

impl Secret {
    /// A secret that is generated, or in plain text elsewhere.
    pub(crate) fn new(secret: &str) -> Secret {
        Secret::Sha256(sha256(secret.as_bytes()))
    }

    /// A secret that a person chose.
    pub(crate) fn chosen(secret: &str) -> Result<Secret, NoRandomness> {
        let mut salt = [0; 16];
        rand::fill(&mut salt)?;
        let hash = argon2id(secret, &salt).ok_or(NoRandomness)?;
        Ok(Secret::Argon2id { salt, hash })
    }

    /// A secret that nothing matches: a comparison with it takes as long as one with a real secret.
    pub(crate) fn unknown() -> Secret {
        Secret::Sha256([0; 32])
    }

    /// Compares in constant time.
    pub(crate) fn matches(&self, presented: &str) -> bool {
        match self {
            Secret::Sha256(expected) => verify_slices_are_equal(expected, &sha256(presented.as_bytes())).is_ok(),
            Secret::Argon2id { salt, hash } => {
                argon2id(presented, salt).is_some_and(|presented| verify_slices_are_equal(hash, &presented).is_ok())
            }
        }
    }
}

/// Whether the secret of a client is one of those presented. A failure takes the time of one with Argon2id in any case, so
/// that it does not reveal which clients exist and how their secrets were made.
pub(crate) fn any_matches<'s>(secrets: impl Iterator<Item = &'s Secret>, presented: &str) -> bool {
    let mut has_taken_long = false;
    for secret in secrets {
        has_taken_long |= matches!(secret, Secret::Argon2id { .. });
        if secret.matches(presented) {
            return true;
        }
    }
    if !has_taken_long {
        argon2id(presented, &[0; 16]);
    }
    false
}

fn argon2id(secret: &str, salt: &[u8; 16]) -> Option<[u8; 32]> {
    let (memory, passes, lanes) = ARGON2;
    let params = Params::new(memory, passes, lanes, None).ok()?;
    let _one_at_a_time = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut hash = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(secret.as_bytes(), salt, &mut hash)
        .ok()?;
    Some(hash)
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl From<NoRandomness> for OAuthError {
    fn from(_: NoRandomness) -> OAuthError {
        SERVER_ERROR.because("an identifier could not be generated")
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

/// The letters of user codes: no vowels, so that no word appears, and none that is read as another (RFC 8628 section 6.1).
const USER_CODE_LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// A new user code of 8 letters.
pub(crate) fn user_code() -> Result<String, NoRandomness> {
    let mut code = String::new();
    while code.len() < 8 {
        let mut bytes = [0; 16];
        rand::fill(&mut bytes)?;
        // 240 is a multiple of 20: every letter is as likely.
        let letters = bytes.iter().filter(|byte| **byte < 240);
        let letters = letters.map(|byte| USER_CODE_LETTERS[usize::from(byte % 20)]);
        code.extend(letters.map(char::from).take(8 - code.len()));
    }
    Ok(code)
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

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::{Secret, any_matches, is_same, random_id, s256, sha256_hex, user_code};

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
    fn a_chosen_secret_is_salted_and_survives_the_round_trip() {
        let secret = Secret::chosen("open sesame").unwrap();
        assert!(secret != Secret::chosen("open sesame").unwrap(), "another salt");
        let stored = serde_json::to_string(&secret).unwrap();
        assert!(
            stored.starts_with("{\"argon2id\":") && !stored.contains("sesame"),
            "{stored}"
        );
        let secret: Secret = serde_json::from_str(&stored).unwrap();
        assert!(secret.matches("open sesame") && !secret.matches("open sesam"));
        let generated = Secret::new("x");
        assert!(any_matches([&generated, &secret].into_iter(), "open sesame"));
        assert!(any_matches([&generated, &secret].into_iter(), "x"));
        assert!(!any_matches([&generated].into_iter(), "open sesame") && !any_matches([].into_iter(), ""));
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
    fn a_user_code_has_letters_that_are_not_mistaken() {
        for _ in 0..100 {
            let code = user_code().unwrap();
            assert_eq!(code.len(), 8);
            assert!(
                code.chars().all(|letter| "BCDFGHJKLMNPQRSTVWXZ".contains(letter)),
                "{code}"
            );
        }
    }

    #[test]
    fn identifiers_differ() {
        assert_ne!(random_id().unwrap(), random_id().unwrap());
    }
}
