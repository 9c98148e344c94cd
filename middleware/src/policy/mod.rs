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
//! assert_eq!(mistake.to_string(), "3:5: unknown key `scope`\n  help: did you mean `scopes`?");
//! # Ok::<(), actgate::policy::PolicyError>(())
//! ```
//!
//! # Every word
//!
//! | Key | What it demands | Code of the refusal |
//! |---|---|---|
//! | `match` | where the route applies: `GET /a`, `GET,POST /a/{id}`, `* /a/{*rest}`, or a list of these | `no_route` |
//! | `public: true` | nothing; a token is not even looked at | |
//! | `require: [name]` | what the named requirement demands | as there |
//! | `scopes: [a, b]` | every one of these scopes; also written `{ all_of: [a, b] }` | `insufficient_scope` |
//! | `scopes: { any_of: [a] }` | one of these | `insufficient_scope` |
//! | `scopes: { none_of: [a] }` | none of these | `scope_not_allowed` |
//! | `initiator: { kind }` | the subject is a `human`, `agent` or `service`, or one of a list | `initiator_not_human`, `initiator_kind_unknown`, `initiator_kind_not_allowed` |
//! | `initiator: { one_of, none_of }` | the subject is, or is not, one of these | `initiator_not_allowed` |
//! | `initiator: { amr: [a, b] }` | the login used every one of these methods | `amr_not_met` |
//! | `initiator: { acr: [a, b] }` | the login reached one of these contexts | `acr_not_met` |
//! | `initiator: { auth_within: 5m }` | the login is at most so long ago | `auth_too_old` |
//! | `actor: { required: true }` | somebody acts for the subject | `actor_missing` |
//! | `actor: { absent: true }` | nobody does | `actor_present` |
//! | `actor: { kind }` | the current actor is of this kind, or one of a list | `actor_kind_unknown`, `actor_kind_not_allowed` |
//! | `actor: { one_of, none_of }` | the current actor is, or is not, one of these | `actor_not_allowed` |
//! | `actor: { issuer }` | the current actor is of this issuer; `same` is the token's | `foreign_issuer` |
//! | `client: { one_of, none_of }` | `client_id` is, or is not, one of these; a token without one meets neither | `client_not_allowed` |
//! | `claims: { tid: T1 }` | a top-level claim equals text, a whole number or a boolean; `/a/b` reaches inside | `claim_not_met` |
//! | `claims: { tid: { one_of: [T1] } }` | it is one of these | `claim_not_met` |
//! | `claims: { roles: { contains: a } }` | it is a list with this in it | `claim_not_met` |
//! | `any_of: [..]` | everything in at least one of these alternatives, which hold any key but `chain` | `no_alternative` |
//! | `chain: { max_depth: 2 }` | at most so many actors | `chain_too_deep` |
//! | `chain: { all_of }` | every actor is one of these | `chain_actor_not_allowed` |
//! | `chain: { none_of }` | nobody, the subject included, is one of these | `chain_actor_not_allowed` |
//!
//! Somebody is named by the `sub` alone, which means the token's own issuer, or by `{ issuer: .., subject: .. }`. Whoever is
//! their own actor acts for nobody else: a machine meets no rule on `actor` then, and a human is refused (`self_act`). A chain
//! that its issuer calls incomplete meets no rule on `chain` (`chain_incomplete`).
//!
//! # Two tiers
//!
//! **Core** rules (`scopes`, `initiator`, `actor`, `client`, `claims`, `any_of`) read the token's top-level claims and the
//! current actor, as RFC 8693 section 4.1 asks. **History** rules (`chain`) read prior actors: they are the owner's own
//! rule, may only refuse further, and rest on the issuer's word for earlier hops. They need
//! `prior_actors: restrict` of every trusted issuer, and its chain to be `complete`, unless the rule says `accept_truncation: true`.

mod compile;
mod core_rule;
mod decision;
mod demands;
mod document;
mod error;
mod evaluate;
mod history_rule;
mod moment;
mod parties;
mod requirement;
mod route;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use decision::{Check, Outcome, Tier};
pub use document::{Document, Requirements, Routes};
pub use error::{PolicyError, PolicyMistake};

pub(crate) use decision::{Collect, Recorder, StopAtFirst};
pub(crate) use evaluate::evaluate;
pub(crate) use history_rule::Truncation;
pub(crate) use moment::Moment;
pub(crate) use requirement::{HistoryNeed, Requirement};
pub(crate) use route::{Access, Route};

use crate::yaml::{self, YamlError};

/// A policy, compiled and ready to judge by. Immutable; cheap to share behind an [`Arc`].
#[derive(Debug)]
pub struct Policy {
    requirements: BTreeMap<String, Arc<Requirement>>,
    routes: route::RouteTable,
}

impl Policy {
    /// Reads and compiles a policy.
    ///
    /// # Errors
    /// [`PolicyError`] with line, column and help for each mistake: unknown keys, a requirement that is not defined or
    /// requires itself, an empty list, two routes for one request, a rule that nothing can satisfy.
    pub fn from_yaml(text: &str) -> Result<Policy, PolicyError> {
        yaml::read(text).and_then(Policy::compile).map_err(policy_error)
    }

    /// Reads and compiles the policy that is part of a larger document: its members `requirements` and `routes`. Other
    /// members are ignored.
    ///
    /// # Errors
    /// As [`from_yaml`](Self::from_yaml). Places are those of the larger document.
    pub fn from_yaml_members(text: &str) -> Result<Policy, PolicyError> {
        let members = |Members { requirements, routes }: Members| Document { requirements, routes };
        let document = yaml::read(text).map(members);
        document.and_then(Policy::compile).map_err(policy_error)
    }

    /// Compiles a policy that was read as part of a larger document.
    ///
    /// # Errors
    /// As [`from_yaml`](Self::from_yaml), but for the mistakes of the YAML itself.
    pub fn compile(document: Document) -> Result<Policy, YamlError> {
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

#[derive(serde::Deserialize)]
struct Members {
    #[serde(default)]
    requirements: Requirements,
    #[serde(default)]
    routes: Routes,
}

fn policy_error(error: YamlError) -> PolicyError {
    let span = actgate_yaml::Span {
        line: error.line,
        column: error.column,
    };
    let help = error.mend.unwrap_or_default();
    PolicyError::new(
        [actgate_yaml::Diagnostic::new(span, error.message, help)]
            .into_iter()
            .collect(),
    )
}
