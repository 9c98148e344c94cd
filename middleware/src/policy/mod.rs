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
//! | `initiator: { max_auth_age: 5m }` | the login is at most so long ago | `auth_too_old` |
//! | `actor: { required: true }` | somebody acts for the subject | `actor_missing` |
//! | `actor: { absent: true }` | nobody does | `actor_present` |
//! | `actor: { kind }` | the current actor is of this kind, or one of a list | `actor_kind_unknown`, `actor_kind_not_allowed` |
//! | `actor: { one_of, none_of }` | the current actor is, or is not, one of these | `actor_not_allowed` |
//! | `actor: { issuer }` | the current actor is of this issuer; `same` is the token's | `actor_issuer_not_allowed` |
//! | `client: { one_of, none_of }` | `client_id` is, or is not, one of these; a token without one meets neither | `client_not_allowed` |
//! | `claims: { tid: T1 }` | a top-level claim equals text, a whole number or a boolean; `/a/b` reaches inside | `claim_not_met` |
//! | `claims: { tid: { one_of: [T1] } }` | it is one of these | `claim_not_met` |
//! | `claims: { roles: { contains: a } }` | it is a list with this in it | `claim_not_met` |
//! | `any_of: [..]` | everything in at least one of these alternatives, which hold any key but `chain` | `any_of_not_met` |
//! | `chain: { max_depth: 2 }` | at most so many actors | `chain_too_deep` |
//! | `chain: { all_of }` | every actor is one of these | `chain_actor_not_allowed` |
//! | `chain: { none_of }` | nobody, the subject included, is one of these | `chain_actor_not_allowed` |
//!
//! Somebody is named by the `sub` alone, which means the token's own issuer, or by `{ issuer: .., subject: .. }`. Whoever is
//! their own actor acts for nobody else: a machine meets no rule on `actor` then, and a human is refused (`self_actor`). A chain
//! that its issuer calls incomplete meets no rule on `chain` (`chain_incomplete`).
//!
//! # Two tiers
//!
//! **Core** rules (`scopes`, `initiator`, `actor`, `client`, `claims`, `any_of`) read the token's top-level claims and the
//! current actor, as RFC 8693 section 4.1 asks. **History** rules (`chain`) read prior actors: they are the owner's own
//! rule, may only refuse further, and rest on the issuer's word for earlier hops. They need
//! `prior_actors: restrict` of every trusted issuer, and its chain to be `complete`, unless the rule says `accept_truncation: true`.

mod check;
mod compile;
mod document;
mod error;
mod evaluate;
mod evaluation_time;
mod parties;
#[allow(
    clippy::module_inception,
    reason = "the type of the module's name has a file of its own"
)]
mod policy;
mod requirement;
mod route_table;
mod rules;
mod syntax;

pub use check::{Check, Outcome, Tier};
pub use error::{PolicyError, PolicyMistake};
pub use policy::Policy;

pub(crate) use check::{Collect, Recorder, StopAtFirst};
pub(crate) use evaluate::evaluate;
pub(crate) use evaluation_time::EvaluationTime;
pub(crate) use requirement::Requirement;
pub(crate) use route_table::{Access, Route};
pub(crate) use rules::Truncation;
