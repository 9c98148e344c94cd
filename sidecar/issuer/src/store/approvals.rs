//! What clients ask users for, after the checks, and the approvals that they wait for: CIBA in poll mode, and the device grant
//! (RFC 8628).

use std::sync::{Arc, Mutex, PoisonError};

use super::bounded::Bounded;
use crate::secret::{is_same, random_id, s256};
use crate::{
    ACCESS_DENIED, AUTHORIZATION_PENDING, Authentication, Client, EXPIRED_TOKEN, Entry, Event, INVALID_GRANT,
    OAuthError, Result, SLOW_DOWN, ScopeSet, TEMPORARILY_UNAVAILABLE,
};

/// What a client asks a user for. Client, scope and resource agree with the registry.
#[derive(Clone, Debug)]
pub(crate) struct AccessRequest {
    /// The transaction that the tokens will have.
    pub(crate) txn: String,
    pub(crate) client: Arc<Client>,
    pub(crate) audience: String,
    pub(crate) scope: ScopeSet,
    /// `openid` and `offline_access`, which belong to no resource.
    pub(crate) protocol_scope: ScopeSet,
    /// For the ID token.
    pub(crate) nonce: Option<String>,
    /// The agent that will act through the client (`requested_actor`).
    pub(crate) actor: Option<Arc<Client>>,
    /// Whether `acr_values` allows only a login with a second factor.
    pub(crate) needs_second_factor: bool,
}

/// A request of the authorization endpoint.
#[derive(Clone, Debug)]
pub(crate) struct AuthorizationRequest {
    pub(crate) access: AccessRequest,
    pub(crate) callback: Callback,
    pub(crate) code_challenge: String,
    pub(crate) login: LoginRequest,
}

/// Where the client receives the response.
#[derive(Clone, Debug)]
pub(crate) struct Callback {
    pub(crate) redirect_uri: String,
    pub(crate) state: Option<String>,
    /// One that registered itself receives an error only after a page.
    pub(crate) client: Arc<Client>,
}

/// How the user is to sign in (OpenID Connect Core section 3.1.2.1).
#[derive(Clone, Debug, Default)]
pub(crate) struct LoginRequest {
    /// `prompt=none`: no page is shown.
    pub(crate) is_silent: bool,
    /// `prompt=login` or `select_account`: a session is not enough.
    pub(crate) is_fresh: bool,
    /// `prompt=consent`: a remembered consent is not enough.
    pub(crate) asks_consent: bool,
    /// The maximum time since the login in seconds.
    pub(crate) max_age: Option<u64>,
    /// The only user whom the client accepts: that of an `id_token_hint`.
    pub(crate) user: Option<String>,
    /// The name of the user that the client expects.
    pub(crate) hint: Option<String>,
}

/// What a user allows, or is asked to allow: the part of the requested scope that the user has.
#[derive(Clone, Debug)]
pub(crate) struct Authorization {
    pub(crate) access: AccessRequest,
    pub(crate) subject: String,
    pub(crate) scope: ScopeSet,
    pub(crate) authentication: Authentication,
}

impl AccessRequest {
    /// Every scope of the request.
    pub(crate) fn whole_scope(&self) -> ScopeSet {
        self.scope.union(&self.protocol_scope)
    }

    /// The part of the scope of a resource that a user with these scopes can allow. None if nothing is left.
    pub(crate) fn allowed_by(&self, user: &ScopeSet) -> Option<ScopeSet> {
        let scope = self.scope.intersection(user);
        (self.scope.is_empty() || !scope.is_empty()).then_some(scope)
    }

    /// An event about the request.
    pub(crate) fn entry(&self, event: Event) -> Entry {
        Entry {
            txn: Some(self.txn.clone()),
            client_id: Some(self.client.id.clone()),
            scope_before: Some(self.whole_scope()),
            aud: Some(self.audience.clone()),
            ..Entry::new(event)
        }
    }
}

