//! Values between two requests, within a lifetime: transactions of the pages, sessions, authorization codes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use moka::sync::Cache;

use super::approvals::Approval;
use super::authorization_request::{AccessRequest, Authorization, AuthorizationRequest, Callback};
use crate::secret::random_id;
use crate::{Authentication, NoRandomness};

/// The maximum number of values; beyond it the least used one is dropped.
const MAX_VALUES: u64 = 10_000;

/// Values under unguessable identifiers.
pub(crate) struct OneTime<T>(Cache<String, T>);

impl<T: Clone + Send + Sync + 'static> OneTime<T> {
    pub(crate) fn new(lifetime: Duration) -> OneTime<T> {
        let cache = Cache::builder().max_capacity(MAX_VALUES).time_to_live(lifetime);
        OneTime(cache.build())
    }

    /// Stores a value and returns its identifier.
    pub(crate) fn put(&self, value: T) -> Result<String, NoRandomness> {
        let id = random_id()?;
        self.0.insert(id.clone(), value);
        Ok(id)
    }

    /// The value, which stays.
    pub(crate) fn get(&self, id: &str) -> Option<T> {
        self.0.get(id)
    }

    /// Removes and returns the value if `accept` is true of it.
    pub(crate) fn take_if(&self, id: &str, accept: impl FnOnce(&T) -> bool) -> Option<T> {
        // `remove` alone also returns an expired value.
        self.0.get(id).filter(accept)?;
        self.0.remove(id)
    }
}

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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::OneTime;

    #[test]
    fn a_value_is_taken_once_if_accepted_and_not_expired() {
        let store = OneTime::new(Duration::from_secs(60));
        let id = store.put("a").unwrap();
        assert_eq!(store.take_if(&id, |value| *value == "b"), None);
        assert_eq!(store.take_if(&id, |value| *value == "a"), Some("a"));
        assert_eq!(store.take_if(&id, |_| true), None);
        let expired = OneTime::new(Duration::ZERO);
        let id = expired.put("a").unwrap();
        assert_eq!(expired.take_if(&id, |_| true), None);
    }
}
