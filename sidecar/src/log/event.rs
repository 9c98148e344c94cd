//! A line of the decision log: the decision on one request.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Instant;

use actgate::chain::RecordedFacts;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::redact;
#[cfg(test)]
use crate::headers::chain_json::Chain;
use crate::headers::stated_identity::StatedIdentity;
use crate::trace::context::{SpanId, TraceId};
use crate::trace::request_trace::RequestTrace;

/// The longest path or method that is written.
pub(super) const MAX_TEXT_BYTES: usize = 2048;

// What it derives defines the members of a line, which `line` writes.
/// One line of the decision log: the decision on one request. A later version may have further members.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Event<'a> {
    /// When the decision was made, in UTC (RFC 3339).
    /// Example: `'2026-01-02T03:04:05.678Z'`
    #[cfg_attr(
        test,
        schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"))
    )]
    pub(crate) time: &'a str,
    /// The id, which the response of a denied request contains, too.
    #[cfg_attr(
        test,
        schemars(with = "String", regex(pattern = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"))
    )]
    pub(crate) id: Uuid,
    /// The id of the trace that the request belongs to, where its `traceparent` has one or the gate exports traces.
    /// Example: `4bf92f3577b34da6a3ce929d0e0e4736`
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<String>", regex(pattern = r"^[0-9a-f]{32}$")))]
    pub(crate) trace_id: Option<TraceId>,
    /// The id of the span of the gate in it, where the gate exports traces.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<String>", regex(pattern = r"^[0-9a-f]{16}$")))]
    pub(crate) span_id: Option<SpanId>,
    /// The spans of the request, which are made of this event, and when its head arrived.
    #[serde(skip)]
    #[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "no spans are made"))]
    pub(crate) traced: Option<(&'a RequestTrace, Instant)>,
    /// The method of the request, written like the path.
    #[serde(serialize_with = "bounded_member")]
    pub(crate) method: &'a str,
    /// The path of the request without its query, with `[token]` in place of a token; truncated to 2048 bytes and an
    /// ellipsis.
    #[serde(serialize_with = "bounded_member")]
    pub(crate) path: &'a str,
    /// The decision API that the request was decided by; none of a request to the gate itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api: Option<Api>,
    /// The matched route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) route: Option<&'a str>,
    /// The hash of the policy that the request is decided by (`actgate check` shows it); none if its head is invalid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy_hash: Option<&'a str>,
    /// Whether the request is forwarded.
    pub(crate) decision: Effect,
    /// The status of the response to a denied request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// The stable code of the denial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<&'a str>,
    /// The rule that denies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<&'a str>,
    /// The reason, without values of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// When to try again, in seconds: of a denial that time alone may change, such as one by a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after: Option<u32>,
    /// What the decision would be if every rule in shadow were enforced; none where no rule is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shadow: Option<Shadow<'a>>,
    /// The issuer of a verified token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) issuer: Option<&'a str>,
    /// The chain of a verified token.
    #[serde(rename = "chain", serialize_with = "chain", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<Chain<'static>>"))]
    pub(crate) identity: Option<&'a StatedIdentity>,
    /// The normalised facts of a verified token, where the configuration has `facts: true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) facts: Option<&'a RecordedFacts>,
    /// The owner of the agent that acts by a verified token, where the policy names both under `agents`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) agent_owner: Option<&'a str>,
    /// The client of a verified token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<&'a str>,
    /// `jti` of a verified token; truncated as the path is.
    #[serde(serialize_with = "bounded_text", skip_serializing_if = "Option::is_none")]
    pub(crate) token_id: Option<&'a str>,
    /// The address of the client: of the peer, unless trusted proxies report another.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub(crate) client_address: Option<IpAddr>,
    /// Microseconds from the request head to the decision.
    pub(crate) latency_us: u64,
    /// What became of a forwarded request.
    #[serde(rename = "upstream", skip_serializing_if = "Option::is_none")]
    pub(crate) forwarding: Option<Forwarding<'a>>,
    /// With `sample`, the denials of this code and of this client that have no line, since the last one that has; none where each
    /// has one.
    #[serde(skip_serializing_if = "is_zero")]
    #[cfg_attr(test, schemars(with = "Option<u64>"))]
    pub(crate) left_out: u64,
    /// With `sample`, the denials without a line that belong to no later line: of clients that are not remembered any more.
    #[serde(skip_serializing_if = "is_zero")]
    #[cfg_attr(test, schemars(with = "Option<u64>"))]
    pub(crate) left_out_of_others: u64,
}

