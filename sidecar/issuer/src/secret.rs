//! Secrets of clients and users, one-time passwords, and random identifiers.

use std::sync::{Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};

use crate::{OAuthError, SERVER_ERROR};

/// The operating system returned no random bytes.
pub(crate) use aws_lc_rs::error::Unspecified as NoRandomness;

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
/// that it does not reveal which clients exist and how their secrets were made. Those with the same `turn` follow one another
/// then, so that the failures of one sender do not delay others.
pub(crate) fn any_matches<'s>(secrets: impl Iterator<Item = &'s Secret>, presented: &str, turn: &Mutex<()>) -> bool {
    let (generated, chosen): (Vec<_>, Vec<_>) = secrets.partition(|secret| matches!(secret, Secret::Sha256(_)));
    if generated.iter().any(|secret| secret.matches(presented)) {
        return true;
    }
    let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
    if chosen.is_empty() {
        argon2id(presented, &[0; 16]);
    }
    chosen.iter().any(|secret| secret.matches(presented))
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
    random::<32>()
}

/// A new transaction identifier (`txn`) of 128 bits in base64url. It is no secret.
pub(crate) fn transaction_id() -> Result<String, NoRandomness> {
    random::<16>()
}

fn random<const BYTES: usize>() -> Result<String, NoRandomness> {
    let mut bytes = [0; BYTES];
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

/// The length of a step in seconds.
pub(crate) const STEP: u64 = 30;
/// The minimum length of a secret in bytes (RFC 4226 section 4).
const MIN_SECRET: usize = 16;

/// The secret that a user's device shares with the issuer.
#[derive(Clone, Debug)]
pub(crate) struct Totp(Key);

impl Totp {
    /// Reads a secret in base32 (RFC 4648 section 6). None for another text or a short secret.
    pub(crate) fn read(base32: &str) -> Option<Totp> {
        let base32 = base32.trim_end_matches('=').to_ascii_uppercase();
        let secret = BASE32_NOPAD.decode(base32.as_bytes()).ok()?;
        (secret.len() >= MIN_SECRET).then(|| Totp(Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &secret)))
    }

    /// The step that a code is of: that of `now` in seconds, the one before or the one after.
    pub(crate) fn step_of(&self, code: &str, now: u64) -> Option<u64> {
        let step = now / STEP;
        let steps = step.saturating_sub(1)..=step.saturating_add(1);
        // Each is compared, so that the time does not reveal which one matches.
        steps.rfold(None, |found, step| {
            is_same(&self.code(step), code).then_some(step).or(found)
        })
    }

    /// The code at a time in seconds.
    pub(crate) fn code_at(&self, now: u64) -> String {
        self.code(now / STEP)
    }

    fn code(&self, step: u64) -> String {
        let tag = sign(&self.0, &step.to_be_bytes());
        let offset = tag.as_ref().last().map_or(0, |last| usize::from(last & 0xf));
        let number = tag.as_ref().iter().skip(offset).take(4);
        let number = number.fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
    }
}

/// The one-time password for a secret in base32 at a time in seconds since the epoch, as the user's device shows it. None
/// for a text that is no such secret.
pub fn one_time_password(secret: &str, time: u64) -> Option<String> {
    Totp::read(secret).map(|totp| totp.code_at(time))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::{Secret, Totp, any_matches, is_same, one_time_password, random_id, s256, sha256_hex, user_code};

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
        let turn = Mutex::default();
        assert!(any_matches([&generated, &secret].into_iter(), "open sesame", &turn));
        assert!(any_matches([&generated, &secret].into_iter(), "x", &turn));
        assert!(
            !any_matches([&generated].into_iter(), "open sesame", &turn) && !any_matches([].into_iter(), "", &turn)
        );
    }

    #[test]
    fn what_takes_long_waits_for_the_turn_of_its_sender() {
        let generated = Secret::new("x");
        let (mine, other) = (Mutex::new(()), Mutex::new(()));
        let held = mine.lock().unwrap();
        assert!(
            any_matches([&generated].into_iter(), "x", &mine),
            "a generated secret does not wait"
        );
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| any_matches([&generated].into_iter(), "y", &mine));
            assert!(
                !any_matches([&generated].into_iter(), "y", &other),
                "another sender does not wait"
            );
            assert!(!waiting.is_finished());
            drop(held);
            assert!(!waiting.join().unwrap());
        });
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

    /// `12345678901234567890` of RFC 6238 appendix B.
    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    #[test]
    fn the_codes_of_rfc_6238_appendix_b() {
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(one_time_password(SECRET, time).as_deref(), Some(code));
        }
    }

    #[test]
    fn a_code_is_of_this_step_or_one_beside_it() {
        let totp = Totp::read(SECRET).unwrap();
        for (now, step) in [
            (29, Some(1)),
            (30, Some(1)),
            (89, Some(1)),
            (90, None),
            (1_000_000_000, None),
        ] {
            assert_eq!(totp.step_of("287082", now), step, "{now}");
        }
        assert_eq!(totp.step_of("87082", 59), None);
        assert_eq!(format!("{totp:?}"), "Totp(Key { algorithm: SHA1 })");
    }

    #[test]
    fn a_secret_is_base32_of_16_bytes() {
        for (text, is_secret) in [
            ("gezdgnbvgy3tqojqgezdgnbvgy3tqojq", true),
            ("GEZDGNBVGY3TQOJQGEZDGNBVGY======", true),
            ("GEZDGNBVGY3TQOJQ", false),
            ("246810", false),
            ("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ1", false),
            ("", false),
        ] {
            assert_eq!(Totp::read(text).is_some(), is_secret, "{text}");
        }
    }
}
