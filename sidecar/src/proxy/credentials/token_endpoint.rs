//! One exchange at the token endpoint of an authorization server (RFC 8693), with the gate as the client.
//!
//! The response is checked before its token is used. No text of the server reaches a caller, and none but the description
//! of an error a log, within limits.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use reqwest::{Certificate, Client, redirect};
use serde::Deserialize;
use url::{Position, Url, form_urlencoded};

use crate::log::redact;
use crate::proxy::causes::innermost;

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// The longest response.
const MAX_BYTES: usize = 64 * 1024;

/// The longest token that is sent upstream.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The longest time that a server can ask for before the next request.
const MAX_RETRY_AFTER: u16 = 60;

/// The longest description of an error that is logged.
const MAX_DESCRIPTION_BYTES: usize = 200;

const CONNECT_TIME: Duration = Duration::from_secs(2);

/// A secret for an upstream or a server, as a header carries it. It is replaced when its file changes.
pub(crate) type SharedSecret = Arc<ArcSwap<HeaderValue>>;

/// The token endpoint, and what is requested there for one upstream.
pub(crate) struct TokenEndpoint {
    client: Client,
    url: Url,
    /// The `Authorization` of the client (`client_secret_basic`).
    credentials: SharedSecret,
    target: Target,
    scope: Option<String>,
    timeout: Duration,
}

/// What a token endpoint is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenRequest {
    pub(crate) url: Url,
    pub(crate) target: Target,
    /// The scopes, separated by spaces; none leaves them to the server.
    pub(crate) scope: Option<String>,
    /// For a whole exchange.
    pub(crate) timeout: Duration,
}

/// The service that a token is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Audience(String),
    /// Its URL (RFC 8707).
    Resource(String),
}

/// A token for the upstream.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Exchanged {
    /// The value of `Authorization`.
    pub(crate) value: HeaderValue,
    pub(crate) lifetime: Duration,
}

/// Why there is no token for the upstream. A reason contains no text of the server but the codes that RFCs define.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExchangeError {
    /// The server refuses a token for this caller.
    Denied(&'static str),
    /// The server is not available, or its response cannot be used.
    Failed(&'static str),
    /// The server asks for a pause of this many seconds.
    Later(u16),
}

use ExchangeError::{Denied, Failed, Later};

/// A failure, with what helps an operator to find its cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExchangeFailure {
    pub(crate) error: ExchangeError,
    pub(crate) detail: Option<FailureDetail>,
}

/// What is known of a failure beyond its reason. It reaches no caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FailureDetail {
    /// Why the server cannot be reached.
    Cause(String),
    /// What the server writes about its error (RFC 6749 section 5.2): printable ASCII of limited length.
    Description(String),
}

impl From<ExchangeError> for ExchangeFailure {
    fn from(error: ExchangeError) -> ExchangeFailure {
        ExchangeFailure { error, detail: None }
    }
}

const UNREACHABLE: ExchangeError = Failed("the token endpoint cannot be reached");
const CUT: ExchangeError = Failed("the response of the token endpoint ended early");
const TIMED_OUT: ExchangeError = Failed("the token endpoint does not answer in time");
const TOO_LONG: ExchangeError = Failed("the response of the token endpoint is longer than 64 KiB");

impl TokenEndpoint {
    /// `roots` (PEM) replace those of the system.
    pub(crate) fn new(
        request: TokenRequest,
        credentials: SharedSecret,
        roots: Option<&[u8]>,
    ) -> Result<TokenEndpoint, reqwest::Error> {
        let builder = || {
            Client::builder()
                .connect_timeout(CONNECT_TIME)
                .redirect(redirect::Policy::none())
                .no_proxy()
                // Shorter than the lookup of a changed name may take.
                .pool_idle_timeout(Duration::from_secs(4))
                .user_agent(concat!("actgate/", env!("CARGO_PKG_VERSION")))
        };
        let client = match roots {
            Some(pem) => builder().tls_certs_only(Certificate::from_pem_bundle(pem)?).build()?,
            // A system without root certificates is no obstacle to plain http.
            None if request.url.scheme() == "http" => builder().tls_certs_only([]).build()?,
            None => builder().build()?,
        };
        Ok(TokenEndpoint {
            client,
            url: request.url,
            credentials,
            target: request.target,
            scope: request.scope,
            timeout: request.timeout,
        })
    }

