//! One signing key: generated, stored, and used.

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, Header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::secret::random_id;
use crate::{OAuthError, SERVER_ERROR};

/// The algorithm that the issuer signs with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signing {
    /// ECDSA on P-256 with SHA-256.
    #[default]
    #[serde(rename = "ES256")]
    Es256,
    /// RSA PKCS#1 v1.5 with SHA-256, on a key of 2048 bits.
    #[serde(rename = "RS256")]
    Rs256,
    /// Ed25519, under the name `EdDSA`.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Signing {
    fn algorithm(self) -> Algorithm {
        match self {
            Signing::Es256 => Algorithm::ES256,
            Signing::Rs256 => Algorithm::RS256,
            Signing::EdDsa => Algorithm::EdDSA,
        }
    }
}

/// A signing key could not be generated, read or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signing key could not be generated, read or used")]
pub struct KeyError;

impl From<Unspecified> for KeyError {
    fn from(_: Unspecified) -> KeyError {
        KeyError
    }
}

impl From<KeyError> for OAuthError {
    fn from(_: KeyError) -> OAuthError {
        SERVER_ERROR.because("the token could not be signed")
    }
}

/// What a key is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyState {
    /// Published before it signs.
    Next,
    Active,
    /// Published until the tokens that it signed have expired.
    Retired,
    /// Signs the ID tokens of clients that asked for RS256, now or next.
    IdTokens,
}

/// A key as it is stored, with its private half.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredKey {
    kid: String,
    pub(super) state: KeyState,
    /// Since when a retired key is, in seconds since the epoch.
    #[serde(default)]
    pub(super) retired: u64,
    signing: Signing,
    /// PKCS#8 in base64url.
    private: String,
}

/// One key pair and the JWK of its public half.
pub(crate) struct SigningKey {
    pub(crate) id: String,
    pub(super) signing: Signing,
    pair: KeyPair,
    /// PKCS#8.
    private: Vec<u8>,
    pub(super) public: Jwk,
}

/// aws-lc-rs signs with the pairs directly, so that no RSA key is parsed for each signature.
enum KeyPair {
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl SigningKey {
    pub(super) fn generate(signing: Signing) -> Result<SigningKey, KeyError> {
        let random = SystemRandom::new();
        let private = match signing {
            Signing::Es256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)?
                .as_ref()
                .to_vec(),
            Signing::Rs256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
                AsDer::<Pkcs8V1Der>::as_der(&pair)?.as_ref().to_vec()
            }
            Signing::EdDsa => Ed25519KeyPair::generate_pkcs8(&random)?.as_ref().to_vec(),
        };
        SigningKey::new(random_id()?, signing, private)
    }

    pub(super) fn restore(stored: &StoredKey) -> Result<SigningKey, KeyError> {
        let private = URL_SAFE_NO_PAD.decode(&stored.private).map_err(|_| KeyError)?;
        SigningKey::new(stored.kid.clone(), stored.signing, private)
    }

    /// `private` is PKCS#8.
    fn new(id: String, signing: Signing, private: Vec<u8>) -> Result<SigningKey, KeyError> {
        let pair = match signing {
            Signing::Es256 => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &private).map(KeyPair::Es256),
            Signing::Rs256 => RsaKeyPair::from_pkcs8(&private).map(KeyPair::Rs256),
            Signing::EdDsa => Ed25519KeyPair::from_pkcs8(&private).map(KeyPair::EdDsa),
        };
        let pair = pair.map_err(|_| KeyError)?;
        let mut public = pair.public()?;
        public["use"] = "sig".into();
        public["alg"] = json!(signing.algorithm());
        public["kid"] = id.as_str().into();
        let public = serde_json::from_value(public).map_err(|_| KeyError)?;
        Ok(SigningKey {
            id,
            signing,
            pair,
            private,
            public,
        })
    }

    pub(super) fn stored(&self, state: KeyState, retired: u64) -> StoredKey {
        StoredKey {
            kid: self.id.clone(),
            state,
            retired,
            signing: self.signing,
            private: URL_SAFE_NO_PAD.encode(&self.private),
        }
    }

    /// A compact JWS over `claims` with `alg`, `kid` and the given `typ` in its header.
    pub(crate) fn sign(&self, typ: Option<&str>, claims: &impl Serialize) -> Result<String, KeyError> {
        let mut header = Header::new(self.algorithm());
        header.typ = typ.map(str::to_owned);
        header.kid = Some(self.id.clone());
        let message = format!("{}.{}", part(&header)?, part(claims)?);
        let signature = self.pair.sign(message.as_bytes())?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// `at_hash` of OpenID Connect Core 3.1.3.6: half of the digest of the signature algorithm.
    pub(crate) fn half_digest(&self, text: &str) -> String {
        let algorithm = match self.signing {
            Signing::Es256 | Signing::Rs256 => &SHA256,
            Signing::EdDsa => &SHA512,
        };
        let digest = digest(algorithm, text.as_bytes());
        let (half, _) = digest.as_ref().split_at(digest.as_ref().len() / 2);
        URL_SAFE_NO_PAD.encode(half)
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.signing.algorithm()
    }
}

impl KeyPair {
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
                let point = pair.public_key().as_ref().get(1..65);
                let (x, y) = point.ok_or(KeyError)?.split_at(32);
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
    let json = serde_json::to_vec(value).map_err(|_| KeyError)?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}
