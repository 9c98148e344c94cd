//! Which request goes where.

use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::json;

use crate::authorization_server::AuthorizationServer;
use crate::authorize::{self, Step};
use crate::error::{ErrorCode, OAuthError};
use crate::grants;
use crate::metadata::metadata;
use crate::parameters::{Parameters, TooMany};
use crate::response::{self, Answer};
use crate::settings::Rotation;

/// The largest form: two tokens with long chains fit many times over.
const MAX_BODY: usize = 64 * 1024;
/// The longest a form may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What the server has an answer for.
#[derive(Clone, Copy)]
enum Endpoint {
    Metadata,
    Jwks,
    Token,
    Authorize,
    Login,
    Consent,
    Rotate,
}

/// Answers one request.
pub(crate) async fn route(server: Arc<AuthorizationServer>, request: Request<Incoming>) -> Answer {
    let (parts, body) = request.into_parts();
    let Some(endpoint) = endpoint(parts.uri.path(), server.settings.rotation) else {
        return response::not_found();
    };
    let (allow, allowed) = match endpoint {
        Endpoint::Metadata | Endpoint::Jwks | Endpoint::Authorize => {
            ("GET, HEAD", matches!(parts.method, Method::GET | Method::HEAD))
        }
        Endpoint::Token | Endpoint::Login | Endpoint::Consent | Endpoint::Rotate => {
            ("POST", parts.method == Method::POST)
        }
    };
    if !allowed {
        return response::method_not_allowed(allow);
    }
    match endpoint {
        Endpoint::Metadata => response::public_json(&metadata(&server)),
        Endpoint::Jwks => response::public_json(&server.keys.public()),
        Endpoint::Token => match form(&parts.headers, body).await {
            Err(refused) => response::refusal(refused.status, refused.error),
            Ok(form) => token(&server, &parts.headers, &form),
        },
        Endpoint::Authorize => match Parameters::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            Ok(query) => response::step(authorize::authorize(&server, &query)),
            Err(TooMany) => response::plain(StatusCode::BAD_REQUEST, "too many parameters\n"),
        },
        Endpoint::Login => page(&server, &parts.headers, body, authorize::login).await,
        Endpoint::Consent => page(&server, &parts.headers, body, authorize::consent).await,
        Endpoint::Rotate => rotate(server, &parts.headers).await,
    }
}

fn endpoint(path: &str, rotation: Rotation) -> Option<Endpoint> {
    match path {
        "/.well-known/openid-configuration" | "/.well-known/oauth-authorization-server" => Some(Endpoint::Metadata),
        "/jwks" => Some(Endpoint::Jwks),
        "/token" => Some(Endpoint::Token),
        "/authorize" => Some(Endpoint::Authorize),
        "/login" => Some(Endpoint::Login),
        "/consent" => Some(Endpoint::Consent),
        "/admin/keys/rotate" if rotation == Rotation::Endpoint => Some(Endpoint::Rotate),
        _ => None,
    }
}

/// A form of ours, filled in by a person.
async fn page(
    server: &AuthorizationServer,
    headers: &HeaderMap,
    body: Incoming,
    next: fn(&AuthorizationServer, &Parameters) -> Step,
) -> Answer {
    if is_cross_site(headers) {
        return response::plain(StatusCode::FORBIDDEN, "not from another site\n");
    }
    match form(headers, body).await {
        Ok(form) => response::step(next(server, &form)),
        Err(refused) => response::plain(refused.status, "the form cannot be read\n"),
    }
}

fn token(server: &AuthorizationServer, headers: &HeaderMap, form: &Parameters) -> Answer {
    match grants::token(server, headers, form) {
        Ok(token) => {
            tracing::info!(verdict = "issued", "token request");
            response::private_json(StatusCode::OK, &token)
        }
        Err(error) => {
            tracing::info!(
                verdict = error.code.as_str(),
                reason = error.description,
                "token request"
            );
            response::token_error(error)
        }
    }
}

async fn rotate(server: Arc<AuthorizationServer>, headers: &HeaderMap) -> Answer {
    if is_cross_site(headers) {
        return response::plain(StatusCode::FORBIDDEN, "not from another site\n");
    }
    // Making an RSA key takes long enough to hold up the other connections of this thread.
    let rotated = tokio::task::spawn_blocking(move || server.keys.rotate()).await;
    match rotated {
        Ok(Ok(kid)) => response::private_json(StatusCode::OK, &json!({ "kid": kid })),
        _ => response::token_error(ErrorCode::ServerError.because("the keys were not rotated")),
    }
}

/// A browser says where a request comes from (Fetch Metadata); other clients say nothing.
fn is_cross_site(headers: &HeaderMap) -> bool {
    headers
        .get("sec-fetch-site")
        .is_some_and(|site| site != "same-origin" && site != "none")
}

struct Refused {
    status: StatusCode,
    error: OAuthError,
}

/// Reads a form within the limits of size and time.
async fn form(headers: &HeaderMap, body: Incoming) -> Result<Parameters, Refused> {
    let refused = |status, description| Refused {
        status,
        error: ErrorCode::InvalidRequest.because(description),
    };
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let description = "the body must be application/x-www-form-urlencoded";
        return Err(refused(StatusCode::BAD_REQUEST, description));
    }
    let body = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY).collect())
        .await
        .map_err(|_| refused(StatusCode::REQUEST_TIMEOUT, "the body took too long"))?
        .map_err(|_| refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large or broken"))?;
    Parameters::parse(&body.to_bytes()).map_err(|_| refused(StatusCode::BAD_REQUEST, "too many parameters"))
}