    /// Exchanges the access token of a caller for one for the upstream.
    pub(crate) async fn exchange(&self, access_token: &str) -> Result<Exchanged, ExchangeFailure> {
        let exchange = tokio::time::timeout(self.timeout, self.request(access_token));
        exchange.await.unwrap_or(Err(TIMED_OUT.into()))
    }

    /// The URL without a query, for a log. It has no credentials.
    pub(crate) fn shown_url(&self) -> &str {
        &self.url[..Position::AfterPath]
    }

    async fn request(&self, access_token: &str) -> Result<Exchanged, ExchangeFailure> {
        let request = self.client.post(self.url.clone());
        let request = request
            .header(AUTHORIZATION, HeaderValue::clone(&self.credentials.load()))
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(self.form(access_token));
        let sent = request.send().await.map_err(|error| ExchangeFailure {
            error: UNREACHABLE,
            detail: Some(FailureDetail::Cause(innermost(&error))),
        });
        let mut response = sent?;
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| CUT)? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(TOO_LONG.into());
            }
            body.extend_from_slice(&chunk);
        }
        let read = read(response.status(), response.headers(), &body, access_token);
        read.map_err(|error| ExchangeFailure {
            error,
            detail: description(&body).map(FailureDetail::Description),
        })
    }

    fn form(&self, access_token: &str) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", GRANT_TYPE)
            .append_pair("subject_token", access_token)
            .append_pair("subject_token_type", ACCESS_TOKEN)
            .append_pair("requested_token_type", ACCESS_TOKEN);
        match &self.target {
            Target::Audience(audience) => form.append_pair("audience", audience),
            Target::Resource(resource) => form.append_pair("resource", resource),
        };
        if let Some(scope) = &self.scope {
            form.append_pair("scope", scope);
        }
        form.finish()
    }
}

/// What a response says about its error: its printable ASCII, at most [`MAX_DESCRIPTION_BYTES`].
fn description(body: &[u8]) -> Option<String> {
    let text = serde_json::from_slice::<Described>(body).ok()?.error_description;
    let printable: String = text
        .chars()
        .filter(|character| matches!(character, ' '..='~'))
        .collect();
    let shown = redact::without_tokens(&printable)
        .chars()
        .take(MAX_DESCRIPTION_BYTES)
        .collect();
    Some(shown).filter(|shown: &String| !shown.is_empty())
}

/// Prints neither the secret nor a token.
impl fmt::Debug for TokenEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenEndpoint")
            .field("url", &self.url.as_str())
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Exchanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchanged").finish_non_exhaustive()
    }
}

