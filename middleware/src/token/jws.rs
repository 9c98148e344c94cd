//! The compact JWS (RFC 7515) of a token: its form, then its signature.

use std::sync::Arc;

use super::claim_form;
use super::claim_reader::{malformed, missing};
use super::header::{Header, KnownHeaders, too_long};
use super::verified::{VerifiedClaims, check_token_type};
use crate::base64url;
use crate::error::Error;
use crate::json::{self, Json, JsonError, Object};
use crate::keys::{Algorithm, KeySet, VerificationKey};
use crate::limits::Limits;
use crate::profile::Profile;

/// A well-formed token whose signature has not been verified.
///
/// Before the signature is verified only these are read: what selects the key (`alg`, `kid`), the media type, and the
/// issuer whose keys verify it.
pub(crate) struct UnverifiedToken<'t> {
    header: Arc<Header>,
    /// The encoded header, unless it is known.
    new_header: Option<&'t str>,
    signing_input: &'t [u8],
    /// The payload, and behind it the signature.
    decoded: Vec<u8>,
    payload_bytes: usize,
}

/// The claims of a token whose signature has not been verified: they select the issuer, and no decision depends on the others.
pub(crate) struct UnverifiedClaims<'p> {
    payload: &'p str,
    object: Object<'p>,
}

impl UnverifiedClaims<'_> {
    /// The issuer that the token names.
    pub(crate) fn issuer(&self) -> Result<&str, Error> {
        match self.object.get("iss") {
            Some(Json::String(issuer)) => Ok(issuer),
            Some(_) => Err(malformed("iss")),
            None => Err(missing("iss")),
        }
    }

    /// The trust domain of the SPIFFE id in `sub`, where no `iss` names an issuer: `spiffe://td` of `spiffe://td/path`.
    pub(crate) fn trust_domain(&self) -> Option<&str> {
        const SCHEME: &str = "spiffe://";
        let id = match (self.object.get("iss"), self.object.get("sub")) {
            (None, Some(Json::String(id))) => id,
            _ => return None,
        };
        let (name, path) = id.strip_prefix(SCHEME)?.split_once('/')?;
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
        let is_valid = !path.is_empty() && !name.is_empty() && name.bytes().all(is_plain);
        is_valid.then(|| &id[..SCHEME.len() + name.len()])
    }

    /// Whether the profile accepts these claims as those of an access token of this `typ`. For `explain`, never for enforcement.
    pub(crate) fn fit(&self, profile: &Profile, typ: Option<&str>) -> bool {
        profile.access_tokens.accept(typ) && check_token_type(&self.object, profile, typ).is_ok()
    }
}

impl<'t> UnverifiedToken<'t> {
    pub(crate) fn decode(token: &'t str, limits: &Limits) -> Result<Self, Error> {
        Self::decode_by(token, limits, None)
    }

    /// As [`decode`](Self::decode). A header that is known, by the same limits, is not parsed again.
    pub(crate) fn decode_by(token: &'t str, limits: &Limits, known: Option<&KnownHeaders>) -> Result<Self, Error> {
        let malformed = |reason| Error::MalformedToken { reason };
        if token.len() > limits.token_bytes {
            return Err(too_long("it has more bytes than are accepted"));
        }
        let Some([header, payload, signature]) = three_parts(token) else {
            return Err(malformed("it is not three parts; encrypted tokens are not accepted"));
        };
        if header.len() > limits.header_bytes {
            return Err(too_long("its header has more bytes than are accepted"));
        }
        let (header, new_header) = match known.and_then(|known| known.get(header)) {
            Some(known) => (known, None),
            None => {
                let text = base64url::decode(header).ok_or(malformed("its header is not base64url"))?;
                (Arc::new(Header::parse(&text, limits)?), Some(header))
            }
        };
        // Four characters are three bytes: both parts fit without growing.
        let mut decoded = Vec::with_capacity((payload.len() + signature.len()) / 4 * 3 + 6);
        base64url::decode_into(payload, &mut decoded).ok_or_else(|| malformed("its payload is not base64url"))?;
        let payload_bytes = decoded.len();
        if signature.is_empty() {
            return Err(malformed("its signature is missing"));
        }
        // The longest signature, of RSA with 8,192 bits, has 1,024 bytes.
        if signature.len() > 1366 {
            return Err(too_long("its signature is longer than that of any accepted key"));
        }
        base64url::decode_into(signature, &mut decoded).ok_or_else(|| malformed("its signature is not base64url"))?;
        Ok(UnverifiedToken {
            header,
            new_header,
            signing_input: &token.as_bytes()[..token.len() - signature.len() - 1],
            decoded,
            payload_bytes,
        })
    }

