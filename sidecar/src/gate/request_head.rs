//! The check of a request head before authorization.
//!
//! It denies ambiguous requests (RFC 9112 sections 3.2 and 7.6.1). A head that passes has one host and a `Connection`
//! header that cannot remove a header which the decision or the upstream depends on.

use std::net::IpAddr;

use actgate::request::header_name;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, HOST, ORIGIN};
use http::request::Parts;
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::connection_info::{AmbiguousMessage, Arrived, ConnectionInfo, HeadForm};
use super::head_error::HeadError;
use super::hosts::AllowedHosts;
use super::request_host::{self, RequestHost};
use super::trusted_proxies::TrustedProxies;
use crate::headers::carriers::Carriers;
use crate::headers::forwarded::{Malformed, Report};
use crate::headers::hop_by_hop;
use crate::headers::identity::IdentityHeaders;
use crate::headers::via::{Loop, ViaPseudonym};

/// The head of an unambiguous request.
#[derive(Debug)]
pub(crate) struct Head {
    /// The host of the request, which is sent upstream.
    pub(crate) host: RequestHost,
    /// The scheme that the client used: `http` or `https`.
    pub(crate) scheme: Scheme,
    /// The headers that `Connection` names: they are not forwarded.
    pub(crate) nominated: Vec<HeaderName>,
    /// What trusted proxies report of the request; none where its peer is not one.
    pub(crate) report: Option<Box<Report>>,
    pub(crate) connection: ConnectionInfo,
    /// Of an authorized request.
    pub(crate) requested: Requested,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Requested {
    #[default]
    Response,
    /// A tunnel, after a handshake with the upstream.
    WebSocket,
}

impl Head {
    /// The address of the client, if it is known.
    pub(crate) fn client(&self) -> Option<IpAddr> {
        let peer = self.connection.peer;
        self.report.as_ref().map_or(peer, |report| report.client(peer))
    }
}

/// What the head of a request is checked against.
#[derive(Debug)]
pub(crate) struct HeadRules {
    pub(crate) hosts: AllowedHosts,
    /// The headers that a client must not name in `Connection`.
    pub(crate) identity_headers: IdentityHeaders,
    /// The headers that carry tokens, which a client must not name there either.
    pub(crate) carriers: Carriers,
    /// A request with this name in `Via` is going around in a ring.
    pub(crate) via: ViaPseudonym,
    pub(crate) trusted_proxies: TrustedProxies,
}

impl HeadRules {
    /// Checks one request head. Does NOT read the path (the canonical target does) nor the credential (the authorizer
    /// does).
    pub(crate) fn check(
        &self,
        Arrived {
            request,
            connection,
            form,
        }: Arrived<'_>,
    ) -> Result<Box<Head>, HeadError> {
        let connection = connection.ok_or(HeadError::ambiguous("the connection of the request is unknown"))?;
        check_method(&request.method)?;
        if let Some(AmbiguousMessage(reason)) = request.extensions.get() {
            return Err(HeadError::ambiguous(reason));
        }
        // A decision API found it.
        if let Some(error) = request.extensions.get::<HeadError>() {
            return Err(*error);
        }
        check_expectation(request)?;
        self.via.check(&request.headers).map_err(|found| match found {
            Loop::Returned => HeadError::RETURNED,
            Loop::TooManyProxies => HeadError::TOO_MANY_PROXIES,
        })?;
        if form == HeadForm::Fields {
            check_fields(&request.headers)?;
        }
        let nominated = check_connection(request, &self.identity_headers, &self.carriers)?;
        let report = self.trusted_proxies.report(connection.peer, &request.headers);
        let report = report
            .map_err(|Malformed(reason)| HeadError::ambiguous(reason))?
            .map(Box::new);
        let scheme = report.as_ref().and_then(|report| report.scheme.clone());
        let scheme = scheme.unwrap_or_else(|| connection.scheme.clone());
        let host = request_host::check(request, form, &scheme, report.as_deref(), &self.hosts)?;
        // It is passed on several times.
        Ok(Box::new(Head {
            host,
            scheme,
            nominated,
            requested: Requested::default(),
            report,
            connection: connection.clone(),
        }))
    }
}

/// Checks that a head without lines has no field about the connection (RFC 9113 section 8.2.2).
fn check_fields(headers: &HeaderMap) -> Result<(), HeadError> {
    let is_of_connection = |(name, value): (&HeaderName, &HeaderValue)| match name.as_str() {
        "connection" | "keep-alive" | "proxy-connection" | "transfer-encoding" | "upgrade" => true,
        "te" => !value.as_bytes().eq_ignore_ascii_case(b"trailers"),
        _ => false,
    };
    if headers.iter().any(is_of_connection) {
        return Err(HeadError::ambiguous(
            "the request has a header about a connection, which its protocol does not have",
        ));
    }
    Ok(())
}

/// Checks that requests of a method are forwarded at all.
pub(crate) fn check_method(method: &Method) -> Result<(), HeadError> {
    match *method {
        Method::TRACE | Method::CONNECT => Err(HeadError::METHOD),
        _ => Ok(()),
    }
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

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

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

    fn checked(parts: &Parts) -> Result<Box<Head>, HeadError> {
        let rules = HeadRules {
            hosts: AllowedHosts::new(
                &[],
                Some("127.0.0.1:8080".parse().unwrap()),
                ["https://orders.example.com"],
            ),
            identity_headers: IdentityHeaders::default(),
            carriers: Carriers::default(),
            via: ViaPseudonym::default(),
            trusted_proxies: TrustedProxies::default(),
        };
        rules.check(Arrived::described(parts))
    }

    fn denied(method: &str, target: &str, headers: &[(&str, &str)]) -> u16 {
        checked(&parts(method, target, headers)).unwrap_err().status.as_u16()
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
    fn a_head_of_fields_has_none_about_a_connection() {
        let of_fields = |name: &str, value: &str| {
            let mut parts = parts("GET", "https://a/", &[(name, value)]);
            parts.extensions.insert(HeadForm::Fields);
            checked(&parts).map(|_| ()).map_err(|error| error.status.as_u16())
        };
        for (name, value) in [
            ("connection", "close"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "close"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("te", "gzip"),
            ("te", "trailers, gzip"),
        ] {
            assert_eq!(of_fields(name, value), Err(400), "{name}: {value}");
        }
        assert_eq!(of_fields("te", "Trailers"), Ok(()));
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
