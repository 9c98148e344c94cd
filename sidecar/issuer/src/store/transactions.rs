//! What a browser does between two pages.

use std::sync::Arc;
use std::time::Duration;

use super::approvals::Approval;
use super::authorization_request::{AccessRequest, Authorization, AuthorizationRequest, Callback};

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
    /// The question whether the session ends, and where the browser goes then.
    Logout {
        callback: Option<Callback>,
    },
    /// The list of consents of a user.
    Consents {
        subject: String,
    },
    /// The form for a user code.
    UserCode,
    Approval {
        approval: Arc<Approval>,
        authorization: Box<Authorization>,
    },
}

/// What a user signs in for.
#[derive(Clone)]
pub(crate) enum Goal {
    Authorize(Arc<AuthorizationRequest>),
    /// The list of consents.
    Consents,
    /// The page of an approval.
    Approve(Arc<Approval>),
    /// The list of approvals that wait.
    Approvals,
    /// The list of transactions, or one of them.
    Activity {
        txn: Option<String>,
    },
}

impl Goal {
    /// What a client asks for, if one does.
    pub(crate) fn access(&self) -> Option<&AccessRequest> {
        match self {
            Goal::Authorize(request) => Some(&request.access),
            Goal::Approve(approval) => Some(&approval.request.access),
            Goal::Consents | Goal::Approvals | Goal::Activity { .. } => None,
        }
    }
}
