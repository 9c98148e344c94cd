//! The routes of a policy. The most specific path wins, then the most specific method.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use actgate_yaml::{Diagnostics, Spanned};

use super::foreign::Explanation;
use super::requirement::Requirement;
use super::route_pattern::{Closeness, Pattern};

/// Every route of a policy, to be searched by method and path.
#[derive(Debug, Default)]
pub(super) struct RouteTable {
    routes: Vec<Route>,
    patterns: Vec<Pattern>,
    methods: Vec<(Box<str>, matchit::Router<usize>)>,
    /// For every method that no route names.
    others: matchit::Router<usize>,
}

/// One `METHODS PATH` with its access.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: Arc<str>,
    pub(crate) access: Access,
}

/// What a request needs.
#[derive(Debug)]
pub(crate) enum Access {
    /// Nothing: a token is not read.
    Public,
    /// A token whose facts meet the requirement.
    Guarded(Arc<Requirement>),
}

impl RouteTable {
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.routes.iter().map(|route| &*route.name)
    }

    pub(super) fn requirements(&self) -> impl Iterator<Item = &Arc<Requirement>> {
        self.routes.iter().filter_map(|route| match &route.access {
            Access::Public => None,
            Access::Guarded(requirement) => Some(requirement),
        })
    }

    /// The route for a request. `path` has its escapes resolved.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<&Route> {
        let named = self.methods.iter().find(|(name, _)| **name == *method);
        let router = named.map_or(&self.others, |(_, router)| router);
        self.routes.get(*router.at(path).ok()?.value)
    }

    /// Adds one `METHODS PATH`, or reports what is wrong in it.
    pub(super) fn add(&mut self, written: &Spanned<String>, access: Access, diagnostics: &mut Diagnostics) {
        match Pattern::parse(written) {
            Ok((pattern, name)) => {
                self.routes.push(Route { name, access });
                self.patterns.push(pattern);
            }
            Err(Explanation { reason, help }) => {
                let shown = written.value.replace(char::is_control, " ");
                let message = format!("`{shown}` is not a route: {reason}");
                diagnostics.push(written.span(), message, help);
            }
        }
    }

    /// Builds the routers, one a method, and reports ties.
    pub(super) fn finish(&mut self, diagnostics: &mut Diagnostics) {
        let named = self.patterns.iter().flat_map(|pattern| &pattern.methods);
        let names: BTreeSet<Box<str>> = named.cloned().chain(["HEAD".into()]).collect();
        for name in names {
            let router = self.router(&name, diagnostics);
            self.methods.push((name, router));
        }
        self.others = self.router("", diagnostics);
    }

    /// The router of one method; no route names the empty one.
    fn router(&self, method: &str, diagnostics: &mut Diagnostics) -> matchit::Router<usize> {
        // On one path only the closest route counts; the others never match a request of this method.
        let mut closest: HashMap<String, (Closeness, usize)> = HashMap::new();
        for (index, pattern) in self.patterns.iter().enumerate() {
            let Some(closeness) = pattern.closeness(method) else {
                continue;
            };
            let shape = pattern.shape();
            match closest.get(&shape) {
                Some((other, first)) if *other == closeness => self.tie(*first, index, diagnostics),
                Some((other, _)) if *other > closeness => {}
                _ => {
                    closest.insert(shape, (closeness, index));
                }
            }
        }
        let mut indices: Vec<usize> = closest.into_values().map(|(_, index)| index).collect();
        indices.sort_unstable();
        let mut router = matchit::Router::new();
        for index in indices {
            let pattern = &self.patterns[index];
            match router.insert(&pattern.path, index) {
                Ok(()) => {}
                Err(matchit::InsertError::Conflict { with }) => {
                    let first = self.patterns.iter().position(|other| other.path == with);
                    self.tie(first.unwrap_or(index), index, diagnostics);
                }
                Err(error) => {
                    let message = format!("`{}` is not a path: {error}", pattern.path);
                    let help = "write `{name}` for one segment and `{*rest}` for the rest of a path";
                    diagnostics.push(pattern.span, message, help);
                }
            }
        }
        router
    }

    fn tie(&self, first: usize, second: usize, diagnostics: &mut Diagnostics) {
        let message = format!(
            "`{}` matches the same requests as `{}` in line {}",
            self.routes[second].name, self.routes[first].name, self.patterns[first].span.line
        );
        let help = "join the two, or make one more specific";
        diagnostics.push(self.patterns[second].span, message, help);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(patterns: &[&str]) -> Result<RouteTable, Diagnostics> {
        let mut table = RouteTable::default();
        let mut diagnostics = Diagnostics::default();
        for (index, pattern) in patterns.iter().enumerate() {
            let written = Spanned {
                value: (*pattern).to_owned(),
                line: index as u64 + 1,
                column: 5,
            };
            table.add(&written, Access::Public, &mut diagnostics);
        }
        table.finish(&mut diagnostics);
        if diagnostics.is_empty() {
            Ok(table)
        } else {
            Err(diagnostics)
        }
    }

    fn found(patterns: &[&str], method: &str, path: &str) -> Option<String> {
        table(patterns)
            .unwrap()
            .find(method, path)
            .map(|route| route.name.to_string())
    }

    #[test]
    fn the_most_specific_path_wins_then_the_most_specific_method() {
        let routes = [
            "GET /orders/{id}",
            "* /orders/new",
            "* /orders/{any}",
            "GET,POST /{*rest}",
        ];
        assert_eq!(found(&routes, "GET", "/orders/7").as_deref(), Some("GET /orders/{id}"));
        assert_eq!(found(&routes, "GET", "/orders/new").as_deref(), Some("* /orders/new"));
        assert_eq!(
            found(&routes, "DELETE", "/orders/7").as_deref(),
            Some("* /orders/{any}")
        );
        assert_eq!(found(&routes, "PURGE", "/orders/new").as_deref(), Some("* /orders/new"));
        assert_eq!(found(&routes, "POST", "/x/y").as_deref(), Some("GET,POST /{*rest}"));
        assert_eq!(found(&routes, "DELETE", "/x/y"), None);
        assert_eq!(found(&routes, "get", "/orders/new").as_deref(), Some("* /orders/new"));
        assert_eq!(found(&["GET /a"], "get", "/a"), None);
    }

    #[test]
    fn get_covers_head_unless_head_is_named() {
        assert_eq!(found(&["GET /a", "* /a"], "HEAD", "/a").as_deref(), Some("GET /a"));
        assert_eq!(found(&["GET /a", "HEAD /a"], "HEAD", "/a").as_deref(), Some("HEAD /a"));
        assert_eq!(found(&["POST /a"], "HEAD", "/a"), None);
    }

    #[test]
    fn segments_match_whole_and_with_case() {
        for path in ["/orders", "/ordersx", "/orders/", "/Orders/7", "/orders/7/8", "/order"] {
            assert_eq!(found(&["GET /orders/{id}"], "GET", path), None, "{path}");
        }
    }

    #[test]
    fn ties_are_reported_with_both_places() {
        for pair in [
            ["GET /a/{x}", "GET /a/{y}"],
            ["GET /a", "POST,GET /a"],
            ["* /a", "* /a"],
            ["GET /{*a}", "GET /{*b}"],
        ] {
            let tie = table(&pair).unwrap_err().to_string();
            assert!(
                tie.starts_with("2:5: ") && tie.contains("matches the same requests"),
                "{tie}"
            );
        }
    }

    #[test]
    fn a_pattern_that_is_not_a_route_is_reported() {
        for pattern in [
            "",
            "GET",
            "/a",
            "GET a",
            "get /a",
            "GET, POST /a",
            "GET /a /b",
            "GET /a//b",
            "GET /a/../b",
            "GET /a%20b",
            "GET /a?b",
            "GET /a;b",
            "GET /{a",
            "GET /{*a}/b",
            ",GET /a",
            "*,GET /a",
            "GET /{}",
        ] {
            assert!(table(&[pattern]).is_err(), "{pattern}");
        }
    }
}
