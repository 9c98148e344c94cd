//! The grants of the token endpoint, one file for each.

mod actor_token;
mod approval;
mod authorization_code;
mod client_credentials;
mod exchange;
mod refresh;
mod user_token;

use axum::http::HeaderMap;

use crate::authorization_server::AuthorizationServer;
use crate::client_authentication::authenticate;
use crate::error::{ErrorCode, OAuthError};
use crate::grant_type::{AUTHORIZATION_CODE, CIBA, CLIENT_CREDENTIALS, DEVICE_CODE, REFRESH_TOKEN, TOKEN_EXCHANGE};
use crate::parameters::Parameters;
use crate::registry::Client;
use crate::store::Channel;
use crate::token::TokenResponse;

/// Authenticates the client and runs the grant of a token request.
pub(crate) fn token(
    server: &AuthorizationServer,
    headers: &HeaderMap,
    request: &Parameters,
) -> Result<TokenResponse, OAuthError> {
    let client = authenticate(server, headers, request).inspect_err(|error| server.note_refusal(None, *error))?;
    run(server, &client, request).inspect_err(|error| server.note_refusal(Some(&client.id), *error))
}

fn run(server: &AuthorizationServer, client: &Client, request: &Parameters) -> Result<TokenResponse, OAuthError> {
    match request.one("grant_type")? {
        Some(AUTHORIZATION_CODE) => authorization_code::authorization_code(server, client, request),
        Some(CLIENT_CREDENTIALS) => client_credentials::client_credentials(server, client, request),
        Some(CIBA) => approval::approval(server, client, request, Channel::Backchannel),
        Some(DEVICE_CODE) => approval::approval(server, client, request, Channel::Device),
        Some(REFRESH_TOKEN) => refresh::refresh(server, client, request),
        Some(TOKEN_EXCHANGE) => exchange::exchange(server, client, request),
        Some(_) => Err(ErrorCode::UnsupportedGrantType.because("this grant type is not supported")),
        None => Err(ErrorCode::InvalidRequest.because("grant_type is missing")),
    }
}
