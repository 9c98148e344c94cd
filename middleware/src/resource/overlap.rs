//! Resources that cannot be protected together.

use super::Resource;
use crate::error::ConfigError;
use crate::request::Folding;

/// How much of a path decides its resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathComparison {
    /// Paths that differ in spelling only belong to one resource.
    Folded,
    Exact,
}

/// Why the resources cannot be protected together, at the later resource of each pair.
pub(crate) fn overlaps(resources: &[Resource], comparison: PathComparison) -> Vec<ConfigError> {
    let mut found = Vec::new();
    let several = resources.len() > 1;
    for (index, resource) in resources.iter().enumerate() {
        let mut report = |reason: String, help: String| {
            found.push(ConfigError::Overlap {
                resource: resource.identifier().to_owned(),
                reason,
                help,
            });
        };
        if several && !resource.place.is_stated() {
            let help = "write the hosts that requests to it name, or the path that they begin with; `/` is every path";
            report("it has no place among several resources".to_owned(), help.to_owned());
        }
        for earlier in &resources[..index] {
            let other = earlier.identifier();
            if resource.identifier() == other {
                report(
                    "it is named twice".to_owned(),
                    "keep one entry, with every host".to_owned(),
                );
            } else if let Some(place) = common_place(resource, earlier, comparison) {
                let help = "name other hosts or another path for one of them".to_owned();
                report(format!("it has {place} as `{other}` does"), help);
            } else if let Some(path) = common_metadata(resource, earlier) {
                let help = "name the hosts of both, or identifiers with different paths".to_owned();
                report(format!("its metadata is at `{path}`, where that of `{other}` is"), help);
            }
        }
    }
    found
}

/// The place in words that both have, where neither is more specific.
fn common_place(one: &Resource, other: &Resource, comparison: PathComparison) -> Option<String> {
    let spelled = |resource: &Resource| match comparison {
        PathComparison::Exact => resource.place.path().to_owned(),
        PathComparison::Folded => Folding::of(resource.place.path())
            .apply(resource.place.path())
            .into_owned(),
    };
    let (one, other, same) = (&one.place, &other.place, spelled(one) == spelled(other));
    if !same || one.has_hosts() != other.has_hosts() || !one.is_stated() || !other.is_stated() {
        return None;
    }
    let host = one.common_host(other)?;
    Some(match (host, one.path()) {
        ("", "") => "every request".to_owned(),
        ("", path) => format!("the path `{path}`"),
        (host, "") => format!("the host `{host}`"),
        (host, path) => format!("the path `{path}` of the host `{host}`"),
    })
}

/// The path of the metadata that both have on a host.
fn common_metadata<'r>(one: &'r Resource, other: &Resource) -> Option<&'r str> {
    let is_common = one.place.has_hosts() == other.place.has_hosts()
        && one.publication.is_here()
        && other.publication.is_here()
        && one.identifier.metadata_path == other.identifier.metadata_path
        && one.place.common_host(&other.place).is_some();
    is_common.then_some(&one.identifier.metadata_path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(identifier: &str, hosts: &[&str], path: Option<&str>) -> Resource {
        let mut resource = Resource::new(identifier).unwrap();
        for host in hosts {
            resource = resource.host(host).unwrap();
        }
        match path {
            Some(path) => resource.path(path).unwrap(),
            None => resource,
        }
    }

    fn reasons(resources: &[Resource]) -> Vec<String> {
        let found = overlaps(resources, PathComparison::Folded).into_iter();
        let found = found.map(|error| match error {
            ConfigError::Overlap { resource, reason, .. } => format!("{resource}: {reason}"),
            other => panic!("{other:?}"),
        });
        found.collect()
    }

    #[test]
    fn resources_with_different_places_are_protected_together() {
        for resources in [
            vec![resource("https://a.example", &[], None)],
            vec![
                resource("https://a.example", &["a.example"], None),
                resource("https://b.example", &["b.example"], None),
            ],
            vec![
                resource("https://a.example", &[], Some("/")),
                resource("https://a.example/b", &[], Some("/b")),
                resource("https://a.example/b/c", &[], Some("/b/c")),
            ],
            vec![
                resource("https://a.example", &["a.example"], None),
                resource("https://a.example/b", &["a.example"], Some("/b")),
                resource("https://c.example/b", &[], Some("/b")),
            ],
        ] {
            assert_eq!(reasons(&resources), [""; 0]);
        }
    }

    #[test]
    fn a_request_has_one_resource() {
        for (other, reason) in [
            (
                resource("https://a.example", &["x.example"], None),
                "https://a.example: it is named twice",
            ),
            (
                resource("https://b.example", &["b.example", "A.example"], None),
                "https://b.example: it has the host `a.example` as `https://a.example` does",
            ),
            (resource("https://b.example", &["b.example"], None), ""),
            (
                resource("https://b.example", &[], None),
                "https://b.example: it has no place among several resources",
            ),
        ] {
            let reasons = reasons(&[resource("https://a.example", &["a.example"], None), other]);
            assert_eq!(reasons.join("\n").split('\n').next(), Some(reason));
        }
        let paths = |one, other| {
            let (one, other) = (
                resource("https://a.example/x", &[], Some(one)),
                resource("https://a.example/y", &[], Some(other)),
            );
            reasons(&[one, other])
        };
        assert_eq!(paths("/a", "/b"), [""; 0]);
        assert_eq!(
            paths("/a", "/A"),
            ["https://a.example/y: it has the path `/A` as `https://a.example/x` does"]
        );
        assert_eq!(
            paths("/", "/"),
            ["https://a.example/y: it has every request as `https://a.example/x` does"]
        );
        let metadata = [
            resource("https://a.example", &[], Some("/a")),
            resource("https://b.example", &[], Some("/b")),
        ];
        let reason = "https://b.example: its metadata is at `/.well-known/oauth-protected-resource`, where that of `https://a.example` is";
        assert_eq!(reasons(&metadata), [reason]);
        let elsewhere = metadata.map(|resource| resource.metadata_at("https://docs.example").unwrap());
        assert_eq!(reasons(&elsewhere), [""; 0]);
        let exact = [
            resource("https://a.example/x", &[], Some("/a")),
            resource("https://a.example/y", &[], Some("/A")),
        ];
        assert_eq!(overlaps(&exact, PathComparison::Exact), []);
    }
}
