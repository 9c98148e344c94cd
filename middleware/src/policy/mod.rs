//! The policy: what an API owner demands of whoever acts, in words that can be read aloud.
//!
//! A policy only narrows. Signature, issuer, audience and time are judged before it, and nothing in it can allow what
//! they refuse. Everything written is a conjunction; alternatives stand only in `any_of`; a fact that is not known
//! satisfies no rule.
//!
//! ```
//! use actgate::Policy;
//!
//! let policy = Policy::from_yaml(r#"
//! requirements:
//!   human-must-initiate:
//!     initiator: { kind: human }
//! routes:
//!   - match: GET /health
//!     public: true
//!   - match: POST /refunds
//!     scopes: [refunds:write]
//!     require: [human-must-initiate]
//!     actor: { one_of: [refund-agent] }
//! "#)?;
//! assert_eq!(policy.routes().count(), 2);
//!
//! let mistake = Policy::from_yaml("routes:\n  - match: GET /\n    scope: [a]\n").unwrap_err();
//! assert_eq!(mistake.to_string(), "3:5: unknown key `scope`; did you mean `scopes`?");
//! # Ok::<(), actgate::policy::PolicyError>(())
//! ```
//!
//! # Two tiers
//!
//! **Core** rules (`scopes`, `initiator`, `actor`, `client`, `claims`, `any_of`) read the token's top-level claims and the
//! current actor, as RFC 8693 section 4.1 asks. **History** rules (`chain`) read prior actors: they are the owner's own
//! rule, may only refuse further, and rest on the issuer's word for earlier hops. They need `prior_actors: restrict` and
//! a `complete` chain from every trusted issuer.

mod compile;
mod core_rule;
mod decision;
mod demands;
mod document;
mod evaluate;
mod history_rule;
mod requirement;
mod route;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use decision::{Check, Outcome, Tier};
pub use document::{Document, Requirements, Routes};

pub(crate) use decision::{Collect, Recorder, StopAtFirst};
pub(crate) use evaluate::{Moment, evaluate};
pub(crate) use requirement::{HistoryNeed, Requirement, Truncation};
pub(crate) use route::Access;

use crate::yaml::{self, YamlError};

/// A policy, compiled and ready to judge by. Immutable; cheap to share behind an [`Arc`].
#[derive(Debug)]
pub struct Policy {
    requirements: BTreeMap<String, Arc<Requirement>>,
    routes: route::RouteTable,
}

/// Why a policy cannot be used, and where: the same shape as a mistake in its YAML.
pub type PolicyError = YamlError;

impl Policy {
    /// Reads and compiles a policy.
    ///
    /// # Errors
    /// [`PolicyError`] with line, column and mend, for the first mistake: unknown keys, a requirement that is not
    /// defined or requires itself, an empty list, two routes for one request, a rule that nothing can satisfy.
    pub fn from_yaml(text: &str) -> Result<Policy, PolicyError> {
        Policy::compile(yaml::read(text)?)
    }

    /// Compiles a policy that was read as part of a larger document.
    ///
    /// # Errors
    /// As [`from_yaml`](Self::from_yaml), but for the mistakes of the YAML itself.
    pub fn compile(document: Document) -> Result<Policy, PolicyError> {
        compile::compile(document)
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
    pub(crate) fn route(&self, method: &str, path: &str) -> Option<&route::Route> {
        self.routes.find(method, path)
    }

    pub(crate) fn requirement(&self, name: &str) -> Option<&Arc<Requirement>> {
        self.requirements.get(name)
    }

    /// What the rules on prior actors need of every issuer.
    pub(crate) fn history_needs(&self) -> impl Iterator<Item = HistoryNeed<'_>> {
        let named = self
            .requirements
            .values()
            .flat_map(|requirement| requirement.history_needs());
        self.routes
            .requirements()
            .flat_map(|requirement| requirement.history_needs())
            .chain(named)
    }
}
