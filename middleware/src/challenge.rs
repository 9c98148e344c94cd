//! The response to a denied request: the status and the challenge of RFC 6750 section 3 and RFC 9470 section 3.
//!
//! It contains what the caller can act on and nothing else: no rule, no actor, no value of a claim.

pub use crate::json_rpc::{JsonRpcError, Revisions};

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use crate::error::{Error, Reason};
use crate::json_rpc::JsonRpcCode;
use crate::resource::is_of_resource;

/// The response to a denied request, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    status: StatusCode,
    www_authenticate: Option<HeaderValue>,
    retry_after: Option<HeaderValue>,
    code: &'static str,
    description: &'static str,
    json_rpc_code: Option<JsonRpcCode>,
}

/// What a challenge names besides the error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChallengeContext<'c> {
    /// The protected API (RFC 9110 section 11.5); empty where the request is for none.
    pub realm: &'c str,
    /// The URL of the protected resource metadata (RFC 9728), if it is published.
    pub resource_metadata: Option<&'c str>,
    /// The scopes that the route requires, separated by spaces.
    pub scope: Option<&'c str>,
}

/// The protocol of the caller, which decides the form of the response.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Status and headers of HTTP.
    Http,
    /// Status 200 and a gRPC status in the headers, without a body ("trailers-only").
    Grpc,
}

impl Protocol {
    /// The protocol of a request: gRPC is a POST of `application/grpc`, with or without a suffix. gRPC-Web is HTTP.
    pub fn of(method: &Method, headers: &HeaderMap) -> Protocol {
        if method != Method::POST {
            return Protocol::Http;
        }
        let content_type = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        match content_type.split_at_checked("application/grpc".len()) {
            Some((start, [] | [b'+' | b';', ..])) if start.eq_ignore_ascii_case(b"application/grpc") => Protocol::Grpc,
            _ => Protocol::Http,
        }
    }
}

impl Challenge {
    /// The response to `error`.
    pub(crate) fn new(error: &Error, context: &ChallengeContext<'_>) -> Challenge {
        let (code, description) = code_and_description(error);
        Challenge {
            status: error.status(),
            www_authenticate: www_authenticate(error, code, description, context),
            retry_after: error.retry_after().map(HeaderValue::from),
            code,
            description,
            json_rpc_code: JsonRpcCode::of(error),
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The value of `WWW-Authenticate`, for a denial that another token or login can change.
    pub fn www_authenticate(&self) -> Option<&HeaderValue> {
        self.www_authenticate.as_ref()
    }

    /// The code for the caller: that of the challenge, else `invalid_request`, `missing_token`, `access_denied`, `too_many_requests`
    /// or `temporarily_unavailable`. Less specific than [`Error::code`], which is for the operator.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// One of a few constant sentences for the caller.
    pub fn description(&self) -> &'static str {
        self.description
    }

    /// The JSON-RPC error that revision 2026-07-28 of MCP defines for this denial, if it is one of a message by its headers;
    /// `headers` are those of the request. The body is `{"jsonrpc": "2.0", "error": …}`, of type `application/json`.
    pub fn json_rpc_error<'h>(&self, headers: &'h HeaderMap) -> Option<JsonRpcError<'h>> {
        let code = self.json_rpc_code?;
        Some(JsonRpcError::new(code, self.description, headers))
    }

    /// The response with `body`, which must be empty for gRPC.
    pub fn respond<B>(&self, protocol: Protocol, body: B) -> Response<B> {
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        if let Some(challenge) = &self.www_authenticate {
            headers.insert(WWW_AUTHENTICATE, challenge.clone());
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = &self.retry_after {
            headers.insert(RETRY_AFTER, seconds.clone());
        }
        match protocol {
            Protocol::Http => *response.status_mut() = self.status,
            Protocol::Grpc => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
                headers.insert("grpc-status", grpc_status(self.status));
                headers.insert("grpc-message", HeaderValue::from_static(self.description));
            }
        }
        response
    }
}

