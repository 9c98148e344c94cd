//! The endpoints.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, PRAGMA, REFERRER_POLICY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{map_request, map_request_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, any, get, on, post};
use axum::{Json, Router};
use tokio::task::spawn_blocking;
use tower_http::cors::{Any, CorsLayer};
use url::{Host, Url};

use crate::admin;
use crate::approval_request;
use crate::authorize::{self, Answer, Visitor, visit};
use crate::client_authentication::for_client;
use crate::grants;
use crate::live_tokens;
use crate::metadata::metadata;
use crate::pages;
use crate::registration;
use crate::store::Goal;
use crate::{Client, Dialect, Issuer, OAuthError, Parameters, Result, SERVER_ERROR};

/// The maximum size of a body: several times two tokens with long chains.
const MAX_BODY: usize = 64 * 1024;

/// How long a browser uses the response to a preflight request (CORS).
const PREFLIGHT_LIFETIME: Duration = Duration::from_secs(600);

/// Clients and gates may cache the metadata and the keys.
const PUBLIC: [(HeaderName, &str); 1] = [(CACHE_CONTROL, "public, max-age=15")];

const OPENID_METADATA: &str = "/.well-known/openid-configuration";
const SERVER_METADATA: &str = "/.well-known/oauth-authorization-server";

type Server = State<Arc<Issuer>>;
type Waiting<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// The service that answers every request.
pub(crate) fn router(server: Arc<Issuer>) -> Router {
    let forms = Router::new()
        .route("/login", page(MethodFilter::POST, authorize::login))
        .route("/consent", page(MethodFilter::POST, authorize::consent))
        .route("/ciba/{id}", page(MethodFilter::POST, authorize::approve))
        .route("/device", page(MethodFilter::POST, authorize::approve))
        .route("/consents/withdraw", page(MethodFilter::POST, authorize::withdraw))
        .route("/logout/confirm", page(MethodFilter::POST, authorize::confirm_logout))
        .route_layer(map_request(deny_cross_site));
    let consents = |server: &Issuer, visitor: &Visitor, _: &Parameters| visit(server, visitor, Goal::Consents);
    let approvals = |server: &Issuer, visitor: &Visitor, _: &Parameters| visit(server, visitor, Goal::Approvals);
    let get_or_post = MethodFilter::GET.or(MethodFilter::POST);
    let pages = Router::new()
        .route("/authorize", page(get_or_post, authorize::authorize))
        .route("/consents", page(MethodFilter::GET, consents))
        .route("/ciba", page(MethodFilter::GET, approvals))
        .route("/ciba/{id}", get(backchannel_page))
        .route("/device", page(MethodFilter::GET, authorize::device_page))
        .route("/activity", page(MethodFilter::GET, authorize::activity))
        .route("/logout", page(get_or_post, authorize::logout))
        .route("/admin/{*path}", any(endpoint(admin::administer)))
        .merge(forms)
        .route_layer(map_request_with_state(Arc::clone(&server), deny_other_host));
    // What an application in a browser calls from its own origin. No cookie counts there, so any origin may.
    let userinfo = get(endpoint(live_tokens::userinfo)).post(endpoint(live_tokens::userinfo));
    let for_browsers = Router::new()
        .route(OPENID_METADATA, get(discovery))
        .route(SERVER_METADATA, get(discovery))
        .route("/jwks", get(jwks))
        .route("/token", of_clients("token", grants::token))
        .route("/register", post(endpoint(registration::register)))
        .route("/revoke", of_clients("revoke", live_tokens::revoke))
        .route("/userinfo", userinfo)
        .merge(of_dialect(&server))
        .route_layer(cors());
    let device = of_clients("device_authorization", approval_request::ask_holder);
    Router::new()
        .merge(for_browsers)
        .route("/par", of_clients("par", authorize::push))
        .route("/bc-authorize", of_clients("bc-authorize", approval_request::ask_user))
        .route("/device_authorization", device)
        .route("/introspect", post(endpoint(live_tokens::introspect)))
        .route("/style.css", get(style))
        .merge(pages)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(map_response(response_headers))
        .with_state(server)
}

