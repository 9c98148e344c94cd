//! The key that a token is bound to (`cnf`, RFC 7800), and the proof of it.

use super::claim_reader::malformed;
use crate::error::Error;
use crate::json::{Json, Object};
use crate::request::ClientCertificate;

/// The member of `cnf` with the thumbprint of a certificate (RFC 8705 section 3.1).
const CERTIFICATE: &str = "x5t#S256";

/// How a token is bound. Never printed: debug output ends up in logs.
#[derive(Clone)]
pub(crate) enum Confirmation {
    /// A bearer token.
    None,
    /// It is bound to the certificate with this thumbprint.
    Certificate(Box<str>),
    /// It is bound in another way, or in several, of which no proof is accepted.
    Unsupported,
}

impl Confirmation {
    /// Reads `cnf` of a token.
    pub(super) fn read(object: &Object<'_>) -> Result<Confirmation, Error> {
        let bound = match object.get("cnf") {
            None => return Ok(Confirmation::None),
            Some(Json::Object(bound)) => bound,
            Some(_) => return Err(malformed("cnf")),
        };
        match bound.only_member() {
            Some((CERTIFICATE, Json::String(thumbprint))) => Ok(Confirmation::Certificate((&**thumbprint).into())),
            Some((CERTIFICATE, _)) => Err(malformed("cnf")),
            _ => Ok(Confirmation::Unsupported),
        }
    }

    /// Whether the token is of use with the proof of a key alone. A token that passed [`check`](Self::check) has it.
    pub(crate) fn is_sender_constrained(&self) -> bool {
        match self {
            Confirmation::Certificate(_) => true,
            // No proof of these is accepted.
            Confirmation::None | Confirmation::Unsupported => false,
        }
    }

    /// Checks the proof of a request: `presented` is the certificate of its client.
    pub(crate) fn check(&self, presented: Option<&ClientCertificate>) -> Result<(), Error> {
        match (self, presented) {
            (Confirmation::None, _) => Ok(()),
            (Confirmation::Certificate(bound), Some(presented)) if **bound == *presented.thumbprint() => Ok(()),
            (Confirmation::Certificate(_), Some(_)) => Err(Error::CertificateMismatch),
            (Confirmation::Certificate(_), None) | (Confirmation::Unsupported, _) => Err(Error::InvalidConfirmation),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use crate::limits::Limits;

    fn read(claims: &str) -> Result<Confirmation, Error> {
        Confirmation::read(&json::object(claims.as_bytes(), &Limits::default()).unwrap())
    }

    #[test]
    fn a_token_is_accepted_with_the_certificate_that_it_is_bound_to() {
        let certificate = ClientCertificate::from_der(b"abc");
        let other = ClientCertificate::from_der(b"abd");
        let of = |thumbprint: &str| read(&format!(r#"{{"cnf": {{"x5t#S256": "{thumbprint}"}}}}"#)).unwrap();
        let bound = of(certificate.thumbprint());
        assert!(bound.is_sender_constrained());
        assert_eq!(bound.check(Some(&certificate)), Ok(()));
        assert_eq!(bound.check(Some(&other)), Err(Error::CertificateMismatch));
        assert_eq!(bound.check(None), Err(Error::InvalidConfirmation));
        for near in [
            "".to_owned(),
            certificate.thumbprint().to_lowercase(),
            format!("{}=", certificate.thumbprint()),
        ] {
            assert_eq!(
                of(&near).check(Some(&certificate)),
                Err(Error::CertificateMismatch),
                "{near}"
            );
        }
    }

    #[test]
    fn any_other_binding_is_refused_with_any_certificate() {
        let certificate = ClientCertificate::from_der(b"abc");
        let thumbprint = certificate.thumbprint();
        for cnf in [
            "{}".to_owned(),
            r#"{"jkt": "x"}"#.to_owned(),
            format!(r#"{{"x5t#s256": "{thumbprint}"}}"#),
            format!(r#"{{"x5t#S256": "{thumbprint}", "jkt": "x"}}"#),
            format!(r#"{{"kid": "x", "x5t#S256": "{thumbprint}"}}"#),
        ] {
            let bound = read(&format!(r#"{{"cnf": {cnf}}}"#)).unwrap();
            assert_eq!(
                bound.check(Some(&certificate)),
                Err(Error::InvalidConfirmation),
                "{cnf}"
            );
        }
        for cnf in ["null", "\"x\"", "[]", r#"{"x5t#S256": null}"#, r#"{"x5t#S256": ["x"]}"#] {
            assert!(read(&format!(r#"{{"cnf": {cnf}}}"#)).is_err(), "{cnf}");
        }
        assert!(!read(r#"{"cnf": {"jkt": "x"}}"#).unwrap().is_sender_constrained());
        assert!(!read("{}").unwrap().is_sender_constrained());
        assert_eq!(read("{}").unwrap().check(None), Ok(()));
        assert_eq!(read("{}").unwrap().check(Some(&certificate)), Ok(()));
    }
}
