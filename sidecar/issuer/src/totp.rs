//! One-time passwords by time, RFC 6238: HMAC-SHA-1, steps of 30 seconds, 6 digits.

use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};

use crate::secret::is_same;

/// The length of a step in seconds.
pub(crate) const STEP: u64 = 30;
/// The minimum length of a secret in bytes (RFC 4226 section 4).
const MIN_SECRET: usize = 16;

/// The secret that a user's device shares with the issuer.
#[derive(Clone)]
pub(crate) struct Totp(Vec<u8>);

impl std::fmt::Debug for Totp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Totp")
    }
}

impl Totp {
    /// Reads a secret in base32 (RFC 4648 section 6). None for another text or a short secret.
    pub(crate) fn read(base32: &str) -> Option<Totp> {
        let (mut bits, mut count, mut secret) = (0_u32, 0_u32, Vec::new());
        for letter in base32.trim_end_matches('=').bytes() {
            let value = match letter.to_ascii_uppercase() {
                letter @ b'A'..=b'Z' => letter - b'A',
                digit @ b'2'..=b'7' => digit - b'2' + 26,
                _ => return None,
            };
            bits = (bits << 5 | u32::from(value)) & 0xfff;
            count += 5;
            if count >= 8 {
                count -= 8;
                secret.push((bits >> count & 0xff) as u8);
            }
        }
        (secret.len() >= MIN_SECRET).then_some(Totp(secret))
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
        let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = sign(&key, &step.to_be_bytes());
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
    use super::{Totp, one_time_password};

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
        assert_eq!(format!("{totp:?}"), "Totp");
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
