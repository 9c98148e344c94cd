//! The front check: what is refused before anybody is asked who is acting.
//!
//! Everything here is about requests with two readings (RFC 9112 sections 3.2, 6 and 7.6.1). What passes has one host, one framing and a
//! `Connection` header that cannot take a header away which the decision or the upstream depends on.

use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode, Version};

use crate::gate::hosts::{self, OwnNames};
use crate::headers::header_name;
use crate::headers::hop_by_hop;
use crate::headers::identity::IdentityHeaders;
use crate::http1::RawHead;

/// A request head that has one reading.
#[derive(Debug)]
pub struct Head {
    /// The host to send upstream: as received, or the authority of an absolute-form target, which replaces it.
    pub host: HeaderValue,
    /// The headers that `Connection` names and that therefore end here.
    pub nominated: Vec<HeaderName>,
}

/// Why a request is refused before it is judged. The reason is constant text: nothing of the request is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadError {
    /// The head has two readings, or none.
    Ambiguous(&'static str),
    /// `TRACE` and `CONNECT`: this proxy neither echoes nor tunnels.
    MethodNotImplemented,
    /// The request names a host that is not ours.
    Misdirected,
    /// An expectation other than `100-continue`.
    UnknownExpectation,
}

impl HeadError {
    /// The status of the refusal.
    pub fn status(self) -> StatusCode {
        match self {
            HeadError::Ambiguous(_) => StatusCode::BAD_REQUEST,
            HeadError::MethodNotImplemented => StatusCode::NOT_IMPLEMENTED,
            HeadError::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            HeadError::UnknownExpectation => StatusCode::EXPECTATION_FAILED,
        }
    }

    /// The stable code, for the caller and for the decision log.
    pub fn code(self) -> &'static str {
        match self {
            HeadError::Ambiguous(_) => "invalid_request",
            HeadError::MethodNotImplemented => "method_not_implemented",
            HeadError::Misdirected => "misdirected_request",
            HeadError::UnknownExpectation => "unknown_expectation",
        }
    }

    /// What is wrong, in a lowercase sentence.
    pub fn reason(self) -> &'static str {
        match self {
            HeadError::Ambiguous(reason) => reason,
            HeadError::MethodNotImplemented => "this method is not served here",
            HeadError::Misdirected => "this host is not served here",
            HeadError::UnknownExpectation => "only the expectation `100-continue` is known",
        }
    }
}

/// Checks one request head. Does NOT read the path (the canonical target does) nor the credential (the authorizer does).
///
/// # Errors
/// The first thing that gives the request a second reading.
pub fn check(request: &Parts, raw: RawHead, own: &OwnNames, identity: &IdentityHeaders) -> Result<Head, HeadError> {
    if request.method == Method::TRACE || request.method == Method::CONNECT {
        return Err(HeadError::MethodNotImplemented);
    }
    if raw.fragment {
        return Err(HeadError::Ambiguous("the request target has a fragment"));
    }
    check_framing(request, raw)?;
    check_expectation(request)?;
    let nominated = check_connection(request, identity)?;
    let host = check_host(request, own)?;
    Ok(Head { host, nominated })
}

/// hyper has refused framing that it could not read; this refuses what it reads leniently.
fn check_framing(request: &Parts, raw: RawHead) -> Result<(), HeadError> {
    let mut codings = request.headers.get_all(TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else {
        return Ok(());
    };
    if raw.two_framings || request.headers.contains_key(CONTENT_LENGTH) {
        return Err(HeadError::Ambiguous(
            "content-length and transfer-encoding stand together",
        ));
    }
    if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
        return Err(HeadError::Ambiguous("the transfer-encoding is not exactly `chunked`"));
    }
    if request.version != Version::HTTP_11 {
        return Err(HeadError::Ambiguous("transfer-encoding needs http/1.1"));
    }
    Ok(())
}

fn check_expectation(request: &Parts) -> Result<(), HeadError> {
    let mut expectations = request.headers.get_all(EXPECT).iter();
    match (expectations.next(), expectations.next()) {
        (None, _) => Ok(()),
        (Some(one), None) if one.as_bytes().eq_ignore_ascii_case(b"100-continue") => Ok(()),
        _ => Err(HeadError::UnknownExpectation),
    }
}

fn check_connection(request: &Parts, identity: &IdentityHeaders) -> Result<Vec<HeaderName>, HeadError> {
    let nominated = hop_by_hop::nominated(&request.headers)
        .map_err(|_| HeadError::Ambiguous("the connection header names no header"))?;
    let kept = [AUTHORIZATION, HOST, CONTENT_LENGTH, CONTENT_TYPE, COOKIE];
    for name in &nominated {
        if kept.iter().any(|kept| header_name::same(kept.as_str(), name.as_str())) || identity.owns(name.as_str()) {
            return Err(HeadError::Ambiguous(
                "the connection header names a header that must not be dropped",
            ));
        }
    }
    Ok(nominated)
}

