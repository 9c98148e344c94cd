//! X.509 certificates (RFC 5280), made at run time: an authority, and the servers and clients that it vouches for.

use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

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

/// A certificate and its private key (PKCS #8), both in DER.
pub struct Certificate {
    pub certificate: Vec<u8>,
    pub key: Vec<u8>,
}

impl Certificate {
    /// The certificate, as PEM.
    pub fn pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }

    /// The private key, as PEM.
    pub fn key_pem(&self) -> String {
        pem("PRIVATE KEY", &self.key)
    }

    /// The thumbprint of the certificate (RFC 8705 section 3.1).
    pub fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, &self.certificate))
    }
}

/// When a certificate is valid.
#[derive(Clone, Copy)]
pub enum Validity {
    ThisCentury,
    Past,
    Until(SystemTime),
    From(SystemTime),
}

impl CertificateAuthority {
    pub fn new(name: &'static str) -> Self {
        Self { name, key: key() }
    }

    /// Its own certificate, in DER.
    pub fn certificate(&self) -> Vec<u8> {
        // A boolean: it is an authority.
        let constraints = extension(BASIC_CONSTRAINTS, &sequence(&[tlv(0x01, &[0xff])]));
        self.sign(self.name, &self.key, &constraints, Validity::ThisCentury)
    }

    /// Its own certificate, as PEM.
    pub fn pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate())
    }

    /// A certificate for 127.0.0.1.
    pub fn server(&self) -> Certificate {
        self.server_of(&[], Validity::ThisCentury)
    }

    /// A certificate for 127.0.0.1 and these DNS names.
    pub fn server_of(&self, names: &[&str], validity: Validity) -> Certificate {
        // An IP address, then DNS names.
        let mut all = vec![tlv(0x87, &[127, 0, 0, 1])];
        all.extend(names.iter().map(|name| tlv(0x82, name.as_bytes())));
        self.issue("server", &all, validity)
    }

    /// A certificate for a client.
    pub fn client(&self, name: &str) -> Certificate {
        self.issue(name, &[tlv(0x82, name.as_bytes())], Validity::ThisCentury)
    }

    fn issue(&self, subject: &str, names: &[Vec<u8>], validity: Validity) -> Certificate {
        let key = key();
        let names = extension(SUBJECT_ALT_NAME, &sequence(names));
        let certificate = self.sign(subject, &key, &names, validity);
        let private = key.to_pkcs8v1().expect("the key in PKCS #8");
        let key = private.as_ref().to_vec();
        Certificate { certificate, key }
    }

    fn sign(&self, subject: &str, key: &EcdsaKeyPair, extension: &[u8], validity: Validity) -> Vec<u8> {
        let algorithm = || sequence(&[tlv(0x06, ECDSA_SHA256)]);
        let public: PublicKeyX509Der<'_> = key.public_key().as_der().expect("the public key");
        let (start, end) = ("200101000000Z".to_owned(), "491231235959Z".to_owned());
        let (start, end) = match validity {
            Validity::ThisCentury => (start, end),
            Validity::Past => (start, "200201000000Z".to_owned()),
            Validity::Until(time) => (start, utc_time(time)),
            Validity::From(time) => (utc_time(time), end),
        };
        let validity = sequence(&[tlv(0x17, start.as_bytes()), tlv(0x17, end.as_bytes())]);
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

/// A `UTCTime` (X.680): two digits each of year, month, day, hour, minute and second.
fn utc_time(time: SystemTime) -> String {
    let written = humantime::format_rfc3339_seconds(time).to_string();
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    format!("{}Z", &digits[2..])
}

/// `der` as PEM under `label`.
pub fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    let lines = lines.join("\n");
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
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
