//! A node on the way of a request, as forwarding headers name it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::address_text::push_address;

/// A client or a proxy (RFC 7239 section 6). Its port is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Address(IpAddr),
    /// `unknown`, or an identifier that hides the address.
    Hidden,
}

impl Node {
    /// Reads an address with or without a port, `unknown` or an obfuscated identifier such as `_hidden`. `None` for anything
    /// else.
    pub(super) fn parse(text: &str) -> Option<Node> {
        if text.eq_ignore_ascii_case("unknown") {
            return Some(Node::Hidden);
        }
        if let Some(identifier) = text.strip_prefix('_') {
            let is_identifier = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
            return (!identifier.is_empty() && identifier.bytes().all(is_identifier)).then_some(Node::Hidden);
        }
        let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let address = match bracketed {
            Some(address) => address.parse::<Ipv6Addr>().map(IpAddr::V6).ok(),
            None => {
                let address = text.parse::<IpAddr>().ok();
                address.or_else(|| text.parse::<SocketAddr>().map(|socket| socket.ip()).ok())
            }
        };
        address.map(|address| Node::Address(address.to_canonical()))
    }

    /// The address, unless it is hidden.
    pub(crate) fn address(self) -> Option<IpAddr> {
        match self {
            Node::Address(address) => Some(address),
            Node::Hidden => None,
        }
    }

    /// Appends it to a list as in `X-Forwarded-For`.
    pub(super) fn append_to(self, list: &mut String) {
        match self {
            Node::Address(address) => push_address(address, |part| list.push_str(part)),
            Node::Hidden => list.push_str("unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(node: Node) -> String {
        let mut text = String::new();
        node.append_to(&mut text);
        text
    }

    #[test]
    fn a_node_is_an_address_or_hides_it() {
        for (text, read) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:4711", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("unknown", "unknown"),
            ("Unknown", "unknown"),
            ("_hidden", "unknown"),
            ("_gate.1:_port", "unknown"),
        ] {
            let node = Node::parse(text).map(text_of);
            assert_eq!(node.as_deref(), Some(read), "{text}");
        }
        for text in [
            "",
            " ",
            "_",
            "_a b",
            "localhost",
            "192.0.2.256",
            "192.0.2",
            "0300.0.2.1",
            "[192.0.2.1]",
            "[::1",
            "::1]",
            "192.0.2.1:99999",
            "192.0.2.1 ",
            "\"192.0.2.1\"",
            "fe80::1%eth0",
            "1",
            "192.0.2.1/32",
        ] {
            assert_eq!(Node::parse(text), None, "{text}");
        }
    }
}
