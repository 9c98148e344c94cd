//! The endpoints.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, PRAGMA, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{map_request, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::admin::{self, AdminError, AdminRequest};
use crate::approval_request;
use crate::authorization_server::AuthorizationServer;
use crate::authorize::{self, Visitor};
use crate::dialect::Dialect;
use crate::error::{ErrorCode, OAuthError};
use crate::grants;
use crate::introspection;
use crate::metadata::metadata;
use crate::pages;
use crate::parameters::Parameters;
use crate::registration;
use crate::revocation;
use crate::token::TokenResponse;
use crate::userinfo::{self, UserInfoError};

/// The maximum size of a body: several times two tokens with long chains.
const MAX_BODY: usize = 64 * 1024;

/// Clients and gates may cache the metadata and the keys.
const PUBLIC: [(HeaderName, &str); 1] = [(CACHE_CONTROL, "public, max-age=15")];

type Server = State<Arc<AuthorizationServer>>;

/// The service that answers every request.
pub(crate) fn router(server: Arc<AuthorizationServer>) -> Router {
    let forms = Router::new()
        .route("/login", post(login))
        .route("/consent", post(consent))
        .route("/ciba/{id}", post(approve))
        .route("/device", post(approve))
        .route("/consents/withdraw", post(withdraw))
        .route("/logout/confirm", post(confirm_logout))
        .route_layer(map_request(deny_cross_site));
    // What an application in a browser calls from its own origin. No cookie counts there, so any origin may.
    let for_browsers = Router::new()
        .route("/.well-known/openid-configuration", get(discovery).options(preflight))
        .route(
            "/.well-known/oauth-authorization-server",
            get(discovery).options(preflight),
        )
        .route("/jwks", get(jwks).options(preflight))
        .route("/token", post(token).options(preflight))
        .route("/register", post(register).options(preflight))
        .route("/revoke", post(revoke).options(preflight))
        .route("/userinfo", get(userinfo).post(userinfo).options(preflight))
        .route_layer(map_response(allow_every_origin));
    Router::new()
        .merge(of_dialect(&server))
        .merge(for_browsers)
        .route("/par", post(push))
        .route("/bc-authorize", post(backchannel))
        .route("/device_authorization", post(device_authorization))
        .route("/introspect", post(introspect))
        .route("/authorize", get(authorize))
        .route("/consents", get(consents))
        .route("/ciba", get(approvals))
        .route("/ciba/{id}", get(backchannel_page))
        .route("/device", get(device_page))
        .route("/activity", get(activity))
        .route("/logout", get(logout).post(logout))
        .route("/admin/{*path}", any(administer))
        .route("/style.css", get(style))
        .merge(forms)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(map_response(response_headers))
        .with_state(server)
}

async fn discovery(State(server): Server) -> impl IntoResponse {
    (PUBLIC, Json(metadata(&server)))
}

/// The addresses below the path of an issuer identifier that has one.
fn of_dialect(server: &AuthorizationServer) -> Router<Arc<AuthorizationServer>> {
    let path = server.issuer_path();
    let routes = match &*path {
        "" => Router::new(),
        path => Router::new()
            .route(&format!("{path}/.well-known/openid-configuration"), get(discovery))
            .route(
                &format!("/.well-known/oauth-authorization-server{path}"),
                get(discovery),
            ),
    };
    match server.dialect {
        Dialect::PingAic => routes
            .route(&format!("{path}/access_token"), post(token))
            .route(&format!("{path}/tokeninfo"), get(tokeninfo)),
        _ => routes,
    }
}

async fn tokeninfo(State(server): Server, query: Parameters) -> Result<Json<Value>, OAuthError> {
    let claims = waiting(server, move |server| introspection::tokeninfo(server, &query)).await;
    claims.map(Json)
}

async fn style() -> impl IntoResponse {
    (PUBLIC, pages::style())
}

async fn jwks(State(server): Server) -> impl IntoResponse {
    (PUBLIC, Json(server.keys.public()))
}

async fn token(State(server): Server, headers: HeaderMap, form: Parameters) -> Result<Json<TokenResponse>, OAuthError> {
    let response = waiting(server, move |server| grants::token(server, &headers, &form)).await;
    match &response {
        Ok(_) => tracing::info!(outcome = "issued", "token request"),
        Err(error) => tracing::info!(
            outcome = error.code.as_str(),
            reason = error.description,
            "token request"
        ),
    }
    response.map(Json)
}

async fn register(State(server): Server, request: Request) -> Result<Response, AdminError> {
    let body = admin::read_body(request, &()).await?;
    waiting(server, move |server| registration::register(server, &body)).await
}

async fn push(State(server): Server, headers: HeaderMap, form: Parameters) -> Result<Response, OAuthError> {
    waiting(server, move |server| authorize::push(server, &headers, &form)).await
}

