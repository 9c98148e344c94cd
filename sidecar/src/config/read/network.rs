//! A network of peers that are believed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::values::{InvalidValue, invalid};

/// An IPv4 network with a shorter prefix, and an IPv6 network with one, is wider than every private range.
const SHORTEST_PREFIXES: [u8; 2] = [8, 7];

/// The length of the prefix of IPv4-mapped addresses, `::ffff:0:0/96`.
const MAPPED_PREFIX: u8 = 96;

const HELP: &str = "write the networks or addresses of the proxies in front, as in 10.0.0.0/8 or 192.0.2.7";

/// Reads a network, or an address as the network of it alone. Peers have IPv4 addresses wherever they can, so a network of
/// IPv4-mapped addresses is the IPv4 network.
pub(super) fn network(text: &str) -> Result<IpNet, InvalidValue> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    let Ok(written) = address.or_else(|_| text.parse::<IpNet>()) else {
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
    let network = without_mapping(written);
    if network.addr().is_unspecified() && network.prefix_len() == network.max_prefix_len() {
        return invalid(format!("`{text}` is the address of no peer"), HELP);
    }
    let (of_v4, of_v6) = (SHORTEST_PREFIXES[0], SHORTEST_PREFIXES[1]);
    let is_too_wide = match network {
        IpNet::V4(network) => network.prefix_len() < of_v4,
        IpNet::V6(network) => network.prefix_len() < of_v6 || contains_mapped(network),
    };
    if is_too_wide {
        let message = format!("`{text}` contains clients: each could claim any address");
        return invalid(message, HELP);
    }
    if written.addr() != written.network() {
        let message = format!("`{text}` is an address within a network");
        let help = format!("write `{}` for the network, or the address alone", network.trunc());
        return invalid(message, help);
    }
    Ok(network)
}

fn without_mapping(network: IpNet) -> IpNet {
    let IpNet::V6(of_v6) = network else {
        return network;
    };
    let length = of_v6.prefix_len().checked_sub(MAPPED_PREFIX);
    let mapped = of_v6.addr().to_ipv4_mapped().zip(length);
    let of_v4 = mapped.and_then(|(address, length)| Ipv4Net::new(address, length).ok());
    of_v4.map_or(network, IpNet::V4)
}

/// Whether every IPv4-mapped address is in a network.
fn contains_mapped(network: Ipv6Net) -> bool {
    let ends = [Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST].map(|end| Ipv4Addr::to_ipv6_mapped(&end));
    ends.iter().all(|end: &Ipv6Addr| network.contains(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_explicit_and_no_wider_than_the_private_ranges() {
        let read = |text| network(text).map(|network| network.to_string()).ok();
        for (text, network) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("192.0.2.7", "192.0.2.7/32"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("fc00::/7", "fc00::/7"),
            ("::1", "::1/128"),
            ("::ffff:127.0.0.1", "127.0.0.1/32"),
            ("::ffff:7f00:1/128", "127.0.0.1/32"),
            ("::ffff:127.0.0.0/104", "127.0.0.0/8"),
            ("::ffff:10.1.0.0/112", "10.1.0.0/16"),
        ] {
            assert_eq!(read(text).as_deref(), Some(network), "{text}");
        }
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
            "::ffff:0:0/96",
            "::ffff:128.0.0.0/97",
            "::ffff:10.0.0.0/96",
            "::ffff:10.0.0.1/104",
            "::ffff:0:0/90",
            "::/64",
            "0.0.0.0",
            "0.0.0.0/32",
            "::",
            "::/128",
            "::ffff:0.0.0.0",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
