//! Where a resource applies: hosts, and the beginning of a path.

use crate::error::ConfigError;
use crate::request::{PathForm, PathPrefix};

/// Where a resource applies. Without hosts and path it has no place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// In lower case; empty is every host.
    hosts: Vec<Box<str>>,
    /// The path of its root. That of a host is empty.
    path: Option<PathPrefix>,
}

impl Place {
    pub(super) fn add_host(&mut self, text: &str) -> Result<(), ConfigError> {
        self.hosts.push(host(text)?);
        Ok(())
    }

    pub(super) fn set_path(&mut self, text: &str) -> Result<(), ConfigError> {
        self.path = Some(path(text)?);
        Ok(())
    }

    pub(crate) fn is_stated(&self) -> bool {
        *self != Place::default()
    }

    pub(crate) fn has_hosts(&self) -> bool {
        !self.hosts.is_empty()
    }

    pub(super) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().map(|host| &**host)
    }

    /// A request that is in two places is for the resource with the greater one.
    pub(crate) fn specificity(&self) -> (bool, usize) {
        (self.has_hosts(), self.path().len())
    }

    pub(crate) fn path(&self) -> &str {
        self.path.as_ref().map_or("", PathPrefix::as_str)
    }

    /// The stated path.
    pub(crate) fn prefix(&self) -> Option<&PathPrefix> {
        self.path.as_ref()
    }

    /// Whether requests to this host are in this place.
    pub(crate) fn is_of_host(&self, host: Option<&str>) -> bool {
        self.hosts.is_empty() || host.is_some_and(|host| self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host)))
    }

    /// Whether a path is in this place.
    pub(crate) fn is_of_path(&self, path: &PathForm<'_>) -> bool {
        self.path.as_ref().is_none_or(|prefix| path.is_below(prefix))
    }

    /// A host that is in both places, if there is one; the empty text where both have every host.
    pub(super) fn common_host<'p>(&'p self, other: &'p Place) -> Option<&'p str> {
        match (&self.hosts[..], &other.hosts[..]) {
            ([], []) => Some(""),
            ([], [first, ..]) | ([first, ..], []) => Some(first),
            (own, others) => own.iter().find(|host| others.contains(host)).map(|host| &**host),
        }
    }

    /// Whether every host of the other place is in this one.
    pub(crate) fn has_hosts_of(&self, other: &Place) -> bool {
        self.hosts.is_empty() || other.has_hosts() && other.hosts.iter().all(|host| self.hosts.contains(host))
    }
}

/// Whether a path is `root`, or is below it.
pub(crate) fn is_below(root: &str, path: &str) -> bool {
    path.strip_prefix(root)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn invalid<T>(place: &str, reason: &'static str, help: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError::Place {
        place: place.escape_debug().to_string(),
        reason,
        help: help.into(),
    })
}

fn host(text: &str) -> Result<Box<str>, ConfigError> {
    const HELP: &str = "write a host, as in orders.example.com";
    if text.contains('*') || text.starts_with('.') {
        return invalid(
            text,
            "it is a pattern, and hosts are compared as they are written",
            "write each host",
        );
    }
    let parsed = url::Url::parse(&format!("http://{text}"));
    let Some((url, host)) = parsed.as_ref().ok().and_then(|url| Some((url, url.host_str()?))) else {
        return match url::Url::parse(text)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned))
        {
            Some(host) => invalid(text, "it is not a host", format!("write `{host}`")),
            None => invalid(text, "it is not a host", HELP),
        };
    };
    let plain = host.strip_suffix('.').unwrap_or(host);
    if text.eq_ignore_ascii_case(plain) {
        return Ok(plain.into());
    }
    let reason = match url.port() {
        Some(_) if text.ends_with(|last: char| last.is_ascii_digit()) => {
            "it has a port, and a resource has every port of its hosts"
        }
        _ => "it is not a host as requests name it",
    };
    match plain {
        "http" | "https" => invalid(text, reason, HELP),
        plain => invalid(text, reason, format!("write `{plain}`")),
    }
}

