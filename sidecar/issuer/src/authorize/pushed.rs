//! Pushed authorization requests, RFC 9126.

use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::request::{REQUEST_URI, callback, read_for};
use crate::audit::Event;
use crate::authorization_server::AuthorizationServer;
use crate::client_authentication::authenticate;
use crate::error::{ErrorCode, OAuthError};
use crate::parameters::Parameters;
use crate::registry::Client;
use crate::store::PushedRequest;

/// The lifetime of a `request_uri` in seconds.
const LIFETIME: u64 = 60;

/// `POST /par`: checks the request as the authorization endpoint does, and returns a `request_uri` for one use.
pub(crate) fn push(
    server: &AuthorizationServer,
    headers: &HeaderMap,
    form: &Parameters,
) -> Result<Response, OAuthError> {
    let client = authenticate(server, headers, form).inspect_err(|error| server.note_refusal(None, *error))?;
    push_for(server, &client, form).inspect_err(|error| server.note_refusal(Some(&client.id), *error))
}

fn push_for(server: &AuthorizationServer, client: &Arc<Client>, form: &Parameters) -> Result<Response, OAuthError> {
    if client.redirect_uris.is_empty() {
        return Err(ErrorCode::UnauthorizedClient.because("the client is not registered for this grant"));
    }
    if form.one("request_uri")?.is_some() {
        return Err(ErrorCode::InvalidRequest.because("request_uri cannot be pushed"));
    }
    let callback = callback(client, form);
    let callback = callback.ok_or(ErrorCode::InvalidRequest.because("the redirect_uri is not registered"))?;
    let request = Arc::new(read_for(server, client, &callback, form)?);
    let id = server.pushed.put(PushedRequest {
        request: Arc::clone(&request),
        expires: server.clock.now().saturating_add(LIFETIME),
    })?;
    server.note(request.access.entry(Event::Request));
    let body = json!({ "request_uri": format!("{REQUEST_URI}{id}"), "expires_in": LIFETIME });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}
