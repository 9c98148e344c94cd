//! A policy, compiled.

use std::sync::Arc;

use actgate_yaml::Span;

use super::agents::{Agent, Agents};
use super::compile::{Compiled, compile};
use super::coverage::Coverage;
use super::document::{Document, Members};
use super::error::{PolicyDiagnostic, PolicyError};
use super::hash::PolicyHash;
use super::limit::PolicyLimit;
use super::mcp::NamePattern;
use super::mode::Mode;
use super::other_keys;
use super::requirement::{HistoryNeed, Requirement};
use super::route_table::{Access, Route, RouteTable};
use super::spelling::{Ambiguity, Spelling};
use crate::chain::Facts;
use crate::error::Error;
use crate::request::{DeniedMethods, McpCall, PathForms, Target};

/// A policy, ready for evaluation. Immutable; cheap to share behind an [`Arc`].
#[derive(Debug)]
pub struct Policy {
    /// In the order of their names.
    requirements: Box<[(String, Arc<Requirement>)]>,
    routes: RouteTable,
    origins: Vec<Box<str>>,
    defaults: Vec<Box<str>>,
    coverage: Coverage,
    agents: Arc<Agents>,
    read_headers: Arc<[Box<str>]>,
    hash: PolicyHash,
    /// As it would be if every rule were enforced; [`None`] where none is in shadow. It has no requirements.
    promoted: Option<Box<Policy>>,
}

/// What of a policy decides on a request: a route, or a requirement, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deciding {
    Route(usize),
    Requirement(usize),
}

impl Policy {
    /// Reads and compiles a policy.
    ///
    /// # Errors
    /// [`PolicyError`] with line, column and help for every mistake: unknown keys, a requirement that is not defined or
    /// requires itself, an empty list, two routes for one request, rules that no request meets, a rule of a route that the
    /// defaults already require.
    pub fn from_yaml(text: &str) -> Result<Policy, PolicyError> {
        Policy::read(text, actgate_yaml::read::<Document>(text))
    }

    /// Reads and compiles the policy that is part of a larger document: its members `scopes`, `spelling`, `mode`, `mcp`, `groups`,
    /// `agents`, `unregistered_agents`, `requirements`, `defaults`, `limit` and `routes`. Other members are ignored.
    ///
    /// # Errors
    /// As [`from_yaml`](Self::from_yaml). Places are those of the larger document.
    pub fn from_yaml_members(text: &str) -> Result<Policy, PolicyError> {
        Policy::read(text, actgate_yaml::read::<Members>(text))
    }

    fn read<D: Into<Document>>(text: &str, reading: actgate_yaml::Reading<D>) -> Result<Policy, PolicyError> {
        let hash = reading.written().and_then(PolicyHash::of);
        let policy = reading.check(|document, omissions, diagnostics| {
            let Compiled {
                requirements,
                routes,
                promoted,
                origins,
                defaults,
                coverage,
                agents,
                read_headers,
            } = compile(document.into(), text, omissions, diagnostics);
            let hash = hash?;
            let promoted = promoted.map(|routes| Policy {
                requirements: [].into(),
                routes,
                origins: origins.clone(),
                defaults: Vec::new(),
                coverage: Coverage::default(),
                agents: Arc::clone(&agents),
                read_headers: Arc::clone(&read_headers),
                hash: hash.clone(),
                promoted: None,
            });
            Some(Policy {
                requirements: requirements.into_iter().collect(),
                routes,
                origins,
                defaults,
                coverage,
                agents,
                read_headers,
                hash,
                promoted: promoted.map(Box::new),
            })
        });
        policy.map_err(|diagnostics| {
            let diagnostics = other_keys::with_kinds(other_keys::with_help(diagnostics));
            let diagnostics = other_keys::with_limits(diagnostics);
            PolicyError::new(other_keys::with_routes(diagnostics, text))
        })
    }

    /// Identifies what the policy says.
    pub fn hash(&self) -> &PolicyHash {
        &self.hash
    }

    /// The headers that expressions read, in lower case, those in shadow included. What forwards a request sends no trailer of these names:
    /// a server that merges trailers into the headers would read another value than the one that was decided on.
    pub fn read_headers(&self) -> &Arc<[Box<str>]> {
        &self.read_headers
    }

