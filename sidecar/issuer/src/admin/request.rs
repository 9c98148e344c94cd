//! The requests of the administration API, and its errors.

use actgate_yaml::Diagnostics;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use crate::registry::NOT_A_REDIRECT_URI;
use crate::{ErrorCode, INVALID_REQUEST, OAuthError};

/// The response to a request.
pub(super) type AdminResult = Result<Response, AdminError>;

/// Why a request has no effect. The operator reads the description, so that it can have names of the request.
#[derive(Debug)]
pub(crate) struct AdminError(pub(super) ErrorCode, pub(super) String);

/// A response about something that was created.
pub(super) fn created(body: Value) -> Response {
    (StatusCode::CREATED, Json(body)).into_response()
}

/// The members of a body. An empty body has none.
pub(crate) fn object(body: &[u8]) -> Result<Map<String, Value>, AdminError> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    let object = serde_json::from_slice(body);
    Ok(object.map_err(|_| INVALID_REQUEST.because("the body is not a JSON object"))?)
}

/// Takes a text out of a body.
pub(crate) fn take_text(object: &mut Map<String, Value>, name: &str) -> Result<Option<String>, AdminError> {
    match object.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(AdminError(INVALID_METADATA, format!("`{name}` is not a text"))),
    }
}

/// There is none with the name of the request.
pub(crate) const NOT_FOUND: OAuthError =
    ErrorCode::with("not_found", StatusCode::NOT_FOUND).because("there is none with this name");
pub(super) const CONFLICT: ErrorCode = ErrorCode::with("conflict", StatusCode::CONFLICT);
/// RFC 7591 section 3.2.2.
pub(crate) const INVALID_METADATA: ErrorCode = ErrorCode::of("invalid_client_metadata");
const INVALID_REDIRECT_URI: ErrorCode = ErrorCode::of("invalid_redirect_uri");

/// Of an entry that is not valid.
impl From<Diagnostics> for AdminError {
    fn from(mistakes: Diagnostics) -> AdminError {
        let is_redirect_uri = mistakes.iter().any(|mistake| mistake.message == NOT_A_REDIRECT_URI);
        let texts = mistakes.iter().map(|mistake| match &mistake.help {
            Some(help) => format!("{}: {help}", mistake.message),
            None => mistake.message.clone(),
        });
        let code = match is_redirect_uri {
            true => INVALID_REDIRECT_URI,
            false => INVALID_METADATA,
        };
        AdminError(code, texts.collect::<Vec<_>>().join("; "))
    }
}

impl<E: Into<OAuthError>> From<E> for AdminError {
    fn from(error: E) -> AdminError {
        let error = error.into();
        AdminError(error.code, error.description.to_owned())
    }
}

impl IntoResponse for AdminError {
    fn into_response(self) -> Response {
        self.0.response(&self.1)
    }
}
