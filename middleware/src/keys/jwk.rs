//! One JWK (RFC 7517) as keys that can verify.

use aws_lc_rs::signature::{self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm};

use super::algorithm::Algorithm;
use super::quoted::Quoted;
use crate::base64url;
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

/// Why a JWK is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnusableJwk {
    /// Values of the JWK in it are bounded and printable.
    pub(super) reason: String,
    pub(super) class: Unusable,
}

/// What an unusable JWK is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// Malformed, weak or contradictory.
    Malformed,
    /// Well formed and for something else, such as encryption.
    AnotherPurpose,
    /// A secret, which is compromised by publishing it.
    Secret,
}

fn unusable(reason: impl Into<String>) -> UnusableJwk {
    UnusableJwk {
        reason: reason.into(),
        class: Unusable::Malformed,
    }
}

fn for_another_purpose(reason: impl Into<String>) -> UnusableJwk {
    UnusableJwk {
        reason: reason.into(),
        class: Unusable::AnotherPurpose,
    }
}

fn secret(reason: impl Into<String>) -> UnusableJwk {
    UnusableJwk {
        reason: reason.into(),
        class: Unusable::Secret,
    }
}

/// The verification keys of one JWK: one for each of `allowed` that fits its type, curve and `alg`; at least one.
///
/// # Errors
/// For a key that is symmetric, private, for encryption, of an unknown type or curve, weak, malformed, or of an algorithm
/// that is not allowed.
pub(super) fn verification_keys(jwk: &Object<'_>, allowed: &[Algorithm]) -> Result<Vec<VerificationKey>, UnusableJwk> {
    let jwk = Jwk(jwk);
    jwk.check_purpose()?;
    let kid = jwk.text("kid")?;
    let declared = jwk.algorithm()?;
    let material = jwk.material()?;
    let fitting: Vec<Algorithm> = Algorithm::all()
        .iter()
        .copied()
        .filter(|one| material.fits(*one))
        .collect();
    if let Some(declared) = declared
        && !fitting.contains(&declared)
    {
        return Err(unusable(format!(
            "its `alg`, `{declared:?}`, does not fit its type or curve"
        )));
    }
    let is_wanted = |algorithm: &Algorithm| declared.is_none_or(|declared| declared == *algorithm);
    let wanted: Vec<Algorithm> = fitting.into_iter().filter(is_wanted).collect();
    // In the order of `allowed`, which is that of the configuration.
    let accepted = allowed.iter().copied().filter(|algorithm| wanted.contains(algorithm));
    let keys = accepted.map(|algorithm| {
        let (key, signature_bytes) = material.key(algorithm)?;
        let kid = kid.map(Into::into);
        Ok(VerificationKey {
            kid,
            algorithm,
            signature_bytes,
            key,
        })
    });
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() {
        return Err(for_another_purpose(format!(
            "{wanted:?} is not among the accepted algorithms"
        )));
    }
    Ok(keys)
}

/// The `kid` of a JWK, where it is a text.
pub(super) fn kid<'o>(jwk: &'o Object<'_>) -> Option<&'o str> {
    jwk.get("kid").and_then(Json::as_str)
}

/// A public key of a supported type, before it is bound to an algorithm.
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Curve { curve: &'static Curve, point: Vec<u8> },
}

/// A supported curve.
struct Curve {
    kty: &'static str,
    crv: &'static str,
    algorithm: Algorithm,
    /// The length of `x` and, where the key type has it, of `y` (RFC 7518 section 6.2, RFC 8037).
    coordinate: usize,
    verification: &'static dyn VerificationAlgorithm,
}

static CURVES: [Curve; 4] = [
    Curve {
        kty: "EC",
        crv: "P-256",
        algorithm: Algorithm::ES256,
        coordinate: 32,
        verification: &signature::ECDSA_P256_SHA256_FIXED,
    },
    Curve {
        kty: "EC",
        crv: "P-384",
        algorithm: Algorithm::ES384,
        coordinate: 48,
        verification: &signature::ECDSA_P384_SHA384_FIXED,
    },
    Curve {
        kty: "EC",
        crv: "P-521",
        algorithm: Algorithm::ES512,
        coordinate: 66,
        verification: &signature::ECDSA_P521_SHA512_FIXED,
    },
    Curve {
        kty: "OKP",
        crv: "Ed25519",
        algorithm: Algorithm::EdDSA,
        coordinate: 32,
        verification: &signature::ED25519,
    },
];

impl Material {
    fn fits(&self, algorithm: Algorithm) -> bool {
        match self {
            Material::Rsa { .. } => rsa_parameters(algorithm).is_some(),
            Material::Curve { curve, .. } => curve.algorithm == algorithm,
        }
    }

    /// The key as one of an algorithm that fits, and the length of its signatures.
    fn key(&self, algorithm: Algorithm) -> Result<(ParsedPublicKey, usize), UnusableJwk> {
        match self {
            Material::Rsa { n, e } => {
                let parameters = rsa_parameters(algorithm).ok_or(unusable("its `alg` does not fit its type"))?;
                let components = RsaPublicKeyComponents { n, e };
                let key = components.to_parsed_public_key(parameters);
                let key = key.map_err(|_| unusable("its `n` and `e` are not an RSA key"))?;
                Ok((key, n.len()))
            }
            Material::Curve { curve, point } => {
                let key = ParsedPublicKey::new(curve.verification, point);
                let key = key.map_err(|_| unusable("its coordinates are not a point of its curve"))?;
                Ok((key, 2 * curve.coordinate))
            }
        }
    }
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::RS256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
        Algorithm::ES256 | Algorithm::ES384 | Algorithm::ES512 | Algorithm::EdDSA => None,
    }
}

