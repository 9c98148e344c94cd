//! One JWK (RFC 7517) as keys that can verify.

use aws_lc_rs::signature::{self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::algorithm::Algorithm;
use crate::json::{Json, Object};

/// A public key, parsed once, that verifies with exactly one algorithm.
#[derive(Debug)]
pub(crate) struct VerificationKey {
    pub(super) kid: Option<Box<str>>,
    pub(super) algorithm: Algorithm,
    signature_bytes: usize,
    key: ParsedPublicKey,
}

impl VerificationKey {
    /// Whether `signature` over `message` is valid with this key.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        signature.len() == self.signature_bytes && self.key.verify_sig(message, signature).is_ok()
    }
}

/// The same key for the same purpose. It decides whether a refreshed set is a new one.
impl PartialEq for VerificationKey {
    fn eq(&self, other: &Self) -> bool {
        self.kid == other.kid && self.algorithm == other.algorithm && self.key.as_ref() == other.key.as_ref()
    }
}

/// The verification keys of one JWK: one for each of `allowed` that fits its type, curve and `alg`.
///
/// Empty for an unusable key: symmetric, private, for encryption, of an unknown type or curve, weak,
/// malformed, or of an algorithm that is not allowed.
pub(crate) fn verification_keys(jwk: &Object<'_>, allowed: &[Algorithm]) -> Vec<VerificationKey> {
    let jwk = Jwk(jwk);
    let Some((kid, declared)) = jwk.purpose() else {
        return Vec::new();
    };
    let fits = |algorithm: &Algorithm| declared.is_none_or(|declared| declared == *algorithm);
    let keys = allowed.iter().copied().filter(fits).filter_map(|algorithm| {
        let (key, signature_bytes) = jwk.key(algorithm)?;
        let kid = kid.map(Into::into);
        Some(VerificationKey {
            kid,
            algorithm,
            signature_bytes,
            key,
        })
    });
    keys.collect()
}

struct Jwk<'o, 'a>(&'o Object<'a>);

impl Jwk<'_, '_> {
    /// `kid` and `alg` of a public key that verifies signatures; [`None`] for any other.
    fn purpose(&self) -> Option<(Option<&str>, Option<Algorithm>)> {
        // A private key in a published set is compromised.
        if self.0.get("d").is_some() || self.0.get("k").is_some() {
            return None;
        }
        if self.text("use")?.is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        match self.0.get("key_ops") {
            None | Some(Json::Null) => {}
            Some(Json::Array(operations)) if operations.iter().any(|one| one.as_str() == Some("verify")) => {}
            Some(_) => return None,
        }
        let declared = match self.text("alg")? {
            None => None,
            Some(name) => Some(Algorithm::named(name)?),
        };
        Some((self.text("kid")?, declared))
    }

    /// The key as one of `algorithm`, and the length of its signatures.
    fn key(&self, algorithm: Algorithm) -> Option<(ParsedPublicKey, usize)> {
        match algorithm {
            Algorithm::RS256 => self.rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            Algorithm::RS384 => self.rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
            Algorithm::RS512 => self.rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
            Algorithm::PS256 => self.rsa(&signature::RSA_PSS_2048_8192_SHA256),
            Algorithm::PS384 => self.rsa(&signature::RSA_PSS_2048_8192_SHA384),
            Algorithm::PS512 => self.rsa(&signature::RSA_PSS_2048_8192_SHA512),
            Algorithm::ES256 => self.curve("EC", "P-256", 32, &signature::ECDSA_P256_SHA256_FIXED),
            Algorithm::ES384 => self.curve("EC", "P-384", 48, &signature::ECDSA_P384_SHA384_FIXED),
            Algorithm::ES512 => self.curve("EC", "P-521", 66, &signature::ECDSA_P521_SHA512_FIXED),
            Algorithm::EdDSA => self.curve("OKP", "Ed25519", 32, &signature::ED25519),
        }
    }

    fn rsa(&self, parameters: &'static RsaParameters) -> Option<(ParsedPublicKey, usize)> {
        if !self.is("kty", "RSA") {
            return None;
        }
        let (n, e) = (self.bytes("n")?, self.bytes("e")?);
        let (n, e) = (unsigned(&n)?, unsigned(&e)?);
        let modulus_bits = 8 * n.len() - n.first()?.leading_zeros() as usize;
        let exponent_odd = e.last()? & 1 == 1;
        if !(2048..=8192).contains(&modulus_bits) || !exponent_odd || e == [1] || e.len() > 8 {
            return None;
        }
        let key = RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters).ok()?;
        Some((key, n.len()))
    }

    /// `coordinate` is the length of `x` and, where the key type has it, of `y` (RFC 7518 section 6.2, RFC 8037).
    fn curve(
        &self,
        kty: &str,
        crv: &str,
        coordinate: usize,
        verification: &'static dyn VerificationAlgorithm,
    ) -> Option<(ParsedPublicKey, usize)> {
        if !self.is("kty", kty) || !self.is("crv", crv) {
            return None;
        }
        let mut point = self.bytes("x").filter(|x| x.len() == coordinate)?;
        if kty == "EC" {
            // The uncompressed form of SEC 1 section 2.3.3.
            point.insert(0, 0x04);
            point.extend(self.bytes("y").filter(|y| y.len() == coordinate)?);
        }
        let key = ParsedPublicKey::new(verification, point).ok()?;
        Some((key, 2 * coordinate))
    }

    /// A member that is a string, or absent or null; [`None`] for one of another type.
    fn text(&self, name: &str) -> Option<Option<&str>> {
        match self.0.get(name) {
            None | Some(Json::Null) => Some(None),
            Some(value) => value.as_str().map(Some),
        }
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.0.get(name).and_then(Json::as_str) == Some(value)
    }

    fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        URL_SAFE_NO_PAD.decode(self.0.get(name)?.as_str()?).ok()
    }
}

/// An unsigned integer without its leading zeros, which some issuers publish against RFC 7518 section 6.3.1.1.
fn unsigned(bytes: &[u8]) -> Option<&[u8]> {
    let first = bytes.iter().position(|byte| *byte != 0)?;
    Some(&bytes[first..])
}
