//! What the issuer keeps.
//!
//! [`Store`] has what survives a restart, if there is a folder for it: signing keys, live tokens, refresh-token families,
//! consents, and what was administered. A [`Change`] of it is one transaction, which is written to the audit trail before it
//! is made.
//! [`Bounded`] has the values between two requests, in memory: transactions of the pages, sessions, authorization codes, and
//! what users approve elsewhere. [`FailureLimits`] counts logins.

mod approvals;
mod bounded;
mod change;
mod database;
mod folder;
mod memory;
mod records;

pub(crate) use approvals::{APPROVAL_RETENTION, Approval, ApprovalRequest, Approvals, Channel, INTERVAL};
pub(crate) use approvals::{AccessRequest, Authorization, AuthorizationRequest, Callback, LoginRequest};
pub(crate) use bounded::Bounded;
pub(crate) use change::Change;
pub use change::Revoked;
pub(crate) use database::Store;
pub use folder::{AUDIT_FILE, DataError, audited_head};
pub(crate) use memory::{
    AuthorizationCode, CODE_LIFETIME, CODE_RETENTION, FailureLimits, Goal, SESSION_LIFETIME, Session,
    TRANSACTION_LIFETIME, Transaction,
};
pub(crate) use records::StoreError;
pub(crate) use records::{
    ClientRecord, ClientState, ConsentState, IssuedToken, PresentedRefreshToken, RefreshFamily, ResourceRecord,
};
