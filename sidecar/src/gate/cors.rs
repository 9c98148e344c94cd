//! Cross-origin requests of web pages (CORS, the Fetch standard).
//!
//! The gate answers for the API: pages of the configured origins may read every response, denials included. No other origin gets a
//! header of CORS, and none of the upstream's is passed on. Pages cannot read a denial otherwise, nor find out from
//! `WWW-Authenticate` where to obtain a token.

use std::fmt::Write as _;
use std::time::Duration;

use actgate::Authorizer;
use actgate::request::Target;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::headers::hop_by_hop;

const REQUEST_PRIVATE_NETWORK: &str = "access-control-request-private-network";
const ALLOW_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// The most headers that a preflight may ask for.
const MAX_HEADERS: usize = 64;

/// Which pages may send requests, and read the responses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cors {
    pub(crate) origins: Vec<HeaderValue>,
    /// None: every method of a route.
    pub(crate) methods: Option<Vec<Method>>,
    /// None: every header.
    pub(crate) headers: Option<Vec<HeaderName>>,
    /// The response headers that pages may read, beside those that they always may: a list with commas.
    pub(crate) exposed: HeaderValue,
    pub(crate) max_age: Duration,
    pub(crate) credentials: Credentials,
}

/// Whether pages may send cookies with their requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Credentials {
    #[default]
    Omitted,
    Included,
}

/// The answer to a preflight: what a page may send.
#[derive(Debug)]
pub(crate) struct Preflight {
    method: HeaderValue,
    headers: Option<HeaderValue>,
    max_age: u64,
    private_network: bool,
}

/// Why a request is not answered as a preflight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotGranted {
    /// It is none.
    NoPreflight,
    /// The page may not send the request that it asks for; the reason is for an operator.
    Refused(&'static str),
}

impl NotGranted {
    const ORIGIN: NotGranted = NotGranted::Refused("its origin is not one of `cors: { origins }`");
    const METHOD: NotGranted = NotGranted::Refused("the method that it asks for is not one of `cors: { methods }`");
    const ROUTE: NotGranted =
        NotGranted::Refused("the policy has no route for its path and the method that it asks for");
    const HEADERS: NotGranted = NotGranted::Refused("a header that it asks for is not one of `cors: { headers }`");

    /// Why a request is not answered by a gate without `cors`.
    pub(crate) fn without_cors(request: &Parts) -> NotGranted {
        match requested_method(request) {
            Some(_) => NotGranted::Refused("`cors` is not configured"),
            None => NotGranted::NoPreflight,
        }
    }
}

/// The method that a preflight asks for.
fn requested_method(request: &Parts) -> Option<&HeaderValue> {
    let is_preflight = request.method == Method::OPTIONS && request.headers.contains_key(ORIGIN);
    request
        .headers
        .get(ACCESS_CONTROL_REQUEST_METHOD)
        .filter(|_| is_preflight)
}

/// The CORS headers of the response to one request.
#[derive(Debug)]
pub(crate) struct Grant<'c> {
    cors: &'c Cors,
    /// None: the request is of no page that may read the response.
    origin: Option<&'c HeaderValue>,
}

impl Cors {
    /// What the response to a request has.
    pub(crate) fn grant(&self, headers: &HeaderMap) -> Grant<'_> {
        let mut lines = headers.get_all(ORIGIN).iter();
        let origin = match (lines.next(), lines.next()) {
            (Some(origin), None) => self.origins.iter().find(|allowed| *allowed == origin),
            _ => None,
        };
        Grant { cors: self, origin }
    }

    /// The answer to a request that is a preflight of a permitted page, for a route of the policy. Any other request is
    /// decided on as usual.
    pub(crate) fn preflight(&self, request: &Parts, authorizer: &Authorizer) -> Result<Preflight, NotGranted> {
        let method = requested_method(request).ok_or(NotGranted::NoPreflight)?;
        if self.grant(&request.headers).origin.is_none() {
            return Err(NotGranted::ORIGIN);
        }
        let requested = Method::from_bytes(method.as_bytes()).map_err(|_| NotGranted::METHOD)?;
        if !self.methods.as_ref().is_none_or(|methods| methods.contains(&requested)) {
            return Err(NotGranted::METHOD);
        }
        let target = Target::with_escaped_slashes(&requested, &request.uri).map_err(|_| NotGranted::ROUTE)?;
        if !authorizer.has_route(&target) {
            return Err(NotGranted::ROUTE);
        }
        Ok(Preflight {
            method: method.clone(),
            headers: self.permitted_headers(&request.headers).ok_or(NotGranted::HEADERS)?,
            max_age: self.max_age.as_secs(),
            private_network: request.headers.contains_key(REQUEST_PRIVATE_NETWORK),
        })
    }

    /// The headers that the page may send, if it asks for any; `None` where it may not send one of them.
    fn permitted_headers(&self, headers: &HeaderMap) -> Option<Option<HeaderValue>> {
        let mut names = Vec::new();
        for line in headers.get_all(ACCESS_CONTROL_REQUEST_HEADERS) {
            let line = line.to_str().ok()?.split(',').map(str::trim);
            for name in line.filter(|name| !name.is_empty()) {
                let name = HeaderName::try_from(name).ok()?;
                let is_permitted = self.headers.as_ref().is_none_or(|headers| headers.contains(&name));
                if !is_permitted || names.len() == MAX_HEADERS {
                    return None;
                }
                names.push(name);
            }
        }
        let mut list = String::new();
        for name in &names {
            let separator = if list.is_empty() { "" } else { ", " };
            // Writing to a string cannot fail.
            let _ = write!(list, "{separator}{name}");
        }
        match list.is_empty() {
            true => Some(None),
            false => HeaderValue::try_from(list).ok().map(Some),
        }
    }
}

