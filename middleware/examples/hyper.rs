//! Bare hyper: a server without a framework, with a body type of its own.
//!
//! `cargo run -p actgate --example hyper` serves on a free port of this machine and sends an allowed and a denied request.

use std::convert::Infallible;

use actgate::clock::FixedClock;
use actgate::layer::Rejection;
use actgate::testing::TestIssuer;
use actgate::{AuthorizeLayer, Authorizer, Identity, Policy};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use tokio::net::TcpListener;
use tower::service_fn;
use tower_layer::Layer as _;

/// Text of this server, or a body that it passes on. It has no `Default`.
type Body = Either<Full<Bytes>, Incoming>;

/// Returns the body of the request, without reading it whole.
async fn echo(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let subject = request.extensions().get::<Identity>().map(Identity::subject);
    println!("echo for {}", subject.unwrap_or("a public route"));
    Ok(Response::new(Either::Right(request.into_body())))
}

/// The body of a denied request: the code for the caller.
fn rejected(rejection: Rejection<'_>) -> Response<Body> {
    rejection.response(Either::Left(Full::from(rejection.challenge().code())))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = TestIssuer::new()?;
    let authorizer = Authorizer::builder()
        .issuer(issuer.trusted(TestIssuer::AUDIENCE)?)
        .policy(Policy::from_yaml("routes: [{ match: POST /echo, scopes: [echo] }]")?)
        .clock(FixedClock::at(TestIssuer::NOW))
        .build()?;
    let layer = AuthorizeLayer::new(authorizer).with_rejection_response(rejected);
    let service = TowerToHyperService::new(layer.layer(service_fn(echo)));

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone());
            tokio::spawn(connection);
        }
    });

    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    for (scope, status, body) in [
        ("echo", StatusCode::OK, "hello"),
        ("other", StatusCode::FORBIDDEN, "insufficient_scope"),
    ] {
        let token = issuer.token(json!({ "sub": "alice", "scope": scope }))?;
        let request = Request::post(format!("http://{address}/echo")).header(AUTHORIZATION, format!("Bearer {token}"));
        let response = client.request(request.body(Full::from("hello"))?).await?;
        println!("scope {scope}: {}", response.status());
        assert_eq!(response.status(), status);
        assert_eq!(response.into_body().collect().await?.to_bytes(), body);
    }
    Ok(())
}
