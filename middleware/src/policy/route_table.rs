//! The routes of a policy. The most specific path wins, then the most specific method, then the most specific message of MCP.

use std::collections::BTreeMap;
use std::sync::Arc;

use actgate_yaml::{Diagnostics, Spanned};

use super::escaped_slash::EscapedSlash;
use super::exact::shown;
use super::foreign::Explanation;
use super::limit::Limit;
use super::mcp::McpMatch;
use super::refinements::{Refined, Refinements};
use super::requirement::Requirement;
use super::route_pattern::{Closeness, Overlap, Pattern};
use super::routers::{Candidate, Place, Routers};
use super::spelling::{Ambiguity, Spelling};
use crate::error::Error;
use crate::request::{Folding, McpCall, PathForms, RESOURCES_READ, is_normal_uri};

/// Every route of a policy, to be searched by method and path.
#[derive(Debug, Default)]
pub(super) struct RouteTable {
    routes: Vec<Route>,
    patterns: Vec<Pattern>,
    spelling: Spelling,
    routers: Routers,
    /// Whether a route is for messages of MCP.
    pub(super) has_endpoints: bool,
    /// The first route of each access, by the fingerprint of the access.
    leaders: BTreeMap<u64, Vec<usize>>,
}

/// One `METHODS PATH` with its access.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) number: usize,
    pub(crate) name: Arc<str>,
    pub(crate) access: Access,
    /// Whether an escaped slash is a part of its segment.
    pub(super) escaped_slash: EscapedSlash,
    /// The number of the first route with an equal access; of an MCP endpoint, a number of its own, which it has in common
    /// with those whose routes give every message the same access.
    class: usize,
    /// The first route with `mcp` of its path is found for all of them.
    refinements: Option<Box<Refinements>>,
}

impl Route {
    /// Whether the message decides which route of the path applies.
    pub(crate) fn is_mcp_endpoint(&self) -> bool {
        self.refinements.is_some()
    }

    pub(super) fn has_access_of(&self, other: &Route) -> bool {
        self.class == other.class
    }
}

/// What a request needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing: a token is not read.
    Public,
    /// A token whose facts meet the requirement.
    Guarded(Arc<Requirement>),
}

impl Access {
    /// A number that equal accesses have in common.
    fn fingerprint(&self) -> u64 {
        match self {
            Access::Public => 0,
            Access::Guarded(requirement) => requirement.fingerprint(),
        }
    }

    /// Whether it requires everything that the other one requires.
    pub(super) fn requires_all_of(&self, other: &Access) -> bool {
        match (self, other) {
            (_, Access::Public) => true,
            (Access::Public, Access::Guarded(_)) => false,
            (Access::Guarded(one), Access::Guarded(other)) => one.implies(other),
        }
    }

    /// Whether the requests of the other one, as far as it has a limit, are counted with those of this one.
    pub(super) fn has_limit_of(&self, other: &Access) -> bool {
        match (self.limit(), other.limit()) {
            (_, None) => true,
            (own, other) => own == other,
        }
    }

    fn limit(&self) -> Option<&Limit> {
        match self {
            Access::Public => None,
            Access::Guarded(requirement) => requirement.limit(),
        }
    }
}

impl RouteTable {
    pub(super) fn new(spelling: Spelling) -> Self {
        RouteTable {
            spelling,
            ..RouteTable::default()
        }
    }

    pub(super) fn spelling(&self) -> Spelling {
        self.spelling
    }

    /// The differences in spelling that the patterns themselves have.
    pub(super) fn differences(&self) -> Folding {
        self.routers.differences()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.routes.iter().map(|route| &*route.name)
    }

    pub(super) fn name(&self, number: usize) -> Option<&str> {
        self.routes.get(number).map(|route| &*route.name)
    }

    /// The requirement of a route that is not public.
    pub(super) fn requirement(&self, number: usize) -> Option<&Requirement> {
        match &self.routes.get(number)?.access {
            Access::Public => None,
            Access::Guarded(requirement) => Some(requirement),
        }
    }

    pub(super) fn routes(&self) -> impl Iterator<Item = (&Pattern, &Route)> {
        self.patterns.iter().zip(&self.routes)
    }

    /// The requirements of the routes that match paths at or below `root`, and not below one of `others` alone.
    pub(super) fn requirements_below(&self, root: &str, others: &[&str]) -> impl Iterator<Item = &Arc<Requirement>> {
        let routes = self.routes().filter(move |(pattern, _)| {
            let is_of_another = others.iter().any(|other| pattern.overlap(other) == Overlap::Whole);
            pattern.overlap(root) != Overlap::None && !is_of_another
        });
        routes.filter_map(|(_, route)| match &route.access {
            Access::Public => None,
            Access::Guarded(requirement) => Some(requirement),
        })
    }

