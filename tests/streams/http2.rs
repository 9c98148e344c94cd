//! Tunnels and calls of gRPC from clients of HTTP/2, with an upstream of HTTP/1.1.

use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use h2::client::SendRequest;
use h2::ext::Protocol;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use super::{Setup, head, is_ended, switched};
use crate::mint::now;

/// A connection of HTTP/2 to the gate of a setup.
struct Client {
    runtime: Runtime,
    sender: SendRequest<Bytes>,
}

impl Client {
    fn of(setup: &Setup) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let address = setup.gate.address;
        let sender = runtime.block_on(async {
            let socket = TcpStream::connect(address).await.expect("a connection");
            let (mut sender, connection) = h2::client::handshake(socket).await.expect("a preface");
            tokio::spawn(connection);
            while !sender.is_extended_connect_protocol_enabled() {
                sender = sender.ready().await.expect("a connection");
                tokio::task::yield_now().await;
            }
            sender
        });
        Self { runtime, sender }
    }

    /// Sends the head of a request, whose body follows.
    fn send(&mut self, request: http::request::Builder) -> (h2::client::ResponseFuture, SendStream<Bytes>) {
        let request = request.body(()).expect("a request");
        // The stream is opened on the runtime.
        let _runtime = self.runtime.enter();
        self.sender.send_request(request, false).expect("sent")
    }

    fn response(&self, response: h2::client::ResponseFuture) -> Response<RecvStream> {
        self.runtime.block_on(response).expect("a response")
    }

    /// The rest of a body, and its trailers.
    fn rest(&self, body: &mut RecvStream) -> Result<(Vec<u8>, Option<HeaderMap>), h2::Error> {
        self.runtime.block_on(async {
            let mut data = Vec::new();
            while let Some(piece) = body.data().await {
                data.extend_from_slice(&piece?);
            }
            Ok((data, body.trailers().await?))
        })
    }

    fn data(&self, body: &mut RecvStream) -> Bytes {
        let data = self.runtime.block_on(body.data());
        data.expect("data").expect("data")
    }
}

fn with_token(request: http::request::Builder, token: &str) -> http::request::Builder {
    let (_, value) = token.split_once(": ").expect("a header line");
    request.header("authorization", value)
}

fn connect() -> http::request::Builder {
    Request::connect("http://orders.example.com/orders/1?a=b")
        .extension(Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13")
}

fn call() -> http::request::Builder {
    Request::post("http://orders.example.com/orders")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
}

/// What a server answers to `key`.
fn accept(key: &str) -> String {
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    BASE64_STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
}

#[test]
fn an_extended_connect_is_a_handshake_of_the_upstream() {
    let setup = Setup::start("");
    let mut client = Client::of(&setup);
    let (response, mut sender) = client.send(with_token(connect(), &setup.token()));
    let mut upstream = setup.accept();
    let received = head(&mut upstream);
    assert_eq!(received.start, "GET /orders/1?a=b HTTP/1.1");
    for (name, expected) in [
        ("upgrade", "websocket"),
        ("connection", "upgrade"),
        ("sec-websocket-version", "13"),
        ("host", "orders.example.com"),
        ("x-auth-subject", "alice-canary"),
    ] {
        assert_eq!(received.values(name), [expected], "{name}");
    }
    assert!(received.values("authorization").is_empty());
    let key = received.value("sec-websocket-key").expect("a key");
    let answer = switched(&accept(&key)).replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat\r\n\r\n");
    upstream.send(answer.as_bytes()).expect("sent");
    let response = client.response(response);
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
    for name in ["upgrade", "connection", "sec-websocket-accept"] {
        assert!(!response.headers().contains_key(name), "{name}");
    }
    let mut body = response.into_body();
    for round in 0..5_u8 {
        sender.send_data(Bytes::from(vec![round; 300]), false).expect("sent");
        assert_eq!(upstream.reader().exactly(300).expect("bytes"), [round; 300]);
        upstream.send(&[round; 5]).expect("sent");
        assert_eq!(client.data(&mut body), [round; 5].as_slice());
    }
    sender.send_data(Bytes::from_static(b"last"), true).expect("sent");
    assert_eq!(upstream.reader().rest().expect("an end"), b"last");
    upstream.send(b"answer").expect("sent");
    drop(upstream);
    assert_eq!(client.rest(&mut body).expect("an end").0, b"answer");
}

#[test]
fn a_tunnel_that_the_upstream_does_not_open_is_no_success() {
    let setup = Setup::start("");
    let mut client = Client::of(&setup);
    for (answer, expected) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned(), 502),
        ("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n".to_owned(), 403),
        (switched("AAAAAAAAAAAAAAAAAAAAAAAAAAA="), 502),
    ] {
        let (response, _sender) = client.send(with_token(connect(), &setup.token()));
        let mut upstream = setup.accept();
        head(&mut upstream);
        upstream.send(answer.as_bytes()).expect("sent");
        upstream.finish_sending();
        assert_eq!(client.response(response).status(), expected, "{answer}");
    }
}

