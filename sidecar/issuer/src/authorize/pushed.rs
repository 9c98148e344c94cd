//! Pushed authorization requests, RFC 9126.

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::request::{REQUEST_URI, callback, read_for};
use crate::audit::Event;
use crate::authorization_server::AuthorizationServer;
use crate::error::{ErrorCode, Result, UNREGISTERED_GRANT};
use crate::parameters::Parameters;
use crate::registry::Client;
use crate::store::PushedRequest;

/// The lifetime of a `request_uri` in seconds.
const LIFETIME: u64 = 60;

/// `POST /par`: checks the request as the authorization endpoint does, and returns a `request_uri` for one use.
pub(crate) fn push(server: &AuthorizationServer, client: &Arc<Client>, form: &Parameters) -> Result<Response> {
    UNREGISTERED_GRANT.when(client.redirect_uris.is_empty())?;
    ErrorCode::InvalidRequest.when(form.one("request_uri")?.is_some(), "request_uri cannot be pushed")?;
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
