//! Questions to a policy that need no running gate: its decisions on cases, what of it no case reaches, and what would allow a request.
//!
//! A cases file holds requests with their tokens, and the decision that each is expected to get:
//!
//! ```
//! use actgate::analysis::Cases;
//!
//! let cases = Cases::from_yaml("
//! cases:
//!   - name: a person
//!     request: GET /orders
//!     token: { sub: u1, sub_profile: user, scope: orders:read }
//!     expect: allow
//!   - name: an agent on its own
//!     request: GET /orders
//!     token: { sub: bot, sub_profile: ai_agent, scope: orders:read }
//!     expect: { deny: initiator_not_human, status: 403 }
//! ")?;
//! assert_eq!(cases.iter().next().unwrap().name(), "a person");
//! # Ok::<(), actgate::analysis::CasesError>(())
//! ```
//!
//! [`PolicyTest`](crate::testing::PolicyTest) runs them, as `actgate test` does.
//!
//! # A cases file
//!
//! | Key | Meaning |
//! |---|---|
//! | `cases` | the list of cases, at least one |
//! | `issuers` | further trusted issuers, each a text or `{ issuer, profile }`; a token of one has it as its `iss` |
//! | `profile` | the profile of every issuer that states none; `rfc9068` where it is left out |
//!
//! # A case
//!
//! | Key | Meaning |
//! |---|---|
//! | `name` | what the case is about |
//! | `request` | method and target: `POST /refunds?dry=1` |
//! | `headers` | headers beside the token; a list is sent as several fields |
//! | `body` | the body: a text as it is, or a mapping or a list, which is sent as JSON. Without a `Content-Type` it is `application/json` |
//! | `certificate` | the certificate of the client: its DER in Base64 |
//! | `at` | the time of the request, RFC 3339; where it is left out, the time at which the cases are run |
//! | `typ` | the `typ` in the header of the token |
//! | `token` | the claims of the token, or a [token by preset](#a-token-by-preset); without it the request has no token |
//! | `expect` | `allow`, or `{ deny: CODE, status: STATUS }` |
//! | `shadow` | the decision if every rule in shadow were enforced, written as `expect`; left out where no rule is in shadow |
//!
//! Claims that are left out (`iss`, `aud`, `exp`, `sub`, …) are valid ones; a claim that is `null` is not in the token.
//!
//! # A token by preset
//!
//! ```yaml
//! token: { preset: keycloak, fixture: human, claims: { scope: "orders:read" } }
//! ```
//!
//! The token is of an issuer with this preset, `https://PRESET.test` unless another one has it. `fixture` is a token of the product: `human`, `machine`, `delegated` or
//! `id-token`, or the whole name of one of its [fixtures](fixture_names). `claims` are added to it, in place of those of the same name.

#[cfg(test)]
mod brute_force;
mod case;
mod case_outcome;
mod cases;
mod coverage;
mod fixture;
mod places;
#[cfg(feature = "schema")]
mod schema;
mod search;
mod smallest_change;
mod token;
mod words;

pub use case::Case;
pub use case_outcome::CaseOutcome;
pub use cases::{CaseIssuer, Cases, CasesError};
pub use coverage::{Branch, BranchKind, Coverage};
pub use fixture::fixture_names;
pub use places::{RulePlace, RulePlaces};
#[cfg(feature = "schema")]
pub use schema::json_schema;
pub use smallest_change::{FactChange, SmallestChange};
pub use token::CaseToken;
