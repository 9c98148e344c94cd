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
    pub(crate) code: ErrorCode,
    pub(crate) description: &'static str,
}

/// What can be denied.
pub(crate) type Result<T, E = OAuthError> = std::result::Result<T, E>;

/// An error code of OAuth or OpenID Connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ErrorCode {
    pub(crate) name: &'static str,
    status: StatusCode,
    /// For a request with an `Authorization` header, or without one that it needs (RFC 6749 section 5.2, RFC 6750 section 3).
    challenge: Option<&'static str>,
}

pub(crate) const INVALID_REQUEST: ErrorCode = ErrorCode::of("invalid_request");
pub(crate) const INVALID_CLIENT: ErrorCode = ErrorCode::with("invalid_client", StatusCode::UNAUTHORIZED);
pub(crate) const INVALID_BASIC_CLIENT: ErrorCode =
    INVALID_CLIENT.challenging("Basic realm=\"token\", charset=\"UTF-8\"");
pub(crate) const INVALID_GRANT: ErrorCode = ErrorCode::of("invalid_grant");
pub(crate) const UNAUTHORIZED_CLIENT: ErrorCode = ErrorCode::of("unauthorized_client");
pub(crate) const UNSUPPORTED_GRANT_TYPE: ErrorCode = ErrorCode::of("unsupported_grant_type");
pub(crate) const UNSUPPORTED_RESPONSE_TYPE: ErrorCode = ErrorCode::of("unsupported_response_type");
pub(crate) const INVALID_SCOPE: ErrorCode = ErrorCode::of("invalid_scope");
pub(crate) const INVALID_TARGET: ErrorCode = ErrorCode::of("invalid_target");
pub(crate) const ACCESS_DENIED: ErrorCode = ErrorCode::of("access_denied");
pub(crate) const UNKNOWN_USER_ID: ErrorCode = ErrorCode::of("unknown_user_id");
pub(crate) const INVALID_BINDING_MESSAGE: ErrorCode = ErrorCode::of("invalid_binding_message");
pub(crate) const AUTHORIZATION_PENDING: ErrorCode = ErrorCode::of("authorization_pending");
pub(crate) const SLOW_DOWN: ErrorCode = ErrorCode::of("slow_down");
pub(crate) const EXPIRED_TOKEN: ErrorCode = ErrorCode::of("expired_token");
pub(crate) const LOGIN_REQUIRED: ErrorCode = ErrorCode::of("login_required");
pub(crate) const CONSENT_REQUIRED: ErrorCode = ErrorCode::of("consent_required");
pub(crate) const INTERACTION_REQUIRED: ErrorCode = ErrorCode::of("interaction_required");
pub(crate) const UNMET_AUTHENTICATION_REQUIREMENTS: ErrorCode = ErrorCode::of("unmet_authentication_requirements");
pub(crate) const REQUEST_NOT_SUPPORTED: ErrorCode = ErrorCode::of("request_not_supported");
pub(crate) const REQUEST_URI_NOT_SUPPORTED: ErrorCode = ErrorCode::of("request_uri_not_supported");
pub(crate) const UNSUPPORTED_TOKEN_TYPE: ErrorCode = ErrorCode::of("unsupported_token_type");
pub(crate) const INVALID_TOKEN: ErrorCode = ErrorCode::with("invalid_token", StatusCode::UNAUTHORIZED);
pub(crate) const SERVER_ERROR: ErrorCode = ErrorCode::with("server_error", StatusCode::INTERNAL_SERVER_ERROR);
pub(crate) const TEMPORARILY_UNAVAILABLE: ErrorCode =
    ErrorCode::with("temporarily_unavailable", StatusCode::SERVICE_UNAVAILABLE);

/// One error for every failure of a client authentication, so that it does not reveal which clients exist.
pub(crate) const CLIENT_FAILED: OAuthError = INVALID_CLIENT.because("client authentication failed");
/// The same for a client that sent an `Authorization` header.
pub(crate) const BASIC_FAILED: OAuthError = INVALID_BASIC_CLIENT.because("client authentication failed");
/// A client authenticates by another method than that of its registration.
pub(crate) const UNREGISTERED_METHOD: OAuthError =
    UNAUTHORIZED_CLIENT.because("the client is not registered for this authentication method");
/// A grant that the registration of the client does not have.
pub(crate) const UNREGISTERED_GRANT: OAuthError =
    UNAUTHORIZED_CLIENT.because("the client is not registered for this grant");

impl ErrorCode {
    pub(crate) const fn of(name: &'static str) -> ErrorCode {
        ErrorCode::with(name, StatusCode::BAD_REQUEST)
    }

    pub(crate) const fn with(name: &'static str, status: StatusCode) -> ErrorCode {
        let challenge = None;
        ErrorCode {
            name,
            status,
            challenge,
        }
    }

    /// The same code with a challenge.
    pub(crate) const fn challenging(self, challenge: &'static str) -> ErrorCode {
        let challenge = Some(challenge);
        ErrorCode { challenge, ..self }
    }

    /// The same code with another status.
    pub(crate) const fn answered(self, status: StatusCode) -> ErrorCode {
        ErrorCode { status, ..self }
    }

    /// The JSON form of the token endpoint. Without a description there is the challenge alone.
    pub(crate) fn response(self, description: &str) -> Response {
        let body = json!({ "error": self.name, "error_description": description });
        let mut response = match description {
            "" => self.status.into_response(),
            _ => (self.status, Json(body)).into_response(),
        };
        let headers = response.headers_mut();
        if self == TEMPORARILY_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        let challenge = self.challenge.map(HeaderValue::from_static);
        headers.extend(challenge.map(|challenge| (WWW_AUTHENTICATE, challenge)));
        response
    }

    /// The error with this description if the condition holds.
    pub(crate) fn when(self, holds: bool, description: &'static str) -> Result<()> {
        self.because(description).when(holds)
    }

    /// An error with this code, and a description for the developer of the client.
    pub(crate) const fn because(self, description: &'static str) -> OAuthError {
        OAuthError {
            code: self,
            description,
        }
    }
}

impl OAuthError {
    /// The error if the condition holds.
    pub(crate) fn when(self, holds: bool) -> Result<()> {
        if holds { Err(self) } else { Ok(()) }
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        self.code.response(self.description)
    }
}
