//! Authentication of a client by a signed JWT: `private_key_jwt` (RFC 7523 section 2.2, OpenID Connect Core section 9).

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use super::proof_key;
use crate::exit::{Context as _, Failure};

/// The type of a client assertion.
pub(super) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The seconds until an assertion expires.
const LIFETIME: u64 = 60;

/// The private key of a client.
pub(super) struct ClientKey {
    pair: KeyPair,
    /// `kid` of the header, for an issuer that requires one.
    id: Option<String>,
}

enum KeyPair {
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl ClientKey {
    /// The key of a text in PEM (PKCS #8): EC on P-256, Ed25519, or RSA with 2048 bits or more. None for any other text.
    pub(super) fn from_pem(text: &str, id: Option<String>) -> Option<ClientKey> {
        let document = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).ok()?;
        let document = document.secret_pkcs8_der();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document).map(KeyPair::Es256);
        let pair = pair.or_else(|_| RsaKeyPair::from_pkcs8(document).map(KeyPair::Rs256));
        // OpenSSL writes no public key beside that of Ed25519.
        let pair = pair.or_else(|_| Ed25519KeyPair::from_pkcs8_maybe_unchecked(document).map(KeyPair::EdDsa));
        Some(ClientKey { pair: pair.ok()?, id })
    }

    /// An assertion of the client for an issuer, which can be used once. `now` is in seconds since the epoch.
    pub(super) fn assertion(&self, client: &str, issuer: &str, now: u64) -> Result<String, Failure> {
        let algorithm = match &self.pair {
            KeyPair::Es256(_) => "ES256",
            KeyPair::Rs256(_) => "RS256",
            KeyPair::EdDsa(_) => "EdDSA",
        };
        let mut header = json!({ "alg": algorithm, "typ": "JWT" });
        if let Some(id) = &self.id {
            header["kid"] = id.as_str().into();
        }
        let claims = json!({
            "iss": client, "sub": client, "aud": issuer, "jti": proof_key::random()?, "iat": now,
            "exp": now.saturating_add(LIFETIME),
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&header), part(&claims));
        let signature = self.sign(message.as_bytes()).context("client assertion")?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        match &self.pair {
            KeyPair::Es256(pair) => Ok(pair.sign(&random, message)?.as_ref().to_vec()),
            KeyPair::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)?;
                Ok(signature)
            }
            KeyPair::EdDsa(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}
