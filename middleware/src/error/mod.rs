//! Errors: [`Error`] of one request, [`ConfigError`] at start-up.
//!
//! Neither contains a token or the value of a claim: both are safe to log.

mod codes;
mod config_error;

use std::sync::Arc;

use http::StatusCode;

pub use config_error::ConfigError;

/// Why one request is denied. The variants are in the order of the pipeline.
///
/// The message is for the operator's log. The caller gets a [`Challenge`](crate::challenge::Challenge), which contains
/// no value of the token.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No bearer token was presented; a credential of another scheme counts as none.
    #[error("no bearer token was presented")]
    MissingToken,
    /// The request is ambiguous, or has more than one credential.
    #[error("the request is ambiguous: {reason}")]
    #[non_exhaustive]
    InvalidRequest {
        /// What is ambiguous.
        reason: &'static str,
    },
    /// The headers of a request to an MCP endpoint are missing or malformed, so that they name no message, or they name another
    /// message than the body, which a rule of the policy reads.
    #[error("the headers of the MCP message cannot be used: {reason}")]
    #[non_exhaustive]
    McpHeaders {
        /// What is missing or malformed.
        reason: &'static str,
    },
    /// The request is of an earlier revision of MCP, which obliges no server to compare the headers with the message, or of one that
    /// is not known.
    #[error("the MCP message is neither of revision 2026-07-28 nor of a later one")]
    McpRevision,
    /// The token is not a compact JWS with a JSON object as header and as claims (RFC 7515, RFC 7519).
    #[error("the token is malformed: {reason}")]
    #[non_exhaustive]
    MalformedToken {
        /// Which rule of form is broken.
        reason: &'static str,
    },
    /// The token, its header or the JSON in one of them is over a limit of [`Limits`](crate::limits::Limits).
    #[error("the token is too long: {reason}")]
    #[non_exhaustive]
    TokenTooLong {
        /// Which limit it is over.
        reason: &'static str,
    },
    /// The header names an algorithm that is not accepted for the issuer, or not that of its key.
    #[error("the token's algorithm is not accepted")]
    UnsupportedAlgorithm,
    /// The token is in another header than the one that the tokens of its issuer are accepted in
    /// ([`TrustedIssuer::header`](crate::TrustedIssuer::header)).
    #[error("the token is in another header than those of its issuer")]
    MisplacedToken,
    /// No key of the issuer fits the token's `kid` and `alg`.
    #[error("no key of the issuer fits the token")]
    UnknownKey,
    /// The signature does not verify with the issuer's key.
    #[error("the signature does not verify")]
    InvalidSignature,
    /// The `typ` of the header is missing, or not an accepted one.
    #[error("the `typ` in the header of the token is {reason}")]
    #[non_exhaustive]
    InvalidType {
        /// What is wrong with it.
        reason: Reason,
    },
    /// The issuer states that the token is not active (RFC 7662): it has been revoked, or is none that the issuer knows.
    #[error("the issuer states that the token is not active")]
    TokenInactive,
    /// A claim is not as required.
    #[error("the claim `{claim}` of the token is {reason}")]
    #[non_exhaustive]
    InvalidClaim {
        /// The name of the claim.
        claim: &'static str,
        /// What is wrong with it.
        reason: Reason,
    },
    /// A claim that every token of its issuer must have ([`TrustedIssuer::require_claim`](crate::TrustedIssuer::require_claim))
    /// is missing, or has another value or type.
    #[error("the claim `{claim}`, required of every token of the issuer, is {reason}")]
    #[non_exhaustive]
    RequiredClaim {
        /// The name of the claim, as it is configured.
        claim: Arc<str>,
        /// What is wrong with it.
        reason: Reason,
    },
    /// The token is bound to a key (`cnf`, RFC 7800) without an accepted proof.
    #[error("the token is bound to a key, and no proof of that key was accepted")]
    InvalidConfirmation,
    /// The token is bound to another certificate than the client has presented (RFC 8705 section 3).
    #[error("the token is bound to another certificate than the client has")]
    CertificateMismatch,
    /// The delegation chain (`act`, RFC 8693 section 4.1) is malformed.
    #[error("the delegation chain is malformed: {reason}")]
    #[non_exhaustive]
    InvalidChain {
        /// Which rule of form is broken.
        reason: &'static str,
    },
    /// The delegation chain has more actors than [`Limits::chain_depth`](crate::limits::Limits::chain_depth).
    #[error("the delegation chain is too long")]
    ChainTooLong,
    /// An entry of the [list of revoked tokens](crate::revocation) is for the token.
    #[error("the token is revoked by {by}")]
    #[non_exhaustive]
    TokenRevoked {
        /// What of the token the entry names, in words.
        by: &'static str,
    },
    /// The token is valid but lacks a required scope.
    #[error("the token lacks a scope that the route requires: {required}")]
    #[non_exhaustive]
    InsufficientScope {
        /// The scopes that the route requires, separated by spaces.
        required: Arc<str>,
        /// The rule of the policy that requires them.
        rule: Arc<str>,
    },
    /// A person must log in again, more recently or more strongly (RFC 9470).
    #[error("the login behind the token is not recent or strong enough")]
    #[non_exhaustive]
    InsufficientUserAuthentication {
        /// `auth_too_old` or `acr_not_met`.
        code: &'static str,
        /// The rule of the policy that requires it.
        rule: Arc<str>,
        /// The longest time since the login that is accepted, in seconds.
        max_age: Option<u64>,
        /// The accepted authentication contexts, separated by spaces.
        acr_values: Option<Arc<str>>,
    },
    /// The route requires an actor and the token names none; its issuer writes tokens by the OAuth Actor Profile (draft -01).
    #[error("the token names no actor, which the route requires ({rule})")]
    #[non_exhaustive]
    ActorMissing {
        /// The rule of the policy that requires it.
        rule: Arc<str>,
    },
    /// A rule on actors denies the request; the issuer of the token writes tokens by the OAuth Actor Profile (draft -01).
    #[error("denied by policy: {code} ({rule})")]
    #[non_exhaustive]
    ActorUnauthorized {
        /// The stable code of the reason, such as `actor_not_allowed`.
        code: &'static str,
        /// The rule of the policy that denies.
        rule: Arc<str>,
    },
    /// The token is valid; the policy denies the request.
    #[error("denied by policy: {code} ({rule})")]
    #[non_exhaustive]
    Denied {
        /// The stable code of the reason, such as `initiator_not_human`.
        code: &'static str,
        /// The rule of the policy that denies.
        rule: Arc<str>,
    },
    /// The body is ambiguous, or not one JSON object, and a rule of the policy reads it.
    #[error("the body of the request cannot be used: {reason} ({rule})")]
    #[non_exhaustive]
    MalformedBody {
        /// What is ambiguous or malformed.
        reason: &'static str,
        /// The rule of the policy that reads the body.
        rule: Arc<str>,
    },
    /// The token and the rules allow the request, and its party has made too many of them.
    #[error("the party has made more than {quota} ({rule})")]
    #[non_exhaustive]
    LimitExceeded {
        /// The limit of the policy, as `POST /refunds: limit`, or `limit of the policy`.
        rule: Arc<str>,
        /// How many requests of whom: `60/m (10 at once) by initiator and actor`.
        quota: Arc<str>,
        /// When to try again, in seconds.
        retry_after: u32,
    },
    /// The issuer's signing keys are unavailable.
    #[error("the signing keys of issuer `{issuer}` are unavailable")]
    #[non_exhaustive]
    KeysUnavailable {
        /// The identifier of the trusted issuer, as it is configured.
        issuer: Arc<str>,
        /// When to try again, in seconds.
        retry_after: u32,
    },
    /// The issuer did not answer whether the token is active ([`introspection`](crate::introspection)).
    #[error("issuer `{issuer}` did not answer whether the token is active")]
    #[non_exhaustive]
    IntrospectionUnavailable {
        /// The identifier of the trusted issuer, as it is configured.
        issuer: Arc<str>,
        /// When to try again, in seconds.
        retry_after: u32,
    },
    /// The requests of the party could not be counted: the store that the replicas of a fleet share did not answer.
    #[error("the requests of the party cannot be counted ({rule})")]
    #[non_exhaustive]
    LimitUnavailable {
        /// The limit of the policy, as `POST /refunds: limit`, or `limit of the policy`.
        rule: Arc<str>,
        /// When to try again, in seconds.
        retry_after: u32,
    },
}