/// The members of a JWK. One that is null counts as absent: some libraries write every member they know.
struct Jwk<'o, 'a>(&'o Object<'a>);

impl<'a> Jwk<'_, 'a> {
    /// Whether it is a public key that verifies signatures.
    fn check_purpose(&self) -> Result<(), UnusableJwk> {
        // A private key in a published set is compromised.
        if self.get("d").is_some() {
            return Err(secret(
                "it contains a private key (`d`), which is compromised by publishing it",
            ));
        }
        if self.get("k").is_some() || self.text("kty")? == Some("oct") {
            return Err(secret("it is symmetric"));
        }
        match self.text("use")? {
            None | Some("sig") => {}
            Some("enc") => return Err(for_another_purpose("its `use` is `enc`, not `sig`")),
            Some(other) => return Err(unusable(format!("its `use` is {}, not `sig`", Quoted(other)))),
        }
        match self.get("key_ops") {
            None => Ok(()),
            Some(Json::Array(operations)) if operations.iter().any(|one| one.as_str() == Some("verify")) => Ok(()),
            Some(Json::Array(operations)) if operations.is_empty() => Err(unusable("its `key_ops` is empty")),
            Some(Json::Array(_)) => Err(for_another_purpose("its `key_ops` does not contain `verify`")),
            Some(_) => Err(unusable("its `key_ops` is not a list")),
        }
    }

    fn algorithm(&self) -> Result<Option<Algorithm>, UnusableJwk> {
        let Some(name) = self.text("alg")? else {
            return Ok(None);
        };
        let unknown = || for_another_purpose(format!("its `alg`, {}, is not supported", Quoted(name)));
        match name {
            "" => Err(unusable("its `alg` is empty")),
            name => Algorithm::named(name).map(Some).ok_or_else(unknown),
        }
    }

    fn material(&self) -> Result<Material, UnusableJwk> {
        let kty = self.text("kty")?.ok_or(unusable("it has no `kty`"))?;
        if kty == "RSA" {
            return self.rsa();
        }
        let mut curves = CURVES.iter().filter(|curve| curve.kty == kty).peekable();
        if curves.peek().is_none() {
            return Err(for_another_purpose(format!(
                "its `kty`, {}, is not supported",
                Quoted(kty)
            )));
        }
        let crv = self.text("crv")?.ok_or(unusable("it has no `crv`"))?;
        let unknown = || for_another_purpose(format!("its `crv`, {}, is not supported", Quoted(crv)));
        let curve = curves.find(|curve| curve.crv == crv).ok_or_else(unknown)?;
        let mut point = self.coordinate("x", curve)?;
        if kty == "EC" {
            // The uncompressed form of SEC 1 section 2.3.3.
            point.insert(0, 0x04);
            point.extend(self.coordinate("y", curve)?);
        }
        Ok(Material::Curve { curve, point })
    }

    fn rsa(&self) -> Result<Material, UnusableJwk> {
        let (n, e) = (unsigned(self.bytes("n")?), unsigned(self.bytes("e")?));
        let modulus_bits = 8 * n.len() - n.first().map_or(0, |first| first.leading_zeros() as usize);
        if !(2048..=8192).contains(&modulus_bits) {
            return Err(unusable(format!(
                "its RSA modulus has {modulus_bits} bits, not 2048 to 8192"
            )));
        }
        let is_odd = e.last().is_some_and(|last| last & 1 == 1);
        if !is_odd || e == [1] || e.len() > 8 {
            return Err(unusable("its RSA exponent is even, 1, or longer than 8 bytes"));
        }
        Ok(Material::Rsa { n, e })
    }

    fn coordinate(&self, name: &str, curve: &Curve) -> Result<Vec<u8>, UnusableJwk> {
        let bytes = self.bytes(name)?;
        let (length, needed) = (bytes.len(), curve.coordinate);
        if length == needed {
            return Ok(bytes);
        }
        // RFC 7518 section 6.2.1.2.
        let note = if length + 2 >= needed && length < needed {
            "; leading zeros belong to it"
        } else {
            ""
        };
        Err(unusable(format!(
            "its `{name}` has {length} bytes instead of {needed}{note}"
        )))
    }

    fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.0.get(name).filter(|value| **value != Json::Null)
    }

    /// A member that is a string, or absent.
    fn text(&self, name: &str) -> Result<Option<&str>, UnusableJwk> {
        match self.get(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(_) => Err(unusable(format!("its `{name}` is not a text"))),
        }
    }

    fn bytes(&self, name: &str) -> Result<Vec<u8>, UnusableJwk> {
        let Some(text) = self.text(name)? else {
            return Err(match self.get("x5c") {
                Some(_) => unusable(format!("it has no `{name}`; certificates (`x5c`) are not read")),
                None => unusable(format!("it has no `{name}`")),
            });
        };
        let decoded = base64url::decode(text);
        decoded.ok_or_else(|| unusable(format!("its `{name}` is not base64url without padding")))
    }
}

/// An unsigned integer without its leading zeros, which some issuers publish against RFC 7518 section 6.3.1.1.
fn unsigned(mut bytes: Vec<u8>) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.drain(..zeros);
    bytes
}
