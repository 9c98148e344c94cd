//! The certificate of a client (RFC 8705).

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The certificate with which a client has authenticated its TLS connection. Clones share it.
///
/// It is computed once for each connection, and accepts the tokens that are bound to it (`cnf` with `x5t#S256`,
/// RFC 8705 section 3). It does NOT verify the certificate: that is the part of the TLS server, which knows that the
/// client has the private key.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    der: Arc<[u8]>,
    thumbprint: Arc<str>,
}

impl ClientCertificate {
    /// The certificate in DER: the first of the chain that the client has sent.
    pub fn from_der(der: &[u8]) -> ClientCertificate {
        let thumbprint = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, der));
        ClientCertificate {
            der: der.into(),
            thumbprint: thumbprint.into(),
        }
    }

    /// The certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The SHA-256 hash of the certificate in base64url: the value of `x5t#S256`.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }
}

/// Prints nothing of the certificate: it identifies the caller.
impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thumbprint_is_the_hash_in_base64url() {
        let certificate = ClientCertificate::from_der(b"abc");
        assert_eq!(certificate.der(), b"abc");
        assert_eq!(certificate.thumbprint(), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
        assert_eq!(format!("{certificate:?}"), "ClientCertificate { .. }");
    }
}
