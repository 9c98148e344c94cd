//! One request, from its head to its answer.

pub mod refusal;
pub mod upstream;

use std::net::IpAddr;
use std::time::Instant;

use actgate::challenge::Protocol;
use actgate::target::Target;
use actgate::{Authorizer, Decision, Error, Identity};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Version};
use http_body::Body as _;
use http_body_util::{Either, Full};
use hyper::body::Incoming;

use self::refusal::{Refusal, Rest};
use self::upstream::{Content, RequestBody, Upstream, UpstreamError};
use crate::gate::form_token::{self, Form, FormError};
use crate::gate::hosts::OwnNames;
use crate::gate::request_head::{self, Head, HeadError};
use crate::headers::hop_by_hop;
use crate::headers::identity::{Chain, IdentityHeaders};
use crate::http1::RawHead;
use crate::log::decision_id::DecisionIds;
use crate::log::decision_log::{self, DecisionLog, Event, Verdict};

/// The body of an answer: our own, or the upstream's as it streams in.
pub type Answer = Response<Either<Full<Bytes>, Incoming>>;

/// Everything one request is judged and forwarded by. Immutable; shared by all connections.
#[derive(Debug)]
pub struct Gate {
    /// Who judges.
    pub authorizer: Authorizer,
    /// Where admitted requests go.
    pub upstream: Upstream,
    /// How the upstream learns who is acting.
    pub identity_headers: IdentityHeaders,
    /// Whether it also gets the token.
    pub token: TokenForwarding,
    /// The hosts that are ours.
    pub own_names: OwnNames,
    /// Where decisions are written.
    pub log: DecisionLog,
    /// Their ids.
    pub ids: DecisionIds,
}

/// What becomes of the `Authorization` header of an admitted request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenForwarding {
    /// Removed: the upstream learns who is acting from the identity headers.
    #[default]
    Strip,
    /// Sent on, where it was judged.
    Pass,
}

/// Why a request goes no further than the gate.
#[derive(Debug)]
enum Refused {
    Head(HeadError),
    Judged(Error),
}

impl From<HeadError> for Refused {
    fn from(error: HeadError) -> Refused {
        Refused::Head(error)
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Refused {
        Refused::Judged(error)
    }
}

impl From<FormError> for Refused {
    fn from(error: FormError) -> Refused {
        match error {
            FormError::Token(_) => Refused::Judged(Error::InvalidRequest {
                reason: "a token in the header and one in the form",
            }),
            FormError::Client(_) => Refused::Head(HeadError::Ambiguous("the body of the request ends before its end")),
        }
    }
}

impl Gate {
    /// Judges one request and forwards or refuses it. `raw` is what the wire saw of its head; a request without it is refused.
    pub async fn answer(&self, request: Request<Incoming>, raw: Option<RawHead>, peer: IpAddr) -> Answer {
        let received = Instant::now();
        let id = self.ids.next();
        let (parts, body) = request.into_parts();
        let (decision, admitted) = match self.judge(&parts, raw).await {
            Ok((head, decision)) => match decision.verdict().map_err(Error::clone) {
                Ok(()) => (Some(decision), Ok(head)),
                Err(error) => (Some(decision), Err(Refused::Judged(error))),
            },
            Err(refused) => (None, Err(refused)),
        };
        let identity = decision.as_ref().and_then(Decision::identity);
        let admitted = match admitted {
            // Only beside a token that was judged can one in a form be a second credential.
            Ok(head) if identity.is_some() && form_token::is_form(&parts.headers) => match Form::open(body).await {
                Ok(form) => Ok((head, Content::Form(form))),
                Err(error) => Err((Refused::from(error), None)),
            },
            Ok(head) => Ok((head, Content::Opaque(body))),
            Err(refused) => Err((refused, Some(body))),
        };
        let refused = admitted.as_ref().err().map(|(refused, _)| refused);
        self.record(&parts, &id, decision.as_ref(), refused, received);
        match admitted {
            Ok((head, content)) => self.forward(parts, content, head, identity, peer, &id).await,
            Err((refused, body)) => self.refuse(&parts, body, &refused, &id).await,
        }
    }

