//! The API that the demo protects. It handles no tokens and returns the identity headers that it receives.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::{Map, Value, json};

use crate::exit::{Context as _, Failure};
use crate::server::connection;
use crate::server::listen::listener::Listener;

/// The number of connections at a time.
const MAX_CONNECTIONS: u32 = 256;

/// Starts the API on a free loopback port and returns its address. It runs as long as the process.
pub(crate) async fn start() -> Result<SocketAddr, Failure> {
    let listener = Listener::bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into(), MAX_CONNECTIONS).await;
    let mut listener = listener.context("sample api")?;
    let address = listener.tcp_address().context("sample api")?;
    tokio::spawn(async move {
        loop {
            let accepted = listener.accept().await;
            accepted.spawn(|accepted| connection::plain(accepted, async |request| answer(&request)));
        }
    });
    Ok(address)
}

fn answer<B>(request: &Request<B>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let result = match (request.method(), path.strip_prefix("/orders/")) {
        (&Method::GET, _) if path == "/health" => json!({ "health": "good" }),
        (&Method::GET, Some(id)) => json!({ "order": id, "items": ["teapot", "two cups"] }),
        (&Method::DELETE, Some(id)) => json!({ "deleted": id }),
        (&Method::POST, _) if path == "/refunds" => json!({ "refunded": "42.00" }),
        _ => return respond(StatusCode::NOT_FOUND, &json!({ "error": "not found" })),
    };
    let identity: Map<String, Value> = request
        .headers()
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("x-auth-"))
        .map(|(name, value)| (name.to_string(), Value::from(value.to_str().unwrap_or_default())))
        .collect();
    respond(StatusCode::OK, &json!({ "result": result, "identity": identity }))
}

fn respond(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(format!("{body}\n")));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
