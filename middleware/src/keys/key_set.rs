//! A JWK Set (RFC 7517 section 5) as a pure, immutable value.

use super::algorithm::Algorithm;
use super::jwk::{self, VerificationKey};
use crate::json;
use crate::limits::Limits;

/// Most keys in one document.
const MAX_KEYS: usize = 100;
/// Longest document, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 256 * 1024;
/// Most keys tried for one token, where an issuer publishes several under one `kid`.
const MAX_CANDIDATES: usize = 4;

/// The keys of one issuer.
///
/// Each key is bound to its type, curve and algorithm when the set is read; a token selects among them.
#[derive(Debug, PartialEq)]
pub struct KeySet {
    keys: Vec<VerificationKey>,
    algorithms: Vec<Algorithm>,
    skipped: usize,
}

#[derive(serde::Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    keys: Vec<&'a serde_json::value::RawValue>,
}

/// Why a document is not a usable key set.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// The document is over 256 KiB.
    #[error("the document is longer than {MAX_DOCUMENT_BYTES} bytes")]
    TooLong,
    /// The document is not a JSON object with an array `keys`.
    #[error("the document is not a JWK set: {0}")]
    Malformed(&'static str),
    /// More than 100 keys.
    #[error("the set contains more than {MAX_KEYS} keys")]
    TooManyKeys,
    /// Not one key that can be used: every one is of another kind, weak, or of an algorithm that is not allowed.
    #[error("the set contains no usable key")]
    NoUsableKey,
}

impl KeySet {
    /// Reads a JWK set, keeping what verifies with one of `algorithms`.
    ///
    /// A key that is symmetric, private, meant for encryption, weak (RSA below 2048 bits), malformed or of an unknown
    /// kind is skipped and counted; it does not affect the others.
    ///
    /// # Errors
    /// [`KeySetError`] when the document as a whole is unusable.
    pub fn from_json(document: &[u8], algorithms: &[Algorithm]) -> Result<KeySet, KeySetError> {
        if document.len() > MAX_DOCUMENT_BYTES {
            return Err(KeySetError::TooLong);
        }
        let document: Document<'_> = serde_json::from_slice(document)
            .map_err(|_| KeySetError::Malformed("no JSON object with an array `keys`"))?;
        if document.keys.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        let mut set = KeySet {
            keys: Vec::new(),
            algorithms: algorithms.to_vec(),
            skipped: 0,
        };
        for entry in document.keys {
            // Each key is read strictly by itself, so that an unusable one does not affect the others.
            let entry = json::object(entry.get().as_bytes(), &Limits::default());
            let keys = entry.map_or_else(|_| Vec::new(), |entry| jwk::verification_keys(&entry, algorithms));
            if keys.is_empty() {
                set.skipped += 1;
            }
            set.keys.extend(keys);
        }
        if set.keys.is_empty() {
            return Err(KeySetError::NoUsableKey);
        }
        Ok(set)
    }

    /// How many (key, algorithm) pairs can verify. An RSA key without `alg` counts once for each of its algorithms.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Never true: a set without a usable key is an error when it is read.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many entries of the document were left out.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// Whether a newer set could hold a key for this `kid` and `alg`, which this one does not.
    pub(crate) fn may_miss(&self, kid: Option<&str>, algorithm: Algorithm) -> bool {
        // A known key does not change its algorithm, and the accepted algorithms are fixed.
        let known = kid.is_some() && self.keys.iter().any(|key| key.kid.as_deref() == kid);
        !known && self.algorithms.contains(&algorithm)
    }

