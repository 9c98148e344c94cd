//! An address as text.

use std::net::IpAddr;

/// Gives the text of an address to `push`, as `Display` writes it. Formatting takes several times the instructions, and the
/// text is written for each request.
pub(crate) fn push_address(address: IpAddr, push: impl FnOnce(&str)) {
    let IpAddr::V4(address) = address else {
        return push(&address.to_string());
    };
    let mut text = [0; "255.255.255.255".len()];
    let mut free = text.iter_mut();
    let mut length = 0;
    let mut put = |byte| {
        if let Some(place) = free.next() {
            *place = byte;
            length += 1;
        }
    };
    for (index, octet) in address.octets().into_iter().enumerate() {
        if index > 0 {
            put(b'.');
        }
        if octet >= 100 {
            put(b'0' + octet / 100);
        }
        if octet >= 10 {
            put(b'0' + octet / 10 % 10);
        }
        put(b'0' + octet % 10);
    }
    let text = text.get(..length).unwrap_or_default();
    push(str::from_utf8(text).unwrap_or_default());
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
