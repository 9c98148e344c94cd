//! The parameters of a request: a form body or a query, both `application/x-www-form-urlencoded`.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Extensions, Method, StatusCode};
use tokio::time::timeout;
use url::form_urlencoded;

use crate::{INVALID_REQUEST, OAuthError, Result};

/// The maximum number of parameters; no request of the protocol needs more.
const MAX_PARAMETERS: usize = 64;
const FORM: &str = "application/x-www-form-urlencoded";
/// The maximum time for a body to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Decoded parameters in the order of the request. A parameter without a value counts as omitted (RFC 6749
/// section 3.1).
pub(crate) struct Parameters {
    pairs: Vec<(String, String)>,
    /// The address of the sender, as a key of limits.
    pub(crate) sender: String,
}

/// The address that a request comes from, an extension of each request.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The sender of a request, as an owner and a key of limits.
pub(crate) fn sender(extensions: &Extensions) -> String {
    match extensions.get().map(|Peer(address)| address.to_canonical()) {
        // One host has a network of 64 bits.
        Some(IpAddr::V6(address)) => format!("{:?}", &address.segments()[..4]),
        address => format!("{address:?}"),
    }
}

impl Parameters {
    pub(crate) fn parse(encoded: &[u8]) -> Result<Parameters> {
        let pairs: Vec<_> = form_urlencoded::parse(encoded).take(MAX_PARAMETERS + 1).collect();
        INVALID_REQUEST.when(pairs.len() > MAX_PARAMETERS, "too many parameters")?;
        let given = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        let given = given.map(|(name, value)| (name.into_owned(), value.into_owned()));
        let (pairs, sender) = (given.collect(), String::new());
        Ok(Parameters { pairs, sender })
    }

    /// The value of a parameter that must not be repeated (RFC 6749 section 3.1).
    pub(crate) fn one(&self, name: &str) -> Result<Option<&str>> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (first, None) => Ok(first),
            (_, Some(_)) => Err(INVALID_REQUEST.because("a parameter is given more than once")),
        }
    }

    /// The same for a parameter that is kept: a longer one is an error.
    pub(crate) fn one_within(&self, name: &str, max_bytes: usize) -> Result<Option<&str>> {
        match self.one(name)? {
            Some(value) if value.len() > max_bytes => Err(INVALID_REQUEST.because("a parameter is too long")),
            value => Ok(value),
        }
    }

    /// The value of a parameter that must be given.
    pub(crate) fn required(&self, name: &str, description: &'static str) -> Result<&str> {
        self.one(name)?.ok_or(INVALID_REQUEST.because(description))
    }

    /// Every value of a parameter that may be repeated.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs
            .iter()
            .filter(move |(n, _)| n == name)
            .map(|(_, value)| &**value)
    }
}

/// Reads the query of a `GET` and the body of a `POST`.
impl<S: Send + Sync> FromRequest<S> for Parameters {
    type Rejection = OAuthError;

    async fn from_request(request: Request, state: &S) -> Result<Parameters> {
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            let parameters = Parameters::parse(request.uri().query().unwrap_or_default().as_bytes())?;
            let sender = sender(request.extensions());
            return Ok(Parameters { sender, ..parameters });
        }
        let media_type = request.headers().get(CONTENT_TYPE);
        let media_type = media_type.and_then(|value| value.to_str().ok()?.split(';').next());
        let media_type = media_type.unwrap_or_default();
        let is_form = media_type.trim().eq_ignore_ascii_case(FORM);
        INVALID_REQUEST.when(!is_form, "the body must be application/x-www-form-urlencoded")?;
        let Body(body, sender) = Body::from_request(request, state).await?;
        let parameters = Parameters::parse(&body)?;
        Ok(Parameters { sender, ..parameters })
    }
}

/// A body of any type, within the limits of size and time, and its sender.
pub(crate) struct Body(pub(crate) Bytes, pub(crate) String);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = OAuthError;

    async fn from_request(request: Request, state: &S) -> Result<Body> {
        let error = |status, description| INVALID_REQUEST.answered(status).because(description);
        let sender = sender(request.extensions());
        match timeout(BODY_TIMEOUT, Bytes::from_request(request, state)).await {
            Ok(Ok(body)) => Ok(Body(body, sender)),
            Ok(Err(rejection)) => Err(error(rejection.status(), "the body is too large or incomplete")),
            Err(_) => Err(error(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Parameters;

    #[test]
    fn values_are_decoded_and_empty_ones_omitted() {
        let parameters = Parameters::parse(b"scope=a+b%20c&state=").ok().unwrap();
        assert_eq!(parameters.one("scope"), Ok(Some("a b c")));
        assert_eq!(parameters.one("state"), Ok(None));
    }

    #[test]
    fn a_repeated_parameter_is_an_error_unless_it_may_be_repeated() {
        let parameters = Parameters::parse(b"resource=a&resource=b").ok().unwrap();
        assert!(parameters.one("resource").is_err());
        assert_eq!(parameters.all("resource").collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn the_number_of_parameters_is_limited() {
        assert!(Parameters::parse("a=1&".repeat(64).as_bytes()).is_ok());
        assert!(Parameters::parse("a=1&".repeat(65).as_bytes()).is_err());
    }
}