impl Event<'_> {
    /// Makes it the line of a denied request. What rules in shadow allow is denied with it.
    pub(crate) fn deny(&mut self) {
        self.decision = Effect::Deny;
        self.shadow.take_if(|shadow| shadow.decision == Effect::Allow);
    }
}

/// What the decision would be if every rule in shadow were enforced.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Shadow<'a> {
    /// Whether the request would be forwarded.
    pub(crate) decision: Effect,
    /// The status of the response, if not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// The stable code of the denial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<&'static str>,
    /// The rule that would deny.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<&'a str>,
    /// The reason, without values of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// What became of a forwarded request.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Forwarding<'a> {
    /// The address of the upstream, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<&'a str>,
    /// The status of its response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// The URL of the upstream.
    #[serde(skip)]
    #[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "no spans are made"))]
    pub(crate) url: Option<&'a str>,
    /// The status that the client gets in place of a response.
    #[serde(skip)]
    #[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "no spans are made"))]
    pub(crate) answered: Option<u16>,
    /// Why there is no response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<&'static str>,
    /// Microseconds until the head of the response arrived, or until the attempt failed. Absent where the client left before
    /// anything was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time_us: Option<u64>,
}

/// What a decision does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Effect {
    /// The request is forwarded.
    Allow,
    /// It is not.
    Deny,
}

/// A decision API: another server forwards the request or denies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Api {
    /// `auth_request` of nginx, `forward_auth` of Caddy, ForwardAuth of Traefik.
    ForwardAuth,
    /// `ext_authz` of Envoy.
    ExtAuthz,
    /// The AuthZEN Authorization API.
    Authzen,
    /// `/validate`.
    Validate,
}

impl Effect {
    /// As the decision log has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Effect::Allow => "allow",
            Effect::Deny => "deny",
        }
    }
}

impl Api {
    /// As the decision log has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Api::ForwardAuth => "forward_auth",
            Api::ExtAuthz => "ext_authz",
            Api::Authzen => "authzen",
            Api::Validate => "validate",
        }
    }
}

/// A caller chooses a path and its length: it must not displace other events, and a token in it is not written.
pub(super) fn bounded(text: &str) -> Cow<'_, str> {
    let text = redact::without_tokens(text);
    if text.len() <= MAX_TEXT_BYTES {
        return text;
    }
    let whole = (0..=MAX_TEXT_BYTES).rev().find(|end| text.is_char_boundary(*end));
    Cow::Owned(format!("{}…", &text[..whole.unwrap_or_default()]))
}

fn bounded_member<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&bounded(text))
}

/// The same for a text that may be absent.
fn bounded_text<S: Serializer>(text: &Option<&str>, serializer: S) -> Result<S::Ok, S::Error> {
    text.map(bounded).serialize(serializer)
}

fn chain<S: Serializer>(identity: &Option<&StatedIdentity>, serializer: S) -> Result<S::Ok, S::Error> {
    let chain = identity.and_then(|identity| serde_json::from_str::<&RawValue>(identity.chain()).ok());
    chain.serialize(serializer)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A denial.
    pub(in crate::log) fn event<'a>(path: &'a str) -> Event<'a> {
        Event {
            time: "2026-01-02T03:04:05.678Z",
            id: Uuid::nil(),
            trace_id: None,
            span_id: None,
            traced: None,
            method: "GET",
            path,
            api: None,
            route: None,
            policy_hash: None,
            decision: Effect::Deny,
            status: Some(401),
            code: Some("missing_token"),
            rule: None,
            reason: None,
            retry_after: None,
            shadow: None,
            issuer: None,
            identity: None,
            facts: None,
            agent_owner: None,
            client: None,
            client_address: None,
            token_id: None,
            latency_us: 7,
            forwarding: None,
            left_out: 0,
            left_out_of_others: 0,
        }
    }
}
