//! An address as text.

use std::net::IpAddr;

/// Gives the parts of the text of an address to `push`, as `Display` writes it. Formatting takes several times the instructions, and the
/// text is written for each request.
pub(crate) fn push_address(address: IpAddr, mut push: impl FnMut(&str)) {
    let IpAddr::V4(address) = address else {
        return push(&address.to_string());
    };
    let mut digits = itoa::Buffer::new();
    let [first, rest @ ..] = address.octets();
    push(digits.format(first));
    for octet in rest {
        push(".");
        push(digits.format(octet));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_is_displayed() {
        for text in [
            "0.0.0.0",
            "192.0.2.1",
            "255.255.255.255",
            "10.9.100.99",
            "::1",
            "2001:db8::a:1",
            "::ffff:1.2.3.4",
        ] {
            let address: IpAddr = text.parse().unwrap();
            let mut pushed = String::new();
            push_address(address, |part| pushed.push_str(part));
            assert_eq!(pushed, address.to_string());
        }
    }
}
