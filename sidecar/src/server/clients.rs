//! What the connections of clients share.

use std::sync::Arc;

use http::Response;

use super::limits::ConnectionLimits;
use super::listen::proxy_protocol::ProxyProtocol;
use super::tls::Tls;
use crate::connection::activity::Caller;
use crate::gate::connection_info::CallerDenied;
use crate::proxy::Proxy;

/// What the connections of clients share.
#[derive(Debug)]
pub(super) struct Clients {
    pub(super) proxy: Proxy,
    pub(super) limits: ConnectionLimits,
    /// None where they connect in plain text.
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) proxy_protocol: ProxyProtocol,
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
