//! The routers of a policy: one a method, for the paths as they are written and for every folding of their spelling.

use std::collections::{BTreeSet, HashMap};

use actgate_yaml::Diagnostics;
use matchit::InsertError;

use super::methods;
use super::route_pattern::{Closeness, Pattern};
use super::segment::Segment;
use super::spelling::Spelling;
use crate::request::Folding;

/// The number of methods that the routes of a policy may name, and `HEAD`: each has routers of its own.
const MAX_METHODS: usize = 64;

/// Finds the number of a route by folding, method and path.
#[derive(Debug, Default)]
pub(super) struct Routers {
    /// The differences in spelling that the patterns themselves have.
    differences: Folding,
    /// The methods that a route names, and `HEAD`.
    names: Vec<Box<str>>,
    foldings: Vec<(Folding, ByMethod)>,
}

/// Routers in the order of the names; the last is for every registered method that no route names.
type ByMethod = Vec<matchit::Router<usize>>;

/// A route, and the class of its access.
pub(super) struct Candidate<'p> {
    pub(super) pattern: &'p Pattern,
    pub(super) name: &'p str,
    pub(super) class: usize,
    pub(super) place: Place,
}

/// Which requests lead to a route.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Those of its methods and its path.
    Path,
    /// Those of its path, and it has the routes of all messages with it.
    Endpoint,
    /// None: another route of its path is the endpoint.
    Message,
}

impl Routers {
    /// Builds the routers, and reports routes that match the same requests.
    pub(super) fn new(routes: &[Candidate<'_>], spelling: Spelling, diagnostics: &mut Diagnostics) -> Self {
        let named = routes.iter().flat_map(|route| &route.pattern.methods);
        let names: BTreeSet<Box<str>> = named.cloned().chain(["HEAD".into()]).collect();
        let names: Vec<Box<str>> = names.into_iter().collect();
        if names.len() > MAX_METHODS {
            let message = format!("the routes name more than {MAX_METHODS} methods");
            let last = routes.last().map(|route| route.pattern.span).unwrap_or_default();
            diagnostics.push(last, message, "write `*` for every registered method");
            return Routers::default();
        }
        let builder = Builder { routes, diagnostics };
        builder.build(names, spelling)
    }

    /// The methods that a route names, and `HEAD`.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// The differences in spelling that the patterns themselves have.
    pub(super) fn differences(&self) -> Folding {
        self.differences
    }

    /// The number of the route under a folding, which is applied to `path` already.
    pub(super) fn at(&self, folding: Folding, method: &str, path: &str) -> Option<usize> {
        // A folding of differences that no pattern has leaves the patterns as they are.
        let folding = folding.intersection(self.differences);
        let mut foldings = self.foldings.iter();
        let (_, routers) = foldings.find(|(other, _)| *other == folding)?;
        self.find(routers, method, path)
    }

    /// The number of the route for a path as it is written.
    pub(super) fn exact(&self, method: &str, path: &str) -> Option<usize> {
        // The empty folding is the first.
        let (_, routers) = self.foldings.first()?;
        self.find(routers, method, path)
    }

    fn find(&self, routers: &ByMethod, method: &str, path: &str) -> Option<usize> {
        // The first letter is compared by itself: most other methods differ in it.
        let first = method.as_bytes().first();
        let mut names = self.names.iter();
        let named = names.position(|name| name.as_bytes().first() == first && **name == *method);
        let index = match named {
            Some(index) => index,
            None if methods::is_registered(method) => self.names.len(),
            None => return None,
        };
        Some(*routers.get(index)?.at(path).ok()?.value)
    }
}

struct Builder<'r, 'p, 'd> {
    routes: &'r [Candidate<'p>],
    diagnostics: &'d mut Diagnostics,
}