fn check_host(request: &Parts, own: &OwnNames) -> Result<HeaderValue, HeadError> {
    let mut hosts = request.headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(HeadError::Ambiguous("there must be exactly one host header"));
    };
    let named = host
        .to_str()
        .ok()
        .and_then(hosts::authority)
        .ok_or(HeadError::Ambiguous("the host header is not one host"))?;
    match (request.uri.scheme_str(), request.uri.authority()) {
        (None, None) if request.uri.path().starts_with('/') => {
            if own.accepts_host(&named) {
                Ok(host.clone())
            } else {
                Err(HeadError::Misdirected)
            }
        }
        (Some("http" | "https"), Some(target)) => {
            if target.as_str().contains('@') {
                return Err(HeadError::Ambiguous("the request target holds user information"));
            }
            if !own.answers_to(target) {
                return Err(HeadError::Misdirected);
            }
            HeaderValue::from_str(target.as_str())
                .map_err(|_| HeadError::Ambiguous("the authority of the request target is no host"))
        }
        _ => Err(HeadError::Ambiguous("the request target is neither a path nor a url")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> OwnNames {
        OwnNames::new(
            &[],
            "127.0.0.1:8080".parse().unwrap(),
            &["https://orders.example.com".into()],
        )
    }

    fn parts(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn judge(parts: &Parts) -> Result<Head, HeadError> {
        check(parts, RawHead::default(), &own(), &IdentityHeaders::default())
    }

    fn refused(method: &str, target: &str, headers: &[(&str, &str)]) -> u16 {
        judge(&parts(method, target, headers)).unwrap_err().status().as_u16()
    }

    #[test]
    fn exactly_one_host_that_is_a_host() {
        assert_eq!(
            judge(&parts("GET", "/", &[("host", "Any.Example:81")])).unwrap().host,
            "Any.Example:81"
        );
        assert_eq!(refused("GET", "/", &[]), 400);
        assert_eq!(refused("GET", "/", &[("host", "a"), ("host", "a")]), 400);
        for host in [
            "", "a,b", "a b", "u@a", "a/b", "a:port", "a:99999", "a:", "a#b", "[::1", "a%41",
        ] {
            assert_eq!(refused("GET", "/", &[("host", host)]), 400, "{host}");
        }
    }

    #[test]
    fn an_absolute_target_replaces_the_host_and_must_be_ours() {
        let head = judge(&parts("GET", "http://orders.example.com/a", &[("host", "other")])).unwrap();
        assert_eq!(head.host, "orders.example.com");
        assert_eq!(
            refused("GET", "http://evil.example/a", &[("host", "orders.example.com")]),
            421
        );
        assert_eq!(refused("GET", "http://u:p@orders.example.com/a", &[("host", "a")]), 400);
        assert_eq!(refused("GET", "ftp://orders.example.com/a", &[("host", "a")]), 400);
        assert_eq!(refused("GET", "http://orders.example.com/a", &[]), 400);
    }

    #[test]
    fn other_targets_and_methods() {
        let host = [("host", "a")];
        assert_eq!(refused("OPTIONS", "*", &host), 400);
        assert_eq!(refused("GET", "orders.example.com:80", &host), 400);
        assert_eq!(refused("TRACE", "/", &host), 501);
        assert_eq!(refused("CONNECT", "orders.example.com:80", &host), 501);
        let fragment = RawHead {
            fragment: true,
            two_framings: false,
        };
        let error = check(&parts("GET", "/", &host), fragment, &own(), &IdentityHeaders::default()).unwrap_err();
        assert_eq!(error.status(), 400);
    }

    #[test]
    fn framing_has_one_reading() {
        let with = |headers: &[(&str, &str)]| refused("POST", "/", &[&[("host", "a")], headers].concat());
        assert_eq!(
            with(&[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")]),
            400
        );
        assert_eq!(with(&[("transfer-encoding", "gzip, chunked")]), 400);
        assert_eq!(with(&[("transfer-encoding", "chunked"), ("content-length", "3")]), 400);
        let chunked = parts("POST", "/", &[("host", "a"), ("transfer-encoding", "Chunked")]);
        assert!(judge(&chunked).is_ok());
        let both = RawHead {
            fragment: false,
            two_framings: true,
        };
        assert!(check(&chunked, both, &own(), &IdentityHeaders::default()).is_err());
    }

    #[test]
    fn expectations() {
        let with = |values: &[&str]| {
            let mut headers = vec![("host", "a")];
            headers.extend(values.iter().map(|value| ("expect", *value)));
            judge(&parts("POST", "/", &headers))
                .map(|_| ())
                .map_err(HeadError::status)
        };
        assert_eq!(with(&["100-Continue"]), Ok(()));
        assert_eq!(with(&["200-ok"]), Err(StatusCode::EXPECTATION_FAILED));
        assert_eq!(
            with(&["100-continue", "100-continue"]),
            Err(StatusCode::EXPECTATION_FAILED)
        );
    }

    #[test]
    fn connection_cannot_take_a_header_away_that_we_depend_on() {
        for name in [
            "Authorization",
            "host",
            "Content-Length",
            "x-auth-subject",
            "X_Auth_Chain",
            "close, x-auth-kind",
            "a b",
        ] {
            assert_eq!(
                refused("GET", "/", &[("host", "a"), ("connection", name)]),
                400,
                "{name}"
            );
        }
        let head = judge(&parts("GET", "/", &[("host", "a"), ("connection", "close, x-other")])).unwrap();
        assert_eq!(head.nominated.len(), 2);
    }
}
