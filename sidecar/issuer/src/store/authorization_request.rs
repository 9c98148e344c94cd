//! A checked authorization request.

use super::codes::IdToken;
use crate::scope::ScopeSet;

/// A request that may be put before a person: client, redirect URI, scope and resource fit the registry.
#[derive(Clone, Debug)]
pub(crate) struct AuthorizationRequest {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) code_challenge: String,
    pub(crate) audience: String,
    pub(crate) scope: ScopeSet,
    pub(crate) id_token: IdToken,
    pub(crate) state: Option<String>,
}
