//! Routes: which demands a request meets. The most specific path wins, then the most specific method.

use std::collections::HashMap;
use std::sync::Arc;

use super::demands::mistake;
use super::requirement::Requirement;
use crate::yaml::{At, YamlError as PolicyError};

/// Every route of a policy, to be searched by method and path.
#[derive(Debug, Default)]
pub(super) struct RouteTable {
    routes: Vec<Route>,
    patterns: Vec<Pattern>,
    methods: Vec<(Box<str>, matchit::Router<usize>)>,
    /// For every method that no route names.
    others: matchit::Router<usize>,
}

/// One `METHODS PATH` with what it demands.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: Arc<str>,
    pub(crate) access: Access,
}

/// Who may pass.
#[derive(Debug)]
pub(crate) enum Access {
    /// Everybody; a token is not even looked at.
    Public,
    /// Whoever meets the requirement.
    Guarded(Arc<Requirement>),
}

/// The written form of a route, until the table is finished.
#[derive(Debug)]
struct Pattern {
    methods: Methods,
    path: String,
    place: At<()>,
}

#[derive(Debug)]
enum Methods {
    Any,
    Named(Vec<Box<str>>),
}

/// How closely a route names a method; a closer one wins on the same path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Closeness {
    Any,
    GetForHead,
    Named,
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

    pub(super) fn add(&mut self, written: &str, access: Access, place: &At<()>) -> Result<(), PolicyError> {
        let refuse = |reason: &str| {
            Err(mistake(
                place,
                format!("`{written}` is no route: {reason}"),
                "write it as `GET /orders/{id}`",
            ))
        };
        let mut words = written.split_ascii_whitespace();
        let (Some(methods), Some(path), None) = (words.next(), words.next(), words.next()) else {
            return refuse("it is not `METHODS PATH`");
        };
        let name: Arc<str> = format!("{methods} {path}").into();
        let methods = if methods == "*" {
            Methods::Any
        } else {
            let names: Vec<Box<str>> = methods.split(',').map(Into::into).collect();
            let is_method =
                |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
            if !names.iter().all(|name| is_method(name)) {
                return refuse("methods are in upper case, several are parted by commas, `*` is any");
            }
            Methods::Named(names)
        };
        if let Err(reason) = check_path(path) {
            return refuse(reason);
        }
        self.routes.push(Route { name, access });
        self.patterns.push(Pattern {
            methods,
            path: path.to_owned(),
            place: place.clone(),
        });
        Ok(())
    }

    /// Builds the routers, one a method, and refuses ties.
    pub(super) fn finish(&mut self) -> Result<(), PolicyError> {
        let mut names: Vec<Box<str>> = vec!["HEAD".into()];
        for pattern in &self.patterns {
            if let Methods::Named(methods) = &pattern.methods {
                names.extend(methods.iter().cloned());
            }
        }
        names.sort_unstable();
        names.dedup();
        for name in names {
            let router = self.router(|methods| match methods {
                Methods::Any => Some(Closeness::Any),
                Methods::Named(methods) if methods.contains(&name) => Some(Closeness::Named),
                Methods::Named(methods) if *name == *"HEAD" && methods.iter().any(|method| **method == *"GET") => {
                    Some(Closeness::GetForHead)
                }
                Methods::Named(_) => None,
            })?;
            self.methods.push((name, router));
        }
        self.others = self.router(|methods| match methods {
            Methods::Any => Some(Closeness::Any),
            Methods::Named(_) => None,
        })?;
        Ok(())
    }

    fn router(&self, closeness: impl Fn(&Methods) -> Option<Closeness>) -> Result<matchit::Router<usize>, PolicyError> {
        // On one path only the closest route counts; the others never see a request of this method.
        let mut closest: HashMap<String, (Closeness, usize)> = HashMap::new();
        for (index, pattern) in self.patterns.iter().enumerate() {
            let Some(closeness) = closeness(&pattern.methods) else {
                continue;
            };
            let shape = shape(&pattern.path);
            match closest.get(&shape) {
                Some((other, first)) if *other == closeness => return Err(self.tie(*first, index)),
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
            router.insert(&pattern.path, index).map_err(|error| match error {
                matchit::InsertError::Conflict { with } => {
                    let first = self
                        .patterns
                        .iter()
                        .position(|other| other.path == with)
                        .unwrap_or(index);
                    self.tie(first, index)
                }
                error => {
                    let message = format!("`{}` is no path: {error}", pattern.path);
                    mistake(
                        &pattern.place,
                        message,
                        "write `{name}` for one segment and `{*rest}` for the rest of a path",
                    )
                }
            })?;
        }
        Ok(router)
    }

    fn tie(&self, first: usize, second: usize) -> PolicyError {
        let message = format!(
            "`{}` takes the same requests as `{}` in line {}",
            self.routes[second].name, self.routes[first].name, self.patterns[first].place.line
        );
        mistake(
            &self.patterns[second].place,
            message,
            "join the two, or make one more specific",
        )
    }
}

/// The path with every parameter alike, so that two routes for the same requests look the same.
fn shape(path: &str) -> String {
    let segment = |segment: &str| {
        if segment.starts_with("{*") {
            "{*}".to_owned()
        } else if segment.starts_with('{') && !segment.starts_with("{{") {
            "{}".to_owned()
        } else {
            segment.to_owned()
        }
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// A path that no request can have, or that says something else than it seems to, is refused.
fn check_path(path: &str) -> Result<(), &'static str> {
    let Some(rest) = path.strip_prefix('/') else {
        return Err("the path begins with a slash");
    };
    if path.contains('%') {
        return Err("the path is written without escapes: `é`, not `%C3%A9`");
    }
    if path.contains(['?', '#', ';', '\\']) || path.chars().any(char::is_control) {
        return Err("the path holds a character that no judged path has");
    }
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        if matches!(segment, "." | "..") || (segment.is_empty() && segments.peek().is_some()) {
            return Err("the path holds an empty or dot segment, which no judged path has");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(patterns: &[&str]) -> Result<RouteTable, PolicyError> {
        let mut table = RouteTable::default();
        for (index, pattern) in patterns.iter().enumerate() {
            let place = At {
                value: (),
                line: index as u64 + 1,
                column: 5,
            };
            table.add(pattern, Access::Public, &place)?;
        }
        table.finish()?;
        Ok(table)
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
    fn ties_are_refused_with_both_places() {
        for pair in [
            ["GET /a/{x}", "GET /a/{y}"],
            ["GET /a", "POST,GET /a"],
            ["* /a", "* /a"],
            ["GET /{*a}", "GET /{*b}"],
        ] {
            let tie = table(&pair).unwrap_err();
            assert!(tie.message.contains("takes the same requests"), "{tie}");
            assert_eq!(tie.line, 2);
        }
    }

    #[test]
    fn what_is_no_route_is_refused() {
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
