//! An address as text.

use std::net::IpAddr;

/// The text of an address, as `Display` writes it. Formatting takes several times the instructions, and the text is written for each
/// request.
pub(crate) fn address_text(address: IpAddr) -> String {
    let IpAddr::V4(address) = address else {
        return address.to_string();
    };
    let mut text = String::with_capacity("255.255.255.255".len());
    let mut digits = itoa::Buffer::new();
    for octet in address.octets() {
        if !text.is_empty() {
            text.push('.');
        }
        text.push_str(digits.format(octet));
    }
    text
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
            assert_eq!(address_text(address), address.to_string());
        }
    }
}
