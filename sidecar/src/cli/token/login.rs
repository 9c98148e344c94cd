//! A login in a browser: the authorization code grant of a native application (RFC 8252).

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use url::{Url, form_urlencoded};

use super::endpoints::Endpoints;
use super::proof_key;
use crate::cli::output::eprint_line;
use crate::exit::{Context as _, Failure};

/// The time that a user may take.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// The maximum time for the head of a request to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

type Query = HashMap<String, String>;

pub(super) async fn login(issuer: &Endpoints<'_>, redirect_uri: &str) -> Result<Value, Failure> {
    let unusable = || {
        Failure::Usage(format!(
            "{redirect_uri}: write an http URI on loopback, such as http://127.0.0.1:0/callback"
        ))
    };
    let mut redirect_uri = Url::parse(redirect_uri).map_err(|_| unusable())?;
    let address = match (
        redirect_uri.scheme(),
        redirect_uri.host(),
        redirect_uri.port_or_known_default(),
    ) {
        ("http", Some(url::Host::Ipv4(host)), Some(port)) if host.is_loopback() => (host.into(), port),
        ("http", Some(url::Host::Ipv6(host)), Some(port)) if host.is_loopback() => (host.into(), port),
        _ => return Err(unusable()),
    };
    let listener = TcpListener::bind::<(std::net::IpAddr, u16)>(address)
        .await
        .context(&redirect_uri)?;
    let port = listener.local_addr().context(&redirect_uri)?.port();
    redirect_uri.set_port(Some(port)).map_err(|()| unusable())?;

    let (verifier, state) = (proof_key::random()?, proof_key::random()?);
    let no_endpoint = || Failure::Runtime("the issuer has no authorization endpoint".to_owned());
    let endpoint = issuer
        .metadata
        .authorization_endpoint
        .as_deref()
        .ok_or_else(no_endpoint)?;
    let mut page = Url::parse(endpoint).context(endpoint)?;
    page.query_pairs_mut()
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", issuer.client()),
            ("redirect_uri", redirect_uri.as_str()),
            ("state", &state),
            ("code_challenge", &proof_key::challenge(&verifier)),
            ("code_challenge_method", "S256"),
        ])
        .extend_pairs(issuer.wanted());
    eprint_line(&format!("Open this page in a browser:\n  {page}"));

    let callback = timeout(PATIENCE, callback(listener, redirect_uri.path().to_owned(), state));
    let answer = callback.await.context("the user did not sign in in time")??;
    if answer.get("iss").is_some_and(|iss| *iss != issuer.metadata.issuer) {
        // RFC 9207: the answer is of another issuer, which would get the code.
        return Err(Failure::Runtime("the browser came back from another issuer".to_owned()));
    }
    let Some(code) = answer.get("code") else {
        let error = answer.get("error").map_or("no code", String::as_str);
        return Err(Failure::Runtime(format!(
            "the login ended without a code: {}",
            error.escape_debug()
        )));
    };
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect_uri.as_str()),
        ("code_verifier", &verifier),
    ];
    issuer.token(&form).await
}

/// Waits for the browser to come back with this state.
async fn callback(listener: TcpListener, path: String, state: String) -> Result<Query, Failure> {
    let (sender, mut receiver) = mpsc::channel(1);
    let (path, state) = (&*path, &*state);
    loop {
        let (stream, _) = tokio::select! {
            Some(query) = receiver.recv() => return Ok(query),
            accepted = listener.accept() => accepted.context("redirect URI")?,
        };
        let (path, state, sender) = (path.to_owned(), state.to_owned(), sender.clone());
        let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
            let query: Query = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect();
            let is_expected = request.uri().path() == path && query.get("state") == Some(&state);
            let sender = sender.clone();
            async move {
                let (status, text) = match is_expected {
                    true => (StatusCode::OK, "The login has ended. You can close this page.\n"),
                    false => (StatusCode::NOT_FOUND, "This page belongs to another login.\n"),
                };
                if is_expected {
                    // A second answer of the same login is of no use.
                    let _ = sender.try_send(query);
                }
                let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
                *response.status_mut() = status;
                Ok::<_, Infallible>(response)
            }
        });
        tokio::spawn(async move {
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .keep_alive(false);
            // A connection that fails is opened again by the browser.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
