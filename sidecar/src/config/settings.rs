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
pub struct Settings {
    /// The file it was read from.
    pub file: PathBuf,
    /// The address for clients.
    pub listen: SocketAddr,
    /// The API behind the gate, over plain HTTP.
    pub upstream: Authority,
    /// The address for liveness and readiness.
    pub admin: Option<SocketAddr>,
    /// The configured hosts.
    pub hosts: Vec<AllowedHost>,
    /// The audiences of this API.
    pub audiences: Vec<String>,
    /// The trusted issuers.
    pub issuers: Vec<IssuerSettings>,
    /// The policy.
    pub policy: Arc<Policy>,
    /// The file that the policy was read from.
    pub policy_file: PathBuf,
    /// The authorizer's other parts, without issuers.
    pub authorizer: AuthorizerBuilder,
    /// The headers that carry the identity.
    pub identity_headers: IdentityHeaders,
    /// Whether the upstream receives the access token.
    pub access_token: AccessTokenForwarding,
    /// Time limits of the upstream.
    pub upstream_timeouts: UpstreamTimeouts,
    /// Limits of client connections.
    pub limits: ConnectionLimits,
    /// Where decisions are written.
    pub decision_log: LogTarget,
}

/// One trusted issuer.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    /// The issuer.
    pub trusted: TrustedIssuer,
    /// The address of its keys; without it they are found by discovery.
    pub jwks_uri: Option<String>,
    /// The time limit of a fetch of its keys.
    pub fetch_timeout: Duration,
}

impl Settings {
    /// The authorizer with every issuer. It has not been started.
    pub fn authorizer(&self) -> AuthorizerBuilder {
        let issuers = self.issuers.iter().map(|issuer| issuer.trusted.clone());
        issuers.fold(self.authorizer.clone(), AuthorizerBuilder::issuer)
    }
}
