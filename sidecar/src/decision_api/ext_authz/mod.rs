//! The decision for `ext_authz` of Envoy, by `envoy.service.auth.v3.Authorization/Check` of gRPC.
//!
//! Each call succeeds with a decision, also where nothing can be decided on: what a failed call means depends on
//! `failure_mode_allow` of Envoy.

mod checked_request;
pub(crate) mod mcp_metadata;
mod messages;
mod response;
pub(crate) mod unary_call;

use actgate::challenge::{Protocol, grpc_status};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::BodyExt as _;
use prost::Message as _;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use self::checked_request::{CheckedBody, CheckedRequest};
use self::mcp_metadata::McpSource;
use self::messages::{CheckRequest, Member, Struct};
use self::response::Metadata;
use self::unary_call::Unreadable;
use super::decision_point::{DecisionPoint, KnownBody, denied};
use crate::gate::head_error::HeadError;
use crate::gate::{Decided, Unforwarded};
use crate::log::event::Api;
use crate::proxy::message_body::MessageBody;
use crate::proxy::request_body::ClientBody;

/// The path of the method.
pub(super) const PATH: &str = "/envoy.service.auth.v3.Authorization/Check";

/// How Envoy asks for decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExtAuthz {
    pub(crate) bodies: EnvoyBodies,
    pub(crate) mcp: McpSource,
    pub(crate) forwarded_headers: ForwardedHeaders,
}

/// What becomes of `Forwarded`, `X-Forwarded-Host`, `X-Forwarded-Port` and `X-Real-IP`, which Envoy forwards as its client wrote them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ForwardedHeaders {
    /// A permission removes them.
    #[default]
    Removed,
    /// The API receives them: Envoy, or a proxy in front of it, sets or removes each.
    Kept,
}

/// What becomes of a request whose body the API may read a token or a method from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EnvoyBodies {
    /// It is denied, unless Envoy has sent all of it.
    #[default]
    Denied,
    /// The same, and a request has no body where Envoy sends none.
    Sent,
    /// It is decided on without it, where Envoy does not send it: the API takes neither from a form or JSON.
    Passed,
}

impl DecisionPoint {
    /// Answers Envoy.
    pub(super) async fn ext_authz(&self, endpoint: &ExtAuthz, asked: Parts, body: ClientBody) -> Response<MessageBody> {
        let untrusted = asked.extensions.get::<HeadError>().copied();
        let checked = match untrusted {
            // Its message is not read.
            Some(error) => CheckedRequest::unusable(asked, error),
            None => match unary_call::read::<CheckRequest>(body).await {
                Ok(message) => CheckedRequest::of(message, endpoint.mcp, asked),
                Err(Unreadable(reason)) => CheckedRequest::unusable(asked, HeadError::ambiguous(reason)),
            },
        };
        let CheckedRequest {
            mut request,
            body,
            reported,
        } = checked;
        request.extensions.insert(Api::ExtAuthz);
        let known = match (&body, endpoint.bodies) {
            (CheckedBody::Whole(body), _) => KnownBody::Whole(body),
            (CheckedBody::NotSent, EnvoyBodies::Sent) => KnownBody::Whole(&[]),
            (_, EnvoyBodies::Passed) => KnownBody::Opaque,
            (CheckedBody::Cut | CheckedBody::NotSent, _) => KnownBody::Unknown,
        };
        let (decided, outcome) = self.decide(&request, known).await;
        let outcome = outcome.map(drop).map_err(|unforwarded| match unforwarded {
            Unforwarded::Preflight(_) => denied(HeadError::PREFLIGHT_ELSEWHERE),
            answered => answered,
        });
        self.gate.record(&request, &decided, outcome.as_ref().copied());
        let message = match &outcome {
            Ok(()) => {
                let reported = reported.iter().copied();
                let reported = reported.filter(|name| {
                    endpoint.forwarded_headers == ForwardedHeaders::Removed && !is_of_envoy(name)
                        || self.drop_headers.covers(name)
                });
                self.permission(&request, &decided, reported)
            }
            Err(unforwarded) => self.denial(&request, &decided, unforwarded).await,
        };
        unary_call::answer(&message)
    }

