//! What clients ask users for, after the checks.

use std::sync::Arc;

use crate::{Authentication, Client, Entry, Event, ScopeSet};

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

/// A request that a client pushed.
#[derive(Clone)]
pub(crate) struct PushedRequest {
    pub(crate) request: Arc<AuthorizationRequest>,
    /// By the issuer's clock, in seconds since the epoch.
    pub(crate) expires: u64,
}

/// Where the client receives the response.
#[derive(Clone, Debug)]
pub(crate) struct Callback {
    pub(crate) redirect_uri: String,
    pub(crate) state: Option<String>,
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