    /// A route for `path` or a path below it, with its line and column. A path of a wildcard is not below it.
    pub(super) fn below(&self, path: &str) -> Option<(&str, u64, u64)> {
        let mut routes = self.routes();
        let (pattern, route) = routes.find(|(pattern, _)| {
            let rest = pattern.path.strip_prefix(path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })?;
        Some((&route.name, pattern.span.line, pattern.span.column))
    }

    /// The methods that a route names, and `HEAD`.
    pub(super) fn methods(&self) -> impl Iterator<Item = &str> {
        self.routers.names()
    }

    pub(super) fn requirements(&self) -> impl Iterator<Item = &Arc<Requirement>> {
        self.routes.iter().filter_map(|route| match &route.access {
            Access::Public => None,
            Access::Guarded(requirement) => Some(requirement),
        })
    }

    /// The route for a request. `forms` are its path with every escape decoded, and, where servers may differ, with the
    /// escapes that some of them keep.
    pub(super) fn find(&self, method: &str, forms: PathForms<'_>) -> Result<Option<&Route>, Ambiguity> {
        let found = self.exact(method, forms.decoded);
        // Every server reads most paths in one way.
        let differences = forms.differences.union(self.routers.differences());
        if differences.is_empty() && forms.kept.is_none() && forms.slashes.is_empty() {
            return Ok(found);
        }
        self.check_forms(found, method, forms).map(|()| found)
    }

    /// Checks that every form that a server may read a path in leads to the access of the route that is found.
    #[inline(never)]
    fn check_forms(&self, found: Option<&Route>, method: &str, forms: PathForms<'_>) -> Result<(), Ambiguity> {
        let class = found.map(|route| route.class);
        if let Some(path) = forms.kept
            && self.exact(method, path).map(|route| route.class) != class
        {
            return Err(Ambiguity::Escape);
        }
        if !self.accepts_slashes(found, method, forms) {
            return Err(Ambiguity::EscapedSlash);
        }
        // A request without a route is denied in every spelling.
        if found.is_some() && self.spelling == Spelling::Folded && !self.is_of_one_class(class, method, forms) {
            return Err(Ambiguity::Spelling);
        }
        Ok(())
    }

    /// Whether every other spelling leads to the class that the exact one has.
    fn is_of_one_class(&self, class: Option<usize>, method: &str, forms: PathForms<'_>) -> bool {
        forms.iter().all(|(path, differences)| {
            let differences = differences.union(self.routers.differences());
            let mut foldings = differences.subsets().skip(1);
            let of = |folding| self.folded(folding, method, path).map(|route| route.class);
            differences.is_empty() || foldings.all(|folding| of(folding) == class)
        })
    }

    /// The route for a path exactly as it is spelled.
    pub(super) fn exact(&self, method: &str, path: &str) -> Option<&Route> {
        self.routes.get(self.routers.exact(method, path)?)
    }

    /// The same, with its pattern.
    pub(super) fn exact_route(&self, method: &str, path: &str) -> Option<(&Pattern, &Route)> {
        let index = self.routers.exact(method, path)?;
        self.patterns.get(index).zip(self.routes.get(index))
    }

    /// The route for a message, of those of its endpoint. [`Error::McpHeaders`] for a URI that is compared and is not in its normal form.
    pub(super) fn of_message(&self, endpoint: &Route, call: &McpCall<'_>) -> Result<Option<&Route>, Error> {
        let Some(refinements) = &endpoint.refinements else {
            return Ok(None);
        };
        let is_uri = call.method() == RESOURCES_READ && refinements.compares_uris();
        if is_uri && !call.name().is_some_and(is_normal_uri) {
            let reason = "the resource URI in `Mcp-Name` is not in its normal form";
            return Err(Error::McpHeaders { reason });
        }
        Ok(refinements.find(call).and_then(|index| self.routes.get(index)))
    }

    /// Whether the path of a request, in some spelling that the server may accept, is that of an MCP endpoint.
    pub(super) fn is_mcp_path(&self, forms: PathForms<'_>) -> bool {
        let mut spellings = forms.iter().flat_map(|(path, differences)| {
            let differences = match self.spelling {
                Spelling::Exact => Folding::default(),
                Spelling::Folded => differences.union(self.routers.differences()),
            };
            let foldings = differences.subsets();
            foldings.filter_map(move |folding| self.folded(folding, "POST", path))
        });
        spellings.any(Route::is_mcp_endpoint) || self.of_decoded_slashes("POST", forms).any(Route::is_mcp_endpoint)
    }

    /// The route without `mcp`, if it requires everything that each of the others requires.
    pub(super) fn of_any_message(&self, endpoint: &Route) -> Option<&Route> {
        self.routes.get(endpoint.refinements.as_ref()?.strictest()?)
    }

    /// Whether every message to an endpoint needs a token.
    pub(super) fn is_guarded(&self, endpoint: &Route) -> bool {
        let routes = self.alternatives(endpoint);
        routes.iter().all(|(_, route)| route.access != Access::Public)
    }

    /// Every route that a request may get whose path and method lead to `found`: more than one for an MCP endpoint.
    pub(super) fn alternatives<'t>(&'t self, found: &'t Route) -> Vec<(&'t Pattern, &'t Route)> {
        let numbers: Vec<usize> = match &found.refinements {
            Some(refinements) => refinements.routes().collect(),
            None => vec![found.number],
        };
        let pair = |index: usize| self.patterns.get(index).zip(self.routes.get(index));
        numbers.into_iter().filter_map(pair).collect()
    }

