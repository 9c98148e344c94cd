//! A JWK Set (RFC 7517 section 5) as a pure, immutable value.

use std::fmt;

use serde::de::{Deserializer as _, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::algorithm::Algorithm;
use super::document;
use super::jwk::{self, Unusable, UnusableJwk, VerificationKey};
use super::quoted::Quoted;
use crate::json::{self, JsonError};
use crate::limits::Limits;

/// Most keys of one document that are read; the others are left out.
pub(super) const MAX_KEYS: usize = 100;
/// Longest document, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 256 * 1024;
/// Most skipped keys that a message names.
const MAX_NAMED: usize = 10;
/// Most keys tried for one token, where an issuer publishes several under one `kid`.
const MAX_CANDIDATES: usize = 4;

/// The keys of one issuer.
///
/// Each key is bound to its type, curve and algorithm when the set is read; a token selects among them.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<VerificationKey>,
    algorithms: Vec<Algorithm>,
    skipped: Vec<SkippedKey>,
    omitted: usize,
}

/// Two sets are equal if the same keys verify the same tokens.
impl PartialEq for KeySet {
    fn eq(&self, other: &Self) -> bool {
        self.keys == other.keys && self.algorithms == other.algorithms
    }
}

/// A key of a set that is not used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedKey {
    /// The place in the document, from 1.
    place: usize,
    kid: Option<Box<str>>,
    unusable: UnusableJwk,
}

/// ``kid `a`: its `use` is `enc`, not `sig` ``. Texts of the document are bounded and printable.
impl fmt::Display for SkippedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kid {
            Some(kid) => write!(f, "kid {}: {}", Quoted(kid), self.unusable.reason),
            None => write!(f, "key {} without kid: {}", self.place, self.unusable.reason),
        }
    }
}

impl SkippedKey {
    /// Whether the key is well formed and for something else, such as encryption, which many issuers publish.
    pub(crate) fn is_for_another_purpose(&self) -> bool {
        self.unusable.class == Unusable::AnotherPurpose
    }

    /// Whether the key is a private or a symmetric one: a secret that must not be where this set was read.
    pub fn is_secret(&self) -> bool {
        self.unusable.class == Unusable::Secret
    }
}

/// The first of some skipped keys, in one line.
pub(crate) struct Named<'k>(pub(crate) &'k [SkippedKey]);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, key) in self.0.iter().take(MAX_NAMED).enumerate() {
            write!(f, "{}{key}", if n == 0 { "" } else { "; " })?;
        }
        match self.0.len().saturating_sub(MAX_NAMED) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// Why a document is not a usable key set.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// The document is over 256 KiB.
    #[error("the document is longer than {MAX_DOCUMENT_BYTES} bytes")]
    TooLong,
    /// The document is not a JSON object with an array `keys`.
    #[error("this is not a JWK set: {0}")]
    Malformed(String),
    /// The array `keys` is empty.
    #[error("the set contains no key")]
    Empty,
    /// Not one key that can be used: every one is of another kind, weak, or of an algorithm that is not allowed.
    #[error("the set contains no usable key: {keys}", keys = Named(.0))]
    NoUsableKey(Vec<SkippedKey>),
}

impl KeySet {
    /// Reads a JWK set, keeping what verifies with one of `algorithms`.
    ///
    /// A key that is symmetric, private, meant for encryption, weak (RSA below 2048 bits), malformed or of an unknown
    /// kind is skipped; it does not affect the others. Keys after the first 100 are left out.
    ///
    /// # Errors
    /// [`KeySetError`] when the document as a whole is unusable.
    pub fn from_json(document: &[u8], algorithms: &[Algorithm]) -> Result<KeySet, KeySetError> {
        if document.len() > MAX_DOCUMENT_BYTES {
            return Err(KeySetError::TooLong);
        }
        let members = document::members(document, ["keys", "jwks_uri", "kty"]).map_err(KeySetError::Malformed)?;
        let malformed = |reason: &str| KeySetError::Malformed(reason.to_owned());
        let keys = match members {
            [Some(keys), _, _] => keys,
            [None, Some(_), _] => {
                let reason = "it has a `jwks_uri` and no `keys`, as the metadata of an issuer has";
                return Err(malformed(reason));
            }
            [None, None, Some(_)] => return Err(malformed("it is one JWK; a set has its keys in a list `keys`")),
            [None, None, None] => return Err(malformed("it has no `keys`")),
        };
        let mut deserializer = serde_json::Deserializer::from_str(keys.get());
        let entries = deserializer.deserialize_seq(FirstKeys);
        let (entries, omitted) = entries.map_err(|_| malformed("its `keys` is not a list"))?;
        if entries.is_empty() {
            return Err(KeySetError::Empty);
        }
        let mut set = KeySet {
            keys: Vec::new(),
            algorithms: algorithms.to_vec(),
            skipped: Vec::new(),
            omitted,
        };
        for (index, entry) in entries.into_iter().enumerate() {
            set.read_key(index + 1, entry);
        }
        if set.keys.is_empty() {
            return Err(KeySetError::NoUsableKey(set.skipped));
        }
        Ok(set)
    }

