//! The protected header of a token (RFC 7515 section 4), and those of verified tokens, which are kept.

use std::fmt;
use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::error::Error;
use crate::json::{self, Json, JsonError};
use crate::keys::Algorithm;
use crate::limits::Limits;

/// Most headers that are kept. An issuer writes one for each of its keys.
const MAX_KNOWN: usize = 64;

/// The headers of verified tokens by their encoded text, so that a new token need not parse that of its issuer again.
///
/// Only the header of a token whose signature was verified is inserted: forged tokens cannot replace it.
pub(crate) struct KnownHeaders(Cache<Box<str>, Arc<Header>>);

impl Default for KnownHeaders {
    fn default() -> Self {
        KnownHeaders(Cache::new(MAX_KNOWN))
    }
}

impl fmt::Debug for KnownHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KnownHeaders(..)")
    }
}

impl KnownHeaders {
    pub(super) fn get(&self, encoded: &str) -> Option<Arc<Header>> {
        self.0.get(encoded)
    }

    pub(super) fn insert(&self, encoded: &str, header: &Arc<Header>) {
        self.0.insert(encoded.into(), Arc::clone(header));
    }
}

/// What a header selects: the key, and the type of the token.
pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
    pub(super) media_type: Option<String>,
}

impl Header {
    pub(super) fn parse(text: &[u8], limits: &Limits) -> Result<Header, Error> {
        let malformed = |reason| Error::MalformedToken { reason };
        let header = json::object(text, limits).map_err(|error| match error {
            JsonError::Invalid => malformed("its header is not a strict JSON object"),
            JsonError::Duplicate => malformed("its header has a member twice"),
            JsonError::TooLarge => too_long("its header is nested deeper, or has more values, than are accepted"),
        })?;
        // These header parameters change how the JWS is processed; none is supported.
        for name in ["crit", "b64", "zip", "enc", "cty"] {
            if header.get(name).is_some() {
                return Err(malformed("its header asks for an extension that is not accepted"));
            }
        }
        let text = |name| match header.get(name) {
            None => Ok(None),
            Some(Json::String(text)) if text.len() <= limits.identifier_bytes => Ok(Some(text.to_string())),
            Some(Json::String(_)) => Err(too_long("a member of its header has more bytes than are accepted")),
            Some(_) => Err(malformed("a member of its header is of a wrong type")),
        };
        let name = text("alg")?.ok_or(malformed("its header names no algorithm"))?;
        Ok(Header {
            algorithm: Algorithm::named(&name).ok_or(Error::UnsupportedAlgorithm)?,
            kid: text("kid")?,
            media_type: text("typ")?,
        })
    }
}

pub(super) fn too_long(reason: &'static str) -> Error {
    Error::TokenTooLong { reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestIssuer;
    use crate::token::{UnverifiedToken, VerifiedClaims};

    #[test]
    fn a_known_header_is_found_by_its_whole_text_and_kept_once() {
        let limits = Limits::default();
        let known = KnownHeaders::default();
        let token = TestIssuer::new().unwrap().token(serde_json::json!({})).unwrap();
        let (encoded, rest) = token.split_once('.').unwrap();
        let decoded = UnverifiedToken::decode_by(&token, &limits, Some(&known)).unwrap();
        assert!(known.get(encoded).is_none(), "its signature has not been verified");
        let verified = VerifiedClaims::for_tests("{}").unwrap();
        decoded.remember_header(&known, &verified);
        let header = known.get(encoded).unwrap();
        assert_eq!(
            (header.kid.as_deref(), header.media_type.as_deref()),
            (Some("testing"), Some("at+jwt"))
        );
        assert!(known.get(&encoded[1..]).is_none());
        let again = UnverifiedToken::decode_by(&token, &limits, Some(&known)).unwrap();
        assert_eq!((again.kid(), again.media_type()), (Some("testing"), Some("at+jwt")));
        again.remember_header(&known, &verified);
        assert!(Arc::ptr_eq(&header, &known.get(encoded).unwrap()));
        // Another text is parsed, whatever it decodes to.
        let other = format!("{encoded}=.{rest}");
        assert!(UnverifiedToken::decode_by(&other, &limits, Some(&known)).is_err());
    }

    #[test]
    fn the_headers_that_are_kept_are_bounded() {
        let known = KnownHeaders::default();
        let header = Arc::new(Header::parse(br#"{"alg":"ES256"}"#, &Limits::default()).unwrap());
        for index in 0..10_000 {
            known.insert(&format!("header{index}"), &header);
        }
        assert!(known.0.len() <= MAX_KNOWN);
        assert_eq!(format!("{known:?}"), "KnownHeaders(..)");
    }
}
