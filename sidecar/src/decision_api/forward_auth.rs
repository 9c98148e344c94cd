//! The decision for `auth_request` of nginx, `forward_auth` of Caddy and ForwardAuth of Traefik: a status, and the headers of
//! the identity for the proxy to copy.
//!
//! The proxy sends the headers of its client, and says in headers of its own what the request was. They must be there once
//! each: what is missing is never guessed.

use std::fmt;

use actgate::request::header_name;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri};
use http_body_util::Full;
use serde::Deserialize;

use super::decision_point::{DecisionPoint, FramedBody, KnownBody, UnreadBodies, for_another_server, frame_body};
use crate::gate::connection_info::{ConnectionInfo, HeadForm};
use crate::gate::head_error::HeadError;
use crate::gate::{Decided, Unforwarded};
use crate::headers::forwarded::Report;
use crate::log::event::Api;

/// The path of the endpoint.
pub(super) const PATH: &str = "/forward-auth";

/// The id of the decision, in each response.
const DECISION: HeaderName = HeaderName::from_static("x-actgate-decision");
/// The code of a denial.
const CODE: HeaderName = HeaderName::from_static("x-actgate-code");
/// The status of a denial.
const STATUS: HeaderName = HeaderName::from_static("x-actgate-status");

/// How a proxy asks for decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ForwardAuth {
    pub(crate) proxy: FrontProxy,
    pub(crate) bodies: UnreadBodies,
}

/// A proxy that asks for decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FrontProxy {
    /// By `auth_request`. The request is in `X-Original-Method`, `-URI` and `-Host`, and `X-Forwarded-Proto`.
    Nginx,
    /// By `forward_auth`. The request is in `X-Forwarded-Method`, `-Uri`, `-Host` and `-Proto`.
    Caddy,
    /// By ForwardAuth. The request is in the same headers.
    Traefik,
}

impl fmt::Display for ForwardAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proxy = match self.proxy {
            FrontProxy::Nginx => "nginx",
            FrontProxy::Caddy => "caddy",
            FrontProxy::Traefik => "traefik",
        };
        write!(f, "forward_auth of {proxy}")
    }
}

/// The headers in which a proxy says what a request was, with what is wrong of one.
struct Described {
    method: Field,
    uri: Field,
    host: Field,
    scheme: Field,
}

struct Field {
    name: &'static str,
    missing: HeadError,
    several: HeadError,
    malformed: HeadError,
}

macro_rules! field {
    ($name:literal) => {
        Field {
            name: $name,
            missing: HeadError::ambiguous(concat!("`", $name, "` of the proxy is missing")),
            several: HeadError::ambiguous(concat!("`", $name, "` is there more than once, or in another spelling")),
            malformed: HeadError::ambiguous(concat!("`", $name, "` of the proxy is malformed")),
        }
    };
}

const OF_NGINX: Described = Described {
    method: field!("x-original-method"),
    uri: field!("x-original-uri"),
    host: field!("x-original-host"),
    scheme: field!("x-forwarded-proto"),
};

const OF_OTHERS: Described = Described {
    method: field!("x-forwarded-method"),
    uri: field!("x-forwarded-uri"),
    host: field!("x-forwarded-host"),
    scheme: field!("x-forwarded-proto"),
};

/// Only proxies write them, and where one does not, what a client sends is not believed.
const OF_PROXIES: [&str; 9] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-method",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-uri",
    "x-real-ip",
];

const CLAIMED: HeadError = HeadError::ambiguous(
    "the proxy does not remove a header with which a client claims an identity, a path or a method",
);

impl Field {
    /// The one value. A header of another spelling counts: some servers take it for the same.
    fn of<'h>(&self, headers: &'h HeaderMap) -> Result<&'h str, HeadError> {
        let lines = headers
            .iter()
            .filter(|(name, _)| header_name::same(name.as_str(), self.name));
        let mut lines = lines.peekable();
        let (name, value) = lines.next().ok_or(self.missing)?;
        if lines.peek().is_some() || name.as_str() != self.name {
            return Err(self.several);
        }
        match value.to_str() {
            Ok("") => Err(self.missing),
            Ok(text) if !text.contains(',') || self.name.ends_with("-uri") => Ok(text),
            _ => Err(self.malformed),
        }
    }
}

impl FrontProxy {
    fn described(self) -> Described {
        match self {
            FrontProxy::Nginx => OF_NGINX,
            FrontProxy::Caddy | FrontProxy::Traefik => OF_OTHERS,
        }
    }
}