    /// Reads one key strictly by itself, so that an unusable one does not affect the others.
    fn read_key(&mut self, place: usize, entry: &RawValue) {
        let mut kid = None;
        let read = match json::object(entry.get().as_bytes(), &Limits::default()) {
            Ok(entry) => {
                kid = jwk::kid(&entry).map(Into::into);
                jwk::verification_keys(&entry, &self.algorithms)
            }
            Err(error) => Err(UnusableJwk {
                reason: match error {
                    JsonError::Invalid => "it is not a JSON object".to_owned(),
                    JsonError::Duplicate => "it has a member twice".to_owned(),
                    JsonError::TooLarge => "it is nested deeper, or has more values, than are accepted".to_owned(),
                },
                class: Unusable::Malformed,
            }),
        };
        match read {
            Ok(keys) => self.keys.extend(keys),
            Err(unusable) => self.skipped.push(SkippedKey { place, kid, unusable }),
        }
    }

    /// How many (key, algorithm) pairs can verify. An RSA key without `alg` counts once for each of its algorithms.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Never true: a set without a usable key is an error when it is read.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys of the document that are not used, and why; at most 100.
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }

    /// How many keys after the first 100 were left out.
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// The keys in words, for an operator: each with its algorithms, and those that are skipped.
    pub(crate) fn listing(&self) -> String {
        let mut ids: Vec<Option<&str>> = Vec::new();
        for key in &self.keys {
            if !ids.contains(&key.kid.as_deref()) {
                ids.push(key.kid.as_deref());
            }
        }
        let listed = ids.iter().take(MAX_NAMED).map(|kid| {
            let of_kid = self.keys.iter().filter(|key| key.kid.as_deref() == *kid);
            let algorithms: Vec<_> = of_kid.map(|key| format!("{:?}", key.algorithm)).collect();
            let algorithms = algorithms.join(", ");
            match kid {
                Some(kid) => format!("{} ({algorithms})", Quoted(kid)),
                None => format!("one without kid ({algorithms})"),
            }
        });
        let mut listing = listed.collect::<Vec<_>>().join(", ");
        let more = ids.len().saturating_sub(MAX_NAMED);
        if more > 0 {
            listing += &format!(" and {more} more");
        }
        if !self.skipped.is_empty() {
            listing += &format!("; skipped: {}", Named(&self.skipped));
        }
        listing
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

/// Reads the first keys of a list; the value is them, and how many follow.
struct FirstKeys;

impl<'d> Visitor<'d> for FirstKeys {
    type Value = (Vec<&'d RawValue>, usize);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'d>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut keys = Vec::new();
        while keys.len() < MAX_KEYS {
            match items.next_element()? {
                Some(key) => keys.push(key),
                None => return Ok((keys, 0)),
            }
        }
        let mut omitted = 0;
        while items.next_element::<IgnoredAny>()?.is_some() {
            omitted += 1;
        }
        Ok((keys, omitted))
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
        assert_eq!((read.len(), read.skipped().len()), (1, count));
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
            assert_eq!((read.len(), read.skipped().len()), (1, 1), "{odd}");
        }
        assert!(matches!(set(odd), Err(KeySetError::NoUsableKey(keys)) if keys.len() == count));
    }

    #[test]
    fn a_member_that_is_null_is_absent() {
        for name in ["use", "key_ops", "alg", "d", "k", "x5c", "n", "e"] {
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
        assert_eq!(set(vec![]), Err(KeySetError::Empty));
        let huge = vec![b' '; MAX_DOCUMENT_BYTES + 1];
        assert_eq!(KeySet::from_json(&huge, Algorithm::all()), Err(KeySetError::TooLong));
    }

    #[test]
    fn an_algorithm_that_is_not_allowed_leaves_its_keys_out() {
        let document = json!({"keys": [ec("a"), rsa("b")]}).to_string();
        let keys = KeySet::from_json(document.as_bytes(), &[Algorithm::ES256]).unwrap();
        assert_eq!(keys.len(), 1);
        let skipped = Named(keys.skipped()).to_string();
        let algorithms = "[RS256, RS384, RS512, PS256, PS384, PS512] is not among the accepted algorithms";
        assert_eq!(skipped, format!("kid `b`: {algorithms}"));
    }

    #[test]
    fn many_keys_of_one_kid_are_tried_only_four_times() {
        let keys = set(vec![ec("a"); 9]).unwrap();
        assert_eq!(keys.select(Some("a"), Algorithm::ES256).count(), MAX_CANDIDATES);
    }

    #[test]
    fn the_first_keys_of_a_long_set_are_kept() {
        let of = |count: usize| {
            let keys = set((0..count).map(|n| ec(&format!("k{n}"))).collect()).unwrap();
            let last = keys.select(Some("k99"), Algorithm::ES256).count();
            let beyond = keys.select(Some("k100"), Algorithm::ES256).count();
            (keys.len(), keys.omitted(), last, beyond)
        };
        assert_eq!(of(100), (100, 0, 1, 0));
        assert_eq!(of(101), (100, 1, 1, 0));
        assert_eq!(of(500), (100, 400, 1, 0));
    }

    /// Why the key is skipped beside a usable one.
    fn reason(key: &Value) -> String {
        let read = set(vec![key.clone(), ec("good")]).unwrap();
        assert_eq!(read.skipped().len(), 1, "{key}");
        let shown = Named(read.skipped()).to_string();
        let (_, reason) = shown.split_once(": ").unwrap();
        reason.to_owned()
    }

    #[test]
    fn each_skipped_key_has_its_reason() {
        let compact = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoQ";
        let short = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7A";
        for (key, expected) in [
            (json!("text"), "it is not a JSON object"),
            (json!({}), "it has no `kty`"),
            (json!({"kty": 7}), "its `kty` is not a text"),
            (json!({"kty": "AKP", "pub": "AA"}), "its `kty`, `AKP`, is not supported"),
            (json!({"kty": "oct", "k": "AAAA"}), "it is symmetric"),
            (json!({"kty": "oct"}), "it is symmetric"),
            (json!({"kty": "EC"}), "it has no `crv`"),
            (
                with(ec("a"), "crv", json!("secp256k1")),
                "its `crv`, `secp256k1`, is not supported",
            ),
            (
                with(ec("a"), "crv", json!("Ed25519")),
                "its `crv`, `Ed25519`, is not supported",
            ),
            (
                with(ec("a"), "d", json!("AA")),
                "it contains a private key (`d`), which is compromised by publishing it",
            ),
            (with(ec("a"), "use", json!("enc")), "its `use` is `enc`, not `sig`"),
            (with(ec("a"), "use", json!("SIG")), "its `use` is `SIG`, not `sig`"),
            (with(ec("a"), "use", json!("")), "its `use` is ``, not `sig`"),
            (with(ec("a"), "key_ops", json!([])), "its `key_ops` is empty"),
            (
                with(ec("a"), "key_ops", json!(["sign"])),
                "its `key_ops` does not contain `verify`",
            ),
            (with(ec("a"), "key_ops", json!("verify")), "its `key_ops` is not a list"),
            (with(ec("a"), "alg", json!("")), "its `alg` is empty"),
            (
                with(ec("a"), "alg", json!("ES256K\n")),
                r"its `alg`, `ES256K\u{a}`, is not supported",
            ),
            (
                with(ec("a"), "alg", json!("RS256")),
                "its `alg`, `RS256`, does not fit its type or curve",
            ),
            (
                with(ec("a"), "alg", json!("ES384")),
                "its `alg`, `ES384`, does not fit its type or curve",
            ),
            (
                with(rsa("a"), "alg", json!("ES256")),
                "its `alg`, `ES256`, does not fit its type or curve",
            ),
            (with(ec("a"), "kid", json!(7)), "its `kid` is not a text"),
            (
                with(ec("a"), "x", json!("AAA=")),
                "its `x` is not base64url without padding",
            ),
            (
                with(ec("a"), "y", json!("AA+/")),
                "its `y` is not base64url without padding",
            ),
            (with(ec("a"), "x", json!(7)), "its `x` is not a text"),
            (
                with(ec("a"), "x", json!(short)),
                "its `x` has 31 bytes instead of 32; leading zeros belong to it",
            ),
            (with(ec("a"), "x", json!("AAAA")), "its `x` has 3 bytes instead of 32"),
            (
                with(ec("a"), "y", json!(short.repeat(2))),
                "its `y` has 63 bytes instead of 32",
            ),
            (with(ec("a"), "y", Value::Null), "it has no `y`"),
            (
                with(ec("a"), "y", json!("MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4")),
                "its coordinates are not a point of its curve",
            ),
            (
                json!({"kty": "RSA", "x5c": ["MII"]}),
                "it has no `n`; certificates (`x5c`) are not read",
            ),
            (json!({"kty": "RSA", "n": RSA_N}), "it has no `e`"),
            (
                with(rsa("a"), "n", json!(compact)),
                "its RSA modulus has 512 bits, not 2048 to 8192",
            ),
            (
                with(rsa("a"), "n", json!("")),
                "its RSA modulus has 0 bits, not 2048 to 8192",
            ),
            (
                with(rsa("a"), "e", json!("AQAA")),
                "its RSA exponent is even, 1, or longer than 8 bytes",
            ),
            (
                with(rsa("a"), "e", json!("")),
                "its RSA exponent is even, 1, or longer than 8 bytes",
            ),
        ] {
            assert_eq!(reason(&key), expected, "{key}");
        }
    }

    #[test]
    fn the_message_names_the_first_skipped_keys() {
        let odd = |n: usize| json!({"kty": "oct", "kid": format!("k{n}")});
        let message = |keys: Vec<Value>| set(keys).unwrap_err().to_string();
        assert_eq!(
            message(vec![odd(1), json!({})]),
            "the set contains no usable key: kid `k1`: it is symmetric; key 2 without kid: it has no `kty`"
        );
        let many = message((0..100).map(odd).collect());
        assert!(many.ends_with("kid `k9`: it is symmetric; and 90 more"), "{many}");
        let long = message(vec![json!({"kty": "oct", "kid": "k\n".repeat(5000)})]);
        assert!(long.len() < 1500 && !long.contains('\n'), "{long}");
    }

    #[test]
    fn a_document_of_another_kind_is_named() {
        let message = |document: &str| {
            KeySet::from_json(document.as_bytes(), Algorithm::all())
                .unwrap_err()
                .to_string()
        };
        for (document, reason) in [
            ("<html>", "the document is HTML or XML, not JSON"),
            ("", "the document is empty"),
            ("{}", "it has no `keys`"),
            (
                r#"{"kty":"EC","kid":"a"}"#,
                "it is one JWK; a set has its keys in a list `keys`",
            ),
            (r#"{"keys":{}}"#, "its `keys` is not a list"),
            (r#"{"keys":[],"keys":[]}"#, "the document has the member `keys` twice"),
            (
                r#"{"issuer":"https://idp.example","jwks_uri":"https://idp.example/jwks"}"#,
                "it has a `jwks_uri` and no `keys`, as the metadata of an issuer has",
            ),
        ] {
            assert_eq!(message(document), format!("this is not a JWK set: {reason}"));
        }
        assert_eq!(message(r#"{"keys":[]}"#), "the set contains no key");
        let marked = format!("\u{feff}{}", json!({"keys": [ec("a")], "x": 1}));
        assert!(KeySet::from_json(marked.as_bytes(), Algorithm::all()).is_ok());
    }

    #[test]
    fn a_set_is_the_same_whatever_is_skipped() {
        assert_eq!(set(vec![ec("a"), json!({})]), set(vec![json!(null), ec("a")]));
        assert_ne!(set(vec![ec("a")]), set(vec![ec("b")]));
    }

    #[test]
    fn a_listing_names_each_key_with_its_algorithms() {
        let mut nameless = ec("");
        nameless.as_object_mut().unwrap().remove("kid");
        let keys = set(vec![
            ec("a"),
            with(rsa("b"), "alg", json!("PS256")),
            nameless,
            with(ec("c"), "use", json!("enc")),
        ]);
        assert_eq!(
            keys.unwrap().listing(),
            "`a` (ES256), `b` (PS256), one without kid (ES256); skipped: kid `c`: its `use` is `enc`, not `sig`"
        );
        let many = set((0..30).map(|n| ec(&format!("k{n}"))).collect()).unwrap().listing();
        assert!(many.ends_with("`k9` (ES256) and 20 more"), "{many}");
    }
}
