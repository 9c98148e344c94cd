//! Forwards allowed requests: the client's headers become those that the upstream receives.

use std::mem;
use std::sync::Arc;

use actgate::challenge::Protocol;
use actgate::clock::Clock;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, TRAILER, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use http_body::Body as _;
use http_body_util::Full;
use uuid::Uuid;

use super::credentials::Obtained;
use super::credentials::error::CredentialError;
use super::destination::{Destination, Destinations};
use super::forwarding_record::{ForwardingRecord, ShownAddress};
use super::refusal::{Refusal, RequestBodyState};
use super::request_body::{BodyFault, ClientBody, RequestBody};
use super::response_body::ResponseBody;
use super::stream_end::{StreamLimits, TokenTime};
use super::upstream::error::UpstreamError;
use super::websocket::upgrade::{Handshake, HandshakeError, Tunnel};
use crate::gate::Decided;
use crate::gate::form::Content;
use crate::gate::request_head::{Head, Requested};
use crate::headers::carriers::Carriers;
use crate::headers::dropped::DroppedHeaders;
use crate::headers::forwarded::{self, LastHop};
use crate::headers::hop_by_hop;
use crate::headers::identity::IdentityHeaders;
use crate::headers::stated_identity::StatedIdentity;
use crate::headers::trailers::TrailerRules;
use crate::headers::via::ViaPseudonym;

/// As many headers as most requests get: those of the identity, of the way to the gate, `Via`, and those that the client writes.
const SET_HEADERS: usize = 16;

/// The way to the upstream.
#[derive(Debug)]
pub(crate) struct Forward {
    pub(crate) destinations: Destinations,
    pub(crate) identity_headers: IdentityHeaders,
    pub(crate) carriers: Carriers,
    pub(crate) drop_headers: DroppedHeaders,
    pub(crate) access_token: AccessTokenForwarding,
    pub(crate) via: ViaPseudonym,
    pub(crate) trailers: TrailerRules,
    pub(crate) streams: StreamLimits,
}

/// What is known of the caller of one request.
#[derive(Debug)]
pub(crate) struct Caller<'a> {
    /// None on a public route.
    pub(crate) identity: Option<&'a StatedIdentity>,
    pub(crate) token: Option<TokenTime>,
    pub(crate) protocol: Protocol,
    /// What the upstream receives in place of the access token.
    pub(crate) credentials: Obtained,
    /// The headers that the policy of the decision reads.
    pub(crate) decided_on: Arc<[Box<str>]>,
}

/// A request as the upstream receives it, and what its response depends on.
#[derive(Debug)]
pub(crate) struct Outgoing {
    request: Box<Request<RequestBody>>,
    handshake: Option<Handshake>,
    token: Option<TokenTime>,
    protocol: Protocol,
    /// That of the client.
    version: Version,
    state: RequestBodyState,
}

/// The client's body failed before the upstream responded.
#[derive(Debug)]
pub(crate) struct BodyFailed(pub(crate) BodyFault);

/// What happens to the access token of an allowed request, in `Authorization` or in the header of its issuer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AccessTokenForwarding {
    /// It is removed: the identity headers carry the identity.
    #[default]
    Strip,
    /// It is forwarded where the token was verified.
    Forward,
    /// It is removed, and exchanged for one for the upstream.
    Exchange,
}

impl Forward {
    /// Obtains what the upstream receives in place of the access token.
    pub(crate) async fn obtain(
        &self,
        request: &Parts,
        destination: &Destination,
        decided: &Decided,
        clock: &Clock,
    ) -> Result<Obtained, CredentialError> {
        let credentials = &destination.credentials;
        credentials
            .obtain(&request.headers, &self.carriers, decided, clock)
            .await
    }

    /// Whether the decision log shows the addresses of upstreams.
    pub(crate) fn shown_address(&self) -> ShownAddress {
        match self.destinations.have_several_addresses() {
            true => ShownAddress::Shown,
            false => ShownAddress::Omitted,
        }
    }