async fn discovery(State(server): Server) -> impl IntoResponse {
    (PUBLIC, Json(metadata(&server)))
}

/// The addresses below the path of an issuer identifier that has one.
fn of_dialect(server: &Issuer) -> Router<Arc<Issuer>> {
    let path = server.issuer_path();
    let routes = match &*path {
        "" => Router::new(),
        path => Router::new()
            .route(&format!("{path}{OPENID_METADATA}"), get(discovery))
            .route(&format!("{SERVER_METADATA}{path}"), get(discovery)),
    };
    match server.settings.dialect {
        Dialect::PingAic => routes
            .route(&format!("{path}/access_token"), of_clients("token", grants::token))
            .route(&format!("{path}/tokeninfo"), get(endpoint(live_tokens::tokeninfo))),
        _ => routes,
    }
}

async fn style() -> impl IntoResponse {
    (PUBLIC, pages::style())
}

async fn jwks(State(server): Server) -> impl IntoResponse {
    (PUBLIC, Json(server.keys.public()))
}

async fn backchannel_page(State(server): Server, visitor: Visitor, Path(id): Path<String>) -> Result<Response> {
    let page = move |server: &Issuer| {
        let response = authorize::backchannel_page(server, &visitor, &id).into_response();
        visitor.answered(server, response)
    };
    waiting(server, move |server| Ok(page(server))).await
}

/// An endpoint of clients, run for the one that authenticates. The log has it under this name.
fn of_clients<T: IntoResponse + Send + 'static>(
    name: &'static str,
    endpoint: fn(&Issuer, &Arc<Client>, &Parameters) -> Result<T>,
) -> MethodRouter<Arc<Issuer>> {
    post(move |State(server): Server, headers: HeaderMap, form: Parameters| {
        waiting(server, move |server| {
            for_client(server, name, &headers, &form, endpoint)
        })
    })
}

/// An endpoint that takes `R` of a request.
fn endpoint<R, T, E>(run: fn(&Issuer, R) -> Result<T, E>) -> impl Fn(Server, R) -> Waiting<T, E> + Clone
where
    R: Send + 'static,
    T: Send + 'static,
    E: From<OAuthError> + Send + 'static,
{
    move |State(server), request| Box::pin(waiting(server, move |server| run(server, request)))
}

/// A page, or what its form sends.
fn page(methods: MethodFilter, page: fn(&Issuer, &Visitor, &Parameters) -> Answer) -> MethodRouter<Arc<Issuer>> {
    on(
        methods,
        move |State(server): Server, visitor: Visitor, form: Parameters| {
            waiting(server, move |server| {
                let response = page(server, &visitor, &form).into_response();
                Ok::<_, OAuthError>(visitor.answered(server, response))
            })
        },
    )
}

/// Runs an endpoint on a thread that may wait: changes of the store follow one another, each written to disk.
async fn waiting<T: Send + 'static, E: From<OAuthError> + Send + 'static>(
    server: Arc<Issuer>,
    endpoint: impl FnOnce(&Issuer) -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    let result = spawn_blocking(move || endpoint(&server)).await;
    let failed = SERVER_ERROR.because("the request could not be completed");
    result.unwrap_or_else(|_| Err(failed.into()))
}

/// Denies a page under a name that is not the issuer's: a site can resolve a name of its own to this address. An address is
/// not resolved.
async fn deny_other_host(State(server): Server, request: Request) -> Result<Request, (StatusCode, &'static str)> {
    let url = |origin: &str| Url::parse(origin).ok();
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let host = host.and_then(|host| url(&format!("http://{host}")));
    let is_own = match host.as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => {
            name == "localhost" || url(&server.origin).is_some_and(|own| own.domain() == Some(name))
        }
        address => address.is_some(),
    };
    match is_own {
        true => Ok(request),
        false => Err((StatusCode::MISDIRECTED_REQUEST, "the issuer has another name\n")),
    }
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

fn cors() -> CorsLayer {
    let cors = CorsLayer::new().allow_origin(Any).max_age(PREFLIGHT_LIFETIME);
    cors.allow_methods([Method::GET, Method::POST])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE])
        .expose_headers([WWW_AUTHENTICATE])
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
