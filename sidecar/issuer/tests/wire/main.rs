//! The issuer over the wire: every flow, and every refusal.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken expectation fails the test")]

mod browser;
mod client;
mod code;
mod exchange;
mod exchange_refusals;
mod keys;
mod own;