async fn backchannel(State(server): Server, headers: HeaderMap, form: Parameters) -> Result<Json<Value>, OAuthError> {
    waiting(server, move |server| {
        approval_request::backchannel(server, &headers, &form)
    })
    .await
}

async fn device_authorization(
    State(server): Server,
    headers: HeaderMap,
    form: Parameters,
) -> Result<Json<Value>, OAuthError> {
    waiting(server, move |server| approval_request::device(server, &headers, &form)).await
}

async fn introspect(State(server): Server, headers: HeaderMap, form: Parameters) -> Result<Response, OAuthError> {
    waiting(server, move |server| introspection::introspect(server, &headers, &form)).await
}

async fn revoke(State(server): Server, headers: HeaderMap, form: Parameters) -> Result<(), OAuthError> {
    waiting(server, move |server| revocation::revoke(server, &headers, &form)).await
}

async fn userinfo(State(server): Server, headers: HeaderMap) -> Result<Json<Value>, UserInfoError> {
    waiting(server, move |server| userinfo::userinfo(server, &headers)).await
}

async fn authorize(State(server): Server, visitor: Visitor, query: Parameters) -> Response {
    page(server, move |server| authorize::authorize(server, &visitor, &query)).await
}

async fn login(State(server): Server, visitor: Visitor, form: Parameters) -> Response {
    page(server, move |server| authorize::login(server, &visitor, &form)).await
}

async fn consent(State(server): Server, form: Parameters) -> Response {
    page(server, move |server| authorize::consent(server, &form)).await
}

async fn consents(State(server): Server, visitor: Visitor) -> Response {
    page(server, move |server| authorize::consents(server, &visitor)).await
}

async fn approvals(State(server): Server, visitor: Visitor) -> Response {
    page(server, move |server| authorize::approvals(server, &visitor)).await
}

async fn backchannel_page(State(server): Server, visitor: Visitor, Path(id): Path<String>) -> Response {
    page(server, move |server| authorize::backchannel_page(server, &visitor, &id)).await
}

async fn device_page(State(server): Server, query: Parameters) -> Response {
    page(server, move |server| authorize::device_page(server, &query)).await
}

async fn approve(State(server): Server, visitor: Visitor, form: Parameters) -> Response {
    page(server, move |server| authorize::approve(server, &visitor, &form)).await
}

async fn activity(State(server): Server, visitor: Visitor, query: Parameters) -> Response {
    page(server, move |server| authorize::activity(server, &visitor, &query)).await
}

async fn logout(State(server): Server, visitor: Visitor, request: Parameters) -> Response {
    page(server, move |server| authorize::logout(server, &visitor, &request)).await
}

async fn confirm_logout(State(server): Server, visitor: Visitor, form: Parameters) -> Response {
    page(server, move |server| authorize::confirm_logout(server, &visitor, &form)).await
}

async fn withdraw(State(server): Server, form: Parameters) -> Response {
    page(server, move |server| authorize::withdraw(server, &form)).await
}

async fn administer(State(server): Server, request: AdminRequest) -> Result<Response, AdminError> {
    waiting(server, move |server| admin::administer(server, &request)).await
}

/// Runs an endpoint on a thread that may wait: changes of the store follow one another, each written to disk.
async fn waiting<T: Send + 'static, E: From<OAuthError> + Send + 'static>(
    server: Arc<AuthorizationServer>,
    endpoint: impl FnOnce(&AuthorizationServer) -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    let result = spawn_blocking(move || endpoint(&server)).await;
    result.unwrap_or_else(|_| {
        Err(ErrorCode::ServerError
            .because("the request could not be completed")
            .into())
    })
}

async fn page<E: IntoResponse>(
    server: Arc<AuthorizationServer>,
    endpoint: impl FnOnce(&AuthorizationServer) -> Result<Response, E> + Send + 'static,
) -> Response {
    let page = waiting(server, move |server| {
        Ok::<_, OAuthError>(endpoint(server).into_response())
    });
    page.await.into_response()
}

/// Denies a form that a browser sends from a page of another site (Fetch Metadata). Other clients send no such header.
async fn deny_cross_site(request: Request) -> Result<Request, (StatusCode, &'static str)> {
    match request.headers().get("sec-fetch-site") {
        Some(site) if site != "same-origin" && site != "none" => {
            Err((StatusCode::FORBIDDEN, "forms of other sites are not accepted\n"))
        }
        _ => Ok(request),
    }
}

/// The response to a preflight request (CORS).
async fn preflight() -> impl IntoResponse {
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, dpop"),
        (ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    (StatusCode::NO_CONTENT, headers)
}

async fn allow_every_origin(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("www-authenticate"),
    );
    response
}

/// Responses are not cached unless an endpoint says otherwise (RFC 6749 section 5.1), not framed and not sniffed.
async fn response_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
