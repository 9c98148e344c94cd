//! A policy, compiled.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::compile::compile;
use super::document::{Document, Members};
use super::error::PolicyError;
use super::requirement::{HistoryNeed, Requirement};
use super::route_table::{Route, RouteTable};

/// A policy, ready for evaluation. Immutable; cheap to share behind an [`Arc`].
#[derive(Debug)]
pub struct Policy {
    requirements: BTreeMap<String, Arc<Requirement>>,
    routes: RouteTable,
}

impl Policy {
    /// Reads and compiles a policy.
    ///
    /// # Errors
    /// [`PolicyError`] with line, column and help for every mistake: unknown keys, a requirement that is not defined or
    /// requires itself, an empty list, two routes for one request, a rule that nothing can satisfy.
    pub fn from_yaml(text: &str) -> Result<Policy, PolicyError> {
        Policy::read(actgate_yaml::read::<Document>(text))
    }

    /// Reads and compiles the policy that is part of a larger document: its members `requirements` and `routes`. Other
    /// members are ignored.
    ///
    /// # Errors
    /// As [`from_yaml`](Self::from_yaml). Places are those of the larger document.
    pub fn from_yaml_members(text: &str) -> Result<Policy, PolicyError> {
        Policy::read(actgate_yaml::read::<Members>(text))
    }

    fn read<D: Into<Document>>(reading: actgate_yaml::Reading<D>) -> Result<Policy, PolicyError> {
        let policy = reading.check(|document, omissions, diagnostics| {
            let (requirements, routes) = compile(document.into(), omissions, diagnostics);
            Some(Policy { requirements, routes })
        });
        policy.map_err(PolicyError::new)
    }

    /// The routes in the order of the document, as written: `GET /orders/{id}`.
    pub fn routes(&self) -> impl Iterator<Item = &str> {
        self.routes.names()
    }

    /// The names of the requirements.
    pub fn requirements(&self) -> impl Iterator<Item = &str> {
        self.requirements.keys().map(String::as_str)
    }

    /// The most specific route for a request, if there is one.
    pub(crate) fn route(&self, method: &str, path: &str) -> Option<&Route> {
        self.routes.find(method, path)
    }

    pub(crate) fn requirement(&self, name: &str) -> Option<&Arc<Requirement>> {
        self.requirements.get(name)
    }

    /// What the rules on prior actors need of every issuer.
    pub(crate) fn history_needs(&self) -> impl Iterator<Item = HistoryNeed<'_>> {
        let routes = self.routes.requirements();
        let all = routes.chain(self.requirements.values());
        all.flat_map(|requirement| requirement.history_needs())
    }
}
