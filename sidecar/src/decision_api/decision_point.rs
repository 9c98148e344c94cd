//! Decides on requests that another server received, and enforces the decision on.

use std::net::IpAddr;
use std::sync::Arc;

use actgate::Identity;
use actgate::chain::RecordedFacts;
use actgate::challenge::Protocol;
use actgate::request::header_meaning::is_about_request;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, Response};
use http_body_util::{BodyExt as _, Full};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::gate::connection_info::{Arrived, ConnectionInfo};
use crate::gate::form::{Content, FormRules};
use crate::gate::head_error::HeadError;
use crate::gate::readable_form::is_readable;
use crate::gate::request_head::Head;
use crate::gate::shadow::ReadInShadow;
use crate::gate::trusted_proxies::TrustedProxies;
use crate::gate::{Decided, Denial, Gate, Unforwarded};
use crate::headers::carriers::{Carriers, may_be_token};
use crate::headers::chain_json::Chain;
use crate::headers::claims::is_identity;
use crate::headers::dropped::DroppedHeaders;
use crate::headers::identity::IdentityHeaders;
use crate::proxy::forward::AccessTokenForwarding;
use crate::proxy::refusal::RequestBodyState;
use crate::proxy::unforwarded_response;

/// What becomes of a request whose body the API may read a token or a method from, and which is not known here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(crate) enum UnreadBodies {
    /// It is denied.
    #[default]
    Denied,
    /// It is decided on without it: the API takes neither from a form or JSON.
    Passed,
}

/// What is known of the body of a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum KnownBody<'b> {
    /// Nothing. A request that cannot be decided on without it is denied.
    Unknown,
    /// Nothing, and the API takes neither a token nor a method from it. A rule of the policy on it denies.
    Opaque,
    /// All of it.
    Whole(&'b [u8]),
}

/// A request whose headers on the connection to its first server say that it has a body. They are not among those that are decided on.
#[derive(Clone, Copy, Debug)]
pub(super) struct FramedBody;

/// Whether headers say that a request has a body (RFC 9112 section 6.3).
pub(super) fn frame_body(headers: &HeaderMap) -> bool {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    headers.contains_key(TRANSFER_ENCODING) || lengths.any(|length| length != "0" && !length.is_empty())
}

/// Decides for servers that enforce it.
#[derive(Debug)]
pub(crate) struct DecisionPoint {
    pub(crate) gate: Arc<Gate>,
    /// The peers that are believed, beside those of this machine.
    pub(crate) callers: TrustedProxies,
    pub(crate) identity_headers: IdentityHeaders,
    pub(crate) drop_headers: DroppedHeaders,
    pub(crate) carriers: Carriers,
    pub(crate) access_token: AccessTokenForwarding,
}

impl DecisionPoint {
    /// Whether the peer of a connection may say what a request was.
    pub(super) fn trusts(&self, request: &Parts) -> bool {
        let connection = request.extensions.get::<ConnectionInfo>();
        connection.is_some_and(|connection| match connection.peer {
            Some(peer) => self.trusts_peer(peer),
            // A unix socket, which the permissions of its file protect.
            None => true,
        })
    }

    /// Whether an address is of this machine, or of a trusted proxy.
    pub(super) fn trusts_peer(&self, peer: IpAddr) -> bool {
        is_believed(&self.callers, peer)
    }

    /// Decides on a request that another server received. Its line is for the caller to write.
    pub(super) async fn decide(
        &self,
        request: &Parts,
        body: KnownBody<'_>,
    ) -> (Box<Decided>, Result<Box<Head>, Unforwarded>) {
        self.decide_on(request, body, None).await
    }

    /// The same; a token must be of `subject` if there is one.
    pub(super) async fn decide_on(
        &self,
        request: &Parts,
        body: KnownBody<'_>,
        subject: Option<&str>,
    ) -> (Box<Decided>, Result<Box<Head>, Unforwarded>) {
        let arrived = Arrived::described(request);
        let (mut decided, mut outcome) = self.gate.decide(arrived).await;
        if decided.body_limit().is_some() {
            (decided, outcome) = match body {
                KnownBody::Whole(body) => self.gate.decide_by_body(arrived, &decided, body).await,
                KnownBody::Unknown | KnownBody::Opaque => (decided, Err(denied(HeadError::BODY_NOT_RECEIVED))),
            };
        }
        let rules = || self.gate.form_rules(request, &decided);
        if outcome.is_ok()
            && let Err(denial) = body.check_form(request, rules).await
        {
            outcome = Err(denial.into());
        }
        if outcome.is_ok() && decided.shadow_body_limit().is_some() {
            let (read, facts) = self.read_in_shadow(request, &decided, body).await;
            decided.read_in_shadow(read, facts);
        }
        if let (Ok(_), Some(identity), Some(subject)) = (&outcome, decided.identity(), subject)
            && identity.subject() != subject
        {
            outcome = Err(denied(HeadError::OTHER_SUBJECT));
        }
        self.gate.complete(request, decided, outcome).await
    }