    /// The request that the upstream receives, which takes what it needs from that of the client; or the response that replaces
    /// it.
    pub(crate) fn outgoing(
        &self,
        parts: &mut Parts,
        content: Content<ClientBody>,
        head: &Head,
        caller: Caller<'_>,
        destination: &Destination,
        record: &mut ForwardingRecord<'_>,
    ) -> Result<Outgoing, Box<Response<ResponseBody>>> {
        let has_length = parts.headers.contains_key(CONTENT_LENGTH);
        let is_chunked = parts.headers.contains_key(TRANSFER_ENCODING)
            || (parts.version == Version::HTTP_2 && !has_length && !content.is_end_stream());
        let trailers = match content.is_end_stream() {
            true => None,
            false => Some(self.trailers.filter(head.nominated.clone(), caller.decided_on.clone())),
        };
        let handshake = match head.requested {
            Requested::Response => None,
            Requested::WebSocket => Some(Handshake::of(parts)),
        };
        let announced = trailers.as_ref().and_then(|filter| filter.announced(&parts.headers));
        self.prepare(&mut parts.headers, head, caller.identity);
        destination.credentials.set(&mut parts.headers, caller.credentials);
        self.via.append(&mut parts.headers, parts.version);
        if let Some(trace) = record.trace() {
            trace.set(&mut parts.headers);
        }
        let handshake = match handshake.transpose() {
            Ok(handshake) => handshake,
            Err(error) => {
                record.failed("invalid_handshake", StatusCode::BAD_GATEWAY);
                return Err(Box::new(no_tunnel(error, record.id(), None).map(ResponseBody::Own)));
            }
        };
        if let Some(handshake) = &handshake {
            handshake.offer(&mut parts.headers);
        }
        let protocol = caller.protocol;
        let body = match protocol {
            Protocol::Grpc => RequestBody::new(content, trailers).until(caller.token.clone()),
            _ => RequestBody::new(content, trailers),
        };
        if is_chunked {
            // hyper would write no body of unknown length for GET and HEAD.
            let chunked = HeaderValue::from_static("chunked");
            parts.headers.insert(TRANSFER_ENCODING, chunked);
            // hyper writes only the trailers that are announced.
            if let Some(names) = announced {
                parts.headers.insert(TRAILER, names);
            }
        } else if has_length && body.is_end_stream() {
            // hyper writes no length for an empty body, and some servers require one where a method may have a body.
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        // A body that is being forwarded may have been read in part when the upstream fails.
        let state = match body.is_end_stream() {
            true => RequestBodyState::Read,
            false => RequestBodyState::unread(parts.version),
        };
        let version = parts.version;
        let mut request = Box::new(Request::new(body));
        *request.version_mut() = version;
        *request.method_mut() = mem::take(&mut parts.method);
        *request.uri_mut() = mem::take(&mut parts.uri);
        *request.headers_mut() = mem::take(&mut parts.headers);
        Ok(Outgoing {
            request,
            handshake,
            token: caller.token,
            protocol,
            version,
            state,
        })
    }

    /// Sends a request to its destination and returns its response, or the refusal that replaces it. Fails when the client
    /// caused the failure.
    pub(crate) async fn send<'p>(
        &'p self,
        outgoing: Outgoing,
        destination: &'p Destination,
        record: &mut ForwardingRecord<'p>,
    ) -> Result<Response<ResponseBody>, BodyFailed> {
        let Outgoing {
            request,
            handshake,
            token,
            protocol,
            version,
            state,
        } = outgoing;
        let id = record.id();
        record.begins(request.body().ended_by_client());
        let refusal = match destination.upstream.send(request, &mut record.attempt).await {
            Ok(mut response) => {
                let status = response.status();
                let switched = handshake.map(|handshake| handshake.accept(&mut response));
                let switched = match switched.transpose() {
                    Ok(switched) => switched.flatten(),
                    Err(error) => {
                        record.failed("upstream_handshake", StatusCode::BAD_GATEWAY);
                        return Ok(no_tunnel(error, id, record.attempt.url).map(ResponseBody::Own));
                    }
                };
                record.answered(status);
                if let Some(ends) = switched {
                    let tunnel = Tunnel::new(ends, token, self.streams.idle, id);
                    return Ok(tunnel.response(response.map(drop)));
                }
                hop_by_hop::strip_response(response.headers_mut());
                // The version belongs to the connection, not to the message (RFC 9112 section 2.3).
                *response.version_mut() = Version::HTTP_11;
                return Ok(ResponseBody::upstream(response, version, token, id));
            }
            // Caused by the client, so that it is not reported to the operator.
            Err(UpstreamError::Request(fault)) => return Err(BodyFailed(fault)),
            Err(error) => {
                record.failed(error.code(), error.status());
                let (upstream, help) = (record.attempt.url, error.help());
                tracing::warn!(decision = %id, upstream, %error, help, "the upstream did not respond");
                Refusal::new(
                    error.status(),
                    "upstream_unavailable",
                    "the service behind this gate did not respond",
                )
            }
        };
        Ok(refusal.response(protocol, id, state).map(ResponseBody::Own))
    }