impl Preflight {
    pub(crate) const STATUS: StatusCode = StatusCode::NO_CONTENT;

    /// Sets the headers of the answer. [`Grant::apply`] adds those of every response.
    pub(crate) fn apply(&self, response: &mut HeaderMap) {
        response.insert(ACCESS_CONTROL_ALLOW_METHODS, self.method.clone());
        if let Some(headers) = &self.headers {
            response.insert(ACCESS_CONTROL_ALLOW_HEADERS, headers.clone());
        }
        response.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(self.max_age));
        if self.private_network {
            response.insert(ALLOW_PRIVATE_NETWORK, HeaderValue::from_static("true"));
        }
        let asked = "access-control-request-method, access-control-request-headers";
        response.append(VARY, HeaderValue::from_static(asked));
    }
}

/// Removes the CORS headers of the upstream, so that a response has those of one server.
pub(crate) fn strip(response: &mut HeaderMap) {
    hop_by_hop::remove_where(response, |name| name.starts_with("access-control-"));
}

impl Grant<'_> {
    /// Sets the headers of a response that depend on the page.
    pub(crate) fn apply(&self, response: &mut HeaderMap) {
        response.append(VARY, HeaderValue::from_static("origin"));
        let Some(origin) = self.origin else {
            return;
        };
        response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if self.cors.credentials == Credentials::Included {
            response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, self.cors.exposed.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors() -> Cors {
        Cors {
            origins: vec![HeaderValue::from_static("https://app.example.com")],
            methods: None,
            headers: None,
            exposed: HeaderValue::from_static("www-authenticate"),
            max_age: Duration::from_secs(600),
            credentials: Credentials::Omitted,
        }
    }

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn an_origin_is_compared_as_it_is_written() {
        let cors = cors();
        let granted = |lines: &[(&'static str, &'static str)]| cors.grant(&headers(lines)).origin.is_some();
        assert!(granted(&[("origin", "https://app.example.com")]));
        for origin in [
            "https://APP.example.com",
            "https://app.example.com/",
            "https://app.example.com:443",
            "http://app.example.com",
            "https://app.example.com.evil.example",
            "https://evil.example",
            "null",
            "*",
            "",
        ] {
            assert!(!granted(&[("origin", origin)]), "{origin}");
        }
        let twice = [("origin", "https://app.example.com"); 2];
        assert!(!granted(&twice) && !granted(&[]));
    }

    #[test]
    fn the_headers_of_a_preflight_are_listed_or_repeated() {
        let mut cors = cors();
        let asked = headers(&[
            ("access-control-request-headers", "authorization,X-Any"),
            ("access-control-request-headers", "content-type"),
        ]);
        let all = cors.permitted_headers(&asked).unwrap().unwrap();
        assert_eq!(all, "authorization, x-any, content-type");
        assert_eq!(cors.permitted_headers(&HeaderMap::new()), Some(None));
        let invalid = headers(&[("access-control-request-headers", "a b")]);
        assert_eq!(cors.permitted_headers(&invalid), None);
        cors.headers = Some(vec![HeaderName::from_static("authorization")]);
        assert_eq!(cors.permitted_headers(&asked), None);
    }

    #[test]
    fn a_response_has_the_cors_headers_of_the_gate_alone() {
        let cors = cors();
        let mut response = headers(&[
            ("access-control-allow-origin", "*"),
            ("access-control-allow-credentials", "true"),
            ("vary", "accept"),
        ]);
        let other = cors.grant(&headers(&[("origin", "https://evil.example")]));
        strip(&mut response);
        other.apply(&mut response);
        assert_eq!(response, headers(&[("vary", "accept"), ("vary", "origin")]));
        let own = cors.grant(&headers(&[("origin", "https://app.example.com")]));
        let mut response = HeaderMap::new();
        own.apply(&mut response);
        let expected = headers(&[
            ("access-control-allow-origin", "https://app.example.com"),
            ("access-control-expose-headers", "www-authenticate"),
            ("vary", "origin"),
        ]);
        assert_eq!(response, expected);
    }
}
