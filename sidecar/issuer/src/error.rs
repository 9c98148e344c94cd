//! Refusals of the protocol endpoints: RFC 6749 sections 4.1.2.1 and 5.2, RFC 8693 section 2.2.2, RFC 8707.

use crate::parameters::Repeated;

/// Why a request was refused, in the words of the RFCs. Descriptions are constants, so that nothing a caller sent
/// comes back to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OAuthError {
    pub(crate) code: ErrorCode,
    pub(crate) description: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    InvalidRequest,
    InvalidClient(Challenge),
    InvalidGrant,
    UnauthorizedClient,
    UnsupportedGrantType,
    UnsupportedResponseType,
    InvalidScope,
    InvalidTarget,
    AccessDenied,
    LoginRequired,
    RequestNotSupported,
    RequestUriNotSupported,
    ServerError,
}

/// Whether the client tried the `Authorization` header and so must be answered with its scheme (RFC 6749 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    Basic,
    None,
}

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
            ErrorCode::LoginRequired => "login_required",
            ErrorCode::RequestNotSupported => "request_not_supported",
            ErrorCode::RequestUriNotSupported => "request_uri_not_supported",
            ErrorCode::ServerError => "server_error",
        }
    }

    /// A refusal with this code and a sentence for the client's developer.
    pub(crate) fn because(self, description: &'static str) -> OAuthError {
        OAuthError {
            code: self,
            description,
        }
    }
}

impl From<Repeated> for OAuthError {
    fn from(_: Repeated) -> OAuthError {
        ErrorCode::InvalidRequest.because("a parameter is given more than once")
    }
}