impl Builder<'_, '_, '_> {
    fn build(mut self, names: Vec<Box<str>>, spelling: Spelling) -> Routers {
        let shapes = self.routes.iter().map(|route| Folding::of(&route.pattern.shape()));
        let differences = match spelling {
            Spelling::Folded => shapes.fold(Folding::default(), Folding::union),
            Spelling::Exact => Folding::default(),
        };
        // No route names the empty method.
        let methods = names.iter().map(|name| &**name).chain([""]);
        let closest: Vec<Vec<usize>> = methods.map(|method| self.closest(method)).collect();
        let foldings = differences.subsets().map(|folding| {
            let routers = closest.iter().map(|indices| self.router(indices, folding));
            (folding, routers.collect())
        });
        Routers {
            foldings: foldings.collect(),
            differences,
            names,
        }
    }

    /// The routes that a request of a method can match. On one path only the closest route counts.
    fn closest(&mut self, method: &str) -> Vec<usize> {
        let mut closest: HashMap<String, (Closeness, usize)> = HashMap::new();
        let is_of_path = |(_, route): &(usize, &Candidate<'_>)| route.place == Place::Path;
        for (index, Candidate { pattern, .. }) in self.routes.iter().enumerate().filter(is_of_path) {
            let Some(closeness) = pattern.closeness(method) else {
                continue;
            };
            let shape = pattern.shape();
            match closest.get(&shape) {
                Some((other, first)) if *other == closeness => {
                    let help = "join the two, or make one more specific";
                    self.tie(*first, index, "matches the same requests as", help);
                }
                Some((other, _)) if *other > closeness => {}
                _ => {
                    closest.insert(shape, (closeness, index));
                }
            }
        }
        // A route of the same path that names POST, too, is one of those that the endpoint has with it.
        for (index, Candidate { pattern, place, .. }) in self.routes.iter().enumerate() {
            if *place == Place::Endpoint
                && let Some(closeness) = pattern.closeness(method)
            {
                closest.insert(pattern.shape(), (closeness, index));
            }
        }
        let mut indices: Vec<usize> = closest.into_values().map(|(_, index)| index).collect();
        indices.sort_unstable();
        indices
    }

    fn router(&mut self, indices: &[usize], folding: Folding) -> matchit::Router<usize> {
        let mut router = matchit::Router::new();
        let mut shapes: HashMap<String, usize> = HashMap::new();
        let mut inserted: HashMap<String, usize> = HashMap::new();
        for &index in indices {
            let Candidate { pattern, class, .. } = self.routes[index];
            let shape = folding.apply(&pattern.shape()).into_owned();
            if let Some(&first) = shapes.get(&shape) {
                // Each would deny the requests of the other.
                if self.routes[first].class != class {
                    let help =
                        "give both the same requirement, or write `spelling: exact` if the API distinguishes them";
                    self.tie(first, index, "differs only in spelling from", help);
                }
                continue;
            }
            shapes.insert(shape, index);
            let path = folding.apply(&pattern.path).into_owned();
            let Err(error) = router.insert(&*path, index) else {
                inserted.insert(path, index);
                continue;
            };
            let other = match &error {
                InsertError::Conflict { with } => inserted.get(with).copied(),
                _ => None,
            };
            match other {
                Some(other) => self.conflict(other, index),
                None => {
                    let message = format!("`{}` is not a path: {error}", pattern.path);
                    let help = "write `{name}` for one segment and `{*rest}` for the rest of a path";
                    self.diagnostics.push(pattern.span, message, help);
                }
            }
        }
        router
    }

    /// One route has a name for a segment where the other has the rest of the path.
    fn conflict(&mut self, first: usize, second: usize) {
        let (first, second) = (&self.routes[first], &self.routes[second]);
        let (rest, other) = match second.pattern.segments.last() {
            Some(Segment::CatchAll(_)) => (second, first),
            _ => (first, second),
        };
        let count = rest.pattern.segments.len();
        let shared: String = other
            .pattern
            .segments
            .iter()
            .take(count)
            .map(|segment| format!("/{segment}"))
            .collect();
        let message = format!(
            "`{}` has the rest of a path where `{}` in line {} has a segment of any name",
            rest.name, other.name, other.pattern.span.line
        );
        let help = format!(
            "write `{shared}/{{*rest}}` for the paths below the segment, and `{shared}` for the segment itself"
        );
        self.diagnostics.push(rest.pattern.span, message, help);
    }

    fn tie(&mut self, first: usize, second: usize, relation: &str, help: &str) {
        let (first, second) = (&self.routes[first], &self.routes[second]);
        let line = first.pattern.span.line;
        let message = format!("`{}` {relation} `{}` in line {line}", second.name, first.name);
        self.diagnostics.push(second.pattern.span, message, help);
    }
}
