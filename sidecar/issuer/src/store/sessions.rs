//! The sessions of users in browsers.

use std::time::Duration;

use crate::claims::Authentication;

/// The lifetime of a session.
pub(crate) const SESSION_LIFETIME: Duration = Duration::from_secs(8 * 3600);

/// A user who signed in.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) subject: String,
    pub(crate) authentication: Authentication,
    /// By the issuer's clock, in seconds since the epoch.
    pub(crate) expires: u64,
}