impl Authorization {
    /// Every scope that the token will have.
    pub(crate) fn whole_scope(&self) -> ScopeSet {
        self.scope.union(&self.access.protocol_scope)
    }

    /// The consent of the user.
    pub(crate) fn entry(&self) -> Entry {
        Entry {
            sub: Some(self.subject.clone()),
            scope: Some(self.whole_scope()),
            ..self.access.entry(Event::Consent)
        }
    }
}

/// The minimum time between two polls, in seconds, and what `slow_down` adds to it.
pub(crate) const INTERVAL: u64 = 5;
/// How long an approval is remembered, in seconds: the longest time that one waits, and ten minutes in which its client learns
/// that it has expired.
pub(crate) const APPROVAL_RETENTION: u64 = 3600 + 600;

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
pub(crate) type Approvals = Bounded<Arc<Approval>>;

impl Approvals {
    /// Adds a request for its owner. Returns what the client polls with.
    pub(crate) fn begin(&self, code: String, owner: &str, request: ApprovalRequest, now: u64) -> Result<String> {
        let is_taken = self.get(&code, now).is_some();
        TEMPORARILY_UNAVAILABLE.when(is_taken, "the code that was drawn is in use")?;
        let id = format!("{code}.{}", random_id()?);
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
        self.insert(&code, owner, Arc::new(approval), now);
        Ok(id)
    }

    /// The request that a client polls for.
    pub(crate) fn polled(&self, id: &str, channel: Channel, client: &str, now: u64) -> Result<Arc<Approval>> {
        let (code, _) = id.split_once('.').ok_or(INVALID)?;
        let approval = self.get(code, now).ok_or(INVALID)?;
        let request = &approval.request;
        let is_of = request.channel == channel && request.access.client.id == client;
        INVALID.when(!is_of || !is_same(&approval.secret, &s256(id)))?;
        Ok(approval)
    }

    /// A request that waits for its user.
    pub(crate) fn waiting(&self, code: &str, channel: Channel, now: u64) -> Option<Arc<Approval>> {
        let approval = self.get(code, now)?;
        (approval.request.channel == channel && approval.is_waiting(now)).then_some(approval)
    }

    /// The requests that wait for a user.
    pub(crate) fn waiting_for(&self, subject: &str, now: u64) -> Vec<Arc<Approval>> {
        let mut approvals = self.all(now, |approval| approval.request.subject.as_deref() == Some(subject));
        approvals.retain(|approval| approval.is_waiting(now));
        approvals
    }
}

impl Approval {
    pub(crate) fn is_waiting(&self, now: u64) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(state.decision, Decision::Waiting) && now < self.request.expires
    }

    /// Ends the request by what `decide` returns; none is a denial. None without any call of it if the request does not wait.
    /// No other decision and no expiry comes between `decide` and the end.
    pub(crate) fn decide<E>(
        &self,
        now: u64,
        decide: impl FnOnce() -> Result<Option<Authorization>, E>,
    ) -> Result<Option<bool>, E> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(state.decision, Decision::Waiting) || self.request.expires <= now {
            return Ok(None);
        }
        let allowed = decide()?;
        let is_allowed = allowed.is_some();
        state.decision = allowed.map_or(Decision::Denied, |allowed| Decision::Approved(Box::new(allowed)));
        Ok(Some(is_allowed))
    }

    /// Ends an approval by what `issue` makes of it, once; an error leaves it as it was. Or why there is no token: RFC 8628
    /// section 3.5, CIBA Core section 11.
    pub(crate) fn redeem<T>(&self, now: u64, issue: impl FnOnce(&Authorization) -> Result<T>) -> Result<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        match &state.decision {
            Decision::Redeemed => Err(INVALID),
            _ if self.request.expires <= now => Err(EXPIRED_TOKEN.because("the request has expired")),
            Decision::Denied => Err(ACCESS_DENIED.because("the user denied the request")),
            Decision::Approved(authorization) => {
                let issued = issue(authorization)?;
                state.decision = Decision::Redeemed;
                Ok(issued)
            }
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
}
