//! An issuer of each algorithm in memory, and the verification of its signature alone.

use std::hint::black_box;

use actgate::TrustedIssuer;
use actgate::keys::{Algorithm, KeySet};
use actgate::profile::{ChainCompleteness, PriorActors};
use actgate::testing::TestIssuer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING,
    ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_SHA256, RsaKeyPair, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// The algorithms of the bars.
pub const NAMES: [&str; 5] = ["RS256", "PS256", "ES256", "ES384", "EdDSA"];

/// A key pair of one algorithm.
pub struct Signer {
    name: &'static str,
    key: Key,
}

enum Key {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    /// A new key of this algorithm; those of RSA have 2,048 bits.
    pub fn new(name: &'static str) -> Signer {
        let key = match name {
            "RS256" | "PS256" => Key::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
            "ES256" => Key::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()),
            "ES384" => Key::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap()),
            _ => Key::Ed25519(Ed25519KeyPair::generate().unwrap()),
        };
        Signer { name, key }
    }

    /// The issuer as an authorizer trusts it.
    pub fn trusted(&self) -> TrustedIssuer {
        let jwks = json!({ "keys": [self.jwk()] }).to_string();
        let keys = KeySet::from_json(jwks.as_bytes(), Algorithm::all()).unwrap();
        let issuer = TrustedIssuer::new(TestIssuer::ISSUER, keys).unwrap();
        let issuer = issuer
            .chain_completeness(ChainCompleteness::Complete)
            .prior_actors(PriorActors::Enforce);
        issuer.audience(TestIssuer::AUDIENCE).unwrap()
    }

    fn jwk(&self) -> Value {
        let mut jwk = match &self.key {
            Key::Rsa(key) => {
                // RSAPublicKey (RFC 8017): 9 bytes before a modulus of 2,048 bits, then the exponent 65,537.
                let der = key.public_key().as_ref();
                assert_eq!((der.len(), &der[265..]), (270, &[2, 3, 1, 0, 1][..]));
                json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode(&der[9..265]), "e": "AQAB"})
            }
            Key::Ecdsa(key) => {
                let point = &key.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let curve = format!("P-{}", &self.name[2..]);
                json!({"kty": "EC", "crv": curve, "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)})
            }
            Key::Ed25519(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(key.public_key())})
            }
        };
        (jwk["kid"], jwk["alg"], jwk["use"]) = ("testing".into(), self.name.into(), "sig".into());
        jwk
    }

    /// A token with these claims and those that every one has.
    pub fn token(&self, claims: Value) -> String {
        let mut all = json!({
            "iss": TestIssuer::ISSUER, "aud": TestIssuer::AUDIENCE, "iat": TestIssuer::NOW, "nbf": TestIssuer::NOW,
            "jti": "testing",
        });
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        let header = json!({"alg": self.name, "kid": "testing", "typ": "at+jwt"});
        let signed = [header, all]
            .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
            .join(".");
        let signature = self.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                match self.name {
                    "RS256" => key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature),
                    _ => key.sign(&RSA_PSS_SHA256, &random, message, &mut signature),
                }
                .unwrap();
                signature
            }
            Key::Ecdsa(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Key::Ed25519(key) => key.sign(message).as_ref().to_vec(),
        }
    }

    /// Verifies the signature of a token and does nothing else: with a key that is parsed once, and a signature that is decoded.
    pub fn raw_verification(&self, token: &str) -> impl Fn() + use<> {
        let algorithm: &'static dyn VerificationAlgorithm = match self.name {
            "RS256" => &RSA_PKCS1_2048_8192_SHA256,
            "PS256" => &RSA_PSS_2048_8192_SHA256,
            "ES256" => &ECDSA_P256_SHA256_FIXED,
            "ES384" => &ECDSA_P384_SHA384_FIXED,
            _ => &ED25519,
        };
        let public = match &self.key {
            Key::Rsa(key) => key.public_key().as_ref(),
            Key::Ecdsa(key) => key.public_key().as_ref(),
            Key::Ed25519(key) => key.public_key().as_ref(),
        };
        let key = ParsedPublicKey::new(algorithm, public).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (signed, signature) = (signed.to_owned(), URL_SAFE_NO_PAD.decode(signature).unwrap());
        move || key.verify_sig(black_box(signed.as_bytes()), &signature).unwrap()
    }
}
