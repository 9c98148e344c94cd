//! The grants of the token endpoint, one file for each.

mod client_credentials;
mod exchange;
mod refresh;
mod user_token;

use std::sync::Arc;

use axum::Json;
use serde_json::Value;

use crate::grant_type::{AUTHORIZATION_CODE, CIBA, CLIENT_CREDENTIALS, DEVICE_CODE, REFRESH_TOKEN, TOKEN_EXCHANGE};
use crate::{Channel, Client, INVALID_REQUEST, Issuer, Parameters, Result, UNSUPPORTED_GRANT_TYPE};

/// Runs the grant of a token request.
pub(crate) fn token(server: &Issuer, client: &Arc<Client>, request: &Parameters) -> Result<Json<Value>> {
    let response = match request.one("grant_type")? {
        Some(AUTHORIZATION_CODE) => user_token::redeem(server, client, request),
        Some(CLIENT_CREDENTIALS) => client_credentials::issue(server, client, request),
        Some(CIBA) => user_token::approval(server, client, request, Channel::Backchannel),
        Some(DEVICE_CODE) => user_token::approval(server, client, request, Channel::Device),
        Some(REFRESH_TOKEN) => refresh::refresh(server, client, request),
        Some(TOKEN_EXCHANGE) => exchange::exchange(server, client, request),
        Some(_) => Err(UNSUPPORTED_GRANT_TYPE.because("this grant type is not supported")),
        None => Err(INVALID_REQUEST.because("grant_type is missing")),
    };
    response.map(Json)
}
