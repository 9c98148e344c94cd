//! The key of a WebSocket handshake, and the answer to it (RFC 6455 section 1.3).

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;

/// What a server appends to the key.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A key for a handshake of the gate itself; none without random bytes.
pub(super) fn random() -> Option<HeaderValue> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).ok()?;
    HeaderValue::try_from(BASE64_STANDARD.encode(bytes)).ok()
}

/// What a server answers to a key.
pub(super) fn accepted(key: &HeaderValue) -> String {
    let hashed = [key.as_bytes(), GUID].concat();
    BASE64_STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &hashed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_is_answered() {
        let key = HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(accepted(&key), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn each_key_is_another_one() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert!(one != other && one.len() == 24);
    }
}