/// The `Authorization` of a client. RFC 6749 section 2.3.1: identifier and secret are form-encoded before they are joined.
pub(crate) fn basic(client_id: &str, secret: &str) -> Option<HeaderValue> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let credentials = STANDARD.encode(format!("{}:{}", encode(client_id), encode(secret)));
    let mut value = HeaderValue::try_from(format!("Basic {credentials}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[derive(Deserialize)]
struct Success {
    access_token: String,
    token_type: String,
    issued_token_type: String,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
struct Failure {
    error: String,
}

#[derive(Deserialize)]
struct Described {
    error_description: String,
}

fn read(status: StatusCode, headers: &HeaderMap, body: &[u8], access_token: &str) -> Result<Exchanged, ExchangeError> {
    if status == StatusCode::OK {
        return token(body, access_token);
    }
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
        && let Some(seconds) = retry_after(headers)
    {
        return Err(Later(seconds));
    }
    if status.is_redirection() {
        return Err(Failed("the token endpoint answers with a redirect"));
    }
    if !status.is_client_error() {
        return Err(Failed("the authorization server has an error of its own"));
    }
    let error = serde_json::from_slice::<Failure>(body).map(|failure| failure.error);
    Err(refusal(error.as_deref().unwrap_or_default()))
}

/// What an error code says. One about the subject token or its owner concerns this caller alone; the others are mistakes of
/// the configuration, here or at the server.
fn refusal(code: &str) -> ExchangeError {
    match code {
        "invalid_grant" => Denied("the authorization server refuses the token: invalid_grant"),
        // RFC 8693 section 2.2.2: also what a subject token is refused with.
        "invalid_request" => Denied("the authorization server refuses the token: invalid_request"),
        "invalid_scope" => Denied("the authorization server refuses the token: invalid_scope"),
        "access_denied" => Denied("the authorization server refuses the token: access_denied"),
        "consent_required" => Denied("the authorization server refuses the token: consent_required"),
        "interaction_required" => Denied("the authorization server refuses the token: interaction_required"),
        "login_required" => Denied("the authorization server refuses the token: login_required"),
        "insufficient_user_authentication" => {
            Denied("the authorization server refuses the token: insufficient_user_authentication")
        }
        "invalid_target" => Failed("the authorization server issues no token for the upstream: invalid_target"),
        "invalid_client" => Failed("the authorization server does not accept the client: invalid_client"),
        "unauthorized_client" => Failed("the authorization server does not accept the client: unauthorized_client"),
        "unsupported_grant_type" => Failed("the authorization server exchanges no tokens: unsupported_grant_type"),
        _ => Failed("the token endpoint answers with an unknown error"),
    }
}

/// The token of a successful response, if it is one for a `Bearer` header with a known life.
fn token(body: &[u8], access_token: &str) -> Result<Exchanged, ExchangeError> {
    let unusable = |reason| Err(Failed(reason));
    let Ok(success) = serde_json::from_slice::<Success>(body) else {
        return unusable("the response of the token endpoint is not that of a token exchange");
    };
    if !success.token_type.eq_ignore_ascii_case("bearer") {
        return unusable("the token endpoint issued a token of another type than `Bearer`");
    }
    if success.issued_token_type != ACCESS_TOKEN {
        return unusable("the token endpoint issued another token than an access token");
    }
    let Some(lifetime @ 1..) = success.expires_in else {
        return unusable("the token endpoint does not say how long the token is valid (`expires_in`)");
    };
    let text = success.access_token;
    if text == access_token {
        return unusable("the token endpoint answers with the token of the caller");
    }
    let is_token =
        !text.is_empty() && text.len() <= MAX_TOKEN_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic());
    let value = is_token.then(|| HeaderValue::try_from(format!("Bearer {text}")).ok());
    let Some(mut value) = value.flatten() else {
        return unusable("the token endpoint issued a token that no header can carry");
    };
    value.set_sensitive(true);
    Ok(Exchanged {
        value,
        lifetime: Duration::from_secs(lifetime),
    })
}

/// The seconds of `Retry-After`; a date is not read.
fn retry_after(headers: &HeaderMap) -> Option<u16> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(u16::try_from(seconds).unwrap_or(u16::MAX).clamp(1, MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn success(changes: Value) -> Vec<u8> {
        let mut response = json!({ "access_token": "new", "token_type": "Bearer", "issued_token_type": ACCESS_TOKEN,
            "expires_in": 60 });
        for (name, value) in changes.as_object().unwrap() {
            response[name] = value.clone();
        }
        response.to_string().into_bytes()
    }

    #[test]
    fn a_token_is_used_if_it_is_a_bearer_token_with_a_life() {
        let exchanged = token(&success(json!({ "token_type": "bearer", "scope": "a" })), "old").unwrap();
        assert_eq!(
            (exchanged.value.as_bytes(), exchanged.lifetime.as_secs()),
            (&b"Bearer new"[..], 60)
        );
        assert!(exchanged.value.is_sensitive());
        assert_eq!(format!("{exchanged:?}"), "Exchanged { .. }");
        for (changes, reason) in [
            (json!({ "token_type": "DPoP" }), "another type than `Bearer`"),
            (json!({ "token_type": "N_A" }), "another type than `Bearer`"),
            (
                json!({ "issued_token_type": "urn:ietf:params:oauth:token-type:id_token" }),
                "another token than an access",
            ),
            (json!({ "issued_token_type": null }), "not that of a token exchange"),
            (json!({ "expires_in": null }), "`expires_in`"),
            (json!({ "expires_in": 0 }), "`expires_in`"),
            (json!({ "expires_in": -1 }), "not that of a token exchange"),
            (json!({ "expires_in": "60" }), "not that of a token exchange"),
            (json!({ "access_token": "old" }), "the token of the caller"),
            (json!({ "access_token": "" }), "no header can carry"),
            (json!({ "access_token": "a\r\nb: c" }), "no header can carry"),
            (json!({ "access_token": "a b" }), "no header can carry"),
            (
                json!({ "access_token": "a".repeat(MAX_TOKEN_BYTES + 1) }),
                "no header can carry",
            ),
            (json!({ "access_token": 1 }), "not that of a token exchange"),
        ] {
            let Err(Failed(found)) = token(&success(changes.clone()), "old") else {
                panic!("{changes}");
            };
            assert!(found.contains(reason), "{changes}: {found}");
        }
    }

    #[test]
    fn a_refusal_concerns_the_caller_or_the_configuration() {
        let error = |status: u16, body: &str| {
            read(
                StatusCode::from_u16(status).unwrap(),
                &HeaderMap::new(),
                body.as_bytes(),
                "old",
            )
            .unwrap_err()
        };
        for code in [
            "invalid_grant",
            "invalid_request",
            "access_denied",
            "invalid_scope",
            "interaction_required",
        ] {
            let found = error(
                400,
                &json!({ "error": code, "error_description": "secret" }).to_string(),
            );
            assert!(matches!(found, Denied(reason) if reason.ends_with(code)), "{found:?}");
        }
        for (status, code) in [
            (400, "invalid_target"),
            (401, "invalid_client"),
            (400, "unsupported_grant_type"),
        ] {
            let found = error(status, &json!({ "error": code }).to_string());
            assert!(matches!(found, Failed(reason) if reason.ends_with(code)), "{found:?}");
        }
        let unknown = Failed("the token endpoint answers with an unknown error");
        for body in ["", "garbage", "[]", r#"{"error":"other"}"#, r#"{"error":1}"#] {
            assert_eq!(error(400, body), unknown, "{body}");
        }
        for status in [201, 500, 503] {
            let own = Failed("the authorization server has an error of its own");
            assert_eq!(error(status, r#"{"error":"invalid_grant"}"#), own, "{status}");
        }
        assert_eq!(error(302, ""), Failed("the token endpoint answers with a redirect"));
    }

    #[test]
    fn a_description_is_short_and_has_no_token() {
        let of = |text: &str| description(json!({ "error_description": text }).to_string().as_bytes());
        assert_eq!(
            of("Client is not\r\nallowed\u{1b}[1m: é").as_deref(),
            Some("Client is notallowed[1m: ")
        );
        assert_eq!(
            of(&"x".repeat(1000)).map(|text| text.len()),
            Some(MAX_DESCRIPTION_BYTES)
        );
        let token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1In0.c2lnbmF0dXJl";
        assert!(!of(&format!("invalid token {token}")).unwrap().contains("eyJ"));
        assert_eq!((of(""), description(b"<html>")), (None, None));
    }

    #[test]
    fn a_pause_is_limited() {
        let pause = |status, seconds: &'static str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(seconds))]);
            read(status, &headers, b"", "old").unwrap_err()
        };
        let (busy, limited) = (StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(pause(busy, "7"), Later(7));
        assert_eq!(pause(limited, "86400"), Later(60));
        assert_eq!(pause(busy, "0"), Later(1));
        assert!(matches!(pause(busy, "soon"), Failed(_)));
        assert!(matches!(pause(StatusCode::BAD_GATEWAY, "7"), Failed(_)));
    }

    #[test]
    fn the_credentials_of_a_client_are_encoded_and_not_printed() {
        let value = basic("a:b", "c d").unwrap();
        assert_eq!(value, format!("Basic {}", STANDARD.encode("a%3Ab:c+d")));
        assert_eq!(format!("{value:?}"), "Sensitive");
    }
}
