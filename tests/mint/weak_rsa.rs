//! An RSA key below the minimum length. No current library signs with one, so this file has the arithmetic.
//!
//! The modulus is the product of two Mersenne primes, 1,128 bits long: anyone can factor it.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::mint::signing_key::base64url;

const EXPONENT: u64 = 65_537;
const LENGTH: usize = 141;

/// The public key as a JWK.
pub fn jwk(kid: &str) -> Value {
    let n = base64url(bytes(&modulus()));
    json!({ "kty": "RSA", "kid": kid, "n": n, "e": "AQAB" })
}

/// RSASSA-PKCS1-v1_5 with SHA-256 over `message`.
pub fn sign(message: &[u8]) -> Vec<u8> {
    // The DigestInfo of SHA-256, RFC 8017 section 9.2.
    let mut info = vec![
        0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04,
        0x20,
    ];
    info.extend(digest(&SHA256, message).as_ref());
    let mut encoded = vec![0x00, 0x01];
    encoded.resize(LENGTH - info.len() - 1, 0xff);
    encoded.push(0);
    encoded.extend(info);
    bytes(&power(&number(&encoded), &private_exponent()))
}

/// Little-endian limbs of 32 bits.
type Number = Vec<u32>;

fn mersenne(bits: usize) -> Number {
    let mut limbs = vec![u32::MAX; bits / 32];
    limbs.push((1 << (bits % 32)) - 1);
    limbs
}

fn modulus() -> Number {
    product(&mersenne(521), &mersenne(607))
}

/// The inverse of the public exponent modulo (p - 1)(q - 1): the one multiple of it, plus one, that `EXPONENT` divides.
fn private_exponent() -> Number {
    let (mut p, mut q) = (mersenne(521), mersenne(607));
    p[0] -= 1;
    q[0] -= 1;
    let totient = product(&p, &q);
    let rest = divide(&totient, EXPONENT).1;
    let factor = (1..EXPONENT).find(|k| (k * rest + 1).is_multiple_of(EXPONENT));
    let factor = factor.expect("the exponent is prime to the totient");
    let mut multiple = product(&totient, &vec![factor as u32]);
    multiple[0] += 1;
    divide(&multiple, EXPONENT).0
}

fn power(base: &Number, exponent: &Number) -> Number {
    let modulus = modulus();
    let mut result = vec![1];
    for limb in exponent.iter().rev() {
        for bit in (0..32).rev() {
            result = reduce(product(&result, &result), &modulus);
            if limb >> bit & 1 == 1 {
                result = reduce(product(&result, base), &modulus);
            }
        }
    }
    result
}

fn product(a: &Number, b: &Number) -> Number {
    let mut limbs = vec![0; a.len() + b.len()];
    for (i, x) in a.iter().enumerate() {
        let mut carry = 0;
        for (j, y) in b.iter().enumerate() {
            let sum = u64::from(limbs[i + j]) + u64::from(*x) * u64::from(*y) + carry;
            limbs[i + j] = sum as u32;
            carry = sum >> 32;
        }
        limbs[i + b.len()] = carry as u32;
    }
    limbs
}

fn divide(number: &Number, divisor: u64) -> (Number, u64) {
    let mut quotient = vec![0; number.len()];
    let mut rest = 0;
    for i in (0..number.len()).rev() {
        let current = rest << 32 | u64::from(number[i]);
        quotient[i] = (current / divisor) as u32;
        rest = current % divisor;
    }
    (quotient, rest)
}

/// The remainder modulo `modulus`, computed bit by bit.
fn reduce(number: Number, modulus: &Number) -> Number {
    let mut rest: Number = vec![0; modulus.len() + 1];
    for limb in number.iter().rev() {
        for bit in (0..32).rev() {
            let mut carry = limb >> bit & 1;
            for part in &mut rest {
                let next = *part >> 31;
                *part = *part << 1 | carry;
                carry = next;
            }
            if !is_less(&rest, modulus) {
                subtract(&mut rest, modulus);
            }
        }
    }
    rest
}

fn is_less(a: &Number, b: &Number) -> bool {
    let limb = |number: &Number, i: usize| number.get(i).copied().unwrap_or(0);
    let differing = (0..a.len().max(b.len())).rev().find(|i| limb(a, *i) != limb(b, *i));
    differing.is_some_and(|i| limb(a, i) < limb(b, i))
}

fn subtract(from: &mut Number, number: &Number) {
    let mut borrow = 0;
    for (i, limb) in from.iter_mut().enumerate() {
        let part = i64::from(number.get(i).copied().unwrap_or(0));
        let difference = i64::from(*limb) - part - borrow;
        borrow = i64::from(difference < 0);
        *limb = difference.rem_euclid(1 << 32) as u32;
    }
}

fn number(bytes: &[u8]) -> Number {
    let limbs = bytes.rchunks(4).map(|chunk| {
        let byte = |limb: u32, byte: &u8| limb << 8 | u32::from(*byte);
        chunk.iter().fold(0, byte)
    });
    limbs.collect()
}

fn bytes(number: &Number) -> Vec<u8> {
    let mut all: Vec<u8> = number.iter().flat_map(|limb| limb.to_le_bytes()).collect();
    all.resize(LENGTH, 0);
    all.reverse();
    all
}

#[test]
fn signatures_of_the_weak_key_verify() {
    use aws_lc_rs::signature::{RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RsaPublicKeyComponents};
    let key = RsaPublicKeyComponents {
        n: bytes(&modulus()),
        e: vec![1, 0, 1],
    };
    let algorithm = &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY;
    key.verify(algorithm, b"message", &sign(b"message")).unwrap();
    assert!(key.verify(algorithm, b"another", &sign(b"message")).is_err());
}
