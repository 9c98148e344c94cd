//! X.509 certificates (RFC 5280), made at run time: an authority, and a server at 127.0.0.1 that it vouches for.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// `ecdsa-with-SHA256`, `commonName`, `basicConstraints` and `subjectAltName`.
const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// A certificate authority.
pub struct CertificateAuthority {
    name: &'static str,
    key: EcdsaKeyPair,
}

/// The certificate of a server and its private key (PKCS #8), both in DER.
pub struct ServerCertificate {
    pub certificate: Vec<u8>,
    pub key: Vec<u8>,
}

impl CertificateAuthority {
    pub fn new(name: &'static str) -> Self {
        Self { name, key: key() }
    }

    /// Its own certificate, as PEM.
    pub fn pem(&self) -> String {
        // A boolean: it is an authority.
        let constraints = extension(BASIC_CONSTRAINTS, &sequence(&[tlv(0x01, &[0xff])]));
        let certificate = self.sign(self.name, &self.key, &constraints);
        let text = STANDARD.encode(certificate);
        let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        let lines = lines.join("\n");
        format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
    }

    /// A certificate for 127.0.0.1.
    pub fn server(&self) -> ServerCertificate {
        let key = key();
        // An IP address.
        let names = extension(SUBJECT_ALT_NAME, &sequence(&[tlv(0x87, &[127, 0, 0, 1])]));
        let certificate = self.sign("server", &key, &names);
        let private = key.to_pkcs8v1().expect("the key in PKCS #8");
        let key = private.as_ref().to_vec();
        ServerCertificate { certificate, key }
    }

    fn sign(&self, subject: &str, key: &EcdsaKeyPair, extension: &[u8]) -> Vec<u8> {
        let algorithm = || sequence(&[tlv(0x06, ECDSA_SHA256)]);
        let public: PublicKeyX509Der<'_> = key.public_key().as_der().expect("the public key");
        let validity = sequence(&[tlv(0x17, b"200101000000Z"), tlv(0x17, b"491231235959Z")]);
        let body = sequence(&[
            // Version 3.
            tlv(0xa0, &tlv(0x02, &[2])),
            tlv(0x02, &[1]),
            algorithm(),
            name(self.name),
            validity,
            name(subject),
            public.as_ref().to_vec(),
            tlv(0xa3, &sequence(&[extension.to_vec()])),
        ]);
        let signature = self.key.sign(&SystemRandom::new(), &body).expect("a signature");
        let bits = [&[0], signature.as_ref()].concat();
        sequence(&[body, algorithm(), tlv(0x03, &bits)])
    }
}

fn key() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key")
}

fn name(text: &str) -> Vec<u8> {
    let attribute = sequence(&[tlv(0x06, COMMON_NAME), tlv(0x0c, text.as_bytes())]);
    sequence(&[tlv(0x31, &attribute)])
}

fn extension(id: &[u8], value: &[u8]) -> Vec<u8> {
    sequence(&[tlv(0x06, id), tlv(0x04, value)])
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// One element of DER (X.690): tag, length, value.
fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).expect("a short value");
    let [high, low] = length.to_be_bytes();
    let head = match length {
        0..=0x7f => vec![tag, low],
        0x80..=0xff => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [head, value.to_vec()].concat()
}