impl Error {
    /// The stable code of this error: part of the public interface, for logs and metrics.
    pub fn code(&self) -> &'static str {
        self.code_and_status().0
    }

    /// The HTTP status: 400, 401, 403, 429 or 503.
    pub fn status(&self) -> StatusCode {
        self.code_and_status().1
    }

    /// Every code that an error can have, in the order of the alphabet. A later version may have further ones.
    pub fn codes() -> &'static [&'static str] {
        codes::CODES
    }

    /// The status that an error of a code usually has; 403 for a text that is no code.
    pub(crate) fn usual_status(code: &str) -> u16 {
        codes::usual_status(code)
    }

    fn code_and_status(&self) -> (&'static str, StatusCode) {
        match self {
            Error::MissingToken => ("missing_token", StatusCode::UNAUTHORIZED),
            Error::InvalidRequest { .. } => ("invalid_request", StatusCode::BAD_REQUEST),
            Error::McpHeaders { .. } => ("mcp_header_mismatch", StatusCode::BAD_REQUEST),
            Error::McpRevision => ("mcp_revision_not_supported", StatusCode::BAD_REQUEST),
            Error::MalformedToken { .. } => ("malformed_token", StatusCode::UNAUTHORIZED),
            Error::TokenTooLong { .. } => ("token_too_long", StatusCode::UNAUTHORIZED),
            Error::UnsupportedAlgorithm => ("unsupported_algorithm", StatusCode::UNAUTHORIZED),
            Error::MisplacedToken => ("misplaced_token", StatusCode::UNAUTHORIZED),
            Error::UnknownKey => ("unknown_key", StatusCode::UNAUTHORIZED),
            Error::InvalidSignature => ("invalid_signature", StatusCode::UNAUTHORIZED),
            Error::TokenInactive => ("token_inactive", StatusCode::UNAUTHORIZED),
            Error::InvalidType { .. } | Error::InvalidClaim { .. } | Error::RequiredClaim { .. } => {
                ("invalid_claim", StatusCode::UNAUTHORIZED)
            }
            Error::InvalidConfirmation => ("invalid_confirmation", StatusCode::UNAUTHORIZED),
            Error::CertificateMismatch => ("certificate_mismatch", StatusCode::UNAUTHORIZED),
            Error::InvalidChain { .. } => ("invalid_chain", StatusCode::UNAUTHORIZED),
            Error::ChainTooLong => ("chain_too_long", StatusCode::UNAUTHORIZED),
            Error::TokenRevoked { .. } => ("token_revoked", StatusCode::UNAUTHORIZED),
            Error::InsufficientScope { .. } => ("insufficient_scope", StatusCode::FORBIDDEN),
            Error::InsufficientUserAuthentication { code, .. } => (code, StatusCode::UNAUTHORIZED),
            Error::ActorMissing { .. } => ("actor_missing", StatusCode::UNAUTHORIZED),
            Error::ActorUnauthorized { code, .. } | Error::Denied { code, .. } => (code, StatusCode::FORBIDDEN),
            Error::MalformedBody { .. } => ("body_malformed", StatusCode::BAD_REQUEST),
            Error::LimitExceeded { .. } => ("limit_exceeded", StatusCode::TOO_MANY_REQUESTS),
            Error::KeysUnavailable { .. } => ("keys_unavailable", StatusCode::SERVICE_UNAVAILABLE),
            Error::IntrospectionUnavailable { .. } => ("introspection_unavailable", StatusCode::SERVICE_UNAVAILABLE),
            Error::LimitUnavailable { .. } => ("limit_unavailable", StatusCode::SERVICE_UNAVAILABLE),
        }
    }

    /// The rule of the policy that denies, as `POST /refunds: initiator.kind`; [`None`] where no policy was evaluated.
    pub fn rule(&self) -> Option<&str> {
        match self {
            Error::InsufficientScope { rule, .. }
            | Error::InsufficientUserAuthentication { rule, .. }
            | Error::ActorMissing { rule }
            | Error::ActorUnauthorized { rule, .. }
            | Error::Denied { rule, .. }
            | Error::MalformedBody { rule, .. }
            | Error::LimitExceeded { rule, .. }
            | Error::LimitUnavailable { rule, .. } => Some(rule),
            _ => None,
        }
    }

    /// When to try again, in seconds, after a denial that time alone may change.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Error::LimitExceeded { retry_after, .. }
            | Error::KeysUnavailable { retry_after, .. }
            | Error::IntrospectionUnavailable { retry_after, .. }
            | Error::LimitUnavailable { retry_after, .. } => Some(*retry_after),
            _ => None,
        }
    }

    /// [`Error::InvalidRequest`], for code around the library that finds a request ambiguous. `reason` has no value of
    /// the caller.
    pub fn invalid_request(reason: &'static str) -> Error {
        Error::InvalidRequest { reason }
    }

    /// The error of an expired token, for code around the library that ends a request which lasts longer than its token.
    pub fn expired() -> Error {
        Error::claim("exp", Reason::Expired)
    }

    pub(crate) fn claim(claim: &'static str, reason: Reason) -> Error {
        Error::InvalidClaim { claim, reason }
    }
}

