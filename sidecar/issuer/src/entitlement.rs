//! What a client is entitled to: the resource a token is for, and the scope.

use crate::authorization_server::AuthorizationServer;
use crate::error::{ErrorCode, OAuthError};
use crate::registry::{Client, Resource};
use crate::scope::ScopeSet;

/// The one resource a request aims at (RFC 8707). Left out, it is the client's resource if there is only one.
pub(crate) fn target<'r>(
    server: &'r AuthorizationServer,
    client: &Client,
    requested: &[&str],
) -> Result<&'r Resource, OAuthError> {
    let identifier = match (requested, client.resources.len()) {
        ([one], _) => one,
        ([], 1) => client.resources.first().map_or("", String::as_str),
        ([], _) => return Err(ErrorCode::InvalidTarget.because("name the resource")),
        _ => return Err(ErrorCode::InvalidTarget.because("a token is for one resource only")),
    };
    let registered = client.resources.contains(identifier);
    server
        .registry
        .resource(identifier)
        .filter(|_| registered)
        .ok_or(ErrorCode::InvalidTarget.because("the client may not ask for this resource"))
}

/// The scope to grant: what was requested, which must be within `allowed`; with nothing requested, all of it.
pub(crate) fn granted(requested: Option<ScopeSet>, allowed: ScopeSet) -> Result<ScopeSet, OAuthError> {
    let scope = match requested {
        None => allowed,
        Some(requested) if requested.is_within(&allowed) => requested,
        Some(_) => {
            return Err(ErrorCode::InvalidScope.because("more scope is asked for than is allowed"));
        }
    };
    if scope.is_empty() {
        return Err(ErrorCode::InvalidScope.because("no scope is left to grant"));
    }
    Ok(scope)
}
