//! The API that the demo protects: it knows nothing of tokens and tells back who the gate says is acting.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use crate::exit::Failure;

/// Starts the API on a free port of loopback and returns its address. It runs as long as the process.
pub async fn start() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .map_err(|error| Failure::runtime("sample api", error))?;
    let address = listener
        .local_addr()
        .map_err(|error| Failure::runtime("sample api", error))?;
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = service_fn(|request: Request<Incoming>| async move { Ok::<_, Infallible>(answer(&request)) });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
        }
    });
    Ok(address)
}

fn answer<B>(request: &Request<B>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let done = match (request.method(), path.strip_prefix("/orders/")) {
        (&Method::GET, _) if path == "/health" => json!({ "health": "good" }),
        (&Method::GET, Some(id)) => json!({ "order": id, "items": ["teapot", "two cups"] }),
        (&Method::DELETE, Some(id)) => json!({ "deleted": id }),
        (&Method::POST, _) if path == "/refunds" => json!({ "refunded": "42.00" }),
        _ => return respond(StatusCode::NOT_FOUND, &json!({ "error": "no such thing" })),
    };
    let told: Map<String, Value> = request
        .headers()
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("x-auth-"))
        .map(|(name, value)| (name.to_string(), Value::from(value.to_str().unwrap_or_default())))
        .collect();
    respond(StatusCode::OK, &json!({ "done": done, "told": told }))
}

fn respond(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(format!("{body}\n")));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
