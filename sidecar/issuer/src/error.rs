//! Error responses: RFC 6749 sections 4.1.2.1 and 5.2, RFC 7009 section 2.2.1, RFC 8693 section 2.2.2,
//! RFC 8707 section 2.

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Why a request is denied. Descriptions are constants, so that a response never repeats what the caller sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OAuthError {
    pub(crate) status: StatusCode,
    pub(crate) code: ErrorCode,
    pub(crate) description: &'static str,
}

/// What can be denied.
pub(crate) type Result<T, E = OAuthError> = std::result::Result<T, E>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    InvalidRequest,
    InvalidClient(AuthScheme),
    InvalidGrant,
    UnauthorizedClient,
    UnsupportedGrantType,
    UnsupportedResponseType,
    InvalidScope,
    InvalidTarget,
    AccessDenied,
    UnknownUserId,
    InvalidBindingMessage,
    AuthorizationPending,
    SlowDown,
    ExpiredToken,
    LoginRequired,
    ConsentRequired,
    InteractionRequired,
    UnmetAuthenticationRequirements,
    RequestNotSupported,
    RequestUriNotSupported,
    UnsupportedTokenType,
    ServerError,
    TemporarilyUnavailable,
}

/// The scheme of the `Authorization` header that the client sent, which the challenge repeats (RFC 6749 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthScheme {
    Basic,
    None,
}

impl AuthScheme {
    /// One error for every failure, so that it does not reveal which clients exist.
    pub(crate) const fn failed(self) -> OAuthError {
        ErrorCode::InvalidClient(self).because("client authentication failed")
    }
}

/// A client authenticates by another method than that of its registration.
pub(crate) const UNREGISTERED_METHOD: OAuthError =
    ErrorCode::UnauthorizedClient.because("the client is not registered for this authentication method");

/// A grant that the registration of the client does not have.
pub(crate) const UNREGISTERED_GRANT: OAuthError =
    ErrorCode::UnauthorizedClient.because("the client is not registered for this grant");

impl ErrorCode {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            ErrorCode::InvalidRequest => "invalid_request",
            ErrorCode::InvalidClient(_) => "invalid_client",
            ErrorCode::InvalidGrant => "invalid_grant",
            ErrorCode::UnauthorizedClient => "unauthorized_client",
            ErrorCode::UnsupportedGrantType => "unsupported_grant_type",
            ErrorCode::UnsupportedResponseType => "unsupported_response_type",
            ErrorCode::InvalidScope => "invalid_scope",
            ErrorCode::InvalidTarget => "invalid_target",
            ErrorCode::AccessDenied => "access_denied",
            ErrorCode::UnknownUserId => "unknown_user_id",
            ErrorCode::InvalidBindingMessage => "invalid_binding_message",
            ErrorCode::AuthorizationPending => "authorization_pending",
            ErrorCode::SlowDown => "slow_down",
            ErrorCode::ExpiredToken => "expired_token",
            ErrorCode::LoginRequired => "login_required",
            ErrorCode::ConsentRequired => "consent_required",
            ErrorCode::InteractionRequired => "interaction_required",
            ErrorCode::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            ErrorCode::RequestNotSupported => "request_not_supported",
            ErrorCode::RequestUriNotSupported => "request_uri_not_supported",
            ErrorCode::UnsupportedTokenType => "unsupported_token_type",
            ErrorCode::ServerError => "server_error",
            ErrorCode::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }

    /// The error with this description if the condition holds.
    pub(crate) fn when(self, holds: bool, description: &'static str) -> Result<()> {
        self.because(description).when(holds)
    }

    /// An error with this code, its usual status, and a description for the developer of the client.
    pub(crate) const fn because(self, description: &'static str) -> OAuthError {
        let status = match self {
            ErrorCode::InvalidClient(_) => StatusCode::UNAUTHORIZED,
            ErrorCode::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        };
        OAuthError {
            status,
            code: self,
            description,
        }
    }
}

/// The JSON form of the token endpoint.
impl OAuthError {
    /// The error if the condition holds.
    pub(crate) fn when(self, holds: bool) -> Result<()> {
        if holds { Err(self) } else { Ok(()) }
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.code.as_str(), "error_description": self.description });
        let mut response = (self.status, Json(body)).into_response();
        if self.code == ErrorCode::TemporarilyUnavailable {
            let seconds = HeaderValue::from_static("1");
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        if self.code == ErrorCode::InvalidClient(AuthScheme::Basic) {
            let challenge = HeaderValue::from_static("Basic realm=\"token\", charset=\"UTF-8\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
