//! For tests: an issuer in memory that mints tokens with chains. [`FixedClock`](crate::clock::FixedClock) sets the time.
//!
//! ```
//! use actgate::clock::FixedClock;
//! use actgate::testing::TestIssuer;
//! use actgate::request::{Presented, Target};
//! use actgate::{Authorizer, Policy};
//! use http::{Method, Uri};
//! use serde_json::json;
//!
//! let issuer = TestIssuer::new()?;
//! let policy = Policy::from_yaml("routes: [{ match: GET /orders, initiator: { kind: human } }]")?;
//! let trusted = issuer.trusted(TestIssuer::AUDIENCE)?;
//! let authorizer = Authorizer::builder().issuer(trusted).policy(policy).build()?;
//!
//! let token = issuer.token(json!({
//!     "sub": "alice", "sub_profile": "user", "act": { "sub": "assistant", "sub_profile": "ai_agent" }
//! }))?;
//! let uri = Uri::from_static("/orders");
//! let target = Target::new(&Method::GET, &uri)?;
//! let explanation = authorizer.explain(&Presented::token(&target, &token), TestIssuer::NOW);
//! assert_eq!(explanation.decision().identity().unwrap().subject(), "alice");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

//!
//! [`PolicyTest`] runs the cases of a file against a policy, as `actgate test` does:
//!
//! ```
//! use actgate::Policy;
//! use actgate::analysis::Cases;
//! use actgate::testing::{PolicyTest, TestIssuer};
//!
//! let policy = Policy::from_yaml("routes: [{ match: GET /orders, initiator: { kind: human } }]")?;
//! let cases = Cases::from_yaml("
//! cases:
//!   - { name: a person, request: GET /orders, token: { sub_profile: user }, expect: allow }
//!   - { name: no token, request: GET /orders, expect: { deny: missing_token, status: 401 } }
//! ")?;
//! let test = PolicyTest::new(policy, &cases)?;
//! for case in cases.iter() {
//!     let result = test.run(case, TestIssuer::NOW)?;
//!     assert!(result.is_expected(), "{}: expected {}, got {}", case.name(), case.expected(), result.outcome());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`GivenClaims`] explains a request by claims that nothing verifies, as `actgate explain --claims` does.

mod case_request;
mod given_claims;
mod issuer;
mod policy_test;

pub use case_request::CaseRequest;
pub use given_claims::GivenClaims;
pub use issuer::{TestIssuer, TestIssuerError, verify_signature};
pub use policy_test::{CaseResult, PolicyTest, TestedIssuer};