#[test]
fn an_extended_connect_is_authorized_and_other_protocols_are_not_served() {
    let setup = Setup::start("");
    let mut client = Client::of(&setup);
    let other = Request::connect("http://orders.example.com/orders/1").extension(Protocol::from_static("connect-udp"));
    for (request, expected) in [
        (connect(), 401),
        (with_token(other, &setup.token()), 501),
        (
            with_token(Request::connect("http://orders.example.com:80/"), &setup.token()),
            501,
        ),
    ] {
        let (response, _sender) = client.send(request);
        assert_eq!(client.response(response).status(), expected);
    }
    assert!(!setup.is_called());
}

#[test]
fn the_reset_of_either_side_ends_the_tunnel() {
    let setup = Setup::start("");
    let mut client = Client::of(&setup);
    let (response, mut sender) = client.send(with_token(connect(), &setup.token()));
    let mut upstream = setup.accept();
    let key = head(&mut upstream).value("sec-websocket-key").expect("a key");
    upstream.send(switched(&accept(&key)).as_bytes()).expect("sent");
    assert_eq!(client.response(response).status(), 200);
    sender.send_reset(Reason::CANCEL);
    assert!(is_ended(&mut upstream));
}

#[test]
fn a_call_ends_with_its_token_and_a_status() {
    let setup = Setup::start("leeway: 0s\n");
    let mut client = Client::of(&setup);
    let expiry = now() + 4;
    let (response, mut sender) = client.send(with_token(call(), &setup.token_for(4)));
    sender.send_data(Bytes::from_static(b"a"), false).expect("sent");
    let mut upstream = setup.accept();
    let received = head(&mut upstream);
    assert_eq!(received.values("te"), ["trailers"]);
    assert_eq!(upstream.reader().chunk().expect("a message"), b"a");
    upstream
        .send(b"HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\n\r\n1\r\nb\r\n")
        .expect("sent");
    let mut body = client.response(response).into_body();
    assert_eq!(client.data(&mut body), b"b".as_slice());
    let (data, trailers) = client.rest(&mut body).expect("a clean end");
    assert!(data.is_empty() && now() >= expiry);
    assert_eq!(trailers.expect("trailers")["grpc-status"], "16");
    assert!(is_ended(&mut upstream));
}

#[test]
fn another_response_is_reset_when_its_token_expires() {
    let setup = Setup::start("leeway: 0s\n");
    let mut client = Client::of(&setup);
    for media_type in ["text/event-stream", "application/grpc-web+proto"] {
        let expiry = now() + 4;
        let request = with_token(Request::get("http://orders.example.com/orders/1"), &setup.token_for(4));
        let (response, mut sender) = client.send(request);
        sender.send_data(Bytes::new(), true).expect("sent");
        let mut upstream = setup.accept();
        head(&mut upstream);
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\ntransfer-encoding: chunked\r\n\r\n");
        upstream.send((head + "1\r\nb\r\n").as_bytes()).expect("sent");
        let mut body = client.response(response).into_body();
        assert_eq!(client.data(&mut body), b"b".as_slice());
        assert!(client.rest(&mut body).expect_err("a reset").is_reset(), "{media_type}");
        assert!(now() >= expiry, "{media_type}");
        assert!(is_ended(&mut upstream));
    }
}

