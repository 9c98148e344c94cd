//! The hosts that requests may name.

use std::net::SocketAddr;

use http::uri::{Authority, Scheme};

/// A host, and a port where only that port is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AllowedHost {
    host: String,
    port: Option<u16>,
}

impl AllowedHost {
    /// Reads `host` or `host:port`; a host without a port allows every port. `None` when the text is neither.
    pub(crate) fn parse(text: &str) -> Option<AllowedHost> {
        let named = NamedHost::read(text)?;
        Some(AllowedHost {
            host: canonical(named.host).to_ascii_lowercase(),
            port: named.port,
        })
    }

    fn covers(&self, named: NamedHost<'_>, scheme: &Scheme) -> bool {
        let port = named.port.unwrap_or_else(|| default_port(scheme));
        self.host.eq_ignore_ascii_case(canonical(named.host)) && self.port.is_none_or(|allowed| allowed == port)
    }
}

/// One host with at most one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NamedHost<'t> {
    pub(crate) host: &'t str,
    pub(crate) port: Option<u16>,
}

impl<'t> NamedHost<'t> {
    /// Reads one host with at most one port; `None` for anything else that a URL could contain.
    pub(crate) fn read(text: &'t str) -> Option<NamedHost<'t>> {
        NamedHost::plain(text).or_else(|| NamedHost::parsed(text))
    }

    /// A name or an address of IPv4, as almost every request has it.
    fn plain(text: &'t str) -> Option<NamedHost<'t>> {
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
        let is_name = !host.is_empty() && host.bytes().all(is_plain);
        let port = match port {
            Some(digits) => Some(port_of(digits)?),
            None => None,
        };
        is_name.then_some(NamedHost { host, port })
    }

    fn parsed(text: &'t str) -> Option<NamedHost<'t>> {
        let authority: Authority = text.parse().ok()?;
        let is_other = |byte: u8| matches!(byte, b'@' | b',' | b' ' | b'\t' | b'/' | b'?' | b'#' | b'\\' | b'%');
        // A parser of URLs reads the port behind the last colon, whatever is between it and the host.
        let (host, rest) = text.split_at_checked(authority.host().len())?;
        let port = match rest {
            "" => None,
            rest => Some(rest.strip_prefix(':').and_then(port_of)?),
        };
        let is_one = !host.is_empty() && !text.bytes().any(is_other);
        is_one.then_some(NamedHost { host, port })
    }
}

fn port_of(digits: &str) -> Option<u16> {
    // `u16::from_str` reads a sign, too.
    let are_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| are_digits)
}

/// The port of an authority without one (RFC 9110 sections 4.2.1 and 4.2.2).
pub(crate) fn default_port(scheme: &Scheme) -> u16 {
    match *scheme == Scheme::HTTPS {
        true => 443,
        false => 80,
    }
}

/// A host without the dot of a fully qualified name. Hosts are compared without regard to it and to case (RFC 3986 section 3.2.2).
fn canonical(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

/// The configured hosts, the address that the gate listens on, and the host of each audience that is a URL.
#[derive(Clone, Debug)]
pub(crate) struct AllowedHosts {
    hosts: Vec<AllowedHost>,
    any_host_header: bool,
}

impl AllowedHosts {
    /// The hosts of the configuration with those that follow from `listen` and `audiences`. Without configured hosts
    /// the `Host` of a request may be any.
    pub(crate) fn new<'a>(
        configured: &[AllowedHost],
        listen: Option<SocketAddr>,
        audiences: impl IntoIterator<Item = &'a str>,
    ) -> AllowedHosts {
        let local = match listen {
            Some(listen) => own_hosts(listen),
            // A unix socket has no host of its own.
            None => vec![AllowedHost {
                host: "localhost".to_owned(),
                port: None,
            }],
        };
        let urls = audiences
            .into_iter()
            .filter_map(|audience| url::Url::parse(audience).ok());
        let audiences = urls.filter_map(|url| {
            Some(AllowedHost {
                host: canonical(url.host_str()?).to_ascii_lowercase(),
                port: url.port(),
            })
        });
        AllowedHosts {
            hosts: configured.iter().cloned().chain(local).chain(audiences).collect(),
            any_host_header: configured.is_empty(),
        }
    }

    /// The same with more hosts, on every port.
    pub(crate) fn with<'h>(mut self, hosts: impl IntoIterator<Item = &'h str>) -> AllowedHosts {
        self.hosts.extend(hosts.into_iter().filter_map(AllowedHost::parse));
        self
    }

    /// Whether a request in absolute form (RFC 9112 section 3.2.2) may name this host.
    pub(crate) fn contains(&self, named: NamedHost<'_>, scheme: &Scheme) -> bool {
        self.hosts.iter().any(|host| host.covers(named, scheme))
    }

    /// Whether a request in origin form may have this one as its `Host`.
    pub(crate) fn accepts_host(&self, named: NamedHost<'_>, scheme: &Scheme) -> bool {
        self.any_host_header || self.contains(named, scheme)
    }

    /// The host of a request that names none: the first of the configuration, or the address of the gate.
    pub(crate) fn assumed(&self) -> String {
        self.hosts.first().map_or_else(String::new, |first| match first.port {
            Some(port) => format!("{}:{port}", first.host),
            None => first.host.clone(),
        })
    }
}

/// The hosts that name the address of the gate.
fn own_hosts(listen: SocketAddr) -> Vec<AllowedHost> {
    let mut local = vec![match listen {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }];
    if listen.ip().is_loopback() || listen.ip().is_unspecified() {
        local.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
    }
    let port = Some(listen.port());
    local.into_iter().map(|host| AllowedHost { host, port }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(configured: &[&str]) -> AllowedHosts {
        let configured: Vec<AllowedHost> = configured
            .iter()
            .map(|host| AllowedHost::parse(host).unwrap())
            .collect();
        AllowedHosts::new(
            &configured,
            Some("127.0.0.1:8080".parse().unwrap()),
            ["https://Orders.example.com/api", "orders"],
        )
    }

    fn contains(hosts: &AllowedHosts, authority: &str) -> bool {
        hosts.contains(NamedHost::read(authority).unwrap(), &Scheme::HTTP)
    }

    #[test]
    fn allowed_hosts_match_in_any_spelling() {
        let hosts = hosts(&["api.internal", "other.internal:81"]);
        for allowed in [
            "127.0.0.1:8080",
            "localhost:8080",
            "[::1]:8080",
            "orders.example.com",
            "ORDERS.example.com.:8443",
            "api.internal:1",
            "other.internal:81",
        ] {
            assert!(contains(&hosts, allowed), "{allowed}");
        }
        for foreign in [
            "127.0.0.1",
            "127.0.0.1:9000",
            "evil.example",
            "orders.example.com.evil",
            "other.internal",
            "localhost",
        ] {
            assert!(!contains(&hosts, foreign), "{foreign}");
        }
    }

    #[test]
    fn an_authority_without_a_port_has_that_of_its_scheme() {
        let hosts = hosts(&["a:443", "b:80"]);
        let contains = |authority: &str, scheme| hosts.contains(NamedHost::read(authority).unwrap(), &scheme);
        assert!(contains("a", Scheme::HTTPS) && !contains("a", Scheme::HTTP));
        assert!(contains("b", Scheme::HTTP) && !contains("b", Scheme::HTTPS));
    }

    #[test]
    fn without_configured_hosts_any_host_header_is_accepted() {
        let other = NamedHost::read("evil.example").unwrap();
        assert!(hosts(&[]).accepts_host(other, &Scheme::HTTP));
        assert!(!hosts(&["api.internal"]).accepts_host(other, &Scheme::HTTP));
    }

    #[test]
    fn invalid_hosts_are_rejected() {
        for text in [
            "",
            "a b",
            "user@host",
            "host:port",
            "host:99999",
            "https://host",
            "host/path",
            "[::1]x",
            "[::1]x:80",
            "[::1]:",
            "a:+1",
        ] {
            assert_eq!(AllowedHost::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_read_without_a_parser_is_what_a_parser_reads() {
        for text in ["a.example", "A-1.example.:8443", "127.0.0.1:80", "a:0080", "-", "a:0"] {
            assert!(NamedHost::plain(text).is_some(), "{text}");
        }
        let mut rng = fastrand::Rng::with_seed(7);
        let parts = [
            "a", "B9", ".", "-", ":", "8080", "65535", "65536", "+1", "[::1]", "%41", "_", "@", "é", " ", "/",
        ];
        for _ in 0..20_000 {
            let text: String = (0..rng.usize(..5)).map(|_| parts[rng.usize(..parts.len())]).collect();
            let parsed = NamedHost::parsed(&text);
            assert_eq!(NamedHost::read(&text), parsed, "{text}");
            assert!(
                NamedHost::plain(&text).is_none_or(|plain| Some(plain) == parsed),
                "{text}"
            );
        }
    }
}