    /// Keeps the header of this token, whose claims are `_verified`.
    pub(crate) fn remember_header(&self, known: &KnownHeaders, _verified: &VerifiedClaims<'_>) {
        if let Some(encoded) = self.new_header {
            known.insert(encoded, &self.header);
        }
    }

    fn payload(&self) -> &[u8] {
        &self.decoded[..self.payload_bytes]
    }

    /// The media type of the header (`typ`).
    pub(crate) fn media_type(&self) -> Option<&str> {
        self.header.media_type.as_deref()
    }

    /// The key id of the header (`kid`).
    pub(crate) fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// The payload, which must be a strict JSON object.
    pub(crate) fn claims(&self, limits: &Limits) -> Result<UnverifiedClaims<'_>, Error> {
        let read = json::as_text(self.payload()).and_then(|payload| Ok((payload, json::object_of(payload, limits)?)));
        let (payload, object) = read.map_err(|error| match error {
            JsonError::Invalid => Error::MalformedToken {
                reason: "its payload is not a strict JSON object",
            },
            JsonError::Duplicate => Error::MalformedToken {
                reason: "its payload has a member twice",
            },
            JsonError::TooLarge => too_long("its payload is nested deeper, or has more values, than are accepted"),
        })?;
        Ok(UnverifiedClaims { payload, object })
    }

    /// What a malformed claim is, and what it is expected to be, for the holder of the token.
    pub(crate) fn claim_form(&self, claim: &str, profile: &Profile) -> Option<String> {
        claim_form::describe(self.payload(), claim, profile)
    }

    /// The keys of a set that `kid` and an accepted `alg` select; at least one.
    ///
    /// # Errors
    /// [`Error::UnknownKey`] where a newer set could contain a key, else [`Error::UnsupportedAlgorithm`].
    pub(crate) fn select<'k>(
        &self,
        keys: &'k KeySet,
        accepted: &[Algorithm],
    ) -> Result<impl Iterator<Item = &'k VerificationKey>, Error> {
        if !accepted.contains(&self.header.algorithm) {
            return Err(Error::UnsupportedAlgorithm);
        }
        let mut selected = keys.select(self.kid(), self.header.algorithm).peekable();
        if selected.peek().is_some() {
            Ok(selected)
        } else if keys.may_miss(self.kid(), self.header.algorithm) {
            Err(Error::UnknownKey)
        } else {
            Err(Error::UnsupportedAlgorithm)
        }
    }

    /// Verifies the signature with one of the selected keys, and with it the claims.
    pub(crate) fn verify<'p, 'k>(
        &self,
        claims: UnverifiedClaims<'p>,
        selected: impl Iterator<Item = &'k VerificationKey>,
    ) -> Result<VerifiedClaims<'p>, Error> {
        self.check_signature(selected)?;
        Ok(VerifiedClaims::new(claims.payload, claims.object))
    }

    /// The payload of a token whose signature one of the keys verifies.
    #[cfg(feature = "test-util")]
    pub(crate) fn into_verified_payload(self, keys: &KeySet) -> Result<Vec<u8>, Error> {
        let selected = self.select(keys, Algorithm::all())?;
        self.check_signature(selected)?;
        let mut payload = self.decoded;
        payload.truncate(self.payload_bytes);
        Ok(payload)
    }

    fn check_signature<'k>(&self, mut selected: impl Iterator<Item = &'k VerificationKey>) -> Result<(), Error> {
        let signature = &self.decoded[self.payload_bytes..];
        if selected.any(|key| key.verifies(self.signing_input, signature)) {
            Ok(())
        } else {
            Err(Error::InvalidSignature)
        }
    }
}

