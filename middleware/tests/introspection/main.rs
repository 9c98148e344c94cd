//! Tokens that their issuer is asked about, by the public interface of the library.

#![allow(clippy::unwrap_used, reason = "a request that cannot be made fails the test")]

mod answering;
mod answers;
mod questions;
mod start;
