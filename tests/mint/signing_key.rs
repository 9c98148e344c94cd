//! Signing keys, generated at run time, and their JWKs.

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// Base64url without padding, as JOSE writes it.
pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The curves of EC keys; `Secp256k1` must not be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    P256,
    P384,
    P521,
    Secp256k1,
}

impl Curve {
    fn algorithm(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
            Self::P384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
            Self::P521 => &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
            Self::Secp256k1 => &signature::ECDSA_P256K1_SHA256_FIXED_SIGNING,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
            Self::Secp256k1 => "secp256k1",
        }
    }

    /// The algorithm that RFC 7518 and 8812 bind to the curve.
    fn jwa(self) -> &'static str {
        match self {
            Self::P256 => "ES256",
            Self::P384 => "ES384",
            Self::P521 => "ES512",
            Self::Secp256k1 => "ES256K",
        }
    }
}

enum Material {
    Rsa(&'static rsa::KeyPair),
    Ec(Curve, EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A key pair with its key id.
pub struct SigningKey {
    pub kid: String,
    material: Material,
}

/// RSA key pairs take long to generate, so a process has two: of the trusted issuer and of an untrusted one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum RsaPair {
    Issuer,
    Untrusted,
}

impl SigningKey {
    pub fn rsa(kid: &str, pair: RsaPair) -> Self {
        static PAIRS: OnceLock<[rsa::KeyPair; 2]> = OnceLock::new();
        let made = || rsa::KeyPair::generate(rsa::KeySize::Rsa2048).expect("an RSA key");
        let pairs = PAIRS.get_or_init(|| [made(), made()]);
        let material = match pair {
            RsaPair::Issuer => Material::Rsa(&pairs[0]),
            RsaPair::Untrusted => Material::Rsa(&pairs[1]),
        };
        Self::of(kid, material)
    }

    pub fn ec(kid: &str, curve: Curve) -> Self {
        let pair = EcdsaKeyPair::generate(curve.algorithm()).expect("an EC key");
        Self::of(kid, Material::Ec(curve, pair))
    }

    pub fn ed25519(kid: &str) -> Self {
        let pair = Ed25519KeyPair::generate().expect("an Ed25519 key");
        Self::of(kid, Material::Ed25519(pair))
    }

    fn of(kid: &str, material: Material) -> Self {
        Self {
            kid: kid.to_owned(),
            material,
        }
    }

    /// The default algorithm of this key.
    pub fn algorithm(&self) -> &'static str {
        match &self.material {
            Material::Rsa(_) => "RS256",
            Material::Ec(curve, _) => curve.jwa(),
            Material::Ed25519(_) => "EdDSA",
        }
    }

    /// Signs `message`. RSA keys use the padding and hash of `algorithm`; the others ignore it.
    pub fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.material {
            Material::Rsa(pair) => {
                let encoding: &'static dyn signature::RsaEncoding = match algorithm {
                    "RS384" => &signature::RSA_PKCS1_SHA384,
                    "RS512" => &signature::RSA_PKCS1_SHA512,
                    "PS256" => &signature::RSA_PSS_SHA256,
                    "PS384" => &signature::RSA_PSS_SHA384,
                    "PS512" => &signature::RSA_PSS_SHA512,
                    _ => &signature::RSA_PKCS1_SHA256,
                };
                let mut bytes = vec![0; pair.public_modulus_len()];
                let signed = pair.sign(encoding, &random, message, &mut bytes);
                signed.expect("an RSA signature");
                bytes
            }
            Material::Ec(_, pair) => {
                let signed = pair.sign(&random, message).expect("an ECDSA signature");
                signed.as_ref().to_vec()
            }
            Material::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// An ECDSA signature in DER; JOSE requires the fixed-length form.
    pub fn sign_in_der(&self, message: &[u8]) -> Vec<u8> {
        let pair = self.again(&signature::ECDSA_P256_SHA256_ASN1_SIGNING);
        let signed = pair.sign(&SystemRandom::new(), message);
        signed.expect("an ECDSA signature").as_ref().to_vec()
    }

    /// A P-521 signature over SHA-256; ES512 requires SHA-512.
    pub fn sign_p521_with_sha256(&self, message: &[u8]) -> Vec<u8> {
        let pair = self.again(&signature::ECDSA_P521_SHA256_FIXED_SIGNING);
        let signed = pair.sign(&SystemRandom::new(), message);
        signed.expect("an ECDSA signature").as_ref().to_vec()
    }

    fn again(&self, algorithm: &'static EcdsaSigningAlgorithm) -> EcdsaKeyPair {
        let Material::Ec(_, pair) = &self.material else {
            panic!("{} is not an EC key", self.kid);
        };
        let document = pair.to_pkcs8v1().expect("the key as PKCS#8");
        EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref()).expect("the same key again")
    }