/// The value of `grpc-status` in place of an HTTP status: the one that a client of gRPC derives from it, but
/// `INVALID_ARGUMENT` for 400, and `RESOURCE_EXHAUSTED` for 429, which is for a quota of a user: clients repeat a call that is
/// `UNAVAILABLE`.
///
/// ```
/// use actgate::challenge::grpc_status;
/// use http::StatusCode;
///
/// assert_eq!(grpc_status(StatusCode::UNAUTHORIZED), "16"); // UNAUTHENTICATED
/// assert_eq!(grpc_status(StatusCode::FORBIDDEN), "7"); // PERMISSION_DENIED
/// assert_eq!(grpc_status(StatusCode::TOO_MANY_REQUESTS), "8"); // RESOURCE_EXHAUSTED
/// assert_eq!(grpc_status(StatusCode::BAD_GATEWAY), "14"); // UNAVAILABLE
/// ```
pub fn grpc_status(status: StatusCode) -> HeaderValue {
    HeaderValue::from_static(match status.as_u16() {
        400 => "3",
        401 => "16",
        403 => "7",
        404 | 501 => "12",
        429 => "8",
        502..=504 => "14",
        _ => "2",
    })
}

fn www_authenticate(
    error: &Error,
    code: &str,
    description: &str,
    context: &ChallengeContext<'_>,
) -> Option<HeaderValue> {
    let mut challenge = String::from("Bearer");
    if !context.realm.is_empty() {
        parameter(&mut challenge, "realm", context.realm);
    }
    match error {
        // RFC 6750 has no code for these: more scope does not help, and an outage is not caused by the caller.
        Error::Denied { .. } => return None,
        _ if error.retry_after().is_some() => return None,
        // Another token does not help.
        Error::McpHeaders { .. } | Error::McpRevision | Error::MalformedBody { .. } => return None,
        // RFC 6750 section 3.1: a request without a token gets no code.
        Error::MissingToken => {}
        _ => {
            parameter(&mut challenge, "error", code);
            parameter(&mut challenge, "error_description", description);
        }
    }
    // RFC 6750 section 3: what a request to the issuer has to ask for.
    let is_for_another_token = error.status() == StatusCode::UNAUTHORIZED;
    match error {
        Error::InsufficientScope { required, .. } => scope_parameter(&mut challenge, required),
        _ if is_for_another_token => scope_parameter(&mut challenge, context.scope.unwrap_or_default()),
        _ => {}
    }
    if let Error::InsufficientUserAuthentication {
        max_age, acr_values, ..
    } = error
    {
        if let Some(acr_values) = acr_values {
            parameter(&mut challenge, "acr_values", acr_values);
        }
        if let Some(max_age) = max_age {
            parameter(&mut challenge, "max_age", &max_age.to_string());
        }
    }
    if let Some(url) = context.resource_metadata
        && (is_for_another_token || matches!(error, Error::InsufficientScope { .. }))
    {
        parameter(&mut challenge, "resource_metadata", url);
    }
    HeaderValue::try_from(challenge).ok()
}

/// The scopes that concern the resource; none is no parameter.
fn scope_parameter(challenge: &mut String, scopes: &str) {
    let of_resource = scopes.split(' ').filter(|scope| is_of_resource(scope));
    let text = of_resource.collect::<Vec<_>>().join(" ");
    if !text.is_empty() {
        parameter(challenge, "scope", &text);
    }
}

/// One `name="value"`, separated by commas (RFC 9110 section 11.2). A character that a quoted string cannot contain
/// becomes `?`.
fn parameter(challenge: &mut String, name: &str, value: &str) {
    challenge.push_str(if challenge.ends_with('"') { ", " } else { " " });
    challenge.extend([name, "=\""]);
    for character in value.chars() {
        match character {
            '"' | '\\' => challenge.extend(['\\', character]),
            ' '..='~' => challenge.push(character),
            _ => challenge.push('?'),
        }
    }
    challenge.push('"');
}

