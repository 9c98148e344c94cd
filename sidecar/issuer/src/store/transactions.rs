//! Authorization requests between two pages.

use std::time::Duration;

use super::authorization_request::{Authorization, AuthorizationRequest};

/// The maximum time a user may take for one page.
pub(crate) const TRANSACTION_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// The page that is shown, and what its form continues.
#[derive(Clone)]
pub(crate) enum Transaction {
    Login {
        request: AuthorizationRequest,
        attempts: u8,
    },
    Consent(Authorization),
    /// The sign-in before the list of consents.
    ConsentsLogin {
        attempts: u8,
    },
    /// The list of consents of a user.
    Consents {
        subject: String,
    },
}
