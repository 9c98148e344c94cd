//! The certificate of a client (RFC 8705).

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::digest::sha256;

/// The certificate with which a client has authenticated its TLS connection. Clones share it.
///
/// It is computed once for each connection, and accepts the tokens that are bound to it (`cnf` with `x5t#S256`,
/// RFC 8705 section 3). It does NOT verify the certificate: that is the part of the TLS server, which knows that the
/// client has the private key.
///
/// A server with TLS of its own puts it into the extensions of each request of the connection, where
/// [`AuthorizeLayer`](crate::AuthorizeLayer) finds it:
///
/// ```
/// use actgate::request::ClientCertificate;
/// # use actgate::{AuthorizeLayer, Authorizer, Policy, clock::FixedClock, testing::TestIssuer};
/// use axum::{Router, body::Body, http::Request, routing::get};
/// # use serde_json::json;
/// use tower::ServiceExt as _;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let issuer = TestIssuer::new()?;
/// # let trusted = issuer.trusted(TestIssuer::AUDIENCE)?;
/// # let policy = Policy::from_yaml("routes: [{ match: GET /orders }]")?;
/// # let clock = FixedClock::at(TestIssuer::NOW);
/// # let authorizer = Authorizer::builder().issuer(trusted).policy(policy).clock(clock).build()?;
/// # let der = b"the certificate in DER";
/// let app = Router::new().route("/orders", get(|| async {})).layer(AuthorizeLayer::new(authorizer));
///
/// let certificate = ClientCertificate::from_der(der);
/// let token = issuer.token(json!({ "cnf": { "x5t#S256": certificate.thumbprint() } }))?;
/// let request = || Request::get("/orders").header("authorization", format!("Bearer {token}"));
///
/// let bound = request().extension(certificate).body(Body::empty())?;
/// assert_eq!(app.clone().oneshot(bound).await?.status(), 200);
/// let other = request().extension(ClientCertificate::from_der(b"another")).body(Body::empty())?;
/// assert_eq!(app.clone().oneshot(other).await?.status(), 401);
/// let without = request().body(Body::empty())?;
/// assert_eq!(app.oneshot(without).await?.status(), 401);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    der: Arc<[u8]>,
    thumbprint: Arc<str>,
}

impl ClientCertificate {
    /// The certificate in DER: the first of the chain that the client has sent.
    pub fn from_der(der: &[u8]) -> ClientCertificate {
        let thumbprint = URL_SAFE_NO_PAD.encode(sha256(der));
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
