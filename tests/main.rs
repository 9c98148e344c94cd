//! End-to-end tests.

mod narrowing;
mod policy_examples;
mod structure;
mod vectors;
