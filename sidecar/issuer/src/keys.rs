//! The signing keys: generated at start, kept in memory only, rotated next -> active -> retired.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
// The provider is named explicitly: the default of jsonwebtoken is global to the process, and panics if another crate
// enables a second backend.
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Header, decode_header};
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{ErrorCode, OAuthError};
use crate::secret::random_id;

/// The maximum number of retired keys in the published set; beyond it the oldest is removed.
const MAX_RETIRED: usize = 16;

/// The algorithm that the issuer signs with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signing {
    /// ECDSA on P-256 with SHA-256.
    #[default]
    Es256,
    /// RSA PKCS#1 v1.5 with SHA-256, on a key of 2048 bits.
    Rs256,
    /// Ed25519, under the name `EdDSA`.
    EdDsa,
}

/// The keys of the issuer.
pub(crate) struct KeyRing {
    signing: Signing,
    keys: RwLock<Keys>,
}

struct Keys {
    next: Arc<SigningKey>,
    active: Arc<SigningKey>,
    retired: VecDeque<Arc<SigningKey>>,
}

impl Keys {
    fn published(&self) -> impl Iterator<Item = &Arc<SigningKey>> {
        [&self.active, &self.next].into_iter().chain(&self.retired)
    }
}

/// A signing key could not be generated or used: the operating system returned no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signing key could not be generated or used")]
pub struct KeyError;

impl From<Unspecified> for KeyError {
    fn from(_: Unspecified) -> KeyError {
        KeyError
    }
}

impl From<KeyError> for OAuthError {
    fn from(_: KeyError) -> OAuthError {
        ErrorCode::ServerError.because("the token could not be signed")
    }
}

impl KeyRing {
    pub(crate) fn generate(signing: Signing) -> Result<KeyRing, KeyError> {
        let keys = Keys {
            next: Arc::new(SigningKey::generate(signing)?),
            active: Arc::new(SigningKey::generate(signing)?),
            retired: VecDeque::new(),
        };
        Ok(KeyRing {
            signing,
            keys: RwLock::new(keys),
        })
    }

    /// The key that signs now.
    pub(crate) fn active(&self) -> Arc<SigningKey> {
        Arc::clone(&self.read().active)
    }

    /// Makes the published next key the active one, retires the active one and publishes a new next key.
    /// Returns the key id that signs from then on.
    pub(crate) fn rotate(&self) -> Result<String, KeyError> {
        let fresh = Arc::new(SigningKey::generate(self.signing)?);
        let mut keys = self.write();
        let active = std::mem::replace(&mut keys.next, fresh);
        let id = active.id.clone();
        let retired = std::mem::replace(&mut keys.active, active);
        keys.retired.push_front(retired);
        keys.retired.truncate(MAX_RETIRED);
        Ok(id)
    }

    /// Removes every retired key from the published set; the tokens that they signed are invalid from then on.
    pub(crate) fn withdraw_retired(&self) -> usize {
        std::mem::take(&mut self.write().retired).len()
    }

    /// The published set: public keys only.
    pub(crate) fn public(&self) -> JwkSet {
        let keys = self.read();
        JwkSet {
            keys: keys.published().map(|key| key.public.clone()).collect(),
        }
    }

    /// Checks that a published key signed `token` and that its `typ` is `typ`; returns the payload bytes.
    /// Checks no claim.
    pub(crate) fn verify(&self, token: &str, typ: &str) -> Option<Vec<u8>> {
        let header = decode_header(token).ok()?;
        if header.typ.as_deref() != Some(typ) {
            return None;
        }
        let id = header.kid.as_deref()?;
        let key = self.read().published().find(|key| key.id == id).cloned()?;
        if header.alg != key.algorithm() {
            return None;
        }
        let (message, signature) = token.rsplit_once('.')?;
        let (_, payload) = message.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let public = DecodingKey::from_jwk(&key.public).ok()?;
        let verifier = (DEFAULT_PROVIDER.verifier_factory)(&header.alg, &public).ok()?;
        verifier.verify(message.as_bytes(), &signature).ok()?;
        URL_SAFE_NO_PAD.decode(payload).ok()
    }

