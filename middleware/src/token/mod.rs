//! Access tokens: strict compact JWS, strict claims, and the cache of verified tokens.

mod cache;
mod claim_form;
mod claim_reader;
mod claims;
mod jws;
mod verified;

pub use claims::Authentication;

pub(crate) use cache::TokenCache;
pub(crate) use claim_reader::{ClaimReader, missing};
pub(crate) use claims::Claims;
pub(crate) use jws::{UnverifiedToken, algorithm_name};
pub(crate) use verified::VerifiedClaims;
