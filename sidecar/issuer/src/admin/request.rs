//! The requests of the administration API, and its errors.

use actgate_yaml::Diagnostics;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use crate::client_authentication::form_decoded;
use crate::live_tokens::bearer;
use crate::parameters::read_body;
use crate::registry::NOT_A_REDIRECT_URI;
use crate::{ErrorCode, INVALID_REQUEST, OAuthError, Parameters, Secret};

/// The response to a request.
pub(super) type Answer = Result<Response, AdminError>;

/// A request with a body, or without.
pub(crate) struct AdminRequest {
    pub(super) method: Method,
    /// The segments after `/admin/`.
    pub(super) path: Vec<String>,
    pub(super) query: Parameters,
    pub(crate) body: Bytes,
    headers: HeaderMap,
}

/// Why a request has no effect. The operator reads the description, so that it can have names of the request.
#[derive(Debug)]
pub(crate) struct AdminError(pub(super) ErrorCode, pub(super) String);

impl AdminRequest {
    /// Whether the bearer token is the secret. It takes the same time for every token.
    pub(super) fn has_secret(&self, secret: &Secret) -> bool {
        bearer(&self.headers).is_ok_and(|token| secret.matches(token))
    }
}

impl<S: Send + Sync> FromRequest<S> for AdminRequest {
    type Rejection = AdminError;

    async fn from_request(request: Request, state: &S) -> Result<AdminRequest, AdminError> {
        let malformed = || AdminError::from(INVALID_REQUEST.because("the address cannot be decoded"));
        let segments = request.uri().path().split('/').skip(2);
        let path = segments.map(|segment| form_decoded(&segment.replace('+', "%2B")));
        let path = path.collect::<Option<_>>().ok_or_else(malformed)?;
        let query = Parameters::parse(request.uri().query().unwrap_or_default().as_bytes())?;
        let (method, headers) = (request.method().clone(), request.headers().clone());
        let body = read_body(request, state).await?;
        Ok(AdminRequest {
            method,
            path,
            query,
            body,
            headers,
        })
    }
}

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
