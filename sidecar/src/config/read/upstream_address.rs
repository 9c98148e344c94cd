//! One address of an upstream, from its URL.

use std::path::PathBuf;

use super::values::{InvalidValue, expandable, invalid};
use crate::proxy::upstream::settings::Address;

const HELP: &str = "write scheme, host and port, as in http://127.0.0.1:9000";

/// How requests are sent to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AddressScheme {
    Http,
    Https,
    H2c,
    Unix,
}

/// Reads an address and its scheme.
pub(super) fn read(text: &str) -> Result<(AddressScheme, Address), InvalidValue> {
    if let Some(kind) = expandable(text) {
        return invalid(format!("`{text}` is {kind}"), HELP);
    }
    if let Some(path) = text.strip_prefix("unix:") {
        const HELP: &str = "write the path of the socket, as in unix:/run/api.sock";
        let path = path.strip_prefix("//").unwrap_or(path);
        return match path {
            "" | "/" => invalid(format!("`{text}` has no path"), HELP),
            path if path.ends_with('/') => invalid(format!("`{path}` is a folder"), HELP),
            // The kernel's limit.
            path if path.len() > 107 => invalid("the path of a socket has more than 107 bytes", HELP),
            path if path.contains('\0') => invalid("the path of a socket contains a NUL", HELP),
            path => Ok((AddressScheme::Unix, Address::Unix(PathBuf::from(path)))),
        };
    }
    // Its hosts are those of http.
    let (scheme, as_known) = match text.strip_prefix("h2c://") {
        Some(rest) => (Some(AddressScheme::H2c), format!("http://{rest}")),
        None => (None, text.to_owned()),
    };
    let Ok(url) = url::Url::parse(&as_known) else {
        return invalid(format!("`{text}` is not a URL"), HELP);
    };
    let scheme = match (scheme, url.scheme()) {
        (Some(scheme), _) => scheme,
        (None, "http") => AddressScheme::Http,
        (None, "https") => AddressScheme::Https,
        (None, "grpc" | "h2") => return unknown("write h2c:// for http/2 in plain text, or https://"),
        (None, "grpcs" | "h2s" | "tls") => return unknown("write https://"),
        (None, "http+unix" | "unix+http") => return unknown("write unix: and the path of the socket"),
        (None, _) => return unknown("write one of these, as in http://127.0.0.1:9000"),
    };
    // A URL may be read without its slashes, which are always written.
    let (written, rest) = text.split_once(':').unwrap_or_default();
    if !rest.starts_with("//") || rest.starts_with("///") {
        let rest = rest.trim_start_matches(['/', '\\']);
        let help = format!("write `{written}://{rest}`");
        return invalid(format!("`{text}` has no `//` before its host"), help);
    }
    if !url.username().is_empty()
        || url.password().is_some()
        || !matches!(url.path(), "" | "/")
        || url.query().is_some()
        || url.fragment().is_some()
    {
        let message = "the upstream has more than a host and a port; the path of a request is never changed";
        return invalid(message, HELP);
    }
    if url.port() == Some(0) {
        return invalid("no service can listen on port 0", HELP);
    }
    if let Some(url::Host::Domain(name)) = url.host()
        && !is_host_name(name)
    {
        let help = "write an address, or a name of letters, digits, `-` and `_` between dots, as in api.internal";
        return invalid(format!("no host has the name `{name}`"), help);
    }
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(80);
    match format!("{host}:{port}").parse() {
        Ok(authority) => Ok((scheme, Address::Tcp(authority))),
        Err(_) => invalid(format!("`{text}` has no host"), HELP),
    }
}

fn unknown<T>(help: &str) -> Result<T, InvalidValue> {
    invalid("an upstream is reached by http, https, h2c or unix", help)
}

/// Whether a name can be looked up: at most 253 bytes, in labels of at most 63 (RFC 1035 section 2.3.4). Names of services may
/// have a `_`.
fn is_host_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_a_scheme_a_host_and_a_port() {
        use AddressScheme::*;
        let of = |text| read(text).map(|(scheme, address)| (scheme, address.to_string())).ok();
        for (text, scheme, address) in [
            ("http://127.0.0.1:9000", Http, "127.0.0.1:9000"),
            ("http://api.internal/", Http, "api.internal:80"),
            ("http://[::1]:81", Http, "[::1]:81"),
            ("https://api.internal", Https, "api.internal:443"),
            ("https://api.internal:8443/", Https, "api.internal:8443"),
            ("h2c://127.0.0.1:50051", H2c, "127.0.0.1:50051"),
            ("h2c://127.1", H2c, "127.0.0.1:80"),
            ("unix:/run/api.sock", Unix, "unix:/run/api.sock"),
            ("unix:///run/api.sock", Unix, "unix:/run/api.sock"),
            ("unix:api.sock", Unix, "unix:api.sock"),
            ("http://api_1.internal.", Http, "api_1.internal.:80"),
        ] {
            assert_eq!(of(text), Some((scheme, address.to_owned())), "{text}");
        }
        for text in [
            "127.0.0.1:9000",
            "http://a/path",
            "http://u:p@a",
            "http://a?q",
            "http://a#f",
            "http://a:0",
            "http://*:9000",
            "http://*.internal:9000",
            "http://${API}:9000",
            "h2c://a/b",
            "grpc://a:1",
            "ftp://a",
            "unix:",
            "unix:${DIR}/x",
            "unix:/run/",
            "http:/a",
            "http:a",
            "http:///a",
            "http:\\\\a",
            "http://-a",
            "http://a-.internal",
            "http://a..b",
            "http://.",
            "http://a b",
            "h2c://-a",
            "",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
        let label = "x".repeat(63);
        let longest = format!("http://{label}.{label}.{label}.{}", "x".repeat(61));
        assert!(read(&longest).is_ok() && read(&format!("{longest}x")).is_err());
        assert!(read(&format!("http://{label}x")).is_err());
        let socket = format!("unix:/{}", "x".repeat(106));
        assert!(read(&socket).is_ok() && read(&format!("{socket}x")).is_err());
    }
}
