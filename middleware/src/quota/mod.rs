//! Quotas: how many requests a party may make in a time, and what counts them.
//!
//! A policy states them as [`limit`](crate::policy#limits). One process counts in memory. The replicas of a fleet count together where
//! an implementation of [`CountRequests`] asks a store that they share.

mod count;
mod in_memory;
mod rate;

pub use count::{Count, CountFuture, CountRequests, CountUnavailable, Counted};
pub use rate::Quota;

pub(crate) use in_memory::InMemory;
pub(crate) use rate::{MAX_BURST, MAX_REQUESTS};
