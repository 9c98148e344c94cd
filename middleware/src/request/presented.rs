//! What a request presents to be authorized.

use std::fmt;

use http::{HeaderMap, HeaderName};

use super::bearer;
use super::carrier::{self, Carrier, Credential};
use super::client_certificate::ClientCertificate;
use super::host;
use super::target::Target;
use crate::error::Error;

/// A request as the authorizer sees it: its target and the credentials that came with it.
#[derive(Clone, Copy)]
pub struct Presented<'r> {
    target: &'r Target<'r>,
    headers: Option<&'r HeaderMap>,
    credential: Source<'r>,
    certificate: Option<&'r ClientCertificate>,
    body: Option<&'r [u8]>,
    /// Where the body is of a record: how many bytes the whole body has.
    whole_bytes: Option<u64>,
    /// Whether there was a decision on the request before.
    is_continued: bool,
}

#[derive(Clone, Copy)]
enum Source<'r> {
    Headers(&'r HeaderMap),
    Token(&'r str),
}

impl<'r> Presented<'r> {
    /// The credential in the headers of a request.
    pub fn headers(target: &'r Target<'r>, headers: &'r HeaderMap) -> Self {
        Presented {
            target,
            headers: Some(headers),
            credential: Source::Headers(headers),
            certificate: None,
            body: None,
            whole_bytes: None,
            is_continued: false,
        }
    }

    /// A token by itself, as if it were the one credential of the request, in the header of its issuer's tokens.
    pub fn token(target: &'r Target<'r>, token: &'r str) -> Self {
        Presented {
            target,
            headers: None,
            credential: Source::Token(token),
            certificate: None,
            body: None,
            whole_bytes: None,
            is_continued: false,
        }
    }

    /// The headers beside the credential: those of an MCP message, and `Origin`.
    #[must_use]
    pub fn with_headers(mut self, headers: &'r HeaderMap) -> Self {
        self.headers = Some(headers);
        self
    }

    /// The certificate with which the client has authenticated its connection, if it has: the proof of a token that is
    /// bound to a certificate.
    #[must_use]
    pub fn client_certificate(mut self, certificate: Option<&'r ClientCertificate>) -> Self {
        self.certificate = certificate;
        self
    }

    /// The body, where a rule of the policy reads it: [`Decision::body_limit`](crate::Decision::body_limit). All of it, or more bytes
    /// than the limit; [`ReadBody`](super::ReadBody) reads so much. It must be the body that is sent on.
    #[must_use]
    pub fn body(mut self, body: &'r [u8]) -> Self {
        self.body = Some(body);
        self
    }

    /// The same without its credential, for the identity of a record.
    pub(crate) fn without_credential(self) -> Self {
        Presented {
            credential: Source::Token(""),
            ..self
        }
    }

    /// The same with another target, other headers and another body, for a request of a record. `whole_bytes` are those of the body of
    /// which a record has members alone.
    pub(crate) fn with_parts(
        self,
        target: &'r Target<'r>,
        headers: &'r HeaderMap,
        (body, whole_bytes): (Option<&'r [u8]>, Option<u64>),
    ) -> Self {
        Presented {
            target,
            headers: Some(headers),
            body,
            whole_bytes,
            ..self
        }
    }

    /// The same request, on which there was a decision before: what was found out for that one is still valid.
    pub(crate) fn continued(self) -> Self {
        Presented {
            is_continued: true,
            ..self
        }
    }

    pub(crate) fn is_continued(&self) -> bool {
        self.is_continued
    }

    pub(crate) fn content(&self) -> Option<&'r [u8]> {
        self.body
    }

    pub(crate) fn whole_bytes(&self) -> Option<u64> {
        self.whole_bytes
    }

    pub(crate) fn certificate(&self) -> Option<&'r ClientCertificate> {
        self.certificate
    }

    pub(crate) fn fields(&self) -> Option<&'r HeaderMap> {
        self.headers
    }

    pub(crate) fn target(&self) -> &'r Target<'r> {
        self.target
    }

    /// The name of the host that the request is for, where it is known.
    pub(crate) fn host(&self) -> Result<Option<&'r str>, Error> {
        host::host(self.target, self.headers)
    }

    /// The one token, and where it is; `carriers` are the headers that issuers have to themselves. Its form has not been
    /// checked, nor that it is text.
    pub(crate) fn credential<'c>(&self, carriers: &'c [HeaderName]) -> Result<Credential<'r, 'c>, Error> {
        let found = match self.credential {
            Source::Headers(headers) => carrier::token(headers, carriers)?,
            Source::Token(token) => Credential {
                bytes: token.as_bytes(),
                carrier: Carrier::Any,
            },
        };
        if let Some(query) = self.target.query() {
            // What is wrong with the header comes first.
            bearer::check_query(query).map_err(|error| found.text().err().unwrap_or(error))?;
        }
        Ok(found)
    }
}

/// Prints the method and no credential: debug output ends up in logs.
impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented")
            .field("method", self.target.method())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Method, Uri};

    use super::*;

    /// Why the credential of a request with this header and target is refused, where `x-token` is the header of an issuer.
    fn refusal(name: &'static str, field: &[u8], target: &'static str) -> &'static str {
        let uri = Uri::from_static(target);
        let target = Target::new(&Method::GET, &uri).unwrap();
        let name = HeaderName::from_static(name);
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_bytes(field).unwrap())]);
        let own = [HeaderName::from_static("x-token")];
        let presented = Presented::headers(&target, &headers);
        let text = presented
            .credential(&own)
            .and_then(|credential| credential.text().map(|_| ()));
        match text {
            Err(Error::InvalidRequest { reason }) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_wrong_with_the_header_comes_before_a_token_in_the_query() {
        for (name, field, expected) in [
            (
                "authorization",
                &b"Bearer a"[..],
                "a token in the header and one in the query",
            ),
            ("authorization", b"Bearer \xff", "the authorization field is not ASCII"),
            ("authorization", b"Basic \xff", "the authorization field is not ASCII"),
            ("x-token", b"a", "a token in the header and one in the query"),
            ("x-token", b"\xff", "the header of the token is not ASCII"),
        ] {
            assert_eq!(refusal(name, field, "/?access_token=b"), expected);
        }
    }

    #[test]
    fn a_token_that_is_no_text_is_refused_by_its_header() {
        assert_eq!(
            refusal("authorization", b"Bearer \xff", "/"),
            "the authorization field is not ASCII"
        );
        assert_eq!(refusal("x-token", b"\xff", "/"), "the header of the token is not ASCII");
    }

    #[test]
    fn a_request_is_shown_by_its_method_alone() {
        let uri = Uri::from_static("/hidden");
        let target = Target::new(&Method::GET, &uri).unwrap();
        let certificate = ClientCertificate::from_der(b"hidden");
        let presented = Presented::token(&target, "hidden").client_certificate(Some(&certificate));
        assert_eq!(presented.certificate(), Some(&certificate));
        assert_eq!(format!("{presented:?}"), "Presented { method: GET, .. }");
    }
}
