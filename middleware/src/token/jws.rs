//! The compact JWS (RFC 7515) around a token: form first, then the signature.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{Error, Reason};
use crate::json::{self, Json, Object};
use crate::keys::{Algorithm, KeySet};
use crate::limits::Limits;

/// Verifies the signature of a compact JWS with the keys of a set and returns the payload.
///
/// This is the signature layer alone. It does NOT check `typ` or any claim, nor that the payload is JSON: an
/// [`Authorizer`](crate::Authorizer) does all of that.
///
/// # Errors
/// [`Error::MalformedToken`], [`Error::UnsupportedAlgorithm`], [`Error::UnknownKey`] or [`Error::InvalidSignature`].
pub fn verify(token: &str, keys: &KeySet, limits: &Limits) -> Result<Vec<u8>, Error> {
    let token = UnverifiedToken::decode(token, limits)?;
    token.check_signature(keys)?;
    Ok(token.payload)
}

/// A token in due form that nobody has vouched for yet.
///
/// Only this may be used before the signature is verified: what selects the key (`alg`, `kid`), the type, and the issuer
/// whose keys it is to be verified with.
pub(crate) struct UnverifiedToken<'t> {
    algorithm: Algorithm,
    kid: Option<String>,
    media_type: Option<String>,
    signing_input: &'t [u8],
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// The claims of a token that nobody has vouched for: only good for choosing whose keys to verify it with.
pub(crate) struct UnverifiedClaims<'p> {
    payload: &'p [u8],
    object: Object<'p>,
}

/// The claims of a token whose signature is the issuer's: only [`UnverifiedToken::verify`] makes them.
pub(crate) struct VerifiedClaims<'p> {
    payload: &'p [u8],
    object: Object<'p>,
}

impl<'p> VerifiedClaims<'p> {
    /// The payload, and the same as strict JSON.
    pub(super) fn into_parts(self) -> (&'p [u8], Object<'p>) {
        (self.payload, self.object)
    }

    #[cfg(test)]
    pub(crate) fn for_tests(payload: &'p [u8]) -> Result<Self, Error> {
        let object = json::object(payload, &Limits::default()).map_err(|_| Error::MalformedToken { reason: "" })?;
        Ok(VerifiedClaims { payload, object })
    }
}

impl UnverifiedClaims<'_> {
    /// The issuer the token claims to be of.
    pub(crate) fn issuer(&self) -> Result<&str, Error> {
        let refuse = |reason| Err(Error::InvalidClaim { claim: "iss", reason });
        match self.object.get("iss") {
            Some(Json::String(issuer)) => Ok(issuer),
            Some(_) => refuse(Reason::Malformed),
            None => refuse(Reason::Missing),
        }
    }
}

impl<'t> UnverifiedToken<'t> {
    pub(crate) fn decode(token: &'t str, limits: &Limits) -> Result<Self, Error> {
        let malformed = |reason| Error::MalformedToken { reason };
        if token.len() > limits.token_bytes {
            return Err(malformed("it is too long"));
        }
        let mut parts = token.splitn(4, '.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed("it is not three parts; encrypted tokens are not accepted"));
        };
        if header.len() > limits.header_bytes {
            return Err(malformed("its header is too long"));
        }
        let header = base64url(header).ok_or(malformed("its header is not base64url"))?;
        let header = Header::parse(&header, limits)?;
        let payload = base64url(payload).ok_or(malformed("its payload is not base64url"))?;
        let signature_at = token.len() - signature.len();
        // 1,024 bytes hold the longest signature there is, RSA with 8,192 bits.
        if signature.is_empty() || signature.len() > 1366 {
            return Err(malformed("its signature is missing or too long"));
        }
        let signature = base64url(signature).ok_or(malformed("its signature is not base64url"))?;
        Ok(UnverifiedToken {
            algorithm: header.algorithm,
            kid: header.kid,
            media_type: header.media_type,
            signing_input: &token.as_bytes()[..signature_at - 1],
            payload,
            signature,
        })
    }

    /// Demands the media type of `typ` (RFC 8725 section 3.11), without case and with or without `application/`.
    pub(crate) fn demand_type(&self, demanded: &str) -> Result<(), Error> {
        let refuse = |reason| Err(Error::InvalidClaim { claim: "typ", reason });
        let Some(media_type) = &self.media_type else {
            return refuse(Reason::Missing);
        };
        let subtype = match media_type.get(..12) {
            Some(prefix) if prefix.eq_ignore_ascii_case("application/") => &media_type[12..],
            _ => media_type,
        };
        if subtype.eq_ignore_ascii_case(demanded) {
            Ok(())
        } else {
            refuse(Reason::Mismatch)
        }
    }

    /// The claims as the token has them, strict JSON or refused.
    pub(crate) fn claims(&self, limits: &Limits) -> Result<UnverifiedClaims<'_>, Error> {
        let object = json::object(&self.payload, limits).map_err(|_| Error::MalformedToken {
            reason: "its payload is not a strict JSON object",
        })?;
        Ok(UnverifiedClaims {
            payload: &self.payload,
            object,
        })
    }

    /// Verifies the signature with the keys that `kid` and `alg` select, and with it these claims.
    pub(crate) fn verify<'p>(&self, claims: UnverifiedClaims<'p>, keys: &KeySet) -> Result<VerifiedClaims<'p>, Error> {
        self.check_signature(keys)?;
        Ok(VerifiedClaims {
            payload: claims.payload,
            object: claims.object,
        })
    }

    fn check_signature(&self, keys: &KeySet) -> Result<(), Error> {
        let mut refusal = if keys.may_miss(self.kid.as_deref(), self.algorithm) {
            Error::UnknownKey
        } else {
            Error::UnsupportedAlgorithm
        };
        for key in keys.select(self.kid.as_deref(), self.algorithm) {
            if key.verifies(self.signing_input, &self.signature) {
                return Ok(());
            }
            refusal = Error::InvalidSignature;
        }
        Err(refusal)
    }
}

