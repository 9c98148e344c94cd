//! The configuration as it is meant: a [`Settings`] can be started from.

use std::net::SocketAddr;
use std::path::PathBuf;

use http::uri::Authority;

use super::trust::Trust;
use crate::gate::hosts::AllowedHost;
use crate::headers::identity::IdentityHeaders;
use crate::log::decision_log::LogTarget;
use crate::proxy::forward::AccessTokenForwarding;
use crate::proxy::upstream::UpstreamTimeouts;
use crate::server::connection::ConnectionLimits;

/// A configuration without mistakes.
#[derive(Debug)]
pub struct Settings {
    /// The file it was read from.
    pub file: PathBuf,
    /// Where requests come in.
    pub listen: SocketAddr,
    /// Where admitted ones go, over plain HTTP.
    pub upstream: Authority,
    /// Where liveness and readiness are told.
    pub admin: Option<SocketAddr>,
    /// The names under which clients reach us.
    pub hosts: Vec<AllowedHost>,
    /// Whom the gate believes, and what it demands.
    pub trust: Trust,
    /// How the upstream learns who is acting.
    pub identity_headers: IdentityHeaders,
    /// Whether the upstream receives the access token.
    pub access_token: AccessTokenForwarding,
    /// Time limits of the upstream.
    pub upstream_timeouts: UpstreamTimeouts,
    /// Limits of client connections.
    pub limits: ConnectionLimits,
    /// Where decisions are written.
    pub decision_log: LogTarget,
    /// The file that the policy was read from.
    pub policy_file: PathBuf,
}
