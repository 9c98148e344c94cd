//! The request that the upstream receives, made of that of the client.

use actgate::challenge::Protocol;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, TRAILER, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use http_body::Body as _;
use http_body_util::Full;
use uuid::Uuid;

use super::destination::Destination;
use super::forward::{AccessTokenForwarding, Caller, Forward};
use super::forwarding_record::ForwardingRecord;
use super::refusal::{Refusal, RequestBodyState};
use super::request_body::{BodyFault, ClientBody, RequestBody};
use super::response_body::ResponseBody;
use super::upstream::error::UpstreamError;
use super::websocket::upgrade::{Handshake, HandshakeError, Tunnel};
use crate::gate::form::Content;
use crate::gate::request_head::{Head, Requested};
use crate::headers::carriers::may_be_token;
use crate::headers::forwarded::{self, LastHop};
use crate::headers::hop_by_hop;
use crate::trace::request_trace::RequestTrace;

/// As many headers as most requests get beside those of the client: those of the identity, of the way to the gate, and `Via`.
const SET_HEADERS: usize = 16;

/// What a request for the upstream is made of. It is made once more for a request that is sent again, which few are: no request is
/// copied for that. The head of the client is kept for it until the head of the response.
#[derive(Debug)]
pub(crate) struct Outgoing<'r, 'u> {
    forward: &'r Forward,
    /// The request of the client.
    parts: &'r Parts,
    head: &'r Head,
    caller: &'r Caller<'r>,
    destination: &'u Destination,
    trace: Option<&'r RequestTrace>,
    handshake: Option<Handshake>,
    /// The names of the trailers that hyper announces.
    announced: Option<HeaderValue>,
}

/// The client's body failed before the upstream responded.
#[derive(Debug)]
pub(crate) struct BodyFailed(pub(crate) BodyFault);

