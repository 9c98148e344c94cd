//! The check of a request head before authorization.
//!
//! It denies ambiguous requests (RFC 9112 sections 3.2 and 7.6.1). A head that passes has one host and a `Connection`
//! header that cannot remove a header which the decision or the upstream depends on.

use actgate::request::header_name;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, HOST, ORIGIN, UPGRADE};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode};

use super::connection_info::{AmbiguousMessage, ConnectionInfo};
use super::hosts::{self, AllowedHosts};
use crate::headers::carriers::Carriers;
use crate::headers::hop_by_hop;
use crate::headers::identity::IdentityHeaders;
use crate::headers::via::{Loop, ViaPseudonym};

/// The head of an unambiguous request.
#[derive(Debug)]
pub(crate) struct Head {
    /// The host to send upstream: as received, or the authority of an absolute-form target, which replaces it.
    pub(crate) host: HeaderValue,
    /// The headers that `Connection` names: they are not forwarded.
    pub(crate) nominated: Vec<HeaderName>,
    pub(crate) connection: ConnectionInfo,
}

/// Why a request is denied before authorization, without any part of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeadError {
    pub(crate) status: StatusCode,
    /// The stable code, for the caller and for the decision log.
    pub(crate) code: &'static str,
    /// The reason, in a lowercase sentence.
    pub(crate) reason: &'static str,
}

impl HeadError {
    /// `TRACE` and `CONNECT`: this proxy neither echoes nor tunnels.
    const METHOD: HeadError = HeadError {
        status: StatusCode::NOT_IMPLEMENTED,
        code: "method_not_implemented",
        reason: "this method is not served here",
    };
    /// The request names a host that is not allowed.
    const HOST: HeadError = HeadError {
        status: StatusCode::MISDIRECTED_REQUEST,
        code: "misdirected_request",
        reason: "this host is not served here",
    };
    const EXPECTATION: HeadError = HeadError {
        status: StatusCode::EXPECTATION_FAILED,
        code: "unknown_expectation",
        reason: "only the expectation `100-continue` is supported",
    };
    /// The body is a form, and the upstream would read other bytes than those that can be checked here.
    pub(crate) const FORM_ENCODING: HeadError = HeadError {
        status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
        code: "unsupported_form_encoding",
        reason: "a form must have no content coding, and a charset that extends ascii",
    };
    const UPGRADE: HeadError = HeadError {
        status: StatusCode::NOT_IMPLEMENTED,
        code: "upgrade_not_implemented",
        reason: "an upgrade to another protocol is not served here",
    };

    /// The request has the pseudonym of this process: it goes around in a ring of proxies.
    pub(crate) const RETURNED: HeadError = HeadError::loop_detected("the request has passed through this gate before");
    /// A ring, or a client that writes many entries.
    const TOO_MANY_PROXIES: HeadError = HeadError::loop_detected("the request has passed through too many proxies");

    const fn loop_detected(reason: &'static str) -> HeadError {
        HeadError {
            status: StatusCode::LOOP_DETECTED,
            code: "loop_detected",
            reason,
        }
    }

    /// The request is ambiguous or invalid.
    pub(crate) const fn ambiguous(reason: &'static str) -> HeadError {
        HeadError {
            status: StatusCode::BAD_REQUEST,
            code: "invalid_request",
            reason,
        }
    }
}

/// Checks one request head. Does NOT read the path (the canonical target does) nor the credential (the authorizer
/// does).
pub(crate) fn check(
    request: &Parts,
    hosts: &AllowedHosts,
    identity: &IdentityHeaders,
    carriers: &Carriers,
    via: &ViaPseudonym,
) -> Result<Head, HeadError> {
    let connection = request.extensions.get::<ConnectionInfo>();
    let connection = connection.ok_or(HeadError::ambiguous("the connection of the request is unknown"))?;
    check_method(&request.method)?;
    if let Some(AmbiguousMessage(reason)) = request.extensions.get() {
        return Err(HeadError::ambiguous(reason));
    }
    check_expectation(request)?;
    via.check(&request.headers).map_err(|found| match found {
        Loop::Returned => HeadError::RETURNED,
        Loop::TooManyProxies => HeadError::TOO_MANY_PROXIES,
    })?;
    Ok(Head {
        nominated: check_connection(request, identity, carriers)?,
        host: check_host(request, hosts)?,
        connection: connection.clone(),
    })
}

