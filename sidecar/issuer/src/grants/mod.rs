//! The grants of the token endpoint, one file each.

mod authorization_code;
mod client_credentials;
mod exchange;

use http::HeaderMap;

use crate::authorization_server::AuthorizationServer;
use crate::client_authentication::authenticate;
use crate::error::{ErrorCode, OAuthError};
use crate::parameters::Parameters;
use crate::registry::{Client, Resource};
use crate::scope::ScopeSet;
use crate::token::TokenResponse;

pub(crate) const AUTHORIZATION_CODE: &str = "authorization_code";
pub(crate) const CLIENT_CREDENTIALS: &str = "client_credentials";
pub(crate) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// Answers a token request.
pub(crate) fn token(
    server: &AuthorizationServer,
    headers: &HeaderMap,
    request: &Parameters,
) -> Result<TokenResponse, OAuthError> {
    let grant = request.one("grant_type")?;
    let client = authenticate(&server.registry, headers, request)?;
    match grant {
        Some(AUTHORIZATION_CODE) => authorization_code::authorization_code(server, client.client(), request),
        Some(CLIENT_CREDENTIALS) => client_credentials::client_credentials(server, client.confidential()?, request),
        Some(TOKEN_EXCHANGE) => exchange::exchange(server, client.confidential()?, request),
        Some(_) => Err(ErrorCode::UnsupportedGrantType.because("this grant type is not supported")),
        None => Err(ErrorCode::InvalidRequest.because("grant_type is missing")),
    }
}

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