    async fn judge(&self, parts: &Parts, raw: Option<RawHead>) -> Result<(Head, Decision), Refused> {
        let raw = raw.ok_or(HeadError::Ambiguous("the head of the request was not seen"))?;
        let head = request_head::check(parts, raw, &self.own_names, &self.identity_headers)?;
        let target = Target::new(&parts.method, &parts.uri)?;
        let decision = self.authorizer.decide(&target, &parts.headers).await;
        Ok((head, decision))
    }

    fn record(
        &self,
        parts: &Parts,
        id: &str,
        decision: Option<&Decision>,
        refused: Option<&Refused>,
        received: Instant,
    ) {
        let identity = decision.and_then(Decision::identity);
        let (status, code, rule, reason) = match refused {
            None => (None, None, None, None),
            Some(Refused::Head(error)) => (
                Some(error.status().as_u16()),
                Some(error.code()),
                None,
                Some(error.reason().to_owned()),
            ),
            Some(Refused::Judged(error)) => (
                Some(error.status()),
                Some(error.code()),
                error.rule(),
                Some(error.to_string()),
            ),
        };
        self.log.record(&Event {
            time: decision_log::now(),
            id,
            method: parts.method.as_str(),
            path: parts.uri.path(),
            route: decision.and_then(Decision::route),
            verdict: if refused.is_none() {
                Verdict::Allow
            } else {
                Verdict::Refuse
            },
            status,
            code,
            rule,
            reason,
            issuer: identity.map(Identity::issuer),
            chain: identity.map(Chain::of),
            client: identity.and_then(Identity::client),
            latency_us: u64::try_from(received.elapsed().as_micros()).unwrap_or(u64::MAX),
        });
    }

    async fn forward(
        &self,
        mut parts: Parts,
        content: Content,
        head: Head,
        identity: Option<&Identity>,
        peer: IpAddr,
        id: &str,
    ) -> Answer {
        let has_length = parts.headers.contains_key(CONTENT_LENGTH);
        self.prepare(&mut parts.headers, &head.nominated, head.host, identity, peer);
        parts.extensions.clear();
        let body = RequestBody::new(content);
        if has_length && body.is_end_stream() {
            // hyper writes no length for a body without bytes, and some servers read one where a method may have a body.
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        // A body that goes on may have been read in part when the upstream fails.
        let rest = if body.is_end_stream() {
            Rest::Drained
        } else {
            Rest::Unread
        };
        match self.upstream.send(Request::from_parts(parts, body)).await {
            Ok(mut response) => {
                hop_by_hop::strip_response(response.headers_mut());
                // The version is that of each connection (RFC 9112 section 2.3), not of the message.
                *response.version_mut() = Version::HTTP_11;
                response.map(Either::Right)
            }
            // Not the upstream's fault, and anybody can cause it: told to the client, not to the operator.
            Err(UpstreamError::Request(reason)) => {
                tracing::debug!(decision = id, reason, "request ended before its end");
                let refusal = Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", reason);
                refusal.response(id, Rest::Unread).map(Either::Left)
            }
            Err(error) => {
                tracing::warn!(decision = id, %error, "request was not answered");
                let refusal = Refusal::new(
                    error.status(),
                    "upstream_unavailable",
                    "the service behind this gate gave no answer",
                );
                refusal.response(id, rest).map(Either::Left)
            }
        }
    }

    /// Turns the client's headers into those the upstream gets.
    fn prepare(
        &self,
        headers: &mut HeaderMap,
        nominated: &[HeaderName],
        host: HeaderValue,
        identity: Option<&Identity>,
        peer: IpAddr,
    ) {
        hop_by_hop::strip_request(headers, nominated);
        self.identity_headers.delete(headers);
        headers.insert("x-forwarded-host", host.clone());
        headers.insert("x-forwarded-proto", HeaderValue::from_static("http"));
        if let Ok(peer) = HeaderValue::try_from(peer.to_string()) {
            headers.insert("x-forwarded-for", peer);
        }
        headers.insert(HOST, host);
        match (identity, self.token) {
            (Some(identity), token) => {
                self.identity_headers.set(headers, identity);
                if token == TokenForwarding::Strip {
                    headers.remove(AUTHORIZATION);
                }
            }
            // A public route: nobody has judged the token, so it is not passed on as if somebody had. Other schemes are the upstream's own.
            (None, _) => {
                if headers.get_all(AUTHORIZATION).iter().any(is_token) {
                    headers.remove(AUTHORIZATION);
                }
            }
        }
    }

    /// `body` is what was not read of the request's; of a form that was looked into, nothing is.
    async fn refuse(&self, parts: &Parts, body: Option<Incoming>, refused: &Refused, id: &str) -> Answer {
        let rest = match body {
            Some(body) => refusal::drain(&parts.headers, body).await,
            None => Rest::Unread,
        };
        let response = match refused {
            Refused::Head(error) => Refusal::new(error.status(), error.code(), error.reason()).response(id, rest),
            Refused::Judged(error) => {
                let challenge = self.authorizer.challenge(error);
                refusal::judged(error, &challenge, Protocol::of(&parts.method, &parts.headers), id, rest)
            }
        };
        response.map(Either::Left)
    }
}

/// Is the credential a token, of whatever issuer? Anything that is not clearly of another scheme, and that one alone, is taken for one.
fn is_token(authorization: &HeaderValue) -> bool {
    let field = authorization.as_bytes();
    let scheme = field.split(|byte| *byte == b' ').next().unwrap_or_default();
    let other = [&b"basic"[..], b"negotiate"]
        .iter()
        .any(|other| scheme.eq_ignore_ascii_case(other));
    !other || field.contains(&b',')
}

/// Has this answer to close its connection, since the process is about to end?
pub fn close_after(answer: &mut Answer) {
    answer
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
}

#[cfg(test)]
mod tests {
    use actgate::Policy;
    use actgate::testing::Authority;
    use serde_json::json;

