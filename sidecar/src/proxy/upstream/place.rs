//! Which requests an upstream receives: hosts, and the beginning of a path.

use actgate::request::{PathForm, PathPrefix};

/// The requests of an upstream. Without hosts and path it receives every request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// In lower case, without ports; empty is every host.
    hosts: Vec<Box<str>>,
    path: PathPrefix,
}

impl Place {
    /// `hosts` are names without ports.
    pub(crate) fn new(hosts: impl IntoIterator<Item = String>, path: PathPrefix) -> Place {
        Place {
            hosts: hosts.into_iter().map(|host| host.to_ascii_lowercase().into()).collect(),
            path,
        }
    }

    /// Whether every request is in this place.
    pub(crate) fn is_everything(&self) -> bool {
        *self == Place::default()
    }

    /// A request that is in two places is for the upstream with the greater one.
    pub(crate) fn specificity(&self) -> (bool, usize) {
        (!self.hosts.is_empty(), self.path.as_str().len())
    }

    /// Its hosts; none where it has every host.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().map(|host| &**host)
    }

    /// The beginning of its paths.
    pub(crate) fn prefix(&self) -> &PathPrefix {
        &self.path
    }

    /// Whether a request with this `Host` and this path is in this place.
    pub(crate) fn contains(&self, host: &str, path: &PathForm<'_>) -> bool {
        let is_of_host = || {
            let name = name(host);
            self.hosts.iter().any(|own| own.eq_ignore_ascii_case(name))
        };
        path.is_below(&self.path) && (self.hosts.is_empty() || is_of_host())
    }

    /// What both places have, in words, where neither is more specific.
    pub(crate) fn overlap(&self, other: &Place) -> Option<String> {
        if self.path != other.path || self.hosts.is_empty() != other.hosts.is_empty() {
            return None;
        }
        let common = self.hosts.iter().find(|host| other.hosts.contains(host));
        match (common, self.path.as_str()) {
            (None, _) if !self.hosts.is_empty() => None,
            (None, "") => Some("every request".to_owned()),
            (None, path) => Some(format!("the path `{path}`")),
            (Some(host), "") => Some(format!("the host `{host}`")),
            (Some(host), path) => Some(format!("the path `{path}` of the host `{host}`")),
        }
    }
}

/// The name in `host` or `host:port`, without the dot of a fully qualified name.
fn name(host: &str) -> &str {
    let end = match host.find(']') {
        Some(bracket) => bracket + 1,
        None => host.find(':').unwrap_or(host.len()),
    };
    let name = &host[..end];
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use actgate::Policy;
    use actgate::request::Target;
    use http::{Method, Uri};

    use super::*;

    fn place(hosts: &[&str], path: &str) -> Place {
        let path = match path {
            "" => PathPrefix::default(),
            path => PathPrefix::new(path).unwrap(),
        };
        Place::new(hosts.iter().map(|host| (*host).to_owned()), path)
    }

    fn contains(place: &Place, host: &str, path: &'static str) -> bool {
        let policy = Policy::from_yaml("{ spelling: exact, routes: [{ match: GET / }] }").unwrap();
        let uri = Uri::from_static(path);
        let target = Target::new(&Method::GET, &uri).unwrap();
        policy.choose_by_path(&target, [place.prefix()], |path| place.contains(host, path)) == Ok(true)
    }

    #[test]
    fn a_place_is_hosts_and_whole_segments() {
        let shop = place(&["Shop.example", "[::1]"], "/orders/");
        for (host, path) in [
            ("shop.example", "/orders"),
            ("SHOP.example.:8443", "/orders/7"),
            ("[::1]:80", "/orders/"),
        ] {
            assert!(contains(&shop, host, path), "{host} {path}");
        }
        for (host, path) in [
            ("other.example", "/orders"),
            ("shop.example.evil", "/orders"),
            ("shop.example", "/ordersx"),
            ("shop.example", "/"),
            ("", "/orders"),
        ] {
            assert!(!contains(&shop, host, path), "{host} {path}");
        }
        assert!(place(&[], "/").is_everything() && contains(&place(&[], ""), "any", "/x"));
    }

    #[test]
    fn hosts_come_before_paths() {
        let places = [
            place(&["a"], "/x"),
            place(&["a"], ""),
            place(&[], "/x/y"),
            place(&[], "/x"),
            place(&[], ""),
        ];
        assert!(places.is_sorted_by(|more, less| more.specificity() > less.specificity()));
    }

    #[test]
    fn equal_places_overlap() {
        let overlap = |one: &Place, other: &Place| one.overlap(other);
        assert_eq!(
            overlap(&place(&[], ""), &place(&[], "/")).as_deref(),
            Some("every request")
        );
        assert_eq!(
            overlap(&place(&[], "/a"), &place(&[], "/a/")).as_deref(),
            Some("the path `/a`")
        );
        let both = overlap(&place(&["a", "b"], "/x"), &place(&["B"], "/x"));
        assert_eq!(both.as_deref(), Some("the path `/x` of the host `b`"));
        assert_eq!(
            overlap(&place(&["a"], ""), &place(&["a"], "")).as_deref(),
            Some("the host `a`")
        );
        for (one, other) in [
            (place(&["a"], ""), place(&["b"], "")),
            (place(&["a"], ""), place(&[], "")),
            (place(&[], "/a"), place(&[], "/b")),
            (place(&["a"], "/a"), place(&["a"], "")),
        ] {
            assert_eq!(overlap(&one, &other), None);
        }
    }
}
