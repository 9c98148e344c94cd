//! What the issuer keeps between two requests, in memory.

mod authorization_request;
mod codes;
mod one_time;
mod transactions;

pub(crate) use authorization_request::{Authorization, AuthorizationRequest, Callback, IdToken};
pub(crate) use codes::{AuthorizationCode, CODE_LIFETIME};
pub(crate) use one_time::OneTime;
pub(crate) use transactions::{TRANSACTION_LIFETIME, Transaction};
