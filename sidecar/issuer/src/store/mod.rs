//! What the issuer keeps.
//!
//! [`Store`] has what survives a restart, if there is a folder for it: signing keys, live tokens, refresh-token families,
//! consents, and what was administered. A [`Change`] of it is one transaction, which is written to the audit trail before it is made.
//! [`OneTime`] has the values between two requests, in memory: transactions of the pages, sessions and authorization
//! codes; [`Approvals`] has what users approve elsewhere, [`UsedIds`] what was used, and [`FailureLimits`] counts logins.

mod approvals;
mod authorization_request;
mod change;
mod database;
mod failure_limits;
mod folder;
mod one_time;
mod records;
mod tables;
mod used_ids;

pub(crate) use approvals::{Approval, ApprovalRequest, Approvals, Channel, INTERVAL};
pub(crate) use authorization_request::{
    AccessRequest, Authorization, AuthorizationRequest, Callback, LoginRequest, PushedRequest,
};
pub(crate) use change::Change;
pub use change::Revoked;
pub(crate) use database::Store;
pub(crate) use failure_limits::FailureLimits;
pub use folder::{AUDIT_FILE, DataError, audited_head};
pub(crate) use one_time::{
    AuthorizationCode, CODE_LIFETIME, CODE_RETENTION, Goal, OneTime, SESSION_LIFETIME, Session, TRANSACTION_LIFETIME,
    Transaction, Uses,
};
pub(crate) use records::{
    ClientRecord, ClientState, ConsentState, FamilyGrant, IssuedToken, PresentedRefreshToken, RefreshFamily,
    ResourceRecord,
};
pub(crate) use tables::StoreError;
pub(crate) use used_ids::UsedIds;