    /// The route that a server with this folding would choose.
    pub(super) fn folded(&self, folding: Folding, method: &str, path: &str) -> Option<&Route> {
        self.at(folding, method, &folding.apply(path))
    }

    /// The same for a path that the folding is applied to already.
    pub(super) fn at(&self, folding: Folding, method: &str, folded: &str) -> Option<&Route> {
        self.routes.get(self.routers.at(folding, method, folded)?)
    }

    /// Adds one `METHODS PATH`, and the messages that it is for, or reports what is wrong in it.
    pub(super) fn add(
        &mut self,
        written: &Spanned<String>,
        messages: Option<McpMatch>,
        access: Access,
        escaped_slash: EscapedSlash,
        diagnostics: &mut Diagnostics,
    ) {
        let (mut pattern, name) = match Pattern::parse(written) {
            Ok(parsed) => parsed,
            Err(Explanation { reason, help }) => {
                let message = format!("`{}` is not a route: {reason}", shown(&written.value));
                diagnostics.push(written.span(), message, help);
                return;
            }
        };
        let is_post = matches!(&pattern.methods[..], [only] if **only == *"POST");
        if messages.is_some() && !is_post {
            let path = name.split_once(' ').map_or("", |(_, path)| path);
            let help = format!("write `match: POST {path}` beside `mcp`");
            diagnostics.push(written.span(), "messages of MCP are POST requests", help);
        }
        if escaped_slash == EscapedSlash::Pass && !pattern.has_parameter() {
            let message = format!("`{name}` has no parameter that an escaped slash could be in");
            diagnostics.push(written.span(), message, "remove `escaped_slash`");
        }
        let leaders = self.leaders.entry(access.fingerprint()).or_default();
        let is_equal = |index: &&usize| self.routes.get(**index).is_some_and(|route| route.access == access);
        let equal = leaders.iter().find(is_equal).copied();
        let class = equal.unwrap_or_else(|| {
            leaders.push(self.routes.len());
            self.routes.len()
        });
        let name = match &messages {
            None => name,
            Some(messages) => format!("{name} {messages}").into(),
        };
        pattern.messages = messages;
        self.routes.push(Route {
            number: self.routes.len(),
            name,
            access,
            escaped_slash,
            class,
            refinements: None,
        });
        self.patterns.push(pattern);
    }

    /// Makes the table searchable, and reports routes that match the same requests.
    pub(super) fn finish(&mut self, diagnostics: &mut Diagnostics) {
        self.refine(diagnostics);
        let routes = self
            .patterns
            .iter()
            .zip(&self.routes)
            .map(|(pattern, route)| Candidate {
                pattern,
                name: &route.name,
                class: route.class,
                place: match (&route.refinements, &pattern.messages) {
                    (Some(_), _) => Place::Endpoint,
                    (None, Some(_)) => Place::Message,
                    (None, None) => Place::Path,
                },
            });
        let routes: Vec<_> = routes.collect();
        self.routers = Routers::new(&routes, self.spelling, diagnostics);
    }