    fn read(&self) -> RwLockReadGuard<'_, Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Keys> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One key pair and the JWK of its public half.
pub(crate) struct SigningKey {
    id: String,
    pair: KeyPair,
    public: Jwk,
}

/// aws-lc-rs signs with the generated pairs directly, so that no private key is serialized, and no RSA key is parsed
/// for each signature.
enum KeyPair {
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl SigningKey {
    fn generate(signing: Signing) -> Result<SigningKey, KeyError> {
        let id = random_id()?;
        let pair = KeyPair::generate(signing)?;
        let mut public = pair.public()?;
        public["use"] = "sig".into();
        public["alg"] = json!(pair.algorithm());
        public["kid"] = id.as_str().into();
        let public = serde_json::from_value(public).map_err(|_| KeyError)?;
        Ok(SigningKey { id, pair, public })
    }

    /// A compact JWS over `claims` with `alg`, `kid` and the given `typ` in its header.
    pub(crate) fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, KeyError> {
        let mut header = Header::new(self.algorithm());
        header.typ = Some(typ.to_owned());
        header.kid = Some(self.id.clone());
        let message = format!("{}.{}", part(&header)?, part(claims)?);
        let signature = self.pair.sign(message.as_bytes())?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// `at_hash` of OpenID Connect Core 3.1.3.6: half of the digest of the signature algorithm.
    pub(crate) fn half_digest(&self, text: &str) -> String {
        let algorithm = match self.pair {
            KeyPair::Es256(_) | KeyPair::Rs256(_) => &SHA256,
            KeyPair::EdDsa(_) => &SHA512,
        };
        let digest = digest(algorithm, text.as_bytes());
        let (half, _) = digest.as_ref().split_at(digest.as_ref().len() / 2);
        URL_SAFE_NO_PAD.encode(half)
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.pair.algorithm()
    }
}

impl KeyPair {
    fn generate(signing: Signing) -> Result<KeyPair, KeyError> {
        Ok(match signing {
            Signing::Es256 => KeyPair::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?),
            Signing::Rs256 => KeyPair::Rs256(RsaKeyPair::generate(KeySize::Rsa2048)?),
            Signing::EdDsa => KeyPair::EdDsa(Ed25519KeyPair::generate()?),
        })
    }

    fn algorithm(&self) -> Algorithm {
        match self {
            KeyPair::Es256(_) => Algorithm::ES256,
            KeyPair::Rs256(_) => Algorithm::RS256,
            KeyPair::EdDsa(_) => Algorithm::EdDSA,
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        match self {
            KeyPair::Es256(pair) => Ok(pair.sign(&random, message)?.as_ref().to_vec()),
            KeyPair::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)?;
                Ok(signature)
            }
            KeyPair::EdDsa(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }

    /// The parameters of the public key as a JWK (RFC 7518 section 6).
    fn public(&self) -> Result<Value, KeyError> {
        let base64url = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        Ok(match self {
            KeyPair::Es256(pair) => {
                // SEC 1: an uncompressed point is 4, then x and y of 32 bytes each.
                let (x, y) = match pair.public_key().as_ref() {
                    [4, point @ ..] if point.len() == 64 => point.split_at(32),
                    _ => return Err(KeyError),
                };
                json!({ "kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y) })
            }
            KeyPair::Rs256(pair) => {
                let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({ "kty": "RSA", "n": base64url(&n), "e": base64url(&e) })
            }
            KeyPair::EdDsa(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": base64url(pair.public_key().as_ref()) })
            }
        })
    }
}

fn part(value: &impl Serialize) -> Result<String, KeyError> {
    serde_json::to_vec(value)
        .map(|json| URL_SAFE_NO_PAD.encode(json))
        .map_err(|_| KeyError)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{KeyRing, Signing};

    #[test]
    fn each_algorithm_verifies_its_signatures() {
        for signing in [Signing::Es256, Signing::Rs256, Signing::EdDsa] {
            let ring = KeyRing::generate(signing).unwrap();
            let token = ring.active().sign("at+jwt", &json!({"sub": "alice"})).unwrap();
            let payload = ring.verify(&token, "at+jwt").unwrap();
            assert_eq!(
                serde_json::from_slice::<Value>(&payload).unwrap(),
                json!({"sub": "alice"})
            );
            assert!(ring.verify(&token, "JWT").is_none(), "{signing:?}: another typ");
            let (message, _) = token.rsplit_once('.').unwrap();
            assert!(ring.verify(&format!("{message}."), "at+jwt").is_none());
            assert!(KeyRing::generate(signing).unwrap().verify(&token, "at+jwt").is_none());
        }
    }

    #[test]
    fn the_published_set_has_public_members_only() {
        for (signing, members) in [
            (Signing::Es256, vec!["alg", "crv", "kid", "kty", "use", "x", "y"]),
            (Signing::Rs256, vec!["alg", "e", "kid", "kty", "n", "use"]),
            (Signing::EdDsa, vec!["alg", "crv", "kid", "kty", "use", "x"]),
        ] {
            let ring = KeyRing::generate(signing).unwrap();
            let set = serde_json::to_value(ring.public()).unwrap();
            for key in set["keys"].as_array().unwrap() {
                let mut names: Vec<_> = key.as_object().unwrap().keys().collect();
                names.sort();
                assert_eq!(names, members);
            }
        }
    }

    #[test]
    fn rotation_uses_the_key_that_was_published_as_next() {
        let ring = KeyRing::generate(Signing::Es256).unwrap();
        let published: Vec<_> = ring
            .public()
            .keys
            .into_iter()
            .filter_map(|key| key.common.key_id)
            .collect();
        let token = ring.active().sign("at+jwt", &json!({})).unwrap();
        let id = ring.rotate().unwrap();
        assert_eq!(id, published[1]);
        assert_eq!(ring.active().id, id);
        assert_eq!(ring.public().keys.len(), 3);
        assert!(ring.verify(&token, "at+jwt").is_some(), "a retired key stays published");
        assert_eq!(ring.withdraw_retired(), 1);
        assert!(ring.verify(&token, "at+jwt").is_none());
        assert_eq!(ring.public().keys.len(), 2);
    }

    #[test]
    fn the_number_of_retired_keys_is_limited() {
        let ring = KeyRing::generate(Signing::EdDsa).unwrap();
        for _ in 0..20 {
            ring.rotate().unwrap();
        }
        assert_eq!(ring.public().keys.len(), 18);
    }
}