    /// The keys that may have signed a token with this `kid` and `alg`.
    ///
    /// A token without `kid` selects a key only where exactly one fits; a key without `kid` serves only such tokens.
    pub(crate) fn select(&self, kid: Option<&str>, algorithm: Algorithm) -> impl Iterator<Item = &VerificationKey> {
        let fits = move |key: &&VerificationKey| key.algorithm == algorithm;
        let only = || self.keys.iter().filter(fits).take(2).count() == 1;
        let open = kid.is_some() || only();
        self.keys
            .iter()
            .filter(fits)
            .filter(move |key| open && (kid.is_none() || key.kid.as_deref() == kid))
            .take(MAX_CANDIDATES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const RSA_N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

    fn ec(kid: &str) -> Value {
        json!({"kty": "EC", "crv": "P-256", "kid": kid,
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"})
    }

    fn rsa(kid: &str) -> Value {
        json!({"kty": "RSA", "kid": kid, "n": RSA_N, "e": "AQAB"})
    }

    fn set(keys: Vec<Value>) -> Result<KeySet, KeySetError> {
        KeySet::from_json(json!({ "keys": keys }).to_string().as_bytes(), Algorithm::all())
    }

    fn with(mut key: Value, name: &str, value: Value) -> Value {
        key[name] = value;
        key
    }

    #[test]
    fn an_unusable_key_does_not_affect_the_others() {
        let odd = vec![
            json!({"kty": "AKP", "alg": "ML-DSA-44", "kid": "pq", "pub": "AA"}),
            json!({"kty": "oct", "kid": "secret", "k": "AAAA"}),
            json!({"kty": "OKP", "crv": "X25519", "x": "AAAA"}),
            json!("no object"),
            json!({}),
            with(ec("enc"), "use", json!("enc")),
            with(ec("ops"), "key_ops", json!(["sign"])),
            with(ec("private"), "d", json!("AAAA")),
            with(ec("cross"), "alg", json!("ES384")),
            with(ec("alg"), "alg", json!("HS256")),
            with(ec("kid"), "kid", json!(7)),
            with(ec("off"), "y", json!("MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4")),
            with(ec("short"), "x", json!("AAAA")),
            with(
                rsa("weak"),
                "n",
                json!("0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoQ"),
            ),
            with(rsa("even"), "e", json!("AQAA")),
            with(rsa("one"), "e", json!("AQ")),
        ];
        let count = odd.len();
        let mut keys = odd.clone();
        keys.push(ec("good"));
        let read = set(keys).unwrap();
        assert_eq!((read.len(), read.skipped()), (1, count));
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        for odd in [
            r#"{"kid":"a","kid":"b"}"#,
            r#"{"kid":"\ud800"}"#,
            r#"{"kid":1e999}"#,
            &deep,
            "null",
            "7",
        ] {
            let document = format!(r#"{{"x":1,"keys":[{odd},{}]}}"#, ec("good"));
            let read = KeySet::from_json(document.as_bytes(), Algorithm::all()).unwrap();
            assert_eq!((read.len(), read.skipped()), (1, 1), "{odd}");
        }
        assert_eq!(set(odd), Err(KeySetError::NoUsableKey));
    }

    #[test]
    fn a_member_that_is_null_is_absent() {
        for name in ["use", "key_ops", "alg"] {
            assert_eq!(set(vec![with(ec("a"), name, Value::Null)]).unwrap().len(), 1, "{name}");
        }
        let nameless = set(vec![with(ec("a"), "kid", Value::Null)]).unwrap();
        assert_eq!(nameless.select(None, Algorithm::ES256).count(), 1);
    }

    #[test]
    fn the_key_decides_the_algorithm() {
        let keys = set(vec![ec("a"), with(rsa("b"), "alg", json!("PS256")), rsa("c")]).unwrap();
        let selects = |kid, algorithm| keys.select(Some(kid), algorithm).count();
        assert_eq!(selects("a", Algorithm::ES256), 1);
        assert_eq!(selects("a", Algorithm::RS256), 0);
        assert_eq!(selects("b", Algorithm::PS256), 1);
        assert_eq!(selects("b", Algorithm::RS256), 0);
        assert_eq!(selects("c", Algorithm::RS512), 1);
        assert_eq!(selects("A", Algorithm::ES256), 0);
    }

    #[test]
    fn only_a_key_that_could_exist_is_missed() {
        let document = json!({"keys": [ec("a")]}).to_string();
        let keys = KeySet::from_json(document.as_bytes(), &[Algorithm::ES256, Algorithm::ES384]).unwrap();
        assert!(keys.may_miss(Some("b"), Algorithm::ES384));
        assert!(
            !keys.may_miss(Some("a"), Algorithm::ES384),
            "the key is here, with its own algorithm"
        );
        assert!(
            !keys.may_miss(Some("b"), Algorithm::RS256),
            "the algorithm is not allowed"
        );
    }

    #[test]
    fn without_a_kid_exactly_one_key_must_fit() {
        let one = set(vec![ec("a"), rsa("b")]).unwrap();
        assert_eq!(one.select(None, Algorithm::ES256).count(), 1);
        let two = set(vec![ec("a"), ec("b")]).unwrap();
        assert_eq!(two.select(None, Algorithm::ES256).count(), 0);
        let mut nameless = ec("");
        nameless.as_object_mut().unwrap().remove("kid");
        let keys = set(vec![nameless]).unwrap();
        assert_eq!(keys.select(Some("x"), Algorithm::ES256).count(), 0);
        assert_eq!(keys.select(None, Algorithm::ES256).count(), 1);
    }

    #[test]
    fn a_document_of_no_use_is_an_error() {
        for document in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":null}"#, "<html>"] {
            let read = KeySet::from_json(document.as_bytes(), Algorithm::all());
            assert!(matches!(read, Err(KeySetError::Malformed(_))), "{document}");
        }
        assert_eq!(set(vec![]), Err(KeySetError::NoUsableKey));
        assert_eq!(set(vec![ec("a"); MAX_KEYS + 1]), Err(KeySetError::TooManyKeys));
        assert_eq!(set(vec![ec("a"); MAX_KEYS]).map(|keys| keys.len()), Ok(MAX_KEYS));
        let huge = vec![b' '; MAX_DOCUMENT_BYTES + 1];
        assert_eq!(KeySet::from_json(&huge, Algorithm::all()), Err(KeySetError::TooLong));
    }

    #[test]
    fn an_algorithm_that_is_not_allowed_leaves_its_keys_out() {
        let document = json!({"keys": [ec("a"), rsa("b")]}).to_string();
        let keys = KeySet::from_json(document.as_bytes(), &[Algorithm::ES256]).unwrap();
        assert_eq!((keys.len(), keys.skipped()), (1, 1));
    }

    #[test]
    fn many_keys_of_one_kid_are_tried_only_four_times() {
        let keys = set(vec![ec("a"); 9]).unwrap();
        assert_eq!(keys.select(Some("a"), Algorithm::ES256).count(), MAX_CANDIDATES);
    }
}
