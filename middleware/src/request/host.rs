//! The host that a request names.

use http::HeaderMap;
use http::header::HOST;

use super::target::{Origin, Target};
use crate::error::Error;

/// The name of the host of a request, without its port and without the dot of a fully qualified name; [`None`] where it names
/// none. Compare it without regard to case.
///
/// What a server sets as the origin of the target counts. Without that, the authority of the URI and `Host` must agree: which of
/// them a service reads is unknown.
pub(crate) fn host<'r>(target: &Target<'r>, headers: Option<&'r HeaderMap>) -> Result<Option<&'r str>, Error> {
    let from_uri = match target.origin_source() {
        Origin::Server(_, host) => return name(host).map(Some),
        Origin::Uri(_, host) => Some(name(host)?),
        Origin::Unknown => None,
    };
    let mut lines = headers.into_iter().flat_map(|headers| headers.get_all(HOST));
    let Some(line) = lines.next() else {
        return Ok(from_uri);
    };
    if lines.next().is_some() {
        return Err(Error::invalid_request("the request has more than one host"));
    }
    let from_header = name(line.to_str().map_err(|_| malformed())?)?;
    match from_uri {
        Some(from_uri) if !from_uri.eq_ignore_ascii_case(from_header) => {
            Err(Error::invalid_request("the request names two hosts"))
        }
        _ => Ok(Some(from_header)),
    }
}

fn malformed() -> Error {
    Error::invalid_request("the host of the request is malformed")
}

/// The name in `host` or `host:port`.
fn name(authority: &str) -> Result<&str, Error> {
    let end = match authority.strip_prefix('[') {
        Some(address) => address.find(']').map_or(0, |end| end + 2),
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(end);
    let is_port = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    let name = host.strip_suffix('.').unwrap_or(host);
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'[' | b']' | b':');
    if !is_port || name.is_empty() || name.ends_with('.') || !name.bytes().all(is_of_name) {
        return Err(malformed());
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Method, Uri};

    use super::*;

    fn named(uri: &str, lines: &[&str]) -> Result<Option<String>, &'static str> {
        let uri: Uri = uri.parse().unwrap();
        let headers = lines
            .iter()
            .map(|line| (HOST, HeaderValue::from_bytes(line.as_bytes()).unwrap()));
        let headers: HeaderMap = headers.collect();
        let target = Target::new(&Method::GET, &uri).unwrap();
        match host(&target, Some(&headers)) {
            Ok(name) => Ok(name.map(str::to_owned)),
            Err(Error::InvalidRequest { reason }) => Err(reason),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_host_is_named_without_port_and_last_dot() {
        for (line, name) in [
            ("api.example", "api.example"),
            ("API.Example", "API.Example"),
            ("api.example.", "api.example"),
            ("api.example:8443", "api.example"),
            ("api.example.:8443", "api.example"),
            ("api.example:", "api.example"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("[::1]:8443", "[::1]"),
        ] {
            assert_eq!(named("/", &[line]), Ok(Some(name.to_owned())), "{line}");
        }
        assert_eq!(named("/", &[]), Ok(None));
        assert_eq!(
            named("https://api.example:1/a", &[]),
            Ok(Some("api.example".to_owned()))
        );
    }

    #[test]
    fn a_host_that_servers_read_in_more_than_one_way_is_an_error() {
        for line in [
            "", ".", "a..", ":80", "a:b", "a:80:80", "a b", "a,b", "a/b", "u@a", "a\\b", "[::1", "[::1]a", "::1",
            "a%2eb", "é",
        ] {
            assert_eq!(
                named("/", &[line]),
                Err("the host of the request is malformed"),
                "{line:?}"
            );
        }
        assert_eq!(named("/", &["a", "a"]), Err("the request has more than one host"));
        assert_eq!(named("https://a/", &["b"]), Err("the request names two hosts"));
        assert_eq!(named("https://a/", &["A.:443"]), Ok(Some("A".to_owned())));
    }

    #[test]
    fn what_the_server_received_counts() {
        let uri = Uri::from_static("https://a.example/");
        let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("b.example"))]);
        let target = Target::new(&Method::GET, &uri)
            .unwrap()
            .with_origin("http", "c.example:80");
        assert_eq!(host(&target, Some(&headers)), Ok(Some("c.example")));
    }
}