fn path(text: &str) -> Result<PathPrefix, ConfigError> {
    if text.contains(['*', '{', '}', '<', '>', '$', '^']) {
        let literal = text.find(['*', '{', '<', '$', '^']).unwrap_or(text.len());
        let whole = text[..literal].rfind('/').map_or("", |end| &text[..end]);
        let help = match whole {
            "" => "write the beginning of its paths, as in /orders".to_owned(),
            whole => format!("write `{whole}`, which every path below it begins with"),
        };
        return invalid(
            text,
            "it is a pattern, and the beginning of a path is compared as it is written",
            help,
        );
    }
    if !text.starts_with('/') {
        let help = match url::Url::parse(text) {
            Ok(url) if url.has_host() => format!("write `{}`", url.path()),
            _ => format!("write `/{}`", text.trim()),
        };
        return invalid(text, "it does not begin with a slash", help);
    }
    if let Some(end) = text.find(['?', '#']) {
        return invalid(
            text,
            "it has a query or a fragment",
            format!("write `{}`", &text[..end]),
        );
    }
    if text.len() > 1 && text.ends_with('/') {
        let help = format!("write `{}`", text.trim_end_matches('/'));
        return invalid(text, "it ends with a slash", help);
    }
    PathPrefix::new(text).or_else(|_| {
        let help = "write it without empty and dot segments, `;`, and escapes of separators";
        invalid(text, "it is ambiguous, and no such path is accepted", help)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Folding;

    #[test]
    fn a_host_is_compared_without_case_and_a_path_on_whole_segments() {
        let mut place = Place::default();
        assert!(
            !place.is_stated() && place.is_of_host(None) && place.is_of_path(&PathForm::new("/a", Folding::default()))
        );
        place.add_host("Orders.Example").unwrap();
        for (host, expected) in [
            ("orders.example", true),
            ("ORDERS.example", true),
            ("example", false),
            ("a.orders.example", false),
        ] {
            assert_eq!(place.is_of_host(Some(host)), expected, "{host}");
        }
        assert!(!place.is_of_host(None));
        place.set_path("/orders").unwrap();
        for (path, expected) in [
            ("/orders", true),
            ("/orders/", true),
            ("/orders/1", true),
            ("/ordersx", false),
            ("/Orders", false),
            ("/", false),
            ("/x/orders", false),
        ] {
            assert_eq!(
                place.is_of_path(&PathForm::new(path, Folding::default())),
                expected,
                "{path}"
            );
        }
        place.set_path("/").unwrap();
        assert!(
            place.is_of_path(&PathForm::new("/", Folding::default()))
                && place.is_of_path(&PathForm::new("/a", Folding::default()))
        );
    }

    fn reason(place: Result<(), ConfigError>) -> (&'static str, String) {
        match place {
            Err(ConfigError::Place { reason, help, .. }) => (reason, help),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_text_that_is_no_host_has_a_reason_and_help() {
        let (pattern, port) = (
            "it is a pattern, and hosts are compared as they are written",
            "it has a port, and a resource has every port of its hosts",
        );
        for (text, expected, help) in [
            ("*.example", pattern, "write each host"),
            (".example", pattern, "write each host"),
            ("", "it is not a host", "write a host, as in orders.example.com"),
            ("a b", "it is not a host", "write a host, as in orders.example.com"),
            ("a.example:8443", port, "write `a.example`"),
            (
                "a.example.",
                "it is not a host as requests name it",
                "write `a.example`",
            ),
            (
                "a.example/b",
                "it is not a host as requests name it",
                "write `a.example`",
            ),
            (
                "https://a.example",
                "it is not a host as requests name it",
                "write a host, as in orders.example.com",
            ),
            (
                "münchen.example",
                "it is not a host as requests name it",
                "write `xn--mnchen-3ya.example`",
            ),
            (
                "u@a.example",
                "it is not a host as requests name it",
                "write `a.example`",
            ),
        ] {
            assert_eq!(
                reason(Place::default().add_host(text)),
                (expected, help.to_owned()),
                "{text}"
            );
        }
        for text in ["localhost", "127.0.0.1", "[::1]", "A.example", "xn--mnchen-3ya.example"] {
            assert_eq!(Place::default().add_host(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_path_has_a_reason_and_help() {
        let pattern = "it is a pattern, and the beginning of a path is compared as it is written";
        let ambiguous = "write it without empty and dot segments, `;`, and escapes of separators";
        for (text, expected, help) in [
            (
                "/orders/*",
                pattern,
                "write `/orders`, which every path below it begins with",
            ),
            (
                "/orders/{id}/x",
                pattern,
                "write `/orders`, which every path below it begins with",
            ),
            ("/*", pattern, "write the beginning of its paths, as in /orders"),
            ("^/orders", pattern, "write the beginning of its paths, as in /orders"),
            ("orders", "it does not begin with a slash", "write `/orders`"),
            ("https://a.example/b", "it does not begin with a slash", "write `/b`"),
            ("/a?b", "it has a query or a fragment", "write `/a`"),
            ("/a#b", "it has a query or a fragment", "write `/a`"),
            ("/a/", "it ends with a slash", "write `/a`"),
            ("/a//b", "it is ambiguous, and no such path is accepted", ambiguous),
            ("/a/../b", "it is ambiguous, and no such path is accepted", ambiguous),
            ("/a%2fb", "it is ambiguous, and no such path is accepted", ambiguous),
        ] {
            assert_eq!(
                reason(Place::default().set_path(text)),
                (expected, help.to_owned()),
                "{text}"
            );
        }
        for (text, path) in [("/", ""), ("/a", "/a"), ("/a/b", "/a/b"), ("/a%20b", "/a b")] {
            let mut place = Place::default();
            place.set_path(text).unwrap();
            assert_eq!(place.path(), path);
        }
    }
}
