//! Where a gate listens.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where a gate listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListenAddress {
    Tcp(SocketAddr),
    /// A unix socket at this path.
    Unix(PathBuf),
    /// The socket that systemd passes to the process.
    Systemd,
}

impl ListenAddress {
    /// The address of a TCP socket, which is known before the socket is bound.
    pub(crate) fn tcp(&self) -> Option<SocketAddr> {
        match self {
            ListenAddress::Tcp(address) => Some(*address),
            ListenAddress::Unix(_) | ListenAddress::Systemd => None,
        }
    }
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> ListenAddress {
        ListenAddress::Tcp(address)
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenAddress::Tcp(address) => address.fmt(f),
            ListenAddress::Unix(path) => write!(f, "unix:{}", path.display()),
            ListenAddress::Systemd => f.write_str("systemd"),
        }
    }
}