    /// The outcome of rules in shadow on the body of an allowed request.
    async fn read_in_shadow(
        &self,
        request: &Parts,
        decided: &Decided,
        body: KnownBody<'_>,
    ) -> (ReadInShadow, Option<Box<RecordedFacts>>) {
        let unread = (ReadInShadow::Unread(HeadError::BODY_NOT_RECEIVED), None);
        let KnownBody::Whole(body) = body else {
            return unread;
        };
        let (by_body, outcome) = self
            .gate
            .decide_by_body(Arrived::described(request), decided, body)
            .await;
        match (outcome, by_body.into_decision()) {
            (_, Some((decision, facts))) => (ReadInShadow::Read(decision), facts),
            (Err(Unforwarded::Denied(Denial::Head(error))), None) => (ReadInShadow::Unread(error), None),
            // The head of the request was accepted before.
            (_, None) => unread,
        }
    }

    /// The response to a caller of HTTP: the status of gRPC is 200 for a denial, which a proxy would take for a permission.
    pub(super) fn response(
        &self,
        request: &Parts,
        decided: &Decided,
        unforwarded: &Unforwarded,
    ) -> Response<Full<Bytes>> {
        let form = (Protocol::Http, RequestBodyState::Read);
        unforwarded_response::response(&self.gate, decided, request, unforwarded, form)
    }

    /// The code for the caller of a denied request.
    pub(super) fn code(&self, decided: &Decided, unforwarded: &Unforwarded) -> &'static str {
        match unforwarded {
            Unforwarded::Metadata(_) => "resource_metadata",
            Unforwarded::Preflight(_) => "cors_preflight",
            Unforwarded::Denied(Denial::Head(error)) => error.code,
            Unforwarded::Denied(Denial::Authorization(error)) => decided.challenge(&self.gate.authorizer, error).code(),
        }
    }

    /// A sentence for the caller of a denied request.
    pub(super) fn description(&self, decided: &Decided, unforwarded: &Unforwarded) -> &'static str {
        match unforwarded {
            Unforwarded::Denied(Denial::Authorization(error)) => {
                decided.challenge(&self.gate.authorizer, error).description()
            }
            Unforwarded::Denied(Denial::Head(error)) => error.reason,
            Unforwarded::Metadata(_) | Unforwarded::Preflight(_) => "",
        }
    }

    /// What is stated of a decision: its id, its route, and the identity in a verified token.
    pub(super) fn facts_of(&self, decided: &Decided) -> Map<String, Value> {
        let mut facts = Map::new();
        facts.insert("id".to_owned(), json!(decided.id.to_string()));
        if let Some(route) = decided.route() {
            facts.insert("route".to_owned(), json!(route));
        }
        if let Some(identity) = decided.identity() {
            facts.insert("identity".to_owned(), identity_of(identity));
        }
        facts
    }

    /// Adds to `facts` why a request is denied, with what its client would get in `response`.
    pub(super) fn describe(
        &self,
        facts: &mut Map<String, Value>,
        unforwarded: &Unforwarded,
        response: &Response<Full<Bytes>>,
    ) {
        facts.insert("status".to_owned(), json!(response.status().as_u16()));
        let (code, rule) = match unforwarded {
            Unforwarded::Denied(Denial::Authorization(error)) => (error.code(), error.rule()),
            Unforwarded::Denied(Denial::Head(error)) => (error.code, None),
            Unforwarded::Metadata(_) => ("resource_metadata", None),
            Unforwarded::Preflight(_) => ("cors_preflight", None),
        };
        facts.insert("code".to_owned(), json!(code));
        if let Some(rule) = rule {
            facts.insert("rule".to_owned(), json!(rule));
        }
        let challenge = response.headers().get(WWW_AUTHENTICATE);
        if let Some(challenge) = challenge.and_then(|challenge| challenge.to_str().ok()) {
            facts.insert("www_authenticate".to_owned(), json!(challenge));
        }
    }

    /// The headers of a request that carry a token which the API does not receive.
    pub(super) fn token_headers<'r>(
        &self,
        request: &'r Parts,
        identity: Option<&Identity>,
    ) -> impl Iterator<Item = &'r str> {
        let authorization = request.headers.get_all(AUTHORIZATION).iter();
        let is_kept = match identity {
            Some(_) => self.access_token == AccessTokenForwarding::Forward,
            None => !authorization.into_iter().any(may_be_token),
        };
        let keeps_carried = is_kept && identity.is_some();
        let names = request.headers.keys().map(HeaderName::as_str);
        names.filter(move |name| match *name {
            "authorization" => !is_kept,
            name => self.carriers.owns(name) && !keeps_carried,
        })
    }

    /// The headers of a request that the gate would remove before it forwards it, because a server may believe them.
    pub(super) fn removed<'r>(&self, request: &'r Parts) -> impl Iterator<Item = &'r HeaderName> {
        request.headers.keys().filter(|name| self.is_removed(name.as_str()))
    }

    fn is_removed(&self, name: &str) -> bool {
        self.identity_headers.owns(name)
            || self.drop_headers.covers(name)
            || is_identity(name)
            || is_about_request(name)
    }
}

