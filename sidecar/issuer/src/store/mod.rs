//! What the issuer keeps between two requests, in memory.

mod authorization_request;
mod codes;
mod transactions;

pub(crate) use authorization_request::AuthorizationRequest;
pub(crate) use codes::{AuthorizationCode, CODE_LIFETIME, Codes, IdToken};
pub(crate) use transactions::{Transaction, Transactions};

/// Logins under way, and codes not yet redeemed: past this the least used leaves.
const MAX_PENDING: u64 = 1_000;