    /// The public key as a JWK with its key id, and with `alg` as given.
    pub fn jwk(&self, alg: Option<&str>) -> Value {
        let mut jwk = match &self.material {
            Material::Rsa(_) => {
                json!({ "kty": "RSA", "n": base64url(self.modulus()), "e": "AQAB" })
            }
            Material::Ec(curve, _) => {
                let (x, y) = self.coordinates();
                json!({ "kty": "EC", "crv": curve.name(), "x": base64url(x), "y": base64url(y) })
            }
            Material::Ed25519(pair) => {
                let x = base64url(pair.public_key());
                json!({ "kty": "OKP", "crv": "Ed25519", "x": x })
            }
        };
        jwk["kid"] = json!(self.kid);
        if let Some(alg) = alg {
            jwk["alg"] = json!(alg);
        }
        jwk
    }

    /// The modulus of an RSA key of 2,048 bits, big endian.
    pub fn modulus(&self) -> Vec<u8> {
        let Material::Rsa(pair) = &self.material else {
            panic!("{} is not an RSA key", self.kid);
        };
        // RSAPublicKey: a SEQUENCE header of four bytes, then the INTEGER's header and its sign byte.
        pair.public_key().as_ref()[9..9 + 256].to_vec()
    }

    /// The two coordinates of an EC key.
    pub fn coordinates(&self) -> (Vec<u8>, Vec<u8>) {
        let Material::Ec(_, pair) = &self.material else {
            panic!("{} is not an EC key", self.kid);
        };
        let point = &pair.public_key().as_ref()[1..];
        let (x, y) = point.split_at(point.len() / 2);
        (x.to_vec(), y.to_vec())
    }

    /// The public key as SubjectPublicKeyInfo.
    pub fn public_der(&self) -> Vec<u8> {
        let der: Result<PublicKeyX509Der<'_>, _> = match &self.material {
            Material::Rsa(pair) => pair.public_key().as_der(),
            Material::Ec(_, pair) => pair.public_key().as_der(),
            Material::Ed25519(pair) => pair.public_key().as_der(),
        };
        der.expect("the public key in DER").as_ref().to_vec()
    }

    /// The public key as PEM, lines of 64 characters and a final line break.
    pub fn public_pem(&self) -> String {
        let text = STANDARD.encode(self.public_der());
        let lines: Vec<_> = text.as_bytes().chunks(64).collect();
        let body = lines.join(&b'\n');
        let body = String::from_utf8_lossy(&body).into_owned();
        format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
    }
}

/// An HMAC of `message` keyed with `secret`.
pub fn hmac(algorithm: &str, secret: &[u8], message: &[u8]) -> Vec<u8> {
    let algorithm = match algorithm {
        "HS384" => hmac::HMAC_SHA384,
        "HS512" => hmac::HMAC_SHA512,
        _ => hmac::HMAC_SHA256,
    };
    let key = hmac::Key::new(algorithm, secret);
    hmac::sign(&key, message).as_ref().to_vec()
}
