//! What the issuer keeps.
//!
//! [`Store`] has what survives a restart, if there is a folder for it: signing keys, live tokens, refresh-token families,
//! consents, and what was administered. A [`Change`] of it is one transaction, which is written to the audit trail before it is made.
//! [`OneTime`] has the values between two requests, in memory: transactions of the pages, sessions and authorization
//! codes; [`Approvals`] has what users approve elsewhere, [`UsedIds`] what was used, and [`FailureLimits`] counts logins.

mod approvals;
mod authorization_request;
mod change;
mod client_record;
mod codes;
mod consent;
mod database;
mod failure_limits;
mod folder;
mod issued_token;
mod one_time;
mod refresh_family;
mod sessions;
mod tables;
mod transactions;
mod used_ids;

pub(crate) use approvals::{Approval, ApprovalRequest, Approvals, Channel, INTERVAL};
pub(crate) use authorization_request::{
    AccessRequest, Authorization, AuthorizationRequest, Callback, LoginRequest, PushedRequest,
};
pub(crate) use change::Change;
pub use change::Revoked;
pub(crate) use client_record::{ClientRecord, ClientState, ResourceRecord};
pub(crate) use codes::{AuthorizationCode, CODE_LIFETIME, CODE_RETENTION, Uses};
pub(crate) use consent::ConsentState;
pub(crate) use database::Store;
pub(crate) use failure_limits::FailureLimits;
pub use folder::{AUDIT_FILE, DataError, audited_head};
pub(crate) use issued_token::IssuedToken;
pub(crate) use one_time::OneTime;
pub(crate) use refresh_family::{FamilyGrant, PresentedRefreshToken, RefreshFamily};
pub(crate) use sessions::{SESSION_LIFETIME, Session};
pub(crate) use tables::StoreError;
pub(crate) use transactions::{Goal, TRANSACTION_LIFETIME, Transaction};
pub(crate) use used_ids::UsedIds;
