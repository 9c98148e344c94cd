//! The proof key of a login: RFC 7636, and a random `state`.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::exit::{Context as _, Failure};

/// 256 random bits in base64url: a code verifier or a `state`.
pub(super) fn random() -> Result<String, Failure> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).context("random bytes")?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The code challenge of a verifier, with the method S256.
pub(super) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{challenge, random};

    #[test]
    fn the_challenge_is_that_of_rfc_7636_appendix_b() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_verifier_has_43_characters_and_is_used_once() {
        let (one, two) = (random().unwrap(), random().unwrap());
        assert!(one.len() == 43 && one != two);
    }
}
