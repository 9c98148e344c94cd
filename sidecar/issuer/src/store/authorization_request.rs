//! Authorization requests that passed their checks.

use std::sync::Arc;

use crate::claims::Authentication;
use crate::registry::Client;
use crate::scope::ScopeSet;

/// A request whose client, redirect URI, scope and resource agree with the registry.
#[derive(Clone, Debug)]
pub(crate) struct AuthorizationRequest {
    /// The transaction that the tokens will have.
    pub(crate) txn: String,
    pub(crate) client: Arc<Client>,
    pub(crate) callback: Callback,
    pub(crate) code_challenge: String,
    pub(crate) audience: String,
    pub(crate) scope: ScopeSet,
    /// `openid` and `offline_access`, which belong to no resource.
    pub(crate) protocol_scope: ScopeSet,
    /// For the ID token.
    pub(crate) nonce: Option<String>,
}

/// Where the client receives the response.
#[derive(Clone, Debug)]
pub(crate) struct Callback {
    pub(crate) redirect_uri: String,
    pub(crate) state: Option<String>,
}

/// A request with the user who signed in for it, and the part of the requested scope that the user has.
#[derive(Clone, Debug)]
pub(crate) struct Authorization {
    pub(crate) request: AuthorizationRequest,
    pub(crate) subject: String,
    pub(crate) scope: ScopeSet,
    pub(crate) authentication: Authentication,
}
