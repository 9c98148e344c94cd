//! The names this API answers to.

use std::fmt;
use std::net::SocketAddr;

use http::uri::Authority;

/// One of our names: a host, and a port where only that port is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnName {
    host: String,
    port: Option<u16>,
}

impl OwnName {
    /// Reads `host` or `host:port`; a name without a port stands for every port. `None` when it is neither.
    pub fn parse(text: &str) -> Option<OwnName> {
        let authority = authority(text)?;
        Some(OwnName {
            host: canonical(authority.host()),
            port: authority.port_u16(),
        })
    }

    fn covers(&self, authority: &Authority) -> bool {
        // Plain HTTP: an authority without a port means port 80 (RFC 9110 section 4.2.1).
        let port = authority.port_u16().unwrap_or(80);
        self.host == canonical(authority.host()) && self.port.is_none_or(|own| own == port)
    }
}

impl fmt::Display for OwnName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

/// One host with at most one port, and nothing else that a URL could hold; `None` for anything more or less.
pub fn authority(text: &str) -> Option<Authority> {
    if text.is_empty() || text.contains(['@', ',', ' ', '\t', '/', '?', '#', '\\', '%']) {
        return None;
    }
    let authority: Authority = text.parse().ok()?;
    let port_is_odd = authority.as_str().len() > authority.host().len() && authority.port_u16().is_none();
    (!authority.host().is_empty() && !port_is_odd).then_some(authority)
}

/// Hosts are compared without regard to case and to the dot of a fully qualified name (RFC 3986 section 3.2.2).
fn canonical(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// All names of this API: those of the configuration, the address it listens on, and the host of each audience that is a URL.
#[derive(Clone, Debug)]
pub struct OwnNames {
    names: Vec<OwnName>,
    host_header: HostHeader,
}

/// What a request in origin form may say in its `Host`.
#[derive(Clone, Copy, Debug)]
enum HostHeader {
    /// Anything: the configuration names no hosts.
    Any,
    /// One of our names.
    Own,
}

impl OwnNames {
    /// The names written under `hosts`, and those that follow from where we listen and from the audiences.
    pub fn new(hosts: &[OwnName], listen: SocketAddr, audiences: &[String]) -> OwnNames {
        let mut names = hosts.to_vec();
        let port = Some(listen.port());
        let mut local = vec![match listen {
            SocketAddr::V4(address) => address.ip().to_string(),
            SocketAddr::V6(address) => format!("[{}]", address.ip()),
        }];
        if listen.ip().is_loopback() || listen.ip().is_unspecified() {
            local.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
        }
        names.extend(local.into_iter().map(|host| OwnName { host, port }));
        let urls = audiences.iter().filter_map(|audience| url::Url::parse(audience).ok());
        names.extend(urls.filter_map(|url| {
            Some(OwnName {
                host: canonical(url.host_str()?),
                port: url.port(),
            })
        }));
        OwnNames {
            names,
            host_header: if hosts.is_empty() {
                HostHeader::Any
            } else {
                HostHeader::Own
            },
        }
    }

    /// May a request in absolute form (RFC 9112 section 3.2.2) name this authority?
    pub fn answers_to(&self, authority: &Authority) -> bool {
        self.names.iter().any(|name| name.covers(authority))
    }

    /// May a request in origin form carry this authority as its `Host`?
    pub fn accepts_host(&self, authority: &Authority) -> bool {
        match self.host_header {
            HostHeader::Any => true,
            HostHeader::Own => self.answers_to(authority),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(hosts: &[&str]) -> OwnNames {
        let hosts: Vec<OwnName> = hosts.iter().map(|host| OwnName::parse(host).unwrap()).collect();
        OwnNames::new(
            &hosts,
            "127.0.0.1:8080".parse().unwrap(),
            &["https://Orders.example.com/api".into(), "orders".into()],
        )
    }

    fn answers(names: &OwnNames, authority: &str) -> bool {
        names.answers_to(&authority.parse().unwrap())
    }

    #[test]
    fn our_names_are_found_in_any_spelling() {
        let names = names(&["api.internal", "other.internal:81"]);
        for own in [
            "127.0.0.1:8080",
            "localhost:8080",
            "[::1]:8080",
            "orders.example.com",
            "ORDERS.example.com.:8443",
            "api.internal:1",
            "other.internal:81",
        ] {
            assert!(answers(&names, own), "{own}");
        }
        for foreign in [
            "127.0.0.1",
            "127.0.0.1:9000",
            "evil.example",
            "orders.example.com.evil",
            "other.internal",
            "localhost",
        ] {
            assert!(!answers(&names, foreign), "{foreign}");
        }
    }

    #[test]
    fn without_hosts_any_host_header_will_do() {
        let stranger: Authority = "evil.example".parse().unwrap();
        assert!(names(&[]).accepts_host(&stranger));
        assert!(!names(&["api.internal"]).accepts_host(&stranger));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            "a b",
            "user@host",
            "host:port",
            "host:99999",
            "https://host",
            "host/path",
        ] {
            assert_eq!(OwnName::parse(text), None, "{text}");
        }
    }
}