fn is_believed(callers: &TrustedProxies, peer: IpAddr) -> bool {
    peer.is_loopback() || callers.contains(peer)
}

/// The identity in a verified token: its normalised facts, and no token.
fn identity_of(identity: &Identity) -> Value {
    let scopes: Vec<&str> = identity.scopes().collect();
    let authentication = identity.authentication();
    let methods: Vec<&str> = authentication.methods.iter().map(|method| &**method).collect();
    json!({
        "issuer": identity.issuer(),
        "subject": identity.subject(),
        "kind": identity.kind().to_string(),
        "chain": serde_json::to_value(Chain::of(identity)).unwrap_or(Value::Null),
        "client": identity.client(),
        "scopes": scopes,
        "expires_at": identity.expires_at(),
        "authentication": {
            "time": authentication.time,
            "context": authentication.context.as_deref(),
            "methods": methods,
        },
    })
}

/// A request that the gate answers itself is not for the API that another server forwards it to.
pub(super) fn for_another_server(unforwarded: Unforwarded) -> Unforwarded {
    match unforwarded {
        Unforwarded::Denied(_) => unforwarded,
        Unforwarded::Metadata(_) => denied(HeadError::METADATA_ELSEWHERE),
        Unforwarded::Preflight(_) => denied(HeadError::PREFLIGHT_ELSEWHERE),
    }
}

pub(super) fn denied(error: HeadError) -> Unforwarded {
    Denial::Head(error).into()
}

impl KnownBody<'_> {
    /// Whether no server reads parameters in it, whatever the rules are.
    fn is_no_form(self, request: &Parts) -> bool {
        match self {
            KnownBody::Opaque => true,
            KnownBody::Whole(body) => body.is_empty(),
            // Without a type a body would be a form, if there were one.
            KnownBody::Unknown => {
                matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS)
                    && !request.headers.contains_key(CONTENT_TYPE)
                    && !frame_body(&request.headers)
                    && request.extensions.get::<FramedBody>().is_none()
            }
        }
    }

    /// Checks what a body must not contain where a server may read parameters in it. The `rules` take longer to find than the whole
    /// decision on a request without a body.
    async fn check_form(self, request: &Parts, rules: impl FnOnce() -> Option<FormRules>) -> Result<(), Denial> {
        if self.is_no_form(request) {
            return Ok(());
        }
        let Some(rules) = rules() else { return Ok(()) };
        match self {
            KnownBody::Unknown | KnownBody::Opaque => Err(Denial::Head(HeadError::BODY_NOT_RECEIVED)),
            KnownBody::Whole(_) if !is_readable(&request.headers) => Err(Denial::Head(HeadError::FORM_ENCODING)),
            KnownBody::Whole(body) => {
                let form = Content::form(Full::new(Bytes::copy_from_slice(body)), rules).await?;
                match form.collect().await {
                    Ok(_) => Ok(()),
                    Err(error) => Err(Denial::from(error)),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_of_this_machine_and_trusted_proxies_are_believed() {
        let callers = TrustedProxies {
            networks: vec!["10.0.0.0/8".parse().unwrap()],
            ..TrustedProxies::default()
        };
        for (peer, is_trusted) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("::1", true),
            ("10.1.2.3", true),
            ("11.0.0.1", false),
            ("192.0.2.1", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_believed(&callers, peer.parse().unwrap()), is_trusted, "{peer}");
        }
    }
}
