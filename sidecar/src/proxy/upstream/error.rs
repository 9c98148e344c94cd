//! Why an upstream did not answer a request.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use super::mismatch;
use crate::proxy::causes::innermost;
use crate::proxy::request_body::BodyFault;

/// Limits of a response head.
pub(super) const MAX_HEADER_LINES: usize = 256;
/// A part of a response body that is read at once has at most this size too.
pub(super) const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Why the upstream did not respond. The caller learns only the status.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// No connection could be established.
    #[error("no connection: {0}")]
    NoConnection(Reason),
    /// The connection ended before the response head did.
    #[error("no response: {0}")]
    NoResponse(Reason),
    /// The response head did not arrive in time.
    #[error("no response within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The client's body broke off or contained a token.
    #[error("the request body failed: {0}")]
    Request(BodyFault),
    #[error(
        "the response head has more than {MAX_HEADER_LINES} header lines or more than {} KiB, or too many interim \
         responses come before it",
        MAX_HEAD_BYTES / 1024
    )]
    HeadTooLarge,
    #[error("the framing of the response is ambiguous")]
    Framing,
    /// It switched protocols without a request to do so.
    #[error("unexpected 101 response")]
    SwitchedProtocols,
    /// The idle connection ended with a 408, which is no answer to the request (RFC 9110 section 15.5.9).
    #[error("the connection ended with a 408 response before the request arrived")]
    UnsolicitedTimeout,
    /// It speaks HTTP/2 alone, and its settings do not permit the extended CONNECT.
    #[error("this upstream has http/2 alone, and permits no websocket in it (rfc 8441)")]
    NoUpgrade,
    #[error("the target cannot be sent")]
    Target,
}

impl UpstreamError {
    /// The status of the refusal: 502; 504 after a timeout; 400 when the client caused it.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            UpstreamError::TimedOut(_) => StatusCode::GATEWAY_TIMEOUT,
            UpstreamError::Request(_) => StatusCode::BAD_REQUEST,
            _ => StatusCode::BAD_GATEWAY,
        }
    }

    /// What an operator can change, if it is known.
    pub(crate) fn help(&self) -> Option<&'static str> {
        match self {
            UpstreamError::NoConnection(reason) | UpstreamError::NoResponse(reason) => reason.help,
            _ => None,
        }
    }

    /// The stable code, for the decision log.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            UpstreamError::NoConnection(_) => "no_connection",
            UpstreamError::NoResponse(_) => "no_response",
            UpstreamError::TimedOut(_) => "response_timeout",
            UpstreamError::Request(_) => "request_body",
            UpstreamError::HeadTooLarge => "head_too_large",
            UpstreamError::Framing => "ambiguous_framing",
            UpstreamError::SwitchedProtocols => "unexpected_upgrade",
            UpstreamError::UnsolicitedTimeout => "unsolicited_408",
            UpstreamError::NoUpgrade => "no_upgrade",
            UpstreamError::Target => "target",
        }
    }
}

/// A failure in words, with what an operator can change if it is known.
#[derive(Debug)]
pub(crate) struct Reason {
    text: String,
    help: Option<&'static str>,
}

impl Reason {
    pub(super) fn new(text: String) -> Reason {
        Reason { text, help: None }
    }

    pub(super) fn of(error: &(dyn std::error::Error + 'static)) -> Reason {
        Reason {
            text: innermost(error),
            help: mismatch::of_error(error),
        }
    }

    /// The same, as a failure of TLS.
    pub(super) fn in_tls(self) -> Reason {
        Reason {
            text: format!("tls: {}", self.text),
            ..self
        }
    }

    /// The same, with a help where it has none.
    pub(super) fn or_help(self, help: Option<&'static str>) -> Reason {
        Reason {
            help: self.help.or(help),
            ..self
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) struct ConnectError(pub(super) Reason);

impl ConnectError {
    pub(super) fn of(error: &(dyn std::error::Error + 'static)) -> ConnectError {
        ConnectError(Reason::of(error))
    }
}