struct Header {
    algorithm: Algorithm,
    kid: Option<String>,
    media_type: Option<String>,
}

impl Header {
    fn parse(text: &[u8], limits: &Limits) -> Result<Header, Error> {
        let malformed = |reason| Error::MalformedToken { reason };
        let header = json::object(text, limits).map_err(|_| malformed("its header is not a strict JSON object"))?;
        // Each of these changes what the signature or the payload means; we speak none of them.
        for name in ["crit", "b64", "zip", "enc", "cty"] {
            if header.get(name).is_some() {
                return Err(malformed("its header asks for an extension that is not accepted"));
            }
        }
        let text = |name| match header.get(name) {
            None => Ok(None),
            Some(Json::String(text)) if text.len() <= limits.identifier_bytes => Ok(Some(text.to_string())),
            Some(_) => Err(malformed("a member of its header is of a wrong type or too long")),
        };
        let name = text("alg")?.ok_or(malformed("its header names no algorithm"))?;
        Ok(Header {
            algorithm: Algorithm::named(&name).ok_or(Error::UnsupportedAlgorithm)?,
            kid: text("kid")?,
            media_type: text("typ")?,
        })
    }
}

/// Base64url without padding, line breaks or spare bits (RFC 7515 section 2).
fn base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str) -> String {
        URL_SAFE_NO_PAD.encode(text)
    }

    fn decode(header: &str, payload: &str) -> Result<(), Error> {
        let token = format!("{}.{}.{}", part(header), part(payload), part("signature"));
        UnverifiedToken::decode(&token, &Limits::default()).map(|_| ())
    }

    #[test]
    fn the_header_is_strict() {
        assert_eq!(decode(r#"{"alg":"ES256","kid":"a","x5t":"AAAA"}"#, "{}"), Ok(()));
        for name in ["none", "None", "HS256", "es256", "", "ES256 ", "ES256,RS256"] {
            assert_eq!(
                decode(&format!(r#"{{"alg":"{name}"}}"#), "{}"),
                Err(Error::UnsupportedAlgorithm),
                "{name}"
            );
        }
        for header in [
            "{}",
            "[]",
            "null",
            r#"{"alg":7}"#,
            r#"{"alg":["ES256"]}"#,
            r#"{"alg":"ES256","alg":"ES256"}"#,
            r#"{"alg":"ES256","kid":1}"#,
            r#"{"alg":"ES256","typ":null}"#,
            r#"{"alg":"ES256","crit":[]}"#,
            r#"{"alg":"ES256","crit":["exp"]}"#,
            r#"{"alg":"ES256","b64":true}"#,
            r#"{"alg":"ES256","zip":"DEF"}"#,
            r#"{"alg":"ES256","cty":"JWT"}"#,
            r#"{"alg":"ES256"} x"#,
        ] {
            assert!(
                matches!(decode(header, "{}"), Err(Error::MalformedToken { .. })),
                "{header}"
            );
        }
    }

    #[test]
    fn the_form_is_strict() {
        let (header, payload, signature) = (part(r#"{"alg":"ES256"}"#), part("{}"), part("x"));
        let good = format!("{header}.{payload}.{signature}");
        let decode = |token: &str| UnverifiedToken::decode(token, &Limits::default()).map(|_| ());
        assert_eq!(decode(&good), Ok(()));
        for bad in [
            String::new(),
            "a".into(),
            "a.b".into(),
            "..".into(),
            ".".repeat(10_000),
            format!("{good}."),
            format!("{good}.x.y"),
            format!("{good}="),
            format!("{header}.{payload}."),
            format!("{header}=.{payload}.{signature}"),
            format!("{header}.{payload}.{signature}+"),
            format!("{header}.{payload}\n.{signature}"),
            format!("{header}.{payload}.{}", "A".repeat(1368)),
            "A".repeat(20_000),
            format!("{}.{payload}.{signature}", "A".repeat(2049)),
            // spare bits: "eB" and "eA" would decode to the same byte
            format!("{header}.{payload}.eB"),
        ] {
            assert!(decode(&bad).is_err(), "{bad:.80}");
        }
    }

    #[test]
    fn the_type_is_compared_as_a_media_type() {
        let token = |typ: &str| {
            let header = part(&format!(r#"{{"alg":"ES256","typ":"{typ}"}}"#));
            let token = format!("{header}.{}.{}", part("{}"), part("x"));
            UnverifiedToken::decode(&token, &Limits::default())
                .unwrap()
                .demand_type("at+jwt")
        };
        for good in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/at+JWT"] {
            assert_eq!(token(good), Ok(()), "{good}");
        }
        for bad in [
            "JWT",
            "",
            " at+jwt",
            "at+jwt ",
            "dpop+jwt",
            "text/at+jwt",
            "application/",
            "logout+jwt",
        ] {
            assert!(token(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_claimed_issuer_is_one_string() {
        let peek = |payload: &str| {
            let token = format!("{}.{}.{}", part(r#"{"alg":"ES256"}"#), part(payload), part("x"));
            UnverifiedToken::decode(&token, &Limits::default())
                .unwrap()
                .claims(&Limits::default())?
                .issuer()
                .map(str::to_owned)
        };
        assert_eq!(
            peek(r#"{"iss":"https://idp.example","x":{}}"#),
            Ok("https://idp.example".into())
        );
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"iss":["https://idp.example"]}"#,
            r#"{"iss":null}"#,
            r#"{"iss":"a","iss":"b"}"#,
        ] {
            assert!(peek(bad).is_err(), "{bad}");
        }
    }
}