impl<'r, 'u> Outgoing<'r, 'u> {
    /// The request of a client for its destination, and its body.
    pub(crate) fn new(
        forward: &'r Forward,
        (parts, content): (&'r Parts, Content<ClientBody>),
        head: &'r Head,
        caller: &'r Caller<'r>,
        destination: &'u Destination,
        trace: Option<&'r RequestTrace>,
    ) -> Result<(Outgoing<'r, 'u>, RequestBody), HandshakeError> {
        let handshake = match head.requested {
            Requested::Response => None,
            Requested::WebSocket => Some(Handshake::of(parts)?),
        };
        let (body, announced) = match content.is_end_stream() {
            true => (RequestBody::empty(), None),
            false => {
                let trailers = forward
                    .trailers
                    .filter(head.nominated.clone(), caller.decided_on.clone());
                let announced = trailers.announced(&parts.headers);
                let token = caller.token.as_ref().filter(|_| caller.protocol == Protocol::Grpc);
                (RequestBody::open(content, trailers).until(token.cloned()), announced)
            }
        };
        let outgoing = Outgoing {
            forward,
            parts,
            head,
            caller,
            destination,
            trace,
            handshake,
            announced,
        };
        Ok((outgoing, body))
    }

    /// Sends the request with this body to its destination and returns its response, or the refusal that replaces it. Fails when the
    /// client caused the failure.
    pub(crate) async fn send(
        &self,
        body: RequestBody,
        record: &mut ForwardingRecord<'u>,
    ) -> Result<Response<ResponseBody>, BodyFailed> {
        let (id, version, protocol) = (record.id(), self.parts.version, self.caller.protocol);
        // A body that is being forwarded may have been read in part when the upstream fails.
        let state = match body.is_end_stream() {
            true => RequestBodyState::Read,
            false => RequestBodyState::unread(version),
        };
        let request = self.request(body);
        record.begins(request.body());
        let again = || self.request(RequestBody::empty());
        let upstream = &self.destination.upstream;
        let refusal = match upstream.send(request, &again, &mut record.attempt).await {
            Ok(mut response) => {
                let status = response.status();
                let switched = self.handshake.as_ref().map(|handshake| handshake.accept(&mut response));
                let switched = match switched.transpose() {
                    Ok(switched) => switched.flatten(),
                    Err(error) => {
                        record.failed("upstream_handshake", StatusCode::BAD_GATEWAY);
                        return Ok(no_tunnel(error, id, record.attempt.url).map(ResponseBody::Own));
                    }
                };
                record.answered(status);
                if let Some(ends) = switched {
                    let tunnel = Tunnel::new(ends, self.caller.token.clone(), self.forward.streams.idle, id);
                    return Ok(tunnel.response(response.map(drop)));
                }
                hop_by_hop::strip_response(response.headers_mut());
                // The version belongs to the connection, not to the message (RFC 9112 section 2.3).
                *response.version_mut() = Version::HTTP_11;
                return Ok(ResponseBody::upstream(response, version, self.caller.token.clone(), id));
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

    /// The request with this body.
    fn request(&self, body: RequestBody) -> Box<Request<RequestBody>> {
        let received = &self.parts.headers;
        let has_length = received.contains_key(CONTENT_LENGTH);
        let is_chunked = received.contains_key(TRANSFER_ENCODING)
            || (self.parts.version == Version::HTTP_2 && !has_length && !body.is_end_stream());
        let has_body = !body.is_end_stream();
        let mut request = Box::new(Request::new(body));
        *request.method_mut() = self.parts.method.clone();
        *request.uri_mut() = self.parts.uri.clone();
        *request.version_mut() = self.parts.version;
        *request.headers_mut() = self.headers();
        let headers = request.headers_mut();
        self.destination.credentials.set(headers, &self.caller.credentials);
        self.forward.via.append(headers, self.parts.version);
        if let Some(trace) = self.trace {
            trace.set(headers);
        }
        if let Some(handshake) = &self.handshake {
            handshake.offer(headers);
        }
        if is_chunked {
            // hyper would write no body of unknown length for GET and HEAD.
            headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            // hyper writes only the trailers that are announced.
            if let Some(names) = &self.announced {
                headers.insert(TRAILER, names.clone());
            }
        } else if has_length && !has_body {
            // hyper writes no length for an empty body, and some servers require one where a method may have a body.
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        request
    }

    /// The headers of the client that are forwarded, and those of the gate.
    fn headers(&self) -> HeaderMap {
        let (forward, head, identity) = (self.forward, self.head, self.caller.identity);
        let received = &self.parts.headers;
        let keeps_authorization = match identity {
            Some(_) => forward.access_token == AccessTokenForwarding::Forward,
            // On a public route a token is not verified, so it is not forwarded. Other schemes are for the upstream.
            None => !received.get_all(AUTHORIZATION).iter().any(may_be_token),
        };
        let mut headers = HeaderMap::try_with_capacity(received.keys_len() + SET_HEADERS).unwrap_or_default();
        headers.insert(HOST, head.host.value().clone());
        hop_by_hop::copy_request(received, &mut headers, &head.nominated, |name| {
            name == "host"
                || name == "authorization" && !keeps_authorization
                || forward.carriers.owns(name)
                || forward.identity_headers.owns(name)
                || forward.drop_headers.covers(name)
        });
        let hop = LastHop {
            peer: head.connection.peer,
            scheme: &head.connection.scheme,
            host: head.host.value(),
        };
        forwarded::write(&mut headers, head.report.as_deref(), hop);
        if let Some(identity) = identity {
            if let (Some((name, token)), AccessTokenForwarding::Forward) =
                (forward.carriers.carried(received), forward.access_token)
            {
                headers.insert(name, token);
            }
            forward.identity_headers.set(&mut headers, identity);
        }
        headers
    }
}

/// The refusal of a tunnel that the upstream does not open.
pub(crate) fn no_tunnel(error: HandshakeError, id: Uuid, upstream: Option<&str>) -> Response<Full<Bytes>> {
    tracing::warn!(decision = %id, upstream, %error, "the handshake with the upstream failed");
    let title = "the service behind this gate did not accept the handshake";
    let refusal = Refusal::new(StatusCode::BAD_GATEWAY, "upstream_handshake", title);
    refusal.response(Protocol::Http, id, RequestBodyState::Read)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actgate::testing::TestIssuer;
    use http::HeaderName;
    use serde_json::json;

    use super::*;
    use crate::gate::connection_info::ConnectionInfo;
    use crate::gate::request_host::RequestHost;
    use crate::headers::carriers::Carriers;
    use crate::headers::dropped::DroppedHeaders;
    use crate::headers::identity::IdentityHeaders;
    use crate::headers::stated_identity::StatedIdentity;
    use crate::headers::trailers::TrailerRules;
    use crate::headers::via::ViaPseudonym;
    use crate::proxy::credentials::{Credentials, Obtained};
    use crate::proxy::destination::Destinations;
    use crate::proxy::request_body;
    use crate::proxy::stream_end::StreamLimits;
    use crate::proxy::upstream::settings::{Address, UpstreamSettings, UpstreamTimeouts};

    fn prepared(access_token: AccessTokenForwarding, authorization: &'static str, identified: bool) -> HeaderMap {
        let identity = TestIssuer::new().unwrap().identity(json!({ "sub": "u1" })).unwrap();
        let settings = UpstreamSettings::plain(Address::Tcp("127.0.0.1:9".parse().unwrap()));
        let forward = Forward {
            destinations: Destinations::new([(settings, Credentials::default())], UpstreamTimeouts::default()).unwrap(),
            identity_headers: IdentityHeaders::default(),
            carriers: Carriers::from_iter([HeaderName::from_static("x-carried")]),
            drop_headers: DroppedHeaders::default(),
            access_token,
            via: ViaPseudonym::default(),
            trailers: TrailerRules::default(),
            streams: StreamLimits::default(),
        };
        let received = Request::get("/")
            .header(AUTHORIZATION, authorization)
            .header("x-auth-subject", "forged")
            .header("x-forwarded-for", "6.6.6.6")
            .header(HOST, "forged.example")
            .header("x_carried", "d.e.f");
        let (parts, ()) = received.body(()).unwrap().into_parts();
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
        let policy = actgate::Policy::from_yaml("routes: [{ match: GET /, public: true }]").unwrap();
        let destination = forward.destinations.of(&parts, "api.example", &policy).unwrap();
        let caller = Caller {
            identity: identified.then_some(&*stated),
            protocol: Protocol::Http,
            token: None,
            credentials: Obtained::default(),
            decided_on: Arc::default(),
        };
        let content = Content::opaque(request_body::empty());
        let made = Outgoing::new(&forward, (&parts, content), &head, &caller, destination, None);
        let (outgoing, body) = made.unwrap();
        let headers = outgoing.request(body).headers().clone();
        // The request of the client is still there, for one that is sent again.
        assert_eq!(*outgoing.request(RequestBody::empty()).headers(), headers);
        assert!(headers.get_all(HOST).iter().eq(["api.example"]));
        assert!(!headers.contains_key("x_carried"));
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
