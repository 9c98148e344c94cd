//! The keys that sign internal tokens, their rotation, and the JWK set of their public halves.
//!
//! A key is published before it signs, and stays published until the last token that it signed has ended.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Serialize;
use serde_json::{Value, json};

/// `typ` of an internal token. It is no access token: no preset accepts this type.
pub(crate) const TYP: &str = "actgate-internal+jwt";

/// How long a response with the JWK set may be cached, and so the least time between publication and use of a key.
pub(crate) const PUBLICATION: Duration = Duration::from_secs(60);

/// How much the clock of an upstream may differ.
const SKEW: Duration = Duration::from_secs(60);

/// A key on P-256 that signs with ES256.
pub(crate) struct SigningKey {
    /// The thumbprint of the public key (RFC 7638), so that replicas with one key give it one name.
    id: String,
    pair: EcdsaKeyPair,
    public: Value,
    /// The first part of each token.
    header: String,
}

/// Why a text is no signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyFileError {
    #[error("the file contains no private key in PEM (PKCS #8)")]
    NoKey,
    #[error("the private key is not on the curve P-256")]
    Curve,
}

/// A key could not be generated or used: the operating system returned no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signing key could not be generated or used")]
pub(crate) struct SigningError;

impl From<Unspecified> for SigningError {
    fn from(_: Unspecified) -> SigningError {
        SigningError
    }
}

impl SigningKey {
    pub(crate) fn generate() -> Result<SigningKey, SigningError> {
        SigningKey::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?)
    }

    /// The private key in a file.
    pub(crate) fn from_pem(text: &str) -> Result<SigningKey, KeyFileError> {
        let document = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).map_err(|_| KeyFileError::NoKey)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.secret_pkcs8_der());
        let key = pair.ok().and_then(|pair| SigningKey::new(pair).ok());
        key.ok_or(KeyFileError::Curve)
    }

    fn new(pair: EcdsaKeyPair) -> Result<SigningKey, SigningError> {
        // SEC 1: an uncompressed point is 4, then x and y of 32 bytes each.
        let (x, y) = match pair.public_key().as_ref() {
            [4, point @ ..] if point.len() == 64 => point.split_at(32),
            _ => return Err(SigningError),
        };
        let [x, y] = [x, y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let id = URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()));
        let public = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "use": "sig", "alg": "ES256", "kid": id });
        let header = json!({ "alg": "ES256", "typ": TYP, "kid": id });
        Ok(SigningKey {
            header: URL_SAFE_NO_PAD.encode(header.to_string()),
            id,
            pair,
            public,
        })
    }

    /// A compact JWS over `claims`.
    fn sign(&self, claims: &impl Serialize) -> Result<String, SigningError> {
        let claims = serde_json::to_vec(claims).map_err(|_| SigningError)?;
        let mut token = format!("{}.{}", self.header, URL_SAFE_NO_PAD.encode(claims));
        let signature = self.pair.sign(&SystemRandom::new(), token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

/// Prints the name of the key alone.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.id).finish()
    }
}

/// Where the keys come from.
#[derive(Debug)]
pub(crate) enum KeyOrigin {
    /// They are generated and kept in memory, and each signs for this time.
    Generated { rotate: Duration },
    /// It is in a file, which [`SigningKeys::offer`] reports the changes of.
    File(SigningKey),
}

/// The keys of a gate.
#[derive(Debug)]
pub(crate) struct SigningKeys {
    keys: RwLock<Keys>,
    /// How long a key signs; none for a key in a file.
    rotate: Option<Duration>,
    /// How long a key stays published after it has signed for the last time.
    retention: Duration,
}

#[derive(Debug)]
struct Keys {
    active: Arc<SigningKey>,
    /// The next key, and when it begins to sign.
    next: Option<(Arc<SigningKey>, Instant)>,
    /// Keys that sign no more, and when each is withdrawn.
    retired: Vec<(Arc<SigningKey>, Instant)>,
}

impl SigningKeys {
    /// `lifetime` is the longest life of a token.
    pub(crate) fn new(origin: KeyOrigin, lifetime: Duration, now: Instant) -> Result<SigningKeys, SigningError> {
        let (active, next, rotate) = match origin {
            KeyOrigin::File(key) => (key, None, None),
            KeyOrigin::Generated { rotate } => {
                let next = (Arc::new(SigningKey::generate()?), now + rotate);
                (SigningKey::generate()?, Some(next), Some(rotate))
            }
        };
        Ok(SigningKeys {
            keys: RwLock::new(Keys {
                active: Arc::new(active),
                next,
                retired: Vec::new(),
            }),
            rotate,
            retention: lifetime + SKEW,
        })
    }

    /// Signs with the active key.
    pub(crate) fn sign(&self, claims: &impl Serialize) -> Result<String, SigningError> {
        let active = self.read().active.clone();
        active.sign(claims)
    }

    /// Publishes the key of a file that has changed. It signs once caches without it have ended.
    pub(crate) fn offer(&self, key: SigningKey, now: Instant) {
        let mut keys = self.write();
        let is_known = keys.next.as_ref().is_some_and(|(next, _)| next.id == key.id);
        if keys.active.id == key.id {
            keys.next = None;
        } else if !is_known {
            keys.next = Some((Arc::new(key), now + PUBLICATION));
        }
    }

