//! Access tokens: strict compact JWS, strict claims, and the cache of verified tokens.

mod audience;
mod cache;
mod claim_form;
mod claim_reader;
mod claims;
mod confirmation;
mod exact_value;
mod header;
pub mod introspection;
mod jws;
pub mod revocation;
mod verified;

pub use claims::Authentication;

pub(crate) use cache::TokenCache;
pub use cache::TokenCacheStatus;
pub(crate) use claim_form::describe as claim_form;
pub(crate) use claim_reader::{ClaimReader, malformed, missing};
pub(crate) use claims::{Claims, client};
pub(crate) use confirmation::Confirmation;
pub(crate) use exact_value::ExactValue;
pub(crate) use header::KnownHeaders;
pub(crate) use jws::{UnverifiedClaims, UnverifiedToken, algorithm_name};
pub(crate) use verified::{ChainClaims, VerifiedClaims};
