//! Who can reach an admin listener, and so what it serves.

use std::net::SocketAddr;

/// From where an admin listener can be reached, and so what it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// This machine alone: everything is served.
    Loopback,
    /// Other machines: liveness, readiness and metrics are served.
    Network,
}

impl Reach {
    /// That of a listener on `address`.
    pub(crate) fn of(address: SocketAddr) -> Reach {
        match address.ip().to_canonical().is_loopback() {
            true => Reach::Loopback,
            false => Reach::Network,
        }
    }

    /// The paths that are served.
    pub(crate) fn paths(self) -> &'static str {
        match self {
            Reach::Loopback => "/livez, /readyz, /metrics, /rules and /reload",
            Reach::Network => "/livez, /readyz and /metrics",
        }
    }
}
