//! Authorization codes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::authorization_request::Authorization;

/// The lifetime of a code (RFC 6749 section 4.1.2: ten minutes at most).
pub(crate) const CODE_LIFETIME: Duration = Duration::from_secs(60);
/// How long a code is remembered, so that its second use is noticed.
pub(crate) const CODE_RETENTION: Duration = Duration::from_secs(10 * 60);

/// What a code is redeemed for.
pub(crate) struct AuthorizationCode {
    pub(crate) authorization: Authorization,
    pub(crate) redirect_uri: String,
    pub(crate) code_challenge: String,
    /// By the issuer's clock, which tests can move.
    pub(crate) expires: u64,
    pub(crate) uses: Uses,
}

/// The number of uses of a code.
#[derive(Default)]
pub(crate) struct Uses(AtomicU32);

impl Uses {
    /// Counts a use. True of the first one.
    pub(crate) fn is_first(&self) -> bool {
        self.0.fetch_add(1, Ordering::SeqCst) == 0
    }

    /// Whether the code was used again after its first use.
    pub(crate) fn is_replayed(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 1
    }
}
