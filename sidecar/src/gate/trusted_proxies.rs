//! The proxies whose forwarding headers are believed.

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;

use crate::headers::forwarded::{Malformed, Report};

/// Networks of proxies. None unless they are configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TrustedProxies {
    pub(crate) networks: Vec<IpNet>,
    pub(crate) unix_peers: UnixPeers,
}

/// Whether a peer on a unix socket, which has no address, is a trusted proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum UnixPeers {
    #[default]
    Untrusted,
    Trusted,
}

impl TrustedProxies {
    /// What the peer of a connection reports of the request; none if it is not trusted, whatever it sends.
    pub(crate) fn report(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Result<Option<Report>, Malformed> {
        let is_trusted = match peer {
            Some(address) => self.contains(address),
            None => self.unix_peers == UnixPeers::Trusted,
        };
        match is_trusted {
            true => Report::read(headers, |address| self.contains(address)).map(Some),
            false => Ok(None),
        }
    }

    /// Whether a peer with this address is one of them.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_a_trusted_peer_reports_anything() {
        let proxies = TrustedProxies {
            networks: vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
            unix_peers: UnixPeers::Untrusted,
        };
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static("x-forwarded-for"),
            HeaderValue::from_static("192.0.2.1"),
        )]);
        let report = |proxies: &TrustedProxies, peer: Option<&str>| {
            let peer = peer.map(|peer| peer.parse().unwrap());
            proxies.report(peer, &headers).unwrap().is_some()
        };
        for trusted in ["10.1.2.3", "2001:db8::1"] {
            assert!(report(&proxies, Some(trusted)), "{trusted}");
            assert!(!report(&TrustedProxies::default(), Some(trusted)), "{trusted}");
        }
        for other in ["11.0.0.1", "192.0.2.1", "2001:db9::1", "::1"] {
            assert!(!report(&proxies, Some(other)), "{other}");
        }
        assert!(!report(&proxies, None));
        let unix = TrustedProxies {
            unix_peers: UnixPeers::Trusted,
            ..TrustedProxies::default()
        };
        assert!(report(&unix, None) && !report(&unix, Some("10.1.2.3")));
    }

    #[test]
    fn what_another_peer_sends_is_not_even_read() {
        let malformed = HeaderMap::from_iter([(http::header::FORWARDED, HeaderValue::from_static("for"))]);
        let proxies = TrustedProxies::default();
        assert!(proxies.report(None, &malformed).unwrap().is_none());
    }
}