/// Constant for each variant, that of a claim for each claim and reason. Without quotes or backslashes.
fn code_and_description(error: &Error) -> (&'static str, &'static str) {
    match error {
        Error::MissingToken => ("missing_token", "a bearer token is required"),
        Error::InvalidRequest { .. } => ("invalid_request", "the request is ambiguous"),
        Error::McpHeaders { reason } => ("invalid_request", reason),
        Error::McpRevision => (
            "invalid_request",
            "revision 2026-07-28 of MCP or a later one is required",
        ),
        Error::MalformedToken { .. } => ("invalid_token", "the access token is malformed"),
        Error::TokenTooLong { .. } => ("invalid_token", "the access token is too long"),
        Error::UnsupportedAlgorithm | Error::UnknownKey | Error::InvalidSignature => {
            ("invalid_token", "the access token cannot be verified")
        }
        Error::MisplacedToken => ("invalid_token", "the access token is not accepted in this header"),
        Error::InvalidType { .. } => ("invalid_token", NOT_AN_ACCESS_TOKEN),
        Error::InvalidClaim { claim, reason } => ("invalid_token", claim_description(claim, *reason)),
        Error::TokenInactive => ("invalid_token", "the access token is not active"),
        Error::RequiredClaim { .. } => (
            "invalid_token",
            "a required claim of the access token is missing or not an accepted one",
        ),
        Error::InvalidConfirmation => ("invalid_token", "the access token is bound to a key"),
        Error::CertificateMismatch => ("invalid_token", "the access token is bound to another certificate"),
        Error::InvalidChain { .. } => ("invalid_token", "the delegation chain of the access token is malformed"),
        Error::ChainTooLong => ("invalid_token", "the delegation chain of the access token is too long"),
        Error::TokenRevoked { .. } => ("invalid_token", "the access token has been revoked"),
        Error::InsufficientScope { .. } => ("insufficient_scope", "the access token lacks a scope"),
        Error::InsufficientUserAuthentication { .. } => (
            "insufficient_user_authentication",
            "a more recent or stronger login is required",
        ),
        Error::ActorMissing { .. } => ("invalid_token", "the access token names no actor"),
        // OAuth Actor Profile, draft -01.
        Error::ActorUnauthorized { .. } => ("actor_unauthorized", "the actor is not permitted"),
        Error::Denied { .. } => ("access_denied", "the request is not permitted"),
        Error::MalformedBody { .. } => ("invalid_request", "the body of the request is not one JSON object"),
        Error::LimitExceeded { .. } => ("too_many_requests", "too many requests have been made"),
        Error::KeysUnavailable { .. } | Error::IntrospectionUnavailable { .. } => (
            "temporarily_unavailable",
            "the access token cannot be verified at the moment",
        ),
        Error::LimitUnavailable { .. } => ("temporarily_unavailable", "the request cannot be counted at the moment"),
    }
}

const NOT_AN_ACCESS_TOKEN: &str = "the token is not an access token of an accepted type";

