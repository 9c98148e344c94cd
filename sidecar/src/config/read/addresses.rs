//! The part of a configuration that says where requests come in and where they go: no two of these may be the same place.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use actgate::yaml::At;
use http::uri::Authority;

use super::Reader;
use super::values;
use crate::config::document::Written;
use crate::gate::hosts::AllowedHost;

/// The addresses that could be read. One that could not has been told.
pub(super) struct Addresses {
    pub(super) listen: Option<SocketAddr>,
    pub(super) upstream: Option<Authority>,
    pub(super) admin: Option<SocketAddr>,
}

impl Reader {
    pub(super) fn addresses(&mut self, written: &Written) -> Addresses {
        let listen = self.take(&written.listen, |text| values::socket(text));
        let upstream = self.take(&written.upstream, |text| values::upstream(text));
        let admin = self.optional(written.admin.as_ref(), |text| values::admin(text));
        if let (Some(listen), Some(admin), Some(place)) = (listen, admin, &written.admin)
            && listen.port() == admin.port()
            && takes(listen, admin.ip())
        {
            self.wrong_at(
                place,
                "`admin` and `listen` are the same address",
                Some("give `admin` a port of its own"),
            );
        }
        for (name, own) in [("listen", listen), ("admin", admin)] {
            if let (Some(own), Some(upstream)) = (own, &upstream)
                && reaches(upstream, own)
            {
                self.wrong_at(
                    &written.upstream,
                    format!("`upstream` is the gate itself: it listens there, by `{name}`"),
                    Some("write the address of the service behind the gate"),
                );
            }
        }
        Addresses {
            listen,
            upstream,
            admin,
        }
    }

    /// The names that clients may send; none written means any will do, so an empty list is a mistake.
    pub(super) fn hosts(&mut self, written: Option<&At<Vec<At<String>>>>) -> Vec<AllowedHost> {
        let Some(written) = written else {
            return Vec::new();
        };
        if written.value.is_empty() {
            self.wrong_at(
                written,
                "the list of hosts is empty",
                Some("name the hosts that clients send, or take the key out to accept any"),
            );
        }
        let hosts = written.value.iter();
        hosts
            .filter_map(|host| self.take(host, |text| values::host(text)))
            .collect()
    }
}

/// Would what is sent to this upstream come in at an address of our own? Names other than `localhost` are not resolved, and of the
/// addresses of this machine only those of the loopback are known.
fn reaches(upstream: &Authority, own: SocketAddr) -> bool {
    upstream.port_u16() == Some(own.port()) && addresses_of(upstream.host()).iter().any(|ip| takes(own, *ip))
}

/// Does a listener at this address take what is sent to the other? Nobody knows yet which port 0 will be.
fn takes(listener: SocketAddr, sent_to: IpAddr) -> bool {
    let (own, other) = (listener.ip().to_canonical(), sent_to.to_canonical());
    let covered = match own {
        IpAddr::V4(own) if own.is_unspecified() => other.is_ipv4() && is_own(other),
        // Most systems let it take IPv4, too.
        IpAddr::V6(own) if own.is_unspecified() => is_own(other),
        _ => own == other,
    };
    listener.port() != 0 && covered
}

fn is_own(ip: IpAddr) -> bool {
    ip.is_loopback() || ip.is_unspecified()
}

fn addresses_of(host: &str) -> Vec<IpAddr> {
    let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = host.strip_suffix('.').unwrap_or(host);
    // RFC 6761 section 6.3: names under `localhost` are the loopback's, too.
    if name == "localhost" || name.ends_with(".localhost") {
        return loopback.to_vec();
    }
    match host.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
        // A connection to the unspecified address goes to this machine.
        Ok(ip) if ip.is_unspecified() => [&[ip], loopback.as_slice()].concat(),
        Ok(ip) => vec![ip],
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loops(upstream: &str, listen: &str) -> bool {
        let upstream = values::upstream(upstream).map_err(|wrong| wrong.message).unwrap();
        reaches(&upstream, listen.parse().unwrap())
    }

    #[test]
    fn an_upstream_that_is_the_gate_is_seen_in_any_spelling() {
        for (upstream, listen) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("http://localhost:8080", "127.0.0.1:8080"),
            ("http://LOCALHOST.:8080", "[::1]:8080"),
            ("http://api.localhost:8080", "127.0.0.1:8080"),
            ("http://127.0.0.1:8080", "0.0.0.0:8080"),
            ("http://127.0.0.2:8080", "0.0.0.0:8080"),
            ("http://127.1:8080", "[::]:8080"),
            ("http://[::1]:8080", "[::]:8080"),
            ("http://0.0.0.0:8080", "127.0.0.1:8080"),
            ("http://0.0.0.0:8080", "0.0.0.0:8080"),
            ("http://[::]:8080", "[::1]:8080"),
            ("http://[::ffff:127.0.0.1]:8080", "127.0.0.1:8080"),
            ("http://127.0.0.1", "0.0.0.0:80"),
            ("http://10.0.0.5:8080", "10.0.0.5:8080"),
        ] {
            assert!(loops(upstream, listen), "{upstream} {listen}");
        }
    }

    #[test]
    fn another_service_is_no_loop() {
        for (upstream, listen) in [
            ("http://127.0.0.1:9000", "127.0.0.1:8080"),
            ("http://127.0.0.1:8080", "127.0.0.1:0"),
            ("http://127.0.0.2:8080", "127.0.0.1:8080"),
            ("http://[::1]:8080", "127.0.0.1:8080"),
            ("http://[::1]:8080", "0.0.0.0:8080"),
            ("http://10.0.0.5:8080", "0.0.0.0:8080"),
            ("http://api.internal:8080", "0.0.0.0:8080"),
            ("http://localhost.example:8080", "0.0.0.0:8080"),
        ] {
            assert!(!loops(upstream, listen), "{upstream} {listen}");
        }
    }
}
