//! Access tokens: strict compact JWS, strict claims, and the memory of those already verified.

mod cache;
mod claims;
mod jws;

pub use claims::Authentication;
pub use jws::verify;

pub(crate) use cache::TokenCache;
pub(crate) use claims::{ActorClaims, Claims, Confirmation, Demand};
pub(crate) use jws::UnverifiedToken;
#[cfg(test)]
pub(crate) use jws::VerifiedClaims;
