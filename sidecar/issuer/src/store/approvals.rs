//! Approvals that clients wait for: CIBA in poll mode, and the device grant (RFC 8628).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::authorization_request::{AccessRequest, Authorization};
use crate::secret::{is_same, random_id, s256};
use crate::{
    ACCESS_DENIED, AUTHORIZATION_PENDING, EXPIRED_TOKEN, INVALID_GRANT, OAuthError, Result, SLOW_DOWN,
    TEMPORARILY_UNAVAILABLE,
};

/// The minimum time between two polls, in seconds, and what `slow_down` adds to it.
pub(crate) const INTERVAL: u64 = 5;
/// How long an approval is remembered after it expired, in seconds.
const RETENTION: u64 = 600;
/// The maximum number of approvals that are remembered.
const MAX_APPROVALS: usize = 10_000;

const INVALID: OAuthError = INVALID_GRANT.because("the request is unknown, was used before, or is of another client");

/// The endpoint that a client used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    Backchannel,
    Device,
}

/// What a client asks a user who is elsewhere.
pub(crate) struct ApprovalRequest {
    pub(crate) channel: Channel,
    pub(crate) access: AccessRequest,
    /// The only user who can decide. None: the one who enters the user code.
    pub(crate) subject: Option<String>,
    /// What the client shows too, so that the user recognizes the request.
    pub(crate) binding_message: Option<String>,
    /// In seconds since the epoch.
    pub(crate) expires: u64,
}

/// A request and its state.
pub(crate) struct Approval {
    /// Names the request on the pages. It is no secret.
    pub(crate) code: String,
    /// The digest of what the client polls with.
    secret: String,
    pub(crate) request: ApprovalRequest,
    state: Mutex<State>,
}

struct State {
    decision: Decision,
    interval: u64,
    polled: Option<u64>,
}

enum Decision {
    Waiting,
    Denied,
    Approved(Box<Authorization>),
    Redeemed,
}

/// The approvals by their codes.
#[derive(Default)]
pub(crate) struct Approvals(Mutex<BTreeMap<String, Arc<Approval>>>);

impl Approvals {
    /// Adds a request. Returns what its client polls with.
    pub(crate) fn begin(&self, code: String, request: ApprovalRequest, now: u64) -> Result<String> {
        let id = format!("{code}.{}", random_id()?);
        let mut approvals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        approvals.retain(|_, approval| now < approval.request.expires.saturating_add(RETENTION));
        let is_full = approvals.len() >= MAX_APPROVALS || approvals.contains_key(&code);
        TEMPORARILY_UNAVAILABLE.when(is_full, "there are too many requests")?;
        let approval = Approval {
            code: code.clone(),
            secret: s256(&id),
            request,
            state: Mutex::new(State {
                decision: Decision::Waiting,
                interval: INTERVAL,
                polled: None,
            }),
        };
        approvals.insert(code, Arc::new(approval));
        Ok(id)
    }

    /// The request that a client polls for.
    pub(crate) fn polled(&self, id: &str, channel: Channel, client: &str) -> Result<Arc<Approval>> {
        let (code, _) = id.split_once('.').ok_or(INVALID)?;
        let approvals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let approval = approvals.get(code);
        let approval = approval.filter(|approval| is_same(&approval.secret, &s256(id)));
        let approval = approval.filter(|approval| approval.request.is_of(channel, client));
        approval.map(Arc::clone).ok_or(INVALID)
    }

    /// A request that waits for its user.
    pub(crate) fn waiting(&self, code: &str, channel: Channel, now: u64) -> Option<Arc<Approval>> {
        let approvals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let approval = approvals.get(code);
        let approval = approval.filter(|approval| approval.request.channel == channel);
        approval.filter(|approval| approval.is_waiting(now)).map(Arc::clone)
    }

    /// The requests that wait for a user.
    pub(crate) fn waiting_for(&self, subject: &str, now: u64) -> Vec<Arc<Approval>> {
        let approvals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_user = approvals.values();
        let of_user = of_user.filter(|approval| approval.request.subject.as_deref() == Some(subject));
        let waiting = of_user.filter(|approval| approval.is_waiting(now));
        waiting.map(Arc::clone).collect()
    }
}

impl ApprovalRequest {
    fn is_of(&self, channel: Channel, client: &str) -> bool {
        self.channel == channel && self.access.client.id == client
    }
}

impl Approval {
    pub(crate) fn is_waiting(&self, now: u64) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(state.decision, Decision::Waiting) && now < self.request.expires
    }

    /// Records the decision of the user; none is a denial. False if the request does not wait.
    pub(crate) fn decide(&self, allowed: Option<Authorization>, now: u64) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_waiting = matches!(state.decision, Decision::Waiting) && now < self.request.expires;
        if is_waiting {
            state.decision = allowed.map_or(Decision::Denied, |allowed| Decision::Approved(Box::new(allowed)));
        }
        is_waiting
    }

    /// What the user allowed, or why there is no token: RFC 8628 section 3.5, CIBA Core section 11.
    pub(crate) fn poll(&self, now: u64) -> Result<Authorization> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        match &state.decision {
            Decision::Redeemed => Err(INVALID),
            _ if self.request.expires <= now => Err(EXPIRED_TOKEN.because("the request has expired")),
            Decision::Denied => Err(ACCESS_DENIED.because("the user denied the request")),
            Decision::Approved(authorization) => Ok(Authorization::clone(authorization)),
            Decision::Waiting => {
                let before = state.polled.replace(now);
                if before.is_some_and(|before| now < before.saturating_add(state.interval)) {
                    state.interval = state.interval.saturating_add(INTERVAL);
                    return Err(SLOW_DOWN.because("wait 5 seconds longer between two requests"));
                }
                Err(AUTHORIZATION_PENDING.because("the user has not decided yet"))
            }
        }
    }

    /// Ends an approval whose token is issued; an error if that was done before.
    pub(crate) fn redeem(&self) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut state.decision, Decision::Redeemed) {
            Decision::Approved(_) => Ok(()),
            _ => Err(INVALID),
        }
    }
}