/// What a caller can do differs: renew the token, request one for this API or of the right kind, or report it to the
/// issuer. The claim is in the log, not in the response.
fn claim_description(claim: &str, reason: Reason) -> &'static str {
    match (claim, reason) {
        (_, Reason::Expired) => "the access token is expired",
        (_, Reason::NotYetValid) => "the access token is not valid yet",
        ("aud", Reason::Mismatch) => "the access token is not for this API",
        ("iss", Reason::Mismatch) => "the issuer of the access token is not accepted",
        // The marker of a type, and claims that occur in other tokens only.
        ("typ", Reason::Missing) | (_, Reason::Mismatch) => NOT_AN_ACCESS_TOKEN,
        (_, Reason::Missing) => "a required claim of the access token is missing",
        (_, Reason::Malformed) => "a claim of the access token is malformed",
        (_, Reason::TooLong) => "a claim of the access token is too long",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const API: ChallengeContext<'_> = ChallengeContext {
        realm: "api",
        resource_metadata: None,
        scope: None,
    };

    fn unavailable(retry_after: u32) -> Error {
        Error::KeysUnavailable {
            issuer: "https://idp.example".into(),
            retry_after,
        }
    }

    fn every_variant() -> Vec<(Error, u16, &'static str)> {
        let (rule, scope) = (|| "rule".into(), || "a b".into());
        vec![
            (Error::MissingToken, 401, "-"),
            (Error::InvalidRequest { reason: "r" }, 400, "invalid_request"),
            (Error::McpHeaders { reason: "r" }, 400, ""),
            (Error::McpRevision, 400, ""),
            (Error::MalformedToken { reason: "r" }, 401, "invalid_token"),
            (Error::TokenTooLong { reason: "r" }, 401, "invalid_token"),
            (Error::UnsupportedAlgorithm, 401, "invalid_token"),
            (Error::UnknownKey, 401, "invalid_token"),
            (Error::InvalidSignature, 401, "invalid_token"),
            (
                Error::InvalidClaim {
                    claim: "exp",
                    reason: Reason::Expired,
                },
                401,
                "invalid_token",
            ),
            (Error::InvalidConfirmation, 401, "invalid_token"),
            (Error::CertificateMismatch, 401, "invalid_token"),
            (Error::InvalidChain { reason: "r" }, 401, "invalid_token"),
            (Error::ChainTooLong, 401, "invalid_token"),
            (
                Error::InsufficientScope {
                    required: scope(),
                    rule: rule(),
                },
                403,
                "insufficient_scope",
            ),
            (
                Error::InsufficientUserAuthentication {
                    code: "auth_too_old",
                    rule: rule(),
                    max_age: Some(300),
                    acr_values: Some("x".into()),
                },
                401,
                "insufficient_user_authentication",
            ),
            (Error::ActorMissing { rule: rule() }, 401, "invalid_token"),
            (
                Error::ActorUnauthorized {
                    code: "actor_not_allowed",
                    rule: rule(),
                },
                403,
                "actor_unauthorized",
            ),
            (
                Error::Denied {
                    code: "self_actor",
                    rule: rule(),
                },
                403,
                "",
            ),
            (
                Error::MalformedBody {
                    reason: "r",
                    rule: rule(),
                },
                400,
                "",
            ),
            (unavailable(5), 503, ""),
        ]
    }

    #[test]
    fn every_variant_has_its_status_and_challenge() {
        for (error, status, code) in every_variant() {
            let challenge = Challenge::new(&error, &API);
            assert_eq!(challenge.status().as_u16(), status, "{error:?}");
            let header = challenge.www_authenticate().map(|value| value.to_str().unwrap());
            match code {
                "" => assert_eq!(header, None, "{error:?}"),
                "-" => assert_eq!(header, Some(r#"Bearer realm="api""#)),
                code => assert!(header.unwrap().contains(&format!("error=\"{code}\"")), "{error:?}"),
            }
            assert_eq!(challenge.retry_after.is_some(), status == 503);
        }
    }

    #[test]
    fn the_description_says_what_the_caller_can_change() {
        let described = |error: &Error| Challenge::new(error, &API).description();
        let claim = |claim, reason| described(&Error::InvalidClaim { claim, reason });
        let not_an_access_token = "the token is not an access token of an accepted type";
        for (name, reason, description) in [
            ("exp", Reason::Expired, "the access token is expired"),
            ("nbf", Reason::NotYetValid, "the access token is not valid yet"),
            ("aud", Reason::Mismatch, "the access token is not for this API"),
            (
                "iss",
                Reason::Mismatch,
                "the issuer of the access token is not accepted",
            ),
            ("typ", Reason::Missing, not_an_access_token),
            ("typ", Reason::Mismatch, not_an_access_token),
            ("nonce", Reason::Mismatch, not_an_access_token),
            (
                "sub",
                Reason::Missing,
                "a required claim of the access token is missing",
            ),
            (
                "aud",
                Reason::Missing,
                "a required claim of the access token is missing",
            ),
            ("scope", Reason::Malformed, "a claim of the access token is malformed"),
            ("exp", Reason::Malformed, "a claim of the access token is malformed"),
            ("client_id", Reason::TooLong, "a claim of the access token is too long"),
        ] {
            assert_eq!(claim(name, reason), description, "{name} {reason:?}");
        }
        for (error, description) in [
            (
                Error::InvalidType {
                    reason: Reason::Missing,
                },
                not_an_access_token,
            ),
            (
                Error::InvalidType {
                    reason: Reason::Mismatch,
                },
                not_an_access_token,
            ),
            (Error::MalformedToken { reason: "r" }, "the access token is malformed"),
            (Error::TokenTooLong { reason: "r" }, "the access token is too long"),
            (Error::UnknownKey, "the access token cannot be verified"),
            (
                Error::ChainTooLong,
                "the delegation chain of the access token is too long",
            ),
        ] {
            assert_eq!(described(&error), description, "{error:?}");
        }
    }

    #[test]
    fn parameters_are_quoted_and_separated_by_commas() {
        let step_up = Error::InsufficientUserAuthentication {
            code: "auth_too_old",
            rule: "rule".into(),
            max_age: Some(300),
            acr_values: Some("x".into()),
        };
        let challenge = Challenge::new(
            &step_up,
            &ChallengeContext {
                realm: "the \"api\"\n",
                resource_metadata: Some("https://api.example/.well-known/oauth-protected-resource"),
                scope: Some("orders:read"),
            },
        );
        assert_eq!(
            challenge.www_authenticate().unwrap(),
            "Bearer realm=\"the \\\"api\\\"?\", error=\"insufficient_user_authentication\", \
             error_description=\"a more recent or stronger login is required\", scope=\"orders:read\", acr_values=\"x\", max_age=\"300\", \
             resource_metadata=\"https://api.example/.well-known/oauth-protected-resource\""
        );
    }

    #[test]
    fn a_denial_that_another_token_can_change_names_the_metadata_and_the_scopes() {
        for (error, status, code) in every_variant() {
            let context = |scope| ChallengeContext {
                realm: "api",
                resource_metadata: Some("https://api.example/metadata"),
                scope,
            };
            let header = |scope| {
                let challenge = Challenge::new(&error, &context(scope));
                let value = challenge
                    .www_authenticate()
                    .map(|value| value.to_str().unwrap().to_owned());
                value.unwrap_or_default()
            };
            let (asks, lacks_scope) = (status == 401, code == "insufficient_scope");
            let named = r#"resource_metadata="https://api.example/metadata""#;
            assert_eq!(header(None).contains(named), asks || lacks_scope, "{error:?}");
            assert_eq!(header(None).contains(" scope="), lacks_scope, "{error:?}");
            let scopes = "offline_access orders:read orders:write";
            let expected = r#" scope="orders:read orders:write""#;
            assert_eq!(header(Some(scopes)).contains(expected), asks, "{error:?}");
            assert!(!header(Some("offline_access")).contains("offline_access"), "{error:?}");
        }
    }

    #[test]
    fn grpc_callers_get_a_status_without_a_body() {
        let denied = Error::Denied {
            code: "self_actor",
            rule: "rule".into(),
        };
        for (error, status) in [(Error::MissingToken, "16"), (unavailable(1), "14"), (denied, "7")] {
            let response: Response<String> = Challenge::new(&error, &API).respond(Protocol::Grpc, String::new());
            assert_eq!(
                (response.status(), response.headers()["grpc-status"].to_str().unwrap()),
                (StatusCode::OK, status)
            );
            assert_eq!(response.headers()["content-type"], "application/grpc");
        }
        for (status, expected) in [
            (400, "3"),
            (401, "16"),
            (403, "7"),
            (404, "12"),
            (421, "2"),
            (429, "8"),
            (500, "2"),
            (501, "12"),
            (502, "14"),
            (503, "14"),
            (504, "14"),
        ] {
            assert_eq!(grpc_status(StatusCode::from_u16(status).unwrap()), expected, "{status}");
        }
        let of = |method, content_type: &'static str| {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
            Protocol::of(&method, &headers)
        };
        assert_eq!(Protocol::of(&Method::POST, &HeaderMap::new()), Protocol::Http);
        for grpc in ["application/grpc", "application/grpc+proto", "Application/gRPC;v=1"] {
            assert_eq!(of(Method::POST, grpc), Protocol::Grpc, "{grpc}");
            assert_eq!(of(Method::GET, grpc), Protocol::Http, "{grpc}");
        }
        for http in [
            "application/grpcfoo",
            "application/grpc-web",
            "application/grp",
            "text/plain",
        ] {
            assert_eq!(of(Method::POST, http), Protocol::Http, "{http}");
        }
    }
}