    /// Collects the routes for messages by their paths, and reports those that match the same messages.
    fn refine(&mut self, diagnostics: &mut Diagnostics) {
        // By the path with every parameter alike: the number of the first route, and all of them.
        let mut endpoints: BTreeMap<String, (usize, Refinements)> = BTreeMap::new();
        for (route, pattern) in self.patterns.iter().enumerate() {
            let Some(messages) = &pattern.messages else {
                continue;
            };
            let (_, refinements) = endpoints
                .entry(pattern.shape())
                .or_insert((route, Refinements::default()));
            let class = self.routes[route].class;
            if let Err(first) = refinements.add(messages, Refined { route, class }) {
                let (name, other) = (&self.routes[route].name, &self.routes[first].name);
                let line = self.patterns[first].span.line;
                let message = format!("`{name}` matches the same messages as `{other}` in line {line}");
                diagnostics.push(pattern.span, message, "join the two, or make one more specific");
            }
        }
        for (route, pattern) in self.patterns.iter().enumerate() {
            if pattern.messages.is_none()
                && pattern.closeness("POST") == Some(Closeness::Named)
                && let Some((_, refinements)) = endpoints.get_mut(&pattern.shape())
            {
                let class = self.routes[route].class;
                let access = &self.routes[route].access;
                let is_strictest = refinements
                    .routes()
                    .all(|other| access.requires_all_of(&self.routes[other].access));
                refinements.add_others(Refined { route, class }, is_strictest);
            }
        }
        self.has_endpoints = !endpoints.is_empty();
        // The classes of endpoints follow those of routes.
        let mut classes: Vec<usize> = Vec::new();
        for (leader, refinements) in endpoints.into_values() {
            let mut earlier = classes.iter().enumerate();
            let is_equal = |leader: usize| self.routes[leader].refinements.as_deref() == Some(&refinements);
            let equal = earlier.find(|(_, leader)| is_equal(**leader)).map(|(number, _)| number);
            let number = equal.unwrap_or(classes.len());
            classes.push(leader);
            self.routes[leader].class = self.routes.len() + number;
            self.routes[leader].refinements = Some(Box::new(refinements));
        }
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
            table.add(&written, None, Access::Public, EscapedSlash::Deny, &mut diagnostics);
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
            .exact(method, path)
            .map(|route| route.name.to_string())
    }

    #[test]
    fn routes_of_another_access_have_another_fingerprint() {
        let rules = [
            "public: true",
            "scopes: [a]",
            "scopes: [b]",
            "client: { one_of: [a] }",
            "client: { one_of: [b] }",
            "initiator: { one_of: [a] }",
            "initiator: { one_of: [b] }",
            "claims: { a: b }",
            "claims: { b: a }",
            "actor: { one_of: [a] }",
            "chain: { max_depth: 1 }",
        ];
        let fingerprint = |rule: &str| {
            let text = format!("routes: [{{ match: GET /, {rule} }}, {{ match: GET /a, {rule} }}]");
            let policy = crate::policy::Policy::from_yaml(&text).unwrap();
            let of = |path| policy.exact_route("GET", path).unwrap().access.fingerprint();
            assert_eq!(of("/"), of("/a"), "{rule}");
            of("/")
        };
        let found: std::collections::BTreeSet<u64> = rules.iter().map(|rule| fingerprint(rule)).collect();
        assert_eq!(found.len(), rules.len());
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
        assert_eq!(
            found(&routes, "PROPFIND", "/orders/new").as_deref(),
            Some("* /orders/new")
        );
        assert_eq!(found(&routes, "POST", "/x/y").as_deref(), Some("GET,POST /{*rest}"));
        assert_eq!(found(&routes, "DELETE", "/x/y"), None);
        assert_eq!(found(&["GET /a"], "get", "/a"), None);
    }

    #[test]
    fn get_covers_head_unless_head_is_named() {
        assert_eq!(found(&["GET /a", "* /a"], "HEAD", "/a").as_deref(), Some("GET /a"));
        assert_eq!(found(&["GET /a", "HEAD /a"], "HEAD", "/a").as_deref(), Some("HEAD /a"));
        assert_eq!(found(&["POST /a"], "HEAD", "/a"), None);
    }

    #[test]
    fn the_number_of_methods_is_bounded() {
        let routes = |count: usize| {
            let methods = (0..count).map(|number| format!("\"M{number}\""));
            format!("{} /a", methods.collect::<Vec<_>>().join(","))
        };
        assert!(table(&[&routes(63)]).is_ok());
        let error = table(&[&routes(64)]).unwrap_err().to_string();
        assert!(error.contains("the routes name more than 64 methods"), "{error}");
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
