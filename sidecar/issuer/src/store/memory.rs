//! What users and clients continue with in their next request: transactions of the pages, sessions and authorization codes. And how
//! often secrets that people type can be tried.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::approvals::{AccessRequest, Approval, Authorization, AuthorizationRequest, Callback};
use crate::Authentication;

/// The maximum time a user may take for one page, in seconds.
pub(crate) const TRANSACTION_LIFETIME: u64 = 10 * 60;

/// The page that is shown, and what its form continues.
#[derive(Clone)]
pub(crate) enum Transaction {
    /// The sign-in, with the number of attempts that are left.
    Login(Goal, u8),
    Consent(Arc<AuthorizationRequest>, Box<Authorization>),
    /// The question whether the session ends, and where the browser goes then.
    Logout(Option<Callback>),
    /// The list of consents of a user.
    Consents(String),
    /// The form for a user code.
    UserCode,
    Approval(Arc<Approval>, Box<Authorization>),
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
    Activity(Option<String>),
}

impl Transaction {
    /// The user who is signed in on the page; none where that does not matter.
    pub(crate) fn subject(&self) -> Option<&str> {
        match self {
            Transaction::Consent(_, authorization) | Transaction::Approval(_, authorization) => {
                Some(&authorization.subject)
            }
            Transaction::Consents(subject) => Some(subject),
            Transaction::Login(..) | Transaction::Logout(_) | Transaction::UserCode => None,
        }
    }
}

impl Goal {
    /// What a client asks for, if one does.
    pub(crate) fn access(&self) -> Option<&AccessRequest> {
        match self {
            Goal::Authorize(request) => Some(&request.access),
            Goal::Approve(approval) => Some(&approval.request.access),
            Goal::Consents | Goal::Approvals | Goal::Activity(_) => None,
        }
    }
}

/// The lifetime of a code in seconds (RFC 6749 section 4.1.2: ten minutes at most).
pub(crate) const CODE_LIFETIME: u64 = 60;
/// How long a code is remembered, so that its second use is noticed, in seconds.
pub(crate) const CODE_RETENTION: u64 = 10 * 60;

/// What a code is redeemed for.
pub(crate) struct AuthorizationCode {
    pub(crate) authorization: Authorization,
    pub(crate) redirect_uri: String,
    pub(crate) code_challenge: String,
    /// By the issuer's clock, which tests can move.
    pub(crate) expires: u64,
    /// Whether it was used. Held while it is redeemed, so that a second use waits for the first one.
    pub(crate) is_used: Mutex<bool>,
}

/// The lifetime of a session in seconds.
pub(crate) const SESSION_LIFETIME: u64 = 8 * 3600;

/// A user who signed in.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) subject: String,
    pub(crate) authentication: Authentication,
}

/// The time in which attempts are counted, in seconds.
const WINDOW: u64 = 300;
/// The maximum number of keys; beyond it no attempt is allowed until some expire.
const MAX_KEYS: usize = 10_000;

/// Attempts by a key: the name of a user, or the address of a client.
#[derive(Default)]
pub(crate) struct FailureLimits(Mutex<HashMap<String, Count>>);

/// The attempts, and the end of their window in seconds since the epoch.
#[derive(Clone, Copy)]
struct Count(u32, u64);

impl FailureLimits {
    /// Counts an attempt, before its secret is compared. The error is the number of seconds until the next attempt is
    /// allowed.
    pub(crate) fn begin(&self, key: &str, limit: u32, now: u64) -> Result<(), u64> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MAX_KEYS {
            counts.retain(|_, Count(_, ends)| *ends > now);
        }
        if counts.len() >= MAX_KEYS && !counts.contains_key(key) {
            return Err(WINDOW);
        }
        let new = Count(0, now.saturating_add(WINDOW));
        let count = counts.entry(key.to_owned()).or_insert(new);
        if count.1 <= now {
            *count = new;
        }
        let Count(attempts, ends) = count;
        if *attempts >= limit {
            return Err(ends.saturating_sub(now));
        }
        *attempts = attempts.saturating_add(1);
        Ok(())
    }

    /// Takes an attempt back that succeeded.
    pub(crate) fn undo(&self, key: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Count(attempts, _)) = counts.get_mut(key) {
            *attempts = attempts.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FailureLimits, MAX_KEYS};

    #[test]
    fn failed_attempts_are_limited_within_a_window() {
        let attempts = FailureLimits::default();
        assert_eq!(attempts.begin("a", 2, 0), Ok(()));
        attempts.undo("a");
        assert_eq!(attempts.begin("a", 2, 0), Ok(()));
        assert_eq!(attempts.begin("a", 2, 100), Ok(()));
        assert_eq!(attempts.begin("a", 2, 100), Err(200));
        assert_eq!(attempts.begin("b", 2, 100), Ok(()));
        assert_eq!(attempts.begin("a", 2, 300), Ok(()));
    }

    #[test]
    fn the_number_of_keys_is_limited() {
        let attempts = FailureLimits::default();
        for key in 0..MAX_KEYS {
            assert_eq!(attempts.begin(&key.to_string(), 2, 0), Ok(()));
        }
        assert_eq!(attempts.begin("one more", 2, 0), Err(300));
        assert_eq!(attempts.begin("0", 2, 0), Ok(()));
        assert_eq!(attempts.begin("one more", 2, 300), Ok(()));
    }
}