/// Checks that requests of a method are forwarded at all.
pub(crate) fn check_method(method: &Method) -> Result<(), HeadError> {
    match *method {
        Method::TRACE | Method::CONNECT => Err(HeadError::METHOD),
        _ => Ok(()),
    }
}

/// Checks that an authorized request asks for no other protocol.
///
/// A server may ignore `Upgrade` (RFC 9110 section 7.8), and does so here with the protocols that carry the same HTTP
/// request, which clients offer whether the server has them or not. A client that offers any other, such as WebSocket,
/// waits for it and has no use for an HTTP response.
pub(crate) fn check_upgrade(request: &Parts) -> Result<(), HeadError> {
    let offers = request.headers.get_all(UPGRADE).iter();
    let mut protocols = offers.flat_map(|offer| offer.as_bytes().split(|byte| *byte == b','));
    if protocols.all(|protocol| carries_http(protocol.trim_ascii())) {
        Ok(())
    } else {
        Err(HeadError::UPGRADE)
    }
}

fn carries_http(protocol: &[u8]) -> bool {
    let name = protocol.split(|byte| *byte == b'/').next().unwrap_or_default();
    let known: [&[u8]; 4] = [b"", b"h2c", b"http", b"tls"];
    known.iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn check_expectation(request: &Parts) -> Result<(), HeadError> {
    let mut expectations = request.headers.get_all(EXPECT).iter();
    match (expectations.next(), expectations.next()) {
        (None, _) => Ok(()),
        (Some(one), None) if one.as_bytes().eq_ignore_ascii_case(b"100-continue") => Ok(()),
        _ => Err(HeadError::EXPECTATION),
    }
}

fn check_connection(
    request: &Parts,
    identity: &IdentityHeaders,
    carriers: &Carriers,
) -> Result<Vec<HeaderName>, HeadError> {
    let nominated =
        hop_by_hop::nominated(&request.headers).ok_or(HeadError::ambiguous("the connection header is malformed"))?;
    let kept = [AUTHORIZATION, HOST, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, ORIGIN];
    for name in &nominated {
        let name = name.as_str();
        // Without the headers of an MCP message a server may read it as one of an earlier revision.
        if kept.iter().any(|kept| header_name::same(kept.as_str(), name))
            || header_name::begins_with(name, "mcp-")
            || identity.owns(name)
            || carriers.owns(name)
        {
            return Err(HeadError::ambiguous(
                "the connection header names a header that must not be dropped",
            ));
        }
    }
    Ok(nominated)
}

fn check_host(request: &Parts, allowed: &AllowedHosts) -> Result<HeaderValue, HeadError> {
    let mut hosts = request.headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(HeadError::ambiguous("there must be exactly one host header"));
    };
    let named = host
        .to_str()
        .ok()
        .and_then(hosts::authority)
        .ok_or(HeadError::ambiguous("the host header is not one host"))?;
    match (request.uri.scheme_str(), request.uri.authority()) {
        (None, None) if request.uri.path().starts_with('/') => {
            if allowed.accepts_host(&named) {
                Ok(host.clone())
            } else {
                Err(HeadError::HOST)
            }
        }
        (Some("http" | "https"), Some(target)) => {
            if target.as_str().contains('@') {
                return Err(HeadError::ambiguous("the request target contains user information"));
            }
            if !allowed.contains(target) {
                return Err(HeadError::HOST);
            }
            HeaderValue::from_str(target.as_str())
                .map_err(|_| HeadError::ambiguous("the authority of the request target is not a host"))
        }
        _ => Err(HeadError::ambiguous("the request target is neither a path nor a url")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> AllowedHosts {
        AllowedHosts::new(&[], "127.0.0.1:8080".parse().unwrap(), ["https://orders.example.com"])
    }

    fn parts(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
        let connection = ConnectionInfo {
            peer: Some("192.0.2.1".parse().unwrap()),
            scheme: http::uri::Scheme::HTTP,
            client_certificate: None,
        };
        let mut request = http::Request::builder()
            .method(method)
            .uri(target)
            .extension(connection);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn checked(parts: &Parts) -> Result<Head, HeadError> {
        check(
            parts,
            &hosts(),
            &IdentityHeaders::default(),
            &Carriers::default(),
            &ViaPseudonym::default(),
        )
    }

    fn denied(method: &str, target: &str, headers: &[(&str, &str)]) -> u16 {
        checked(&parts(method, target, headers)).unwrap_err().status.as_u16()
    }

    #[test]
    fn exactly_one_valid_host() {
        assert_eq!(
            checked(&parts("GET", "/", &[("host", "Any.Example:81")])).unwrap().host,
            "Any.Example:81"
        );
        assert_eq!(denied("GET", "/", &[]), 400);
        assert_eq!(denied("GET", "/", &[("host", "a"), ("host", "a")]), 400);
        for host in [
            "", "a,b", "a b", "u@a", "a/b", "a:port", "a:99999", "a:", "a#b", "[::1", "a%41",
        ] {
            assert_eq!(denied("GET", "/", &[("host", host)]), 400, "{host}");
        }
    }

    #[test]
    fn an_absolute_target_replaces_the_host_and_must_be_allowed() {
        let head = checked(&parts("GET", "http://orders.example.com/a", &[("host", "other")])).unwrap();
        assert_eq!(head.host, "orders.example.com");
        assert_eq!(
            denied("GET", "http://evil.example/a", &[("host", "orders.example.com")]),
            421
        );
        assert_eq!(denied("GET", "http://u:p@orders.example.com/a", &[("host", "a")]), 400);
        assert_eq!(denied("GET", "ftp://orders.example.com/a", &[("host", "a")]), 400);
        assert_eq!(denied("GET", "http://orders.example.com/a", &[]), 400);
    }

    #[test]
    fn other_targets_and_methods() {
        let host = [("host", "a")];
        assert_eq!(denied("OPTIONS", "*", &host), 400);
        assert_eq!(denied("GET", "orders.example.com:80", &host), 400);
        assert_eq!(denied("TRACE", "/", &host), 501);
        assert_eq!(denied("CONNECT", "orders.example.com:80", &host), 501);
    }

    #[test]
    fn what_a_server_reports_is_denied() {
        let mut request = parts("GET", "/", &[("host", "a")]);
        request.extensions.insert(AmbiguousMessage("x"));
        assert_eq!(checked(&request).unwrap_err(), HeadError::ambiguous("x"));
        request.extensions.clear();
        assert_eq!(checked(&request).unwrap_err().status, 400);
    }

    #[test]
    fn expectations() {
        let with = |values: &[&str]| {
            let mut headers = vec![("host", "a")];
            headers.extend(values.iter().map(|value| ("expect", *value)));
            checked(&parts("POST", "/", &headers))
                .map(|_| ())
                .map_err(|error| error.status)
        };
        assert_eq!(with(&["100-Continue"]), Ok(()));
        assert_eq!(with(&["200-ok"]), Err(StatusCode::EXPECTATION_FAILED));
        assert_eq!(
            with(&["100-continue", "100-continue"]),
            Err(StatusCode::EXPECTATION_FAILED)
        );
    }

    #[test]
    fn only_offers_that_carry_the_same_request_are_ignored() {
        let with = |value: &str| check_upgrade(&parts("GET", "/", &[("upgrade", value)])).is_ok();
        for ignored in ["", "h2c", "H2C", "HTTP/2.0", "TLS/1.0, HTTP/1.1", "TLS/1.2,h2c", " , "] {
            assert!(with(ignored), "{ignored:?}");
        }
        for wanted in [
            "websocket",
            "WebSocket",
            "h2c, websocket",
            "IRC/6.9",
            "tcp",
            "http2",
            "\u{e9}",
        ] {
            assert!(!with(wanted), "{wanted:?}");
        }
        assert!(check_upgrade(&parts("GET", "/", &[])).is_ok());
    }

    #[test]
    fn connection_cannot_remove_a_header_that_the_decision_depends_on() {
        for name in [
            "Authorization",
            "host",
            "Content-Length",
            "x-auth-subject",
            "X_Auth_Chain",
            "close, x-auth-kind",
            "MCP-Protocol-Version",
            "mcp_name",
            "close, Mcp-Param-Region",
            "origin",
            "a b",
        ] {
            assert_eq!(
                denied("GET", "/", &[("host", "a"), ("connection", name)]),
                400,
                "{name}"
            );
        }
        let head = checked(&parts("GET", "/", &[("host", "a"), ("connection", "close, x-other")])).unwrap();
        assert_eq!(head.nominated.len(), 2);
    }
}