/// Neither a clean end nor a status: the upstream is silent for too long.
#[test]
fn a_response_that_stalls_is_reset() {
    let setup = Setup::start("timeouts: { body: 2s, stream: 2s }\n");
    let mut client = Client::of(&setup);
    for (media_type, request) in [
        ("text/plain", Request::get("http://orders.example.com/orders/1")),
        ("application/grpc", call()),
    ] {
        let start = Instant::now();
        let (response, mut sender) = client.send(with_token(request, &setup.token()));
        sender.send_data(Bytes::new(), true).expect("sent");
        let mut upstream = setup.accept();
        head(&mut upstream);
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\ntransfer-encoding: chunked\r\n\r\n");
        upstream.send((head + "1\r\nb\r\n").as_bytes()).expect("sent");
        let mut body = client.response(response).into_body();
        assert_eq!(client.data(&mut body), b"b".as_slice());
        assert!(client.rest(&mut body).expect_err("a reset").is_reset(), "{media_type}");
        assert!(start.elapsed() >= Duration::from_secs(2), "{media_type}");
    }
}

#[test]
fn every_answer_of_the_gate_to_a_call_is_a_status() {
    let mut setup = Setup::start("");
    let mut client = Client::of(&setup);
    let denied = call().header("x", "y");
    let token = setup.token();
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    // The port of the upstream is closed.
    drop(std::mem::replace(&mut setup.upstream, free));
    for (request, expected) in [
        (denied, "16"),
        (with_token(call().header("expect", "more"), &token), "2"),
        (with_token(call(), &token), "14"),
    ] {
        let (response, mut sender) = client.send(request);
        // The answer may have ended the stream before.
        let _ = sender.send_data(Bytes::from_static(b"a"), true);
        let response = client.response(response);
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/grpc");
        assert_eq!(response.headers()["grpc-status"], expected);
    }
}

#[test]
fn a_cancelled_call_ends_the_request_to_the_upstream() {
    let setup = Setup::start("");
    let mut client = Client::of(&setup);
    let (response, mut sender) = client.send(with_token(call(), &setup.token()));
    sender.send_data(Bytes::from_static(b"a"), false).expect("sent");
    let mut upstream = setup.accept();
    head(&mut upstream);
    assert_eq!(upstream.reader().chunk().expect("a message"), b"a");
    sender.send_reset(Reason::CANCEL);
    drop(response);
    assert!(is_ended(&mut upstream));
    let event = setup.gate.decision_after(0);
    assert_eq!(
        (&event["decision"], &event["upstream"]["error"]),
        (&"allow".into(), &"client_gone".into()),
        "{event}"
    );
}

/// The upload breaks off: no second line, and no line that allows it.
#[test]
fn an_upload_that_its_client_resets_is_denied_in_its_line() {
    let setup = Setup::start("");
    let mut client = Client::of(&setup);
    let request = Request::post("http://orders.example.com/orders").header("content-type", "application/octet-stream");
    let (_response, mut sender) = client.send(with_token(request, &setup.token()));
    sender.send_data(Bytes::from_static(b"a"), false).expect("sent");
    let mut upstream = setup.accept();
    head(&mut upstream);
    assert_eq!(upstream.reader().chunk().expect("a part"), b"a");
    sender.send_reset(Reason::CANCEL);
    assert!(is_ended(&mut upstream));
    let event = setup.gate.decision_after(0);
    assert_eq!(
        (&event["decision"], &event["status"]),
        (&"deny".into(), &400.into()),
        "{event}"
    );
    assert_eq!(event["reason"], "the body of the request is malformed or incomplete");
    assert_eq!(setup.gate.decisions().len(), 1);
}

#[test]
fn an_extended_connect_gets_no_document() {
    let setup = Setup::start("");
    let mut client = Client::of(&setup);
    let path = "http://orders.example.com/.well-known/oauth-protected-resource";
    let document = Request::get(path);
    let request = Request::connect(path)
        .extension(Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13");
    for (number, request, expected) in [(0, document, 200), (1, with_token(request, &setup.token()), 403)] {
        let (response, mut sender) = client.send(request);
        // The answer may have ended the stream before.
        let _ = sender.send_data(Bytes::new(), true);
        assert_eq!(client.response(response).status(), expected);
        assert_eq!(setup.gate.decision_after(number)["status"], expected);
    }
}
