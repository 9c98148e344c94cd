//! The grants of the token endpoint, one file for each.

mod authorization_code;
mod client_credentials;
mod exchange;

use axum::http::HeaderMap;

use crate::authorization_server::AuthorizationServer;
use crate::client_authentication::authenticate;
use crate::error::{ErrorCode, OAuthError};
use crate::parameters::Parameters;
use crate::token::TokenResponse;

pub(crate) const AUTHORIZATION_CODE: &str = "authorization_code";
pub(crate) const CLIENT_CREDENTIALS: &str = "client_credentials";
pub(crate) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// Authenticates the client and runs the grant of a token request.
pub(crate) fn token(
    server: &AuthorizationServer,
    headers: &HeaderMap,
    request: &Parameters,
) -> Result<TokenResponse, OAuthError> {
    let grant = request.one("grant_type")?;
    let client = authenticate(&server.registry, headers, request)?;
    match grant {
        Some(AUTHORIZATION_CODE) => authorization_code::authorization_code(server, client, request),
        Some(CLIENT_CREDENTIALS) => client_credentials::client_credentials(server, client, request),
        Some(TOKEN_EXCHANGE) => exchange::exchange(server, client, request),
        Some(_) => Err(ErrorCode::UnsupportedGrantType.because("this grant type is not supported")),
        None => Err(ErrorCode::InvalidRequest.because("grant_type is missing")),
    }
}
