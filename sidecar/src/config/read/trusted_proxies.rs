//! The networks of trusted proxies.

use std::net::IpAddr;

use actgate_yaml::Spanned;
use ipnet::IpNet;

use super::reader::ConfigReader;
use super::values::{InvalidValue, invalid};
use crate::gate::trusted_proxies::{TrustedProxies, UnixPeers};

/// An IPv4 network with a shorter prefix, and an IPv6 network with one, is wider than every private range.
const SHORTEST_PREFIXES: [u8; 2] = [8, 7];

const HELP: &str = "write the networks or addresses of the proxies in front, as in 10.0.0.0/8 or 192.0.2.7";

impl ConfigReader<'_> {
    /// Reads the trusted proxies. Without the key there are none, so an empty list is a mistake.
    pub(super) fn trusted_proxies(&mut self, written: Option<&Spanned<Vec<Spanned<String>>>>) -> TrustedProxies {
        let mut proxies = TrustedProxies::default();
        let Some(written) = written else {
            return proxies;
        };
        if written.value.is_empty() && !self.omissions.within(written.span()) {
            let help = "remove the key to trust no proxy";
            let message = "the list of trusted proxies is empty";
            self.diagnostics.push(written.span(), message, help);
        }
        for peer in &written.value {
            if peer.value == "unix" {
                proxies.unix_peers = UnixPeers::Trusted;
            } else {
                proxies.networks.extend(self.take(peer, |text| network(text)));
            }
        }
        proxies
    }
}

/// Reads a network, or an address as the network of it alone.
pub(super) fn network(text: &str) -> Result<IpNet, InvalidValue> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    let Ok(network) = address.or_else(|_| text.parse::<IpNet>()) else {
        let message = format!("`{text}` is not a network");
        let names = ["private", "loopback", "linklocal", "uniquelocal", "*", "any", "all"];
        let help = match text {
            name if names.contains(&name) => {
                "names of networks are not known; write each, as in 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16"
            }
            _ => HELP,
        };
        return invalid(message, help);
    };
    let (of_v4, of_v6) = (SHORTEST_PREFIXES[0], SHORTEST_PREFIXES[1]);
    let is_too_wide = match network {
        IpNet::V4(network) => network.prefix_len() < of_v4,
        IpNet::V6(network) => network.prefix_len() < of_v6,
    };
    if is_too_wide {
        let message = format!("`{text}` trusts clients with any address: they could write their own");
        return invalid(message, HELP);
    }
    if network.addr() != network.network() {
        let message = format!("`{text}` is an address within a network");
        let help = format!("write `{}` for the network, or the address alone", network.trunc());
        return invalid(message, help);
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_explicit_and_no_wider_than_the_private_ranges() {
        let read = |text| network(text).map(|network| network.to_string()).ok();
        assert_eq!(read("10.0.0.0/8").as_deref(), Some("10.0.0.0/8"));
        assert_eq!(read("192.0.2.7").as_deref(), Some("192.0.2.7/32"));
        assert_eq!(read("2001:db8::1").as_deref(), Some("2001:db8::1/128"));
        assert_eq!(read("fc00::/7").as_deref(), Some("fc00::/7"));
        for text in [
            "",
            "*",
            "0.0.0.0/0",
            "::/0",
            "0.0.0.0/1",
            "128.0.0.0/1",
            "8.0.0.0/7",
            "2000::/3",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "localhost",
            "private",
            "10.0.0.0-10.0.0.9",
            "10.0.0.1:80",
            "[::1]",
            "0.0.0.0/00",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
