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
        let path = path.strip_prefix("//").unwrap_or(path);
        return match path {
            "" | "/" => invalid(
                format!("`{text}` has no path"),
                "write the path of the socket, as in unix:/run/api.sock",
            ),
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
            "",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
