//! One JWK (RFC 7517) as keys that can verify.

use aws_lc_rs::signature::{self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};

use super::algorithm::Algorithm;
use crate::json::{Json, Object};

/// A public key, parsed once, that verifies with exactly one algorithm.
#[derive(Debug)]
pub(crate) struct VerificationKey {
    kid: Option<Box<str>>,
    algorithm: Algorithm,
    signature_bytes: usize,
    key: ParsedPublicKey,
}

impl VerificationKey {
    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether `signature` over `message` is valid with this key.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        signature.len() == self.signature_bytes && self.key.verify_sig(message, signature).is_ok()
    }
}

/// The same key for the same purpose: what decides whether a refreshed set is a new one.
impl PartialEq for VerificationKey {
    fn eq(&self, other: &Self) -> bool {
        self.kid == other.kid && self.algorithm == other.algorithm && self.key.as_ref() == other.key.as_ref()
    }
}

/// The verification keys of one JWK: one for each of `allowed` that fits its type, curve and `alg`.
///
/// Empty for an unusable key: symmetric, private, for encryption, of an unknown type or curve,
/// weak, malformed, or of an algorithm that is not allowed.
pub(crate) fn verification_keys(jwk: Object<'_>, allowed: &[Algorithm]) -> Vec<VerificationKey> {
    parse(jwk, allowed).unwrap_or_default()
}

fn parse(jwk: Object<'_>, allowed: &[Algorithm]) -> Option<Vec<VerificationKey>> {
    let value = Json::Object(jwk).into_value();
    // A private key in a published set is compromised.
    if value.get("d").is_some() || value.get("k").is_some() {
        return None;
    }
    // jsonwebtoken has no name for some of the algorithms, so that `alg` is read as text.
    let declared = match value.get("alg") {
        None => None,
        Some(alg) => Some(Algorithm::named(alg.as_str()?)?),
    };
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let common = &jwk.common;
    if common
        .public_key_use
        .as_ref()
        .is_some_and(|purpose| *purpose != PublicKeyUse::Signature)
    {
        return None;
    }
    if common
        .key_operations
        .as_ref()
        .is_some_and(|operations| !operations.contains(&KeyOperations::Verify))
    {
        return None;
    }
    let fits = |algorithm: &Algorithm| declared.is_none_or(|declared| declared == *algorithm);
    let kid = common.key_id.as_deref();
    let keys = match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) => {
            let (n, e) = (unsigned(&rsa.n)?, unsigned(&rsa.e)?);
            allowed
                .iter()
                .filter(|algorithm| fits(algorithm))
                .filter_map(|algorithm| rsa_key(kid, *algorithm, &n, &e))
                .collect()
        }
        AlgorithmParameters::EllipticCurve(ec) => {
            let (algorithm, coordinate): (_, usize) = match ec.curve {
                EllipticCurve::P256 => (Algorithm::ES256, 32),
                EllipticCurve::P384 => (Algorithm::ES384, 48),
                EllipticCurve::P521 => (Algorithm::ES512, 66),
                _ => return None,
            };
            let (x, y) = (decode(&ec.x)?, decode(&ec.y)?);
            if x.len() != coordinate || y.len() != coordinate {
                return None;
            }
            let point = [&[0x04], x.as_slice(), y.as_slice()].concat();
            curve_key(kid, algorithm, 2 * coordinate, &point, allowed, fits)
        }
        AlgorithmParameters::OctetKeyPair(okp) if okp.curve == EllipticCurve::Ed25519 => {
            let x = decode(&okp.x)?;
            if x.len() != 32 {
                return None;
            }
            curve_key(kid, Algorithm::EdDSA, 64, &x, allowed, fits)
        }
        _ => return None,
    };
    Some(keys)
}

fn curve_key(
    kid: Option<&str>,
    algorithm: Algorithm,
    signature_bytes: usize,
    point: &[u8],
    allowed: &[Algorithm],
    fits: impl Fn(&Algorithm) -> bool,
) -> Vec<VerificationKey> {
    let verification: &'static dyn VerificationAlgorithm = match algorithm {
        Algorithm::ES256 => &signature::ECDSA_P256_SHA256_FIXED,
        Algorithm::ES384 => &signature::ECDSA_P384_SHA384_FIXED,
        Algorithm::ES512 => &signature::ECDSA_P521_SHA512_FIXED,
        _ => &signature::ED25519,
    };
    if !allowed.contains(&algorithm) || !fits(&algorithm) {
        return Vec::new();
    }
    ParsedPublicKey::new(verification, point)
        .map(|key| VerificationKey {
            kid: kid.map(Into::into),
            algorithm,
            signature_bytes,
            key,
        })
        .into_iter()
        .collect()
}

fn rsa_key(kid: Option<&str>, algorithm: Algorithm, n: &[u8], e: &[u8]) -> Option<VerificationKey> {
    let parameters: &'static RsaParameters = match algorithm {
        Algorithm::RS256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::RS384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::RS512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::PS256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::PS384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::PS512 => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    };
    let modulus_bits = 8 * n.len() - n.first()?.leading_zeros() as usize;
    let exponent_odd = e.last()? & 1 == 1;
    if !(2048..=8192).contains(&modulus_bits) || !exponent_odd || e == [1] || e.len() > 8 {
        return None;
    }
    let key = RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters).ok()?;
    Some(VerificationKey {
        kid: kid.map(Into::into),
        algorithm,
        signature_bytes: n.len(),
        key,
    })
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// An unsigned integer without its leading zeros, which some issuers publish against RFC 7518 section 6.3.1.1.
fn unsigned(text: &str) -> Option<Vec<u8>> {
    let bytes = decode(text)?;
    let first = bytes.iter().position(|byte| *byte != 0)?;
    Some(bytes[first..].to_vec())
}