/// What is wrong with a claim.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Required and absent.
    Missing,
    /// Of a wrong type or form.
    Malformed,
    /// An identifier over [`Limits::identifier_bytes`](crate::limits::Limits::identifier_bytes).
    TooLong,
    /// Well formed, and not an accepted value.
    Mismatch,
    /// A time that lies in the past, beyond the leeway.
    Expired,
    /// A time that lies in the future, beyond the leeway.
    NotYetValid,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Reason::Missing => "missing",
            Reason::Malformed => "malformed",
            Reason::TooLong => "too long",
            Reason::Mismatch => "not an accepted one",
            Reason::Expired => "in the past",
            Reason::NotYetValid => "in the future",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outages_are_503_and_invalid_tokens_401() {
        let unavailable = Error::KeysUnavailable {
            issuer: "https://idp.example".into(),
            retry_after: 1,
        };
        assert_eq!(unavailable.status(), 503);
        assert_eq!(
            unavailable.to_string(),
            "the signing keys of issuer `https://idp.example` are unavailable"
        );
        assert_eq!(Error::UnknownKey.status(), 401);
        let denied = Error::Denied {
            code: "self_actor",
            rule: "GET /: self".into(),
        };
        assert_eq!((denied.status(), denied.code()), (StatusCode::FORBIDDEN, "self_actor"));
        assert_eq!(denied.rule(), Some("GET /: self"));
    }

    #[test]
    fn messages_are_lowercase_sentences_without_full_stop() {
        let error = Error::InvalidClaim {
            claim: "exp",
            reason: Reason::Expired,
        };
        assert_eq!(error.to_string(), "the claim `exp` of the token is in the past");
    }
}
