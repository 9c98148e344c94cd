//! Upstreams whose paths another spelling makes the same: no request would reach them.

use actgate::Policy;
use actgate::request::{PathPrefix, Target};
use actgate_yaml::Spanned;
use http::{Method, Uri};

use super::reader::ConfigReader;
use crate::config::document::Document;

/// The requests of an entry of `upstreams` that has a path.
struct Entry<'d> {
    written: &'d Spanned<String>,
    path: PathPrefix,
    /// Empty is every host.
    hosts: Vec<&'d str>,
}

impl ConfigReader<'_> {
    /// Reports upstreams between which the spelling of a path decides. The gate denies such a request, so that it would
    /// deny all of theirs.
    pub(super) fn upstream_spellings(&mut self, document: &Document, policy: &Policy) {
        let mut read: Vec<Entry<'_>> = Vec::new();
        for entry in document.upstreams.iter().flat_map(|written| &written.value) {
            let hosts = entry.value.hosts.iter().flat_map(|hosts| &hosts.value);
            let Some(written) = &entry.value.path else {
                continue;
            };
            let Ok(path) = PathPrefix::new(&written.value) else {
                continue;
            };
            let entry = Entry {
                written,
                path,
                hosts: hosts.map(|host| &*host.value).collect(),
            };
            if let Some(other) = read.iter().find(|other| entry.is_ambiguous_beside(other, policy)) {
                let message = format!(
                    "`{}` and `{}` of another upstream differ in spelling alone: requests for either are denied",
                    entry.written.value, other.written.value
                );
                let help = "name another path, or add `spelling: exact` to the policy where every server distinguishes the \
                            spellings";
                self.diagnostics.push(entry.written.span(), message, help);
            }
            read.push(entry);
        }
    }
}

impl Entry<'_> {
    /// Whether a request for the path of one of both may be for the other, by the spelling that a server reads.
    fn is_ambiguous_beside(&self, other: &Entry<'_>, policy: &Policy) -> bool {
        let both = [&self.path, &other.path];
        let is_ambiguous = |path: &PathPrefix| {
            let uri = path.as_str().parse::<Uri>().ok();
            let target = uri.as_ref().and_then(|uri| Target::new(&Method::GET, uri).ok());
            target.is_some_and(|target| {
                let chosen = policy.choose_by_path(&target, both, |form| both.map(|prefix| form.is_below(prefix)));
                chosen.is_err()
            })
        };
        self.path != other.path && self.has_host_of(other) && both.into_iter().any(is_ambiguous)
    }

    fn has_host_of(&self, other: &Entry<'_>) -> bool {
        let is_common = |host: &&str| other.hosts.iter().any(|other| other.eq_ignore_ascii_case(host));
        self.hosts.is_empty() || other.hosts.is_empty() || self.hosts.iter().any(is_common)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::parse;

    fn mistakes(upstreams: &str, policy: &str) -> Vec<String> {
        let text = format!(
            "upstreams: [{{ url: http://a }}, {upstreams}]\nlisten: 127.0.0.1:8080\naudience: a\n\
             issuers: [{{ issuer: https://idp.example }}]\n{policy}routes: [{{ match: GET /, public: true }}]\n"
        );
        let found = parse(Path::new("actgate.yaml"), &text).err();
        let found = found.iter().flat_map(|mistakes| mistakes.iter());
        found
            .map(|mistake| mistake.to_string().replace("actgate.yaml:", ""))
            .collect()
    }

    #[test]
    fn paths_that_differ_in_spelling_alone_are_reported() {
        for (other, path) in [
            ("path: /Orders", "/Orders"),
            ("path: /orders.", "/orders."),
            ("path: /Orders, hosts: [a.example]", "/Orders"),
        ] {
            let found = mistakes(
                &format!("{{ url: http://b, path: /orders }}, {{ url: http://c, {other} }}"),
                "",
            );
            let expected = format!(
                "1:89: `{path}` and `/orders` of another upstream differ in spelling alone: requests for either are denied\n  \
                 help: name another path, or add `spelling: exact` to the policy where every server distinguishes the spellings"
            );
            assert_eq!(found, [expected], "{other}");
        }
    }

    #[test]
    fn paths_that_a_spelling_does_not_join_are_not() {
        for (one, other, policy) in [
            ("path: /orders", "path: /Orders", "spelling: exact\n"),
            ("path: /orders", "path: /orders/Items", ""),
            ("path: /Orders", "path: /refunds", ""),
            (
                "path: /orders, hosts: [a.example]",
                "path: /Orders, hosts: [b.example]",
                "",
            ),
        ] {
            let found = mistakes(
                &format!("{{ url: http://b, {one} }}, {{ url: http://c, {other} }}"),
                policy,
            );
            assert!(found.is_empty(), "{one}; {other}: {found:?}");
        }
    }
}
