//! What a gate runs by: one value, which a reload replaces as a whole.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::limits::ConnectionLimits;
use super::listen::proxy_protocol::ProxyProtocol;
use super::tls::Tls;
use crate::admin::RevocationList;
use crate::decision_api::DecisionApi;
use crate::files::watched_file::Tasks;
use crate::gate::Gate;
use crate::headers::internal_token::signing_keys::SigningKeys;
use crate::proxy::Proxy;

/// What a gate runs by. A request is served by one of them from its head to its end, and a connection has the limits of the
/// one that it began with.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) gate: Arc<Gate>,
    /// None where no request is forwarded.
    pub(crate) proxy: Option<Proxy>,
    /// Decisions for servers that enforce them.
    pub(crate) decisions: Option<DecisionApi>,
    /// The keys of internal tokens, which the admin listener publishes.
    pub(crate) internal_keys: Option<Arc<SigningKeys>>,
    /// The list of revoked tokens, which the metrics show.
    pub(crate) revocations: Option<Arc<RevocationList>>,
    pub(crate) limits: ConnectionLimits,
    /// With clients whose requests are forwarded; none where they connect in plain text.
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) proxy_protocol: ProxyProtocol,
    /// What keeps files and keys up to date.
    pub(crate) _tasks: Vec<Tasks>,
}

/// What the gate runs by now. Clones are of the same gate.
#[derive(Clone, Debug)]
pub(crate) struct Current(Arc<ArcSwap<Running>>);

impl Current {
    pub(crate) fn new(running: Running) -> Current {
        Current(Arc::new(ArcSwap::from_pointee(running)))
    }

    pub(crate) fn load(&self) -> Arc<Running> {
        self.0.load_full()
    }

    /// Replaces it for every request that begins from now on, also on connections that are open.
    pub(crate) fn replace(&self, next: Running) {
        self.0.store(Arc::new(next));
    }
}
