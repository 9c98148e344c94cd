//! The addresses of a configuration, which must differ from each other, and the hosts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use actgate_yaml::{Span, Spanned};
use http::uri::Authority;

use super::reader::ConfigReader;
use super::values;
use crate::config::document::Document;
use crate::gate::hosts::AllowedHost;
use crate::proxy::upstream::settings::Address;
use crate::server::listen::address::ListenAddress;

/// The most addresses of admin listeners.
const MAX_ADMIN_LISTENERS: usize = 4;

pub(super) struct Addresses {
    pub(super) listen: Option<ListenAddress>,
    pub(super) admin: Vec<SocketAddr>,
}

/// The addresses that an upstream must not be: a request would come back.
pub(super) struct OwnAddresses(Vec<(&'static str, ListenAddress)>);

impl OwnAddresses {
    pub(super) fn of(addresses: Option<&Addresses>) -> OwnAddresses {
        let listen = addresses.and_then(|addresses| Some(("listen", addresses.listen.clone()?)));
        let admin = addresses.iter().flat_map(|addresses| &addresses.admin);
        let admin = admin.map(|address| ("admin", ListenAddress::from(*address)));
        OwnAddresses(listen.into_iter().chain(admin).collect())
    }

    /// The key of the address that is the same as `other`.
    pub(super) fn same(&self, other: &ListenAddress) -> Option<&'static str> {
        let same = self.0.iter().find(|(_, own)| match (own, other) {
            (ListenAddress::Tcp(own), ListenAddress::Tcp(other)) => {
                own.port() == other.port() && (receives(*own, other.ip()) || receives(*other, own.ip()))
            }
            (own, other) => own == other,
        });
        same.map(|(name, _)| *name)
    }

    /// The key of the address that a request to an upstream arrives at.
    pub(super) fn reached_by(&self, upstream: &Address) -> Option<&'static str> {
        let own = self.0.iter().find(|(_, own)| match (upstream, own) {
            (Address::Tcp(authority), ListenAddress::Tcp(own)) => reaches(authority, *own),
            (Address::Unix(path), ListenAddress::Unix(own)) => path == own,
            _ => false,
        });
        own.map(|(name, _)| *name)
    }
}