    /// Does what is due: the next key becomes the active one, retired keys are withdrawn.
    pub(crate) fn advance(&self, now: Instant) -> Result<(), SigningError> {
        let is_due = {
            let keys = self.read();
            let next = keys.next.as_ref().is_some_and(|(_, from)| *from <= now);
            next || keys.retired.iter().any(|(_, until)| *until <= now)
        };
        if !is_due {
            return Ok(());
        }
        // Before the lock: nothing waits for the generation of a key.
        let fresh = match self.rotate {
            Some(rotate) => Some((Arc::new(SigningKey::generate()?), now + rotate)),
            None => None,
        };
        let mut keys = self.write();
        keys.retired.retain(|(_, until)| *until > now);
        if let Some((next, _)) = keys.next.take_if(|(_, from)| *from <= now) {
            let retired = std::mem::replace(&mut keys.active, next);
            keys.retired.push((retired, now + self.retention));
            keys.next = fresh;
        }
        Ok(())
    }

    /// The JWK set: public keys alone.
    pub(crate) fn public(&self) -> Value {
        let keys = self.read();
        let next = keys.next.iter().map(|(key, _)| key);
        let retired = keys.retired.iter().map(|(key, _)| key);
        let all = [&keys.active].into_iter().chain(next).chain(retired);
        json!({ "keys": all.map(|key| key.public.clone()).collect::<Vec<_>>() })
    }

    fn read(&self) -> RwLockReadGuard<'_, Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Keys> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const MINUTE: Duration = Duration::from_secs(60);

    fn published(keys: &SigningKeys) -> Vec<String> {
        let set = keys.public();
        let keys = set["keys"].as_array().unwrap().iter();
        keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    fn signer(keys: &SigningKeys) -> String {
        let token = keys.sign(&json!({})).unwrap();
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        header["kid"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_generated_key_is_published_before_it_signs_and_after_its_last_token_has_ended() {
        let start = Instant::now();
        let keys = SigningKeys::new(KeyOrigin::Generated { rotate: HOUR }, MINUTE, start).unwrap();
        let first = published(&keys);
        assert_eq!(first.len(), 2);
        assert_eq!(signer(&keys), first[0]);
        keys.advance(start + HOUR - MINUTE).unwrap();
        assert_eq!(published(&keys), first);

        keys.advance(start + HOUR).unwrap();
        assert_eq!(signer(&keys), first[1]);
        let second = published(&keys);
        assert_eq!(second.len(), 3);
        assert_eq!((&second[0], &second[2]), (&first[1], &first[0]));
        assert!(!first.contains(&second[1]), "a further key");

        keys.advance(start + HOUR + 2 * MINUTE - Duration::from_secs(1))
            .unwrap();
        assert_eq!(published(&keys), second);
        keys.advance(start + HOUR + 2 * MINUTE).unwrap();
        assert_eq!(published(&keys), second[..2]);
        assert_eq!(signer(&keys), second[0]);
    }

    #[test]
    fn a_changed_key_of_a_file_is_published_first_and_replaces_the_old_one() {
        let start = Instant::now();
        let key = || SigningKey::generate().unwrap();
        let keys = SigningKeys::new(KeyOrigin::File(key()), MINUTE, start).unwrap();
        let first = signer(&keys);
        assert_eq!(published(&keys), [first.as_str()]);
        let changed = key();
        let second = changed.id.clone();
        keys.offer(changed, start);
        keys.advance(start + MINUTE - Duration::from_secs(1)).unwrap();
        assert_eq!(signer(&keys), first);
        assert_eq!(published(&keys), [first.as_str(), &second]);
        keys.advance(start + MINUTE).unwrap();
        assert_eq!(signer(&keys), second);
        assert_eq!(published(&keys), [second.as_str(), &first]);
        keys.advance(start + 3 * MINUTE).unwrap();
        assert_eq!(published(&keys), [second.as_str()]);
    }

    #[test]
    fn a_file_that_has_its_old_key_again_changes_nothing() {
        let pem = pem(&EcdsaKeyPair::generate_pkcs8(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &SystemRandom::new(),
        ));
        let start = Instant::now();
        let key = || SigningKey::from_pem(&pem).unwrap();
        let keys = SigningKeys::new(KeyOrigin::File(key()), MINUTE, start).unwrap();
        keys.offer(SigningKey::generate().unwrap(), start);
        keys.offer(key(), start + MINUTE / 2);
        keys.advance(start + HOUR).unwrap();
        assert_eq!(published(&keys), [key().id]);
    }

    fn pem<D: AsRef<[u8]>, E: fmt::Debug>(document: &Result<D, E>) -> String {
        let base64 = base64::engine::general_purpose::STANDARD.encode(document.as_ref().unwrap());
        armored("PRIVATE KEY", &base64)
    }

    fn armored(label: &str, base64: &str) -> String {
        format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
    }

    #[test]
    fn a_text_that_is_no_key_on_p256_is_an_error() {
        let read = |text: &str| SigningKey::from_pem(text).map(|_| ()).unwrap_err();
        let curve = &aws_lc_rs::signature::ECDSA_P384_SHA384_FIXED_SIGNING;
        let other = pem(&EcdsaKeyPair::generate_pkcs8(curve, &SystemRandom::new()));
        assert_eq!(read(&other), KeyFileError::Curve);
        for text in ["", "key", &armored("EC PRIVATE KEY", "AAAA")] {
            assert_eq!(read(text), KeyFileError::NoKey, "{text}");
        }
    }

    #[test]
    fn debug_output_contains_no_key() {
        let key = SigningKey::generate().unwrap();
        assert_eq!(format!("{key:?}"), format!("SigningKey({:?})", key.id));
    }
}
