//! What a browser does between two pages.

use std::sync::Arc;
use std::time::Duration;

use super::authorization_request::{Authorization, AuthorizationRequest};

/// The maximum time a user may take for one page.
pub(crate) const TRANSACTION_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// The page that is shown, and what its form continues.
#[derive(Clone)]
pub(crate) enum Transaction {
    Login {
        goal: Goal,
        attempts: u8,
    },
    Consent {
        request: Arc<AuthorizationRequest>,
        authorization: Box<Authorization>,
    },
    /// The list of consents of a user.
    Consents {
        subject: String,
    },
}

/// What a user signs in for.
#[derive(Clone)]
pub(crate) enum Goal {
    Authorize(Arc<AuthorizationRequest>),
    /// The list of consents.
    Consents,
}
