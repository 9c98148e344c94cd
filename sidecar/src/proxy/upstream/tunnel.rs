//! A tunnel to an upstream over HTTP/2: the answer to an extended CONNECT (RFC 8441), and the stream that it keeps.

use std::sync::Arc;

use http::{Response, Version};
use hyper::upgrade::OnUpgrade;

use super::lease::Lease;

/// The place of a tunnel on its connection, which counts as in use until this is dropped.
#[derive(Clone, Debug)]
pub(crate) struct TunnelLease {
    _lease: Arc<Lease>,
}

impl TunnelLease {
    pub(super) fn new(lease: Lease) -> TunnelLease {
        TunnelLease {
            _lease: Arc::new(lease),
        }
    }
}

/// Whether a response opens a tunnel over HTTP/2: the stream becomes one with 200 to a CONNECT alone.
pub(crate) fn is_open<B>(response: &Response<B>) -> bool {
    response.version() == Version::HTTP_2 && response.extensions().get::<OnUpgrade>().is_some()
}
