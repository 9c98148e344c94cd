//! Authorization codes that are not redeemed yet.

use std::time::Duration;

use super::authorization_request::Authorization;

/// The lifetime of a code (RFC 6749 section 4.1.2: ten minutes at most).
pub(crate) const CODE_LIFETIME: Duration = Duration::from_secs(60);

/// What a code is redeemed for.
#[derive(Clone)]
pub(crate) struct AuthorizationCode {
    pub(crate) authorization: Authorization,
    /// By the issuer's clock, which tests can move.
    pub(crate) expires: u64,
}