    use super::*;

    fn gate(authority: &Authority, token: TokenForwarding) -> Gate {
        let policy = Policy::from_yaml("routes: [{ match: GET /, public: true }]").unwrap();
        let issuer = authority.trusted("https://api.example").unwrap();
        let second = std::time::Duration::from_secs(1);
        Gate {
            authorizer: Authorizer::new([issuer], policy).unwrap(),
            upstream: Upstream::new("127.0.0.1:9".parse().unwrap(), second, second),
            identity_headers: IdentityHeaders::default(),
            token,
            own_names: OwnNames::new(&[], "127.0.0.1:8080".parse().unwrap(), &[]),
            log: DecisionLog::to(std::io::sink()).unwrap(),
            ids: DecisionIds::default(),
        }
    }

    fn prepared(token: TokenForwarding, authorization: &'static str, identified: bool) -> HeaderMap {
        let authority = Authority::new().unwrap();
        let identity = authority.identity(json!({ "sub": "u1" })).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static(authorization));
        headers.insert("x-auth-subject", HeaderValue::from_static("forged"));
        headers.insert("x-forwarded-for", HeaderValue::from_static("6.6.6.6"));
        let host = HeaderValue::from_static("api.example");
        let peer = "192.0.2.1".parse().unwrap();
        gate(&authority, token).prepare(&mut headers, &[], host, identified.then_some(&identity), peer);
        assert_eq!(headers[HOST], "api.example");
        assert_eq!(headers["x-forwarded-for"], "192.0.2.1");
        headers
    }

    #[tokio::test]
    async fn the_token_goes_on_only_where_it_was_judged_and_is_wanted() {
        let stripped = prepared(TokenForwarding::Strip, "Bearer a.b.c", true);
        assert!(!stripped.contains_key(AUTHORIZATION));
        assert_eq!(stripped["x-auth-subject"], "u1");
        let passed = prepared(TokenForwarding::Pass, "Bearer a.b.c", true);
        assert_eq!(passed[AUTHORIZATION], "Bearer a.b.c");
    }

    #[tokio::test]
    async fn a_public_route_gets_no_identity_and_no_unjudged_token() {
        for token in ["Bearer a.b.c", "bearer a.b.c", "DPoP a.b.c", "a.b.c", ""] {
            let headers = prepared(TokenForwarding::Pass, token, false);
            assert!(!headers.contains_key(AUTHORIZATION), "{token}");
            assert!(!headers.contains_key("x-auth-subject"));
        }
        let headers = prepared(TokenForwarding::Strip, "Basic YTpi", false);
        assert_eq!(headers[AUTHORIZATION], "Basic YTpi");
    }
}
