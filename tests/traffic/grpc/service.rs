//! A gRPC service of tonic with a method of each kind, and a client of it. Messages are bytes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes};
use http::uri::PathAndQuery;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::server::{ClientStreamingService, ServerStreamingService, StreamingService, UnaryService};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status, Streaming, client, server};

pub type Messages = ReceiverStream<Result<Bytes, Status>>;

/// The service, which listens by HTTP/2 without TLS.
pub struct Orders {
    pub address: SocketAddr,
    /// Calls that go on.
    pub running: Arc<AtomicUsize>,
    _runtime: Runtime,
}

impl Orders {
    pub fn start() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let running = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&running);
        runtime.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let counted = Arc::clone(&counted);
                let service = service_fn(move |request| serve(Arc::clone(&counted), request));
                let connection =
                    http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service);
                tokio::spawn(connection);
            }
        });
        Self {
            address,
            running,
            _runtime: runtime,
        }
    }
}

/// Counts a call as long as it goes on.
struct Running(Arc<AtomicUsize>);

impl Running {
    fn new(count: Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What generated code does for the methods of a service.
async fn serve(
    running: Arc<AtomicUsize>,
    request: http::Request<Incoming>,
) -> Result<http::Response<Body>, Infallible> {
    let running = Arc::new(Running::new(running));
    let mut grpc = server::Grpc::new(Raw);
    Ok(match request.uri().path() {
        "/shop.Orders/Show" => grpc.unary(Method(show), request).await,
        "/shop.Orders/Wait" => grpc.unary(Method(wait), request).await,
        "/shop.Orders/List" => {
            let list = |request: Request<Bytes>| {
                let messages = list(request.into_inner(), Arc::clone(&running));
                std::future::ready(Ok(Response::new(messages)))
            };
            grpc.server_streaming(Method(list), request).await
        }
        "/shop.Orders/Upload" => grpc.client_streaming(Method(upload), request).await,
        _ => grpc.streaming(Method(chat), request).await,
    })
}

/// Answers with the order and the subject, with metadata before and after the message; or with an error with details.
async fn show(request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
    let order = String::from_utf8_lossy(request.get_ref()).into_owned();
    let subject = text(request.metadata(), "x-auth-subject");
    if order == "missing" {
        let mut metadata = MetadataMap::new();
        metadata.insert("x-reason", MetadataValue::from_static("sold"));
        metadata.insert_bin("x-proof-bin", MetadataValue::from_bytes(&[0, 255]));
        let details = Bytes::from_static(b"\x08\x09");
        return Err(Status::with_details_and_metadata(
            Code::NotFound,
            "no such order",
            details,
            metadata,
        ));
    }
    let timeout = text(request.metadata(), "grpc-timeout");
    let mut response = Response::new(Bytes::from(format!("{order} of {subject}")));
    response
        .metadata_mut()
        .insert("x-timeout", timeout.parse().expect("text"));
    Ok(response)
}

/// Never answers.
async fn wait(_: Request<Bytes>) -> Result<Response<Bytes>, Status> {
    std::future::pending().await
}

/// As many messages as the request has bytes; without end, if it is empty.
fn list(request: Bytes, running: Arc<Running>) -> Messages {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        let _running = running;
        let count = if request.is_empty() { usize::MAX } else { request.len() };
        for number in 0..count {
            if sender.send(Ok(Bytes::from(format!("order {number}")))).await.is_err() {
                return;
            }
            if request.is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    });
    ReceiverStream::new(receiver)
}

/// Counts the messages and their bytes.
async fn upload(request: Request<Streaming<Bytes>>) -> Result<Response<Bytes>, Status> {
    let mut messages = request.into_inner();
    let (mut count, mut bytes) = (0, 0);
    while let Some(message) = messages.message().await? {
        count += 1;
        bytes += message.len();
    }
    Ok(Response::new(Bytes::from(format!("{count} messages, {bytes} bytes"))))
}

/// Answers each message before the next one comes.
async fn chat(request: Request<Streaming<Bytes>>) -> Result<Response<Messages>, Status> {
    let mut messages = request.into_inner();
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        while let Ok(Some(message)) = messages.message().await {
            let answer = [b"re: ", &message[..]].concat();
            if sender.send(Ok(answer.into())).await.is_err() {
                return;
            }
        }
    });
    Ok(Response::new(ReceiverStream::new(receiver)))
}

