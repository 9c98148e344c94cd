//! How issuers write their tokens.

mod kind;

pub use kind::Kind;
