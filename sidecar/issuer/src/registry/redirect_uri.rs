//! Redirect URIs of clients.

use url::{Host, Url};

/// True of an absolute `https` URI, or an `http` URI on loopback, without user and fragment.
pub(super) fn is_redirect_uri(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        // The origin becomes a source of a Content-Security-Policy.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-[]:".contains(&byte);
        let has_plain_host = url.host_str().is_some_and(|host| host.bytes().all(is_plain));
        let has_scheme = url.scheme() == "https" && url.has_host() || url.scheme() == "http" && is_loopback(&url);
        has_scheme
            && has_plain_host
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

/// Whether the host is this machine by its name or address.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Compares the redirect URI of a request with a registered one: byte for byte, except for the port of a loopback IP
/// literal (RFC 8252 section 7.3). `localhost` is not one (section 8.3).
pub(super) fn matches(registered: &str, requested: &str) -> bool {
    registered == requested
        || without_loopback_port(registered)
            .is_some_and(|registered| Some(registered) == without_loopback_port(requested))
}

/// Host and remainder of an `http` URI on a loopback IP literal, without the port.
fn without_loopback_port(uri: &str) -> Option<(&str, &str)> {
    let host = ["http://127.0.0.1", "http://[::1]"]
        .into_iter()
        .find(|host| uri.starts_with(host))?;
    let rest = uri.strip_prefix(host)?;
    let Some(port_and_rest) = rest.strip_prefix(':') else {
        return Some((host, rest));
    };
    let digits = port_and_rest.bytes().take_while(u8::is_ascii_digit).count();
    let (port, rest) = port_and_rest.split_at_checked(digits)?;
    port.parse::<u16>().ok()?;
    Some((host, rest))
}

#[cfg(test)]
mod tests {
    use super::{is_redirect_uri, matches};

    #[test]
    fn a_redirect_uri_is_https_or_loopback() {
        for uri in [
            "https://app.example/callback?x=1",
            "http://127.0.0.1:8400/callback",
            "http://127.0.0.1/callback",
            "http://[::1]:8400/callback",
            "http://localhost:8400/callback",
        ] {
            assert!(is_redirect_uri(uri), "{uri}");
        }
        for uri in [
            "http://app.example/callback",
            "http://127.0.0.1.app.example/callback",
            "https://app.example/callback#x",
            "https://user@app.example/callback",
            "http://:password@127.0.0.1/callback",
            "javascript:alert(1)",
            "com.example.app:/callback",
            "//app.example/callback",
            "/callback",
            "",
        ] {
            assert!(!is_redirect_uri(uri), "{uri}");
        }
    }

    #[test]
    fn the_port_of_a_loopback_ip_literal_is_free() {
        for (registered, requested) in [
            ("http://127.0.0.1:8400/callback", "http://127.0.0.1:51004/callback"),
            ("http://127.0.0.1:8400/callback", "http://127.0.0.1/callback"),
            ("http://127.0.0.1/callback?a=1", "http://127.0.0.1:51004/callback?a=1"),
            ("http://127.0.0.1", "http://127.0.0.1:51004"),
            ("http://[::1]/callback", "http://[::1]:51004/callback"),
            ("http://localhost:8400/callback", "http://localhost:8400/callback"),
            ("https://app.example/callback", "https://app.example/callback"),
        ] {
            assert!(matches(registered, requested), "{registered} {requested}");
        }
    }

    #[test]
    fn everything_else_is_compared_byte_for_byte() {
        let loopback = "http://127.0.0.1:8400/callback";
        for (registered, requested) in [
            (loopback, "http://127.0.0.1:51004/callback/"),
            (loopback, "http://127.0.0.1:51004/callback?x"),
            (loopback, "http://127.0.0.1:51004/callback#x"),
            (loopback, "http://127.0.0.1:51004/Callback"),
            (loopback, "http://127.0.0.1:51004/x/../callback"),
            (loopback, "http://127.0.0.1:51004/%63allback"),
            (loopback, "http://127.0.0.1:51004\\callback"),
            (loopback, "http://127.0.0.1:51004"),
            (loopback, "https://127.0.0.1:51004/callback"),
            (loopback, "HTTP://127.0.0.1:51004/callback"),
            (loopback, "http://127.0.0.1:/callback"),
            (loopback, "http://127.0.0.1:65536/callback"),
            (loopback, "http://127.0.0.1:+80/callback"),
            (loopback, "http://127.0.0.1:8400.evil.example/callback"),
            (loopback, "http://127.0.0.1:8400@evil.example/callback"),
            (loopback, "http://127.0.0.1@evil.example/callback"),
            (loopback, "http://127.0.0.1.evil.example/callback"),
            (loopback, "http://user@127.0.0.1:51004/callback"),
            (loopback, "http://127.0.0.2:51004/callback"),
            (loopback, "http://127.1:51004/callback"),
            (loopback, "http://2130706433:51004/callback"),
            (loopback, "http://localhost:51004/callback"),
            (loopback, "http://[::1]:51004/callback"),
            ("http://[::1]/callback", "http://[::2]:51004/callback"),
            ("http://[::1]/callback", "http://[0:0:0:0:0:0:0:1]:51004/callback"),
            ("http://localhost:8400/callback", "http://localhost:51004/callback"),
            ("http://127.0.0.2:8400/callback", "http://127.0.0.2:51004/callback"),
            ("https://127.0.0.1:8400/callback", "https://127.0.0.1:51004/callback"),
            ("https://app.example/callback", "https://app.example:8443/callback"),
            ("https://app.example/callback", loopback),
        ] {
            assert!(!matches(registered, requested), "{registered} {requested}");
        }
    }
}