/// The `alg` in the header of a token, for the explanation of one that is not accepted. No decision depends on it.
pub(crate) fn algorithm_name(token: &str) -> String {
    let header = token.split('.').next().and_then(base64url::decode).unwrap_or_default();
    let header = json::object(&header, &Limits::default()).unwrap_or_default();
    let name = header.get("alg").and_then(Json::as_str);
    name.map_or("no alg".to_owned(), |name| format!("`{name}`"))
}

/// The parts between dots; [`None`] where they are not three.
fn three_parts(token: &str) -> Option<[&str; 3]> {
    let mut dots = memchr::memchr_iter(b'.', token.as_bytes());
    let (Some(first), Some(second), None) = (dots.next(), dots.next(), dots.next()) else {
        return None;
    };
    Some([&token[..first], &token[first + 1..second], &token[second + 1..]])
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

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

    /// The error of a token with these parts.
    fn error(header: &str, payload: &str, signature: &str) -> Option<Error> {
        let token = format!("{header}.{payload}.{signature}");
        UnverifiedToken::decode(&token, &Limits::default()).err()
    }

    #[test]
    fn each_length_is_accepted_up_to_its_limit() {
        let (header, payload, signature) = (part(r#"{"alg":"ES256"}"#), part("{}"), part("x"));
        let is_too_long = |error: Option<Error>| match error {
            None => false,
            Some(Error::TokenTooLong { .. }) => true,
            Some(error) => panic!("{error:?}"),
        };
        // The padding of a header, whose encoding has four characters for three bytes.
        let padded = |bytes: usize| part(&format!(r#"{{"alg":"ES256"{}}}"#, " ".repeat(bytes - 15)));
        assert_eq!(padded(1536).len(), 2048);
        assert!(!is_too_long(error(&padded(1536), &payload, &signature)));
        assert!(is_too_long(error(&padded(1539), &payload, &signature)));
        assert!(!is_too_long(error(&header, &payload, &"A".repeat(1366))));
        assert!(is_too_long(error(&header, &payload, &"A".repeat(1368))));
        let whole = |bytes: usize| "A".repeat(bytes - header.len() - signature.len() - 2);
        assert!(!is_too_long(error(&header, &whole(16 * 1024), &signature)));
        assert!(is_too_long(error(&header, &whole(16 * 1024 + 1), &signature)));
        let kid = |bytes: usize| part(&format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "k".repeat(bytes)));
        assert!(!is_too_long(error(&kid(1024), &payload, &signature)));
        assert!(is_too_long(error(&kid(1025), &payload, &signature)));
    }

    #[test]
    fn an_explanation_names_the_algorithm_and_the_form_of_a_claim() {
        let (payload, signature) = (part(r#"{"sub":7}"#), part("x"));
        let token = |header: &str| format!("{}.{payload}.{signature}", part(header));
        assert_eq!(algorithm_name(&token(r#"{"alg":"HS256"}"#)), "`HS256`");
        assert_eq!(algorithm_name(&token("{}")), "no alg");
        let token = token(r#"{"alg":"ES256"}"#);
        let token = UnverifiedToken::decode(&token, &Limits::default()).unwrap();
        let form = token.claim_form("sub", &Profile::default());
        assert_eq!(form.as_deref(), Some("a number, expected a text"));
    }

    #[test]
    fn a_verified_payload_is_that_of_the_token() {
        let issuer = crate::testing::TestIssuer::new().unwrap();
        let token = issuer.token(serde_json::json!({ "sub": "u1" })).unwrap();
        let (keys, limits) = (issuer.key_set().unwrap(), Limits::default());
        let payload = crate::testing::verify_signature(&token, &keys, &limits).unwrap();
        assert_eq!(Some(payload), base64url::decode(token.split('.').nth(1).unwrap()));
        let other = crate::testing::TestIssuer::new().unwrap().key_set().unwrap();
        let forged = crate::testing::verify_signature(&token, &other, &limits);
        assert_eq!(forged, Err(Error::InvalidSignature));
    }
}