impl DecisionPoint {
    /// Answers a proxy.
    pub(super) async fn forward_auth(&self, endpoint: &ForwardAuth, asked: Parts) -> Response<Full<Bytes>> {
        let mut request = asked;
        request.extensions.insert(Api::ForwardAuth);
        if request.extensions.get::<HeadError>().is_none() {
            let described = self.described(endpoint.proxy, &mut request);
            if let Err(error) = described {
                request.extensions.insert(error);
            }
        }
        let body = match endpoint.bodies {
            UnreadBodies::Denied => KnownBody::Unknown,
            UnreadBodies::Passed => KnownBody::Opaque,
        };
        let (decided, outcome) = self.decide(&request, body).await;
        let outcome = outcome.map_err(for_another_server);
        self.gate.record(&request, &decided, outcome.as_ref().map(drop));
        let mut response = match outcome {
            Ok(_) => self.allowed(&decided),
            Err(unforwarded) => self.denied(endpoint.proxy, &request, &decided, &unforwarded),
        };
        if let Ok(id) = HeaderValue::try_from(decided.id.to_string()) {
            response.headers_mut().insert(DECISION, id);
        }
        response
    }

    /// Makes a request of a proxy the one that it describes.
    fn described(&self, proxy: FrontProxy, request: &mut Parts) -> Result<(), HeadError> {
        let described = proxy.described();
        let headers = &request.headers;
        let method = Method::try_from(described.method.of(headers)?).map_err(|_| described.method.malformed)?;
        let uri = described.uri.of(headers)?;
        // A fragment would be dropped here, and not by every server.
        let target = Uri::try_from(uri)
            .ok()
            .filter(|_| uri.starts_with('/') && !uri.contains('#'));
        let target = target.ok_or(described.uri.malformed)?;
        let host = described.host.of(headers)?;
        let host = HeaderValue::try_from(host).map_err(|_| described.host.malformed)?;
        described.scheme.of(headers)?;
        let connection = request.extensions.get::<ConnectionInfo>().cloned();
        let connection = connection.ok_or(HeadError::ambiguous("the connection of the request is unknown"))?;
        let report = self.report(headers)?;
        let scheme = report.scheme.clone().ok_or(described.scheme.malformed)?;
        request.extensions.insert(ConnectionInfo {
            peer: report.client(connection.peer),
            scheme,
            // That of the proxy is none of its client.
            client_certificate: None,
        });
        request.extensions.insert(HeadForm::Lines);
        if frame_body(&request.headers) {
            request.extensions.insert(FramedBody);
        }
        let headers = &mut request.headers;
        let own = [&described.method, &described.uri, &described.host, &described.scheme];
        for name in own.into_iter().map(|field| field.name).chain(OF_PROXIES) {
            headers.remove(name);
        }
        for name in [
            CONNECTION,
            CONTENT_LENGTH,
            EXPECT,
            TE,
            TRAILER,
            TRANSFER_ENCODING,
            UPGRADE,
        ] {
            headers.remove(name);
        }
        headers.insert(HOST, host);
        (request.method, request.uri) = (method, target);
        match self.removed(request).next() {
            Some(_) => Err(CLAIMED),
            None => Ok(()),
        }
    }

    /// What the proxy reports of the connection of its client.
    fn report(&self, headers: &HeaderMap) -> Result<Report, HeadError> {
        let mut reported = HeaderMap::new();
        for name in ["x-forwarded-for", "x-forwarded-proto"] {
            for line in headers.get_all(name) {
                reported.append(name, line.clone());
            }
        }
        let report = Report::read(&reported, |address| self.trusts_peer(address));
        report.map_err(|malformed| HeadError::ambiguous(malformed.0))
    }

    /// Every header of the identity is there, so that one of the client has no effect where the proxy copies them.
    fn allowed(&self, decided: &Decided) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::default());
        let headers = response.headers_mut();
        self.identity_headers.set_empty(headers);
        if let Some(identity) = decided.stated() {
            self.identity_headers.set(headers, identity);
        }
        response
    }

    fn denied(
        &self,
        proxy: FrontProxy,
        request: &Parts,
        decided: &Decided,
        unforwarded: &Unforwarded,
    ) -> Response<Full<Bytes>> {
        let mut response = self.response(request, decided, unforwarded);
        let status = response.status();
        let code = HeaderValue::from_static(self.code(decided, unforwarded));
        response.headers_mut().insert(CODE, code);
        response.headers_mut().insert(STATUS, status.as_u16().into());
        // nginx has two statuses for a denial, and makes 500 of any other one.
        if proxy == FrontProxy::Nginx && status != StatusCode::UNAUTHORIZED {
            *response.status_mut() = StatusCode::FORBIDDEN;
        }
        response
    }
}
