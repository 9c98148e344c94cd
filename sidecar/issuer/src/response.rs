//! Answers in HTTP.

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, PRAGMA, REFERRER_POLICY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;
use serde_json::json;
use url::Url;

use crate::authorize::Step;
use crate::error::{Challenge, ErrorCode, OAuthError};

pub(crate) type Answer = Response<Full<Bytes>>;

/// Public data that may be kept for a little while.
pub(crate) fn public_json(value: &impl Serialize) -> Answer {
    json_with(StatusCode::OK, value, HeaderValue::from_static("public, max-age=15"))
}

/// Data for one reader, never stored (RFC 6749 section 5.1).
pub(crate) fn private_json(status: StatusCode, value: &impl Serialize) -> Answer {
    let mut answer = json_with(status, value, HeaderValue::from_static("no-store"));
    answer
        .headers_mut()
        .insert(PRAGMA, HeaderValue::from_static("no-cache"));
    answer
}

/// RFC 6749 section 5.2.
pub(crate) fn token_error(error: OAuthError) -> Answer {
    let status = match error.code {
        ErrorCode::InvalidClient(_) => StatusCode::UNAUTHORIZED,
        ErrorCode::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    };
    refusal(status, error)
}

/// A refusal as JSON under a status of its own.
pub(crate) fn refusal(status: StatusCode, error: OAuthError) -> Answer {
    let body = json!({ "error": error.code.as_str(), "error_description": error.description });
    let mut answer = private_json(status, &body);
    if error.code == ErrorCode::InvalidClient(Challenge::Basic) {
        let challenge = HeaderValue::from_static("Basic realm=\"token\", charset=\"UTF-8\"");
        answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    answer
}

/// A page, or the way back to the client.
pub(crate) fn step(step: Step) -> Answer {
    match step {
        Step::Form { html, redirect_uri } => {
            // Browsers hold the redirect after a form to `form-action` too.
            let origin = Url::parse(&redirect_uri)
                .map(|url| url.origin().ascii_serialization())
                .unwrap_or_default();
            page(StatusCode::OK, html, &format!("'self' {origin}"))
        }
        Step::Refusal { html } => page(StatusCode::BAD_REQUEST, html, "'none'"),
        Step::Redirect { location } => match HeaderValue::from_str(&location) {
            Ok(location) => {
                let mut answer = plain(StatusCode::SEE_OTHER, "");
                answer.headers_mut().insert(LOCATION, location);
                answer
                    .headers_mut()
                    .insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
                answer
            }
            Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be written\n"),
        },
    }
}

fn page(status: StatusCode, html: String, form_action: &str) -> Answer {
    let mut answer = answer(status, "text/html; charset=utf-8", Bytes::from(html));
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; form-action {form_action}"
    );
    let headers = answer.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    answer
}

/// 404.
pub(crate) fn not_found() -> Answer {
    plain(StatusCode::NOT_FOUND, "not found\n")
}

/// 405 with the methods that would do.
pub(crate) fn method_not_allowed(allow: &'static str) -> Answer {
    let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    answer
}

pub(crate) fn plain(status: StatusCode, text: &'static str) -> Answer {
    answer(status, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()))
}

fn answer(status: StatusCode, kind: &'static str, body: Bytes) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}

fn json_with(status: StatusCode, value: &impl Serialize, cache: HeaderValue) -> Answer {
    // Everything answered here is made of strings and numbers, which always have a JSON form.
    let body = serde_json::to_vec(value).unwrap_or_default();
    let mut answer = answer(status, "application/json", Bytes::from(body));
    answer.headers_mut().insert(CACHE_CONTROL, cache);
    answer
}
