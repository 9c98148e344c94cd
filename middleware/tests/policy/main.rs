//! Policies by the public interface of the library: what is refused, what is found in one, and what it decides.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what cannot be made fails the test"
)]

mod changed_bodies;
mod changed_claims;
mod changes;
mod examples;
mod explained;
mod expressions;
mod findings;
mod flawed;
mod flawed_claims;
mod flawed_parties;
mod flawed_routes;
mod foreign_patterns;
mod foreign_rules;
mod impossible_changes;
mod mistakes;
mod mutated;
mod record_denials;
mod record_gaps;
mod record_limits;
mod recorded;
mod scale;