    /// Envoy forwards the request with these headers in place of those that the gate would remove.
    fn permission<'n>(
        &'n self,
        request: &'n Parts,
        decided: &'n Decided,
        reported: impl Iterator<Item = &'n str>,
    ) -> Vec<u8> {
        let set = || {
            let stated = decided.stated().into_iter();
            stated.flat_map(|stated| self.identity_headers.of(stated))
        };
        let removed = self.removed(request).map(http::HeaderName::as_str);
        let removed = removed.filter(|name| !is_of_envoy(name) || self.drop_headers.covers(name));
        let removed = removed.chain(reported);
        let tokens = self.token_headers(request, decided.identity());
        let removed = removed.chain(tokens);
        let removed = removed.filter(|removed| set().all(|(name, _)| name != removed));
        response::permission(set(), removed, &self.metadata_of(decided, None))
    }

    /// Envoy answers the client with this response.
    async fn denial(&self, request: &Parts, decided: &Decided, unforwarded: &Unforwarded) -> Vec<u8> {
        let (mut parts, body) = self.response(request, decided, unforwarded).into_parts();
        parts.headers.remove(CONTENT_LENGTH);
        let mut body = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        // Envoy makes of it what a call of gRPC gets, with the body as its message.
        if Protocol::of(&request.method, &request.headers) == Protocol::Grpc {
            parts.headers.remove(CONTENT_TYPE);
            body = Bytes::from_static(self.description(decided, unforwarded).as_bytes());
        }
        let metadata = self.metadata_of(decided, Some((parts.status, unforwarded)));
        response::denial(
            code(parts.status),
            parts.status,
            joined(&parts.headers),
            &body,
            &metadata,
        )
    }

    /// What other filters and the access log of Envoy can read of the decision: nothing that the headers of the identity, the
    /// response or the policy do not state.
    fn metadata_of(&self, decided: &Decided, denial: Option<(StatusCode, &Unforwarded)>) -> Metadata {
        let mut metadata = Metadata::default();
        let mut id = Uuid::encode_buffer();
        metadata.text("id", decided.id.hyphenated().encode_lower(&mut id));
        metadata.text("decision", if denial.is_some() { "deny" } else { "allow" });
        if let Some(route) = decided.route() {
            metadata.text("route", route);
        }
        if let Some((status, unforwarded)) = denial {
            metadata.number("status", status.as_u16().into());
            metadata.text("code", self.code(decided, unforwarded));
        } else if let Some(stated) = decided.stated() {
            metadata.members(stated.kept_metadata(chain_member));
        }
        metadata
    }
}

/// The chain as the one member of an encoded `Struct`.
fn chain_member(chain: &str) -> Vec<u8> {
    let chain = serde_json::from_str(chain).unwrap_or(Value::Null);
    let chain = Member {
        key: "chain".to_owned(),
        value: Some(chain.into()),
    };
    Struct { fields: vec![chain] }.encode_to_vec()
}

/// The code of `google.rpc.Status`: never 0 for a denial.
fn code(status: StatusCode) -> u32 {
    const UNKNOWN: u32 = 2;
    let code = grpc_status(status);
    code.to_str().ok().and_then(|code| code.parse().ok()).unwrap_or(UNKNOWN)
}

/// The headers, each once: Envoy sets one in place of every other of its name.
fn joined(headers: &HeaderMap) -> impl Iterator<Item = (&str, Vec<u8>)> {
    headers.keys().map(|name| {
        let values: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
        (name.as_str(), values.join(&b", "[..]))
    })
}

/// Whether Envoy itself states this header, for the upstream.
fn is_of_envoy(name: &str) -> bool {
    const SET: [&str; 3] = ["x-forwarded-client-cert", "x-forwarded-for", "x-forwarded-proto"];
    SET.contains(&name) || name.starts_with("x-envoy-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_denial_has_the_code_of_a_permission() {
        for status in 100..600 {
            let status = StatusCode::from_u16(status).unwrap();
            assert!(code(status) > 0, "{status}");
        }
        assert_eq!(
            [401, 403, 503].map(|status| code(StatusCode::from_u16(status).unwrap())),
            [16, 7, 14]
        );
    }

    #[test]
    fn headers_of_several_lines_are_one() {
        let mut headers = HeaderMap::new();
        headers.append("vary", HeaderValue::from_static("a"));
        headers.append("vary", HeaderValue::from_static("b"));
        assert!(joined(&headers).eq([("vary", b"a, b".to_vec())]));
    }
}