    fn prepare(&self, headers: &mut HeaderMap, head: &Head, identity: Option<&StatedIdentity>) {
        // Their map grows once.
        headers.reserve(SET_HEADERS);
        let carried = self.carriers.take(headers);
        hop_by_hop::strip_request(headers, &head.nominated, |name| {
            self.identity_headers.owns(name) || self.drop_headers.covers(name)
        });
        headers.insert(HOST, head.host.value().clone());
        let hop = LastHop {
            peer: head.connection.peer,
            scheme: &head.connection.scheme,
            host: head.host.value(),
        };
        forwarded::write(headers, head.report.as_deref(), hop);
        if let (Some(_), Some((name, token)), AccessTokenForwarding::Forward) = (identity, carried, self.access_token) {
            headers.insert(name, token);
        }
        let keeps_authorization = match identity {
            Some(identity) => {
                self.identity_headers.set(headers, identity);
                self.access_token == AccessTokenForwarding::Forward
            }
            // On a public route a token is not verified, so it is not forwarded. Other schemes are for the upstream.
            None => !headers.get_all(AUTHORIZATION).iter().any(may_be_token),
        };
        if !keeps_authorization {
            headers.remove(AUTHORIZATION);
        }
    }
}

/// The refusal of a tunnel that the upstream does not open.
fn no_tunnel(error: HandshakeError, id: Uuid, upstream: Option<&str>) -> Response<Full<Bytes>> {
    tracing::warn!(decision = %id, upstream, %error, "the handshake with the upstream failed");
    let title = "the service behind this gate did not accept the handshake";
    let refusal = Refusal::new(StatusCode::BAD_GATEWAY, "upstream_handshake", title);
    refusal.response(Protocol::Http, id, RequestBodyState::Read)
}

/// Whether a credential may be a token: it is, unless it is a single credential of another known scheme.
pub(crate) fn may_be_token(authorization: &HeaderValue) -> bool {
    let field = authorization.as_bytes();
    let scheme = field.split(|byte| *byte == b' ').next().unwrap_or_default();
    let is_other = scheme.eq_ignore_ascii_case(b"basic") || scheme.eq_ignore_ascii_case(b"negotiate");
    !is_other || field.contains(&b',')
}

#[cfg(test)]
mod tests {
    use actgate::testing::TestIssuer;
    use serde_json::json;

    use super::*;
    use crate::gate::connection_info::ConnectionInfo;
    use crate::gate::request_host::RequestHost;
    use crate::proxy::credentials::Credentials;
    use crate::proxy::upstream::settings::{Address, UpstreamSettings, UpstreamTimeouts};

    fn prepared(access_token: AccessTokenForwarding, authorization: &'static str, identified: bool) -> HeaderMap {
        let identity = TestIssuer::new().unwrap().identity(json!({ "sub": "u1" })).unwrap();
        let settings = UpstreamSettings::plain(Address::Tcp("127.0.0.1:9".parse().unwrap()));
        let forward = Forward {
            destinations: Destinations::new([(settings, Credentials::default())], UpstreamTimeouts::default()).unwrap(),
            identity_headers: IdentityHeaders::default(),
            carriers: Carriers::default(),
            drop_headers: DroppedHeaders::default(),
            access_token,
            via: ViaPseudonym::default(),
            trailers: TrailerRules::default(),
            streams: StreamLimits::default(),
        };
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static(authorization));
        headers.insert("x-auth-subject", HeaderValue::from_static("forged"));
        headers.insert("x-forwarded-for", HeaderValue::from_static("6.6.6.6"));
        let head = Head {
            host: RequestHost::Named(HeaderValue::from_static("api.example")),
            scheme: http::uri::Scheme::HTTP,
            nominated: Vec::new(),
            requested: Requested::Response,
            report: None,
            connection: ConnectionInfo {
                peer: Some("192.0.2.1".parse().unwrap()),
                scheme: http::uri::Scheme::HTTP,
                client_certificate: None,
            },
        };
        let stated = StatedIdentity::of(&identity);
        forward.prepare(&mut headers, &head, identified.then_some(&*stated));
        assert_eq!(headers[HOST], "api.example");
        assert_eq!(headers["x-forwarded-for"], "192.0.2.1");
        assert_eq!(headers["x-forwarded-proto"], "http");
        headers
    }

    #[test]
    fn the_token_is_forwarded_only_where_it_was_verified_and_is_configured() {
        let stripped = prepared(AccessTokenForwarding::Strip, "Bearer a.b.c", true);
        assert!(!stripped.contains_key(AUTHORIZATION));
        assert_eq!(stripped["x-auth-subject"], "u1");
        let forwarded = prepared(AccessTokenForwarding::Forward, "Bearer a.b.c", true);
        assert_eq!(forwarded[AUTHORIZATION], "Bearer a.b.c");
    }

    #[test]
    fn a_public_route_gets_no_identity_and_no_unverified_token() {
        for token in ["Bearer a.b.c", "bearer a.b.c", "DPoP a.b.c", "a.b.c", ""] {
            let headers = prepared(AccessTokenForwarding::Forward, token, false);
            assert!(!headers.contains_key(AUTHORIZATION), "{token}");
            assert!(!headers.contains_key("x-auth-subject"));
        }
        let headers = prepared(AccessTokenForwarding::Strip, "Basic YTpi", false);
        assert_eq!(headers[AUTHORIZATION], "Basic YTpi");
    }
}