    /// What the policy holds without effect, what no request meets, and where it requires less than it looks: the
    /// [findings](super#findings) but those on spellings, methods and issuers.
    ///
    /// A program that reads its policy at start logs these.
    pub fn warnings(&self) -> impl ExactSizeIterator<Item = PolicyDiagnostic<'_>> {
        self.coverage.without_effect.iter().map(PolicyDiagnostic::new)
    }

    /// The routes that also match another spelling of the path of a stricter route, as `* /{*rest}` does beside
    /// `DELETE /orders/{id}`. Requests in such a spelling are denied. None where the policy states [`spelling:
    /// exact`](Self::compares_spelling_exactly), and so that the API distinguishes them.
    pub fn covered_spellings(&self) -> impl ExactSizeIterator<Item = PolicyDiagnostic<'_>> {
        self.coverage.spellings.iter().map(PolicyDiagnostic::new)
    }

    /// What the policy states to be in shadow: `every route`, or the routes as written; `defaults`; `limit`, and `limit of ROUTE`;
    /// and `requirement NAME` of each such requirement. Routes whose limit is enforced in spite of it are followed by `but for its
    /// limit`, or all of them by ``but for limits with `mode: enforce` ``.
    pub fn in_shadow(&self) -> impl ExactSizeIterator<Item = &str> {
        self.coverage.in_shadow.iter().map(String::as_str)
    }

    /// The policy as it would be if every rule were enforced; [`None`] where none is in shadow.
    pub(crate) fn promoted(&self) -> Option<&Policy> {
        self.promoted.as_deref()
    }

    /// Whether a route has a `limit`, also one in shadow.
    pub fn has_limit(&self) -> bool {
        self.with_shadow().any(|requirement| requirement.limit().is_some())
    }

    /// The limits, by their names: one for each `match` of a route with its own, and the one beside `routes` if a route has it. Those with
    /// the same `first_rule` are one count.
    pub fn limits(&self) -> Vec<PolicyLimit> {
        let limits = self.with_shadow().filter_map(|requirement| requirement.limit());
        let mut limits: Vec<PolicyLimit> = limits.map(PolicyLimit::from).collect();
        limits.sort_by_key(|limit| (Arc::clone(&limit.rule), limit.mode != Mode::Enforce));
        limits.dedup();
        limits
    }

    /// The rules of each route, and of each requirement that a layer may name, with their modes.
    pub(crate) fn rules(&self) -> impl Iterator<Item = (&Arc<str>, Mode)> {
        self.with_shadow().flat_map(|requirement| requirement.modes())
    }

    /// The requirements of all routes, and those that a layer may name, with their rules in shadow.
    fn with_shadow(&self) -> impl Iterator<Item = &Arc<Requirement>> {
        let all = self.routes.requirements().chain(self.named_requirements());
        all.map(|requirement| requirement.promoted().unwrap_or(requirement))
    }

    /// The requirements of the routes, with their rules in shadow.
    pub(super) fn route_requirements(&self) -> impl Iterator<Item = &Requirement> {
        let routes = self.routes.requirements();
        routes.map(|requirement| &**requirement.promoted().unwrap_or(requirement))
    }

    /// The routes that are not public.
    pub(crate) fn guarded_names(&self) -> impl Iterator<Item = &str> {
        self.guarded_routes().map(|(name, ..)| name)
    }

    /// The routes that name `TRACE` or `CONNECT`. `actgate run` forwards neither; a layer within an API sees both.
    pub fn unforwarded_methods(&self) -> impl ExactSizeIterator<Item = PolicyDiagnostic<'_>> {
        self.coverage.unforwarded.iter().map(PolicyDiagnostic::new)
    }

    /// Whether the policy states `spelling: exact`: the API distinguishes the case of letters in a path, a last slash, and
    /// blanks and dots at the end of a segment, and reads no method from a parameter `_method`.
    pub fn compares_spelling_exactly(&self) -> bool {
        self.routes.spelling() == Spelling::Exact
    }

    /// The paths of the routes with `mcp`, each once: `/mcp`. The server there must reject a message of MCP that differs from its
    /// headers, which is what revision 2026-07-28 asks of it.
    pub fn mcp_endpoints(&self) -> impl Iterator<Item = String> {
        let endpoints = self.routes.routes().filter(|(_, route)| route.is_mcp_endpoint());
        endpoints.map(|(pattern, _)| pattern.written_path())
    }

    /// The routes for messages of MCP of some names, and whether each compares the beginning of a name.
    pub(super) fn routes_of_names(&self) -> impl Iterator<Item = (&str, bool)> {
        let routes = self.routes.routes();
        routes.filter_map(|(pattern, route)| {
            let names = &pattern.messages.as_ref()?.names;
            let is_beginning = |name: &NamePattern| matches!(name, NamePattern::Prefix(_));
            (!names.is_empty()).then(|| (&*route.name, names.iter().any(is_beginning)))
        })
    }

    /// The names of messages of MCP that routes compare, and whether a route compares the beginning of one.
    pub(crate) fn message_names(&self) -> (Vec<&str>, bool) {
        let routes = self.routes.routes();
        let patterns = routes.filter_map(|(pattern, _)| pattern.messages.as_ref());
        let (mut names, mut has_beginning) = (Vec::new(), false);
        for name in patterns.flat_map(|messages| &messages.names) {
            match name {
                NamePattern::Exact(name) => names.push(&**name),
                NamePattern::Prefix(_) => has_beginning = true,
            }
        }
        (names, has_beginning)
    }

    /// The routes in the order of the document, as written: `GET /orders/{id}`.
    pub fn routes(&self) -> impl Iterator<Item = &str> {
        self.routes.names()
    }

    /// The scopes of the routes that match paths at or below `root`, and not below one of `others` alone; in the order of the
    /// document, some more than once.
    pub(crate) fn scopes(&self, root: &str, others: &[&str]) -> impl Iterator<Item = &str> {
        let requirements = self.routes.requirements_below(root, others);
        requirements.flat_map(|requirement| requirement.scopes())
    }

    /// A route for `path` or a path below it, with its line and column.
    pub(crate) fn route_below(&self, path: &str) -> Option<(&str, u64, u64)> {
        self.routes.below(path)
    }

    /// The agents that the policy names under `agents`, in the order of their subjects.
    pub fn agents(&self) -> impl Iterator<Item = &Agent> {
        self.agents.iter().map(|agent| &**agent)
    }

    /// The agent that acts by a token, if the policy names it: the current actor, or the initiator where no other party acts for
    /// it. A party that is proven to be human is none.
    pub(crate) fn acting_agent(&self, facts: &Facts) -> Option<&Agent> {
        let core = facts.core();
        let initiator = (core.initiator, core.kind);
        let (acting, kind) = core.delegate().map_or(initiator, |actor| (actor.party(), actor.kind()));
        self.agents.of_kind(acting, kind, core.initiator).map(|agent| &**agent)
    }

    /// The names of the requirements.
    pub fn requirements(&self) -> impl Iterator<Item = &str> {
        self.requirements.iter().map(|(name, _)| name.as_str())
    }

    /// The rules of `defaults`, which each route has that is not public, by their names there: `human.initiator.kind`.
    pub fn defaults(&self) -> Vec<&str> {
        self.defaults.iter().map(|rule| &**rule).collect()
    }

    /// The most specific route for a request, if there is one. `forms` are its path with every escape decoded, and, where
    /// servers may differ, with the escapes that some of them keep.
    pub(crate) fn route(&self, method: &str, forms: PathForms<'_>) -> Result<Option<&Route>, Ambiguity> {
        self.routes.find(method, forms)
    }

    /// The most specific route for a message to an [MCP endpoint](Route::is_mcp_endpoint), if there is one.
    ///
    /// # Errors
    /// [`Error::McpHeaders`] for a resource URI that is compared and is not in its normal form.
    pub(crate) fn route_of_message(&self, endpoint: &Route, call: &McpCall<'_>) -> Result<Option<&Route>, Error> {
        self.routes.of_message(endpoint, call)
    }

    /// The route for a message that is not known, if one of the endpoint requires what every other one does.
    pub(crate) fn route_of_any_message(&self, endpoint: &Route) -> Option<&Route> {
        self.routes.of_any_message(endpoint)
    }

    /// Whether every message to an MCP endpoint needs a token.
    pub(crate) fn is_guarded(&self, endpoint: &Route) -> bool {
        self.routes.is_guarded(endpoint)
    }

    /// Whether the policy has an MCP endpoint.
    pub(crate) fn has_mcp_endpoints(&self) -> bool {
        self.routes.has_endpoints
    }

    /// Whether the path of a request, in some spelling that the server may accept, is that of an MCP endpoint.
    pub(crate) fn is_mcp_path(&self, forms: PathForms<'_>) -> bool {
        self.routes.is_mcp_path(forms)
    }

    /// Whether `mcp: { origins }` lists the origin of a web page.
    pub(crate) fn lists_origin(&self, origin: &str) -> bool {
        self.origins.iter().any(|listed| **listed == *origin)
    }

    /// The route for a path exactly as it is spelled.
    #[cfg(test)]
    pub(super) fn exact_route(&self, method: &str, path: &str) -> Option<&Route> {
        self.routes.exact(method, path)
    }

    /// The methods that a parameter `_method` in the form of a request must not name: some frameworks would serve the request
    /// by that method, which requires another access. [`Authorizer::decide`](crate::Authorizer::decide) checks the query, which it can
    /// see, itself.
    pub fn denied_methods(&self, target: &Target<'_>) -> DeniedMethods {
        DeniedMethods::new(self.methods_of_other_access(target.method().as_str(), target.forms()))
    }

    /// The methods that lead to another access than the one of a request, in some spelling of its path.
    pub(super) fn methods_of_other_access(&self, method: &str, forms: PathForms<'_>) -> Vec<&str> {
        self.routes.methods_of_other_access(method, forms)
    }

    /// For a request without a route: the closest route in words, for its operator.
    pub(crate) fn near_miss(&self, method: &str, forms: PathForms<'_>) -> Option<String> {
        self.routes.near_miss(method, forms)
    }

    /// The route of another access than the one of a request that a server would choose which serves it by the method
    /// `served`, in some spelling of its path.
    pub(crate) fn route_of_other_access(&self, method: &str, forms: PathForms<'_>, served: &str) -> Option<&str> {
        let route = self.routes.of_other_access(method, forms, served)?;
        Some(&route.name)
    }

    /// The route of a server that decodes the escaped slashes of a path.
    pub(crate) fn route_of_decoded_slashes(&self, method: &str, forms: PathForms<'_>) -> Option<&str> {
        let route = self.routes.of_decoded_slashes(method, forms).next()?;
        Some(&route.name)
    }

    /// The requirement of this name.
    pub(crate) fn requirement(&self, name: &str) -> Option<(Deciding, &Requirement)> {
        let position = self
            .requirements
            .binary_search_by(|(known, _)| known.as_str().cmp(name));
        let (_, requirement) = self.requirements.get(position.ok()?)?;
        Some((Deciding::Requirement(position.ok()?), requirement))
    }

    /// The requirement that decides; [`None`] on a public route.
    pub(crate) fn deciding(&self, deciding: Deciding) -> Option<&Requirement> {
        match deciding {
            Deciding::Route(number) => self.routes.requirement(number),
            Deciding::Requirement(number) => self.requirements.get(number).map(|(_, requirement)| &**requirement),
        }
    }

    /// The name of what decides.
    pub(crate) fn name(&self, deciding: Deciding) -> Option<&str> {
        match deciding {
            Deciding::Route(number) => self.routes.name(number),
            Deciding::Requirement(number) => self.requirements.get(number).map(|(name, _)| name.as_str()),
        }
    }

    /// The routes that are not public, with their places.
    pub(super) fn guarded_routes(&self) -> impl Iterator<Item = (&str, Span, &Requirement)> {
        self.routes.routes().filter_map(|(pattern, route)| match &route.access {
            Access::Public => None,
            Access::Guarded(requirement) => Some((&*route.name, pattern.span, &**requirement)),
        })
    }

    /// The requirements by their names.
    pub(super) fn named(&self) -> impl Iterator<Item = (&str, &Requirement)> {
        let requirements = self.requirements.iter();
        requirements.map(|(name, requirement)| (name.as_str(), &**requirement))
    }

    fn named_requirements(&self) -> impl Iterator<Item = &Arc<Requirement>> {
        self.requirements.iter().map(|(_, requirement)| requirement)
    }

    /// A rule that reads the body of requests.
    pub(crate) fn body_rule(&self) -> Option<&str> {
        self.with_shadow().find_map(|requirement| requirement.body_rule())
    }

    /// What the rules on prior actors need of every issuer.
    pub(crate) fn history_needs(&self) -> impl Iterator<Item = HistoryNeed<'_>> {
        self.with_shadow().flat_map(|requirement| requirement.history_needs())
    }
}
