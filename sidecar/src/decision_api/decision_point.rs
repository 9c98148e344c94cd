//! Decides on requests that another server received, and enforces the decision on.

use std::net::IpAddr;
use std::sync::Arc;

use actgate::challenge::Protocol;
use actgate::request::header_meaning::is_about_request;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderName, Method, Response};
use http_body_util::Full;

use crate::gate::connection_info::ConnectionInfo;
use crate::gate::head_error::HeadError;
use crate::gate::request_head::Head;
use crate::gate::trusted_proxies::TrustedProxies;
use crate::gate::{Decided, Denial, Gate, Unforwarded};
use crate::headers::claims::is_identity;
use crate::headers::dropped::DroppedHeaders;
use crate::headers::identity::IdentityHeaders;
use crate::proxy::refusal::RequestBodyState;
use crate::proxy::unforwarded_response;

/// What is known of the body of a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum KnownBody {
    /// Nothing. A request that cannot be decided on without it is denied.
    Unknown,
    /// Nothing, and the API takes neither a token nor a method from it. A rule of the policy on it denies.
    Opaque,
}

/// Decides for servers that enforce it.
#[derive(Debug)]
pub(crate) struct DecisionPoint {
    pub(crate) gate: Arc<Gate>,
    /// The peers that are believed, beside those of this machine.
    pub(crate) callers: TrustedProxies,
    pub(crate) identity_headers: IdentityHeaders,
    pub(crate) drop_headers: DroppedHeaders,
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
        peer.is_loopback() || self.callers.contains(peer)
    }

    /// Decides on a request that another server received. Its line is for the caller to write.
    pub(super) async fn decide(&self, request: &Parts, body: KnownBody) -> (Decided, Result<Head, Unforwarded>) {
        let (decided, mut outcome) = self.gate.decide(request).await;
        if decided.body_limit().is_some() {
            outcome = Err(denied(HeadError::BODY_NOT_RECEIVED));
        }
        if outcome.is_ok() && self.gate.form_rules(request, &decided).is_some() && !body.meets_form_rules(request) {
            outcome = Err(denied(HeadError::BODY_NOT_RECEIVED));
        }
        (decided, outcome)
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

pub(super) fn denied(error: HeadError) -> Unforwarded {
    Denial::Head(error).into()
}

impl KnownBody {
    /// Whether a request can be decided on where its body must not have some parameters.
    fn meets_form_rules(self, request: &Parts) -> bool {
        match self {
            KnownBody::Opaque => true,
            // Without a type a body would be a form, if there were one.
            KnownBody::Unknown => {
                matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS)
                    && !request.headers.contains_key(CONTENT_TYPE)
            }
        }
    }
}