impl ConfigReader<'_> {
    /// Whether the gate forwards requests. Without an address for clients and an upstream it can have decision APIs alone.
    pub(super) fn forwards(&self, document: &Document) -> bool {
        let is_missing = |key| !self.omissions.has_key(key);
        let has_none = document.listen.is_none() && document.upstream.is_none() && document.upstreams.is_none();
        document.decision_api.is_none() || !has_none || !["listen", "upstream", "upstreams"].into_iter().all(is_missing)
    }

    /// Reads the addresses; `None` if one is missing or invalid.
    pub(super) fn addresses(&mut self, document: &Document) -> Option<Addresses> {
        let forwards = self.forwards(document);
        let listen = match forwards {
            true => self.required("listen", document.listen.as_ref(), Span::default()),
            false => None,
        };
        let listen = self.listen(listen);
        let tcp = listen.as_ref().and_then(ListenAddress::tcp);
        let admin = self.admin(document.admin.as_ref(), tcp);
        (listen.is_some() || !forwards).then_some(Addresses { listen, admin })
    }

    /// Reads the addresses of the admin listeners, beside that for clients.
    fn admin(
        &mut self,
        written: Option<&Spanned<Vec<Spanned<String>>>>,
        clients: Option<SocketAddr>,
    ) -> Vec<SocketAddr> {
        let mut addresses: Vec<SocketAddr> = Vec::new();
        let Some(written) = written else {
            return addresses;
        };
        if written.value.is_empty() && !self.omissions.within(written.span()) {
            let help = "write an address, as in 127.0.0.1:9901, or remove the key";
            self.diagnostics
                .push(written.span(), "the list of addresses is empty", help);
        }
        if written.value.len() > MAX_ADMIN_LISTENERS {
            let message = format!("`admin` has more than {MAX_ADMIN_LISTENERS} addresses");
            self.diagnostics.push(
                written.span(),
                message,
                "write one on loopback, and one for other machines",
            );
        }
        let are_the_same = |one: SocketAddr, other: SocketAddr| one.port() == other.port() && receives(one, other.ip());
        for item in &written.value {
            let Some(address) = self.take(item, |text| values::admin(text)) else {
                continue;
            };
            let help = "give `admin` another port";
            if clients.is_some_and(|clients| are_the_same(clients, address)) {
                self.diagnostics
                    .push(item.span(), "`admin` and `listen` are the same address", help);
            }
            let mut earlier = addresses.iter();
            if earlier.any(|earlier| are_the_same(*earlier, address) || are_the_same(address, *earlier)) {
                let message = "two addresses of `admin` are the same";
                self.diagnostics.push(item.span(), message, help);
            }
            addresses.push(address);
        }
        addresses
    }

    /// Reads where the gate listens. The path of a socket is relative to the configuration.
    pub(super) fn listen(&mut self, written: Option<&Spanned<String>>) -> Option<ListenAddress> {
        match self.optional(written, |text| values::listen(text))? {
            ListenAddress::Unix(path) => Some(ListenAddress::Unix(self.beside(&path.to_string_lossy()))),
            other => Some(other),
        }
    }

    /// Reads the hosts. Without the key any host is accepted, so an empty list is a mistake.
    pub(super) fn hosts(&mut self, written: Option<&Spanned<Vec<Spanned<String>>>>) -> Vec<AllowedHost> {
        let Some(written) = written else {
            return Vec::new();
        };
        if written.value.is_empty() && !self.omissions.within(written.span()) {
            let help = "name the hosts that clients send, or remove the key to accept any";
            self.diagnostics
                .push(written.span(), "the list of hosts is empty", help);
        }
        let hosts = written.value.iter();
        hosts
            .filter_map(|host| self.take(host, |text| values::host(text)))
            .collect()
    }
}

/// Whether a request to this upstream arrives at an address of the gate. Names other than `localhost` are not resolved,
/// and of the addresses of this machine only loopback is known.
fn reaches(upstream: &Authority, own: SocketAddr) -> bool {
    upstream.port_u16() == Some(own.port()) && addresses_of(upstream.host()).iter().any(|ip| receives(own, *ip))
}

/// Whether a listener receives what is sent to an address. Port 0 is not known yet.
fn receives(listener: SocketAddr, sent_to: IpAddr) -> bool {
    let (own, other) = (listener.ip().to_canonical(), sent_to.to_canonical());
    let covered = match own {
        IpAddr::V4(own) if own.is_unspecified() => other.is_ipv4() && is_local(other),
        // On most systems it also accepts IPv4.
        IpAddr::V6(own) if own.is_unspecified() => is_local(other),
        _ => own == other,
    };
    listener.port() != 0 && covered
}

fn is_local(ip: IpAddr) -> bool {
    ip.is_loopback() || ip.is_unspecified()
}

fn addresses_of(host: &str) -> Vec<IpAddr> {
    let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = host.strip_suffix('.').unwrap_or(host);
    // RFC 6761 section 6.3: names under `localhost` are loopback, too.
    if name == "localhost" || name.ends_with(".localhost") {
        return loopback.to_vec();
    }
    match host.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
        // A connection to the unspecified address reaches this machine.
        Ok(ip) if ip.is_unspecified() => [&[ip], loopback.as_slice()].concat(),
        Ok(ip) => vec![ip],
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loops(upstream: &str, listen: &str) -> bool {
        let upstream: url::Url = upstream.parse().unwrap();
        let port = upstream.port_or_known_default().unwrap();
        let authority = format!("{}:{port}", upstream.host_str().unwrap());
        reaches(&authority.parse().unwrap(), listen.parse().unwrap())
    }

    #[test]
    fn an_upstream_that_is_the_gate_is_found_in_any_spelling() {
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
    fn another_service_is_not_a_loop() {
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