/// A function as a method of every kind.
struct Method<F>(F);

impl<F, R, M> UnaryService<M> for Method<F>
where
    F: FnMut(Request<M>) -> R,
    R: Future<Output = Result<Response<Bytes>, Status>>,
{
    type Response = Bytes;
    type Future = R;

    fn call(&mut self, request: Request<M>) -> R {
        (self.0)(request)
    }
}

impl<F, R, M> ServerStreamingService<M> for Method<F>
where
    F: FnMut(Request<M>) -> R,
    R: Future<Output = Result<Response<Messages>, Status>>,
{
    type Response = Bytes;
    type ResponseStream = Messages;
    type Future = R;

    fn call(&mut self, request: Request<M>) -> R {
        (self.0)(request)
    }
}

impl<F, R, M> ClientStreamingService<M> for Method<F>
where
    F: FnMut(Request<Streaming<M>>) -> R,
    R: Future<Output = Result<Response<Bytes>, Status>>,
{
    type Response = Bytes;
    type Future = R;

    fn call(&mut self, request: Request<Streaming<M>>) -> R {
        (self.0)(request)
    }
}

impl<F, R, M> StreamingService<M> for Method<F>
where
    F: FnMut(Request<Streaming<M>>) -> R,
    R: Future<Output = Result<Response<Messages>, Status>>,
{
    type Response = Bytes;
    type ResponseStream = Messages;
    type Future = R;

    fn call(&mut self, request: Request<Streaming<M>>) -> R {
        (self.0)(request)
    }
}

/// Messages of bytes, in the place of generated ones.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

/// A client whose calls have this token.
pub struct Caller {
    grpc: client::Grpc<Channel>,
    token: Option<String>,
}

impl Caller {
    pub async fn connect(address: SocketAddr, token: Option<&str>) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("a URI");
        let channel = endpoint.connect().await.expect("a connection");
        Self {
            grpc: client::Grpc::new(channel),
            token: token.map(|token| format!("Bearer {token}")),
        }
    }

    /// A request with the token.
    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(token) = &self.token {
            let token = token.parse().expect("text");
            request.metadata_mut().insert("authorization", token);
        }
        request
    }

    pub async fn unary(&mut self, method: &'static str, request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
        self.grpc.ready().await.expect("a connection");
        self.grpc.unary(request, path(method), Raw).await
    }

    pub async fn list(&mut self, message: &'static [u8]) -> Result<Streaming<Bytes>, Status> {
        self.grpc.ready().await.expect("a connection");
        let request = self.request(Bytes::from_static(message));
        let called = self.grpc.server_streaming(request, path("List"), Raw).await;
        called.map(Response::into_inner)
    }

    pub async fn upload(&mut self, messages: Vec<Bytes>) -> Result<Response<Bytes>, Status> {
        self.grpc.ready().await.expect("a connection");
        let request = self.request(tokio_stream::iter(messages));
        self.grpc.client_streaming(request, path("Upload"), Raw).await
    }

    pub async fn chat(&mut self, messages: tokio::sync::mpsc::Receiver<Bytes>) -> Result<Streaming<Bytes>, Status> {
        self.grpc.ready().await.expect("a connection");
        let request = self.request(ReceiverStream::new(messages));
        let called = self.grpc.streaming(request, path("Chat"), Raw).await;
        called.map(Response::into_inner)
    }
}

fn path(method: &str) -> PathAndQuery {
    format!("/shop.Orders/{method}").parse().expect("a path")
}

/// The text of a metadata entry; empty without one.
pub fn text(metadata: &MetadataMap, name: &str) -> String {
    let value = metadata.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}
