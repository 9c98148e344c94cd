//! What the connections of clients share.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};

use super::limits::ConnectionLimits;
use super::listen::proxy_protocol::ProxyProtocol;
use super::tls::Tls;
use crate::connection::activity::Caller;
use crate::decision_api::DecisionApi;
use crate::gate::connection_info::CallerDenied;
use crate::proxy::request_body::ClientBody;
use crate::proxy::{Answer, Proxy};

/// What the connections of clients share.
#[derive(Debug)]
pub(super) struct Clients {
    pub(super) service: Service,
    pub(super) limits: ConnectionLimits,
    /// None where they connect in plain text.
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) proxy_protocol: ProxyProtocol,
}

/// What answers the requests of clients.
#[derive(Debug)]
pub(super) enum Service {
    /// It forwards what it allows.
    Proxy(Box<Proxy>),
    /// It states its decisions, which its clients enforce.
    Decisions(Box<DecisionApi>),
}

impl Service {
    pub(super) async fn answer(&self, request: Request<ClientBody>) -> Answer {
        match self {
            Service::Proxy(proxy) => proxy.answer(request).await,
            Service::Decisions(api) => api.answer(request).await,
        }
    }

    /// How long a call of gRPC or an event stream may be silent; `other` is that of all other bodies.
    pub(super) fn stream_idle(&self, other: Duration) -> Duration {
        match self {
            Service::Proxy(proxy) => proxy.forward.streams.idle,
            Service::Decisions(_) => other,
        }
    }
}

/// The connection is closed to make room for another one.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the connection makes room for another one")]
pub(super) struct MadeRoom;

/// What became of a request, by its response.
pub(super) fn caller_of<B>(response: &Response<B>) -> Caller {
    match response.extensions().get() {
        Some(CallerDenied) => Caller::Denied,
        None => Caller::Served,
    }
}
