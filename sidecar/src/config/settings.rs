//! The configuration as it is meant: a [`Settings`] can be started from.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::uri::Authority;

use super::trust::Trust;
use crate::gate::hosts::OwnName;
use crate::headers::identity::IdentityHeaders;
use crate::log::decision_log::LogTarget;
use crate::proxy::TokenForwarding;
use crate::server::listener::Bounds;

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
    pub hosts: Vec<OwnName>,
    /// Whom the gate believes, and what it demands.
    pub trust: Trust,
    /// How the upstream learns who is acting.
    pub identity_headers: IdentityHeaders,
    /// Whether it gets the token.
    pub token: TokenForwarding,
    /// Time for a connection to the upstream.
    pub connect: Duration,
    /// Longest standstill until the head of the upstream's response.
    pub response: Duration,
    /// What bounds connections and draining.
    pub bounds: Bounds,
    /// Where decisions are written.
    pub decision_log: LogTarget,
    /// The file that the policy was read from.
    pub policy_file: PathBuf,
}
