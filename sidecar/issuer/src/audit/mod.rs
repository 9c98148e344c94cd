//! The audit trail: who got which token on whose authority, and who was refused.
//!
//! One JSON object a line. `prev` is the SHA-256 of the line before, over its exact bytes with the line feed, as
//! `sed -n 5p audit.jsonl | sha256sum` prints it; of the first line it is 64 zeros. So a line that was changed,
//! removed, inserted or moved is found. Lines removed at the end are not, without a digest that is known from elsewhere.
//!
//! It has identifiers and decisions, never a token, code or secret, and no value of a caller that is not registered.

mod entry;
mod trail;

pub(crate) use self::entry::{AuditLine, Entry, Event, TokenNode, tokens};
pub(crate) use self::trail::{AuditTrail, Durability};
pub use self::trail::{TrailFault, VerifiedTrail, verify_trail};
