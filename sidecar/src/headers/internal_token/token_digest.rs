//! The digest of an access token. What belongs to the token is kept under it, without the token itself.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};

/// SHA-256 of an access token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TokenDigest([u8; 32]);

impl TokenDigest {
    pub(crate) fn of(token: &str) -> TokenDigest {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        TokenDigest(bytes)
    }
}

/// It identifies a token, so that it is not printed.
impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_belongs_to_one_token_and_is_not_printed() {
        assert!(TokenDigest::of("a.b.c") == TokenDigest::of("a.b.c"));
        assert!(TokenDigest::of("a.b.c") != TokenDigest::of("a.b.d"));
        assert_eq!(format!("{:?}", TokenDigest::of("a.b.c")), "TokenDigest(..)");
    }
}
