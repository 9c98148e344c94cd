//! The meaning of a configuration: what a gate is started from.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actgate::{AuthorizerBuilder, Policy, TrustedIssuer};
use http::uri::Authority;

use crate::gate::hosts::AllowedHost;
use crate::headers::identity::IdentityHeaders;
use crate::log::decision_log::LogTarget;
use crate::proxy::forward::AccessTokenForwarding;
use crate::proxy::upstream::UpstreamTimeouts;
use crate::server::connection::ConnectionLimits;

/// A valid configuration.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The file it was read from.
    pub(crate) file: PathBuf,
    /// The address for clients.
    pub(crate) listen: SocketAddr,
    /// The API behind the gate, over plain HTTP.
    pub(crate) upstream: Authority,
    /// The address for liveness and readiness.
    pub(crate) admin: Option<SocketAddr>,
    /// The configured hosts.
    pub(crate) hosts: Vec<AllowedHost>,
    /// The audiences of this API.
    pub(crate) audiences: Vec<String>,
    /// The trusted issuers.
    pub(crate) issuers: Vec<IssuerSettings>,
    /// The policy.
    pub(crate) policy: Arc<Policy>,
    /// The file that the policy was read from.
    pub(crate) policy_file: PathBuf,
    /// The authorizer's other parts, without issuers.
    pub(crate) authorizer: AuthorizerBuilder,
    /// The headers that carry the identity.
    pub(crate) identity_headers: IdentityHeaders,
    /// Whether the upstream receives the access token.
    pub(crate) access_token: AccessTokenForwarding,
    /// Time limits of the upstream.
    pub(crate) upstream_timeouts: UpstreamTimeouts,
    /// Limits of client connections.
    pub(crate) limits: ConnectionLimits,
    /// Where decisions are written.
    pub(crate) decision_log: LogTarget,
}

/// One trusted issuer.
#[derive(Clone, Debug)]
pub(crate) struct IssuerSettings {
    /// The issuer.
    pub(crate) trusted: TrustedIssuer,
    /// The address of its keys; without it they are found by discovery.
    pub(crate) jwks_uri: Option<String>,
    /// The time limit of a fetch of its keys.
    pub(crate) fetch_timeout: Duration,
}

impl Settings {
    /// The authorizer with every issuer. It has not been started.
    pub(crate) fn authorizer(&self) -> AuthorizerBuilder {
        let issuers = self.issuers.iter().map(|issuer| issuer.trusted.clone());
        issuers.fold(self.authorizer.clone(), AuthorizerBuilder::issuer)
    }
}
