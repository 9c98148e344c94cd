//! The request of a case, as a server receives it.

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use crate::analysis::Case;
use crate::error::Error;
use crate::request::{ClientCertificate, Presented, Target};

/// The request of a case with its token, ready for an [`Authorizer`](crate::Authorizer), a layer or a socket.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CaseRequest {
    /// The method.
    pub method: Method,
    /// The target.
    pub uri: Uri,
    /// The headers of the case, and the token.
    pub headers: HeaderMap,
    /// The body; [`None`] where the case has none.
    pub body: Option<String>,
    /// The certificate of the client.
    pub certificate: Option<ClientCertificate>,
}

impl CaseRequest {
    /// The request of a case with this token.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] for a method, a target or a header that no server accepts.
    pub fn new(case: &Case, token: Option<&str>) -> Result<CaseRequest, Error> {
        let token = token.map(|token| (AUTHORIZATION, format!("Bearer {token}")));
        CaseRequest::with_field(case, token)
    }

    /// The same with the token in this field.
    pub(super) fn with_field(case: &Case, token: Option<(HeaderName, String)>) -> Result<CaseRequest, Error> {
        let method = case.method().parse();
        let method = method.map_err(|_| Error::invalid_request("the method is invalid"))?;
        let uri = case.target().parse();
        let uri = uri.map_err(|_| Error::invalid_request("the path is invalid"))?;
        let mut headers = HeaderMap::new();
        let value = |text: &str| {
            HeaderValue::from_bytes(text.as_bytes()).map_err(|_| Error::invalid_request("a header is invalid"))
        };
        if let Some((name, text)) = token {
            headers.insert(name, value(&text)?);
        }
        for (name, text) in case.headers() {
            let name = name.parse::<HeaderName>();
            let name = name.map_err(|_| Error::invalid_request("the name of a header is invalid"))?;
            headers.append(name, value(text)?);
        }
        if case.body().is_some() && !headers.contains_key(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Ok(CaseRequest {
            method,
            uri,
            headers,
            body: case.body().map(str::to_owned),
            certificate: case.certificate().map(ClientCertificate::from_der),
        })
    }

    /// What an authorizer receives of it. A request without a body has an empty one.
    pub fn presented<'r>(&'r self, target: &'r Target<'r>) -> Presented<'r> {
        Presented::headers(target, &self.headers)
            .client_certificate(self.certificate.as_ref())
            .body(self.body.as_deref().unwrap_or_default().as_bytes())
    }
}
