//! gRPC with tonic: the layer answers a denied call with a gRPC status.
//!
//! `cargo run -p actgate --example tonic` makes an allowed and a denied call within the process. A server that tonic
//! generates takes the same layer: `Server::builder().layer(AuthorizeLayer::new(authorizer))`.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use actgate::clock::FixedClock;
use actgate::testing::TestIssuer;
use actgate::{AuthorizeLayer, Authorizer, Identity, Policy};
use bytes::{Buf as _, BufMut as _, Bytes};
use http::uri::PathAndQuery;
use serde_json::json;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Request, Response, Status, client, server};
use tower::service_fn;
use tower_layer::Layer as _;
use tower_service::Service;

const METHOD: &str = "/orders.Orders/Show";

const POLICY: &str = "
routes:
  - match: POST /orders.Orders/Show    # every gRPC call is a POST of /package.Service/Method
    scopes: [orders:read]
";

/// The method: tonic passes the extensions of the HTTP request on.
#[derive(Clone)]
struct Show;

impl Service<Request<Bytes>> for Show {
    type Response = Response<Bytes>;
    type Error = Status;
    type Future = Ready<Result<Response<Bytes>, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let Some(identity) = request.extensions().get::<Identity>() else {
            return ready(Err(Status::internal("no layer covers the method")));
        };
        let order = String::from_utf8_lossy(request.get_ref());
        ready(Ok(Response::new(format!("{order} for {}", identity.subject()).into())))
    }
}

/// What generated code does for one method.
async fn serve(request: http::Request<Body>) -> Result<http::Response<Body>, Infallible> {
    Ok(server::Grpc::new(Bare).unary(Show, request).await)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = TestIssuer::new()?;
    let authorizer = Authorizer::builder()
        .issuer(issuer.trusted(TestIssuer::AUDIENCE)?)
        .policy(Policy::from_yaml(POLICY)?)
        .clock(FixedClock::at(TestIssuer::NOW))
        .build()?;
    let service = AuthorizeLayer::new(authorizer).layer(service_fn(serve));

    let mut client = client::Grpc::new(service);
    for (scope, code, message) in [
        ("orders:read", Code::Ok, "order 7 for alice"),
        ("other", Code::PermissionDenied, "the access token lacks a scope"),
    ] {
        let token = issuer.token(json!({ "sub": "alice", "scope": scope }))?;
        let mut request = Request::new(Bytes::from("order 7"));
        request
            .metadata_mut()
            .insert("authorization", format!("Bearer {token}").parse()?);
        client.ready().await?;
        let called = client.unary(request, PathAndQuery::from_static(METHOD), Bare).await;
        let (got, text) = match called {
            Ok(response) => (Code::Ok, String::from_utf8(response.into_inner().to_vec())?),
            Err(status) => (status.code(), status.message().to_owned()),
        };
        println!("scope {scope}: {got:?}, {text}");
        assert_eq!((got, text.as_str()), (code, message));
    }
    Ok(())
}

/// Messages of bytes, in the place of generated ones.
#[derive(Clone, Copy, Default)]
struct Bare;

impl Codec for Bare {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Bare;
    type Decoder = Bare;

    fn encoder(&mut self) -> Bare {
        Bare
    }

    fn decoder(&mut self) -> Bare {
        Bare
    }
}

impl Encoder for Bare {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Bare {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
