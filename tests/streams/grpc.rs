//! Calls of gRPC over HTTP/2 on both sides: messages, trailers, cancellation, and the end of the token.

use bytes::Bytes;
use h2::client::SendRequest;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use super::Setup;
use crate::mint::now;

/// Both ends of a call.
struct Call {
    answer: h2::client::ResponseFuture,
    sent: SendStream<Bytes>,
    received: Request<RecvStream>,
    answering: SendResponse<Bytes>,
}

/// A gate between a client and a server of HTTP/2.
struct Between {
    runtime: Runtime,
    setup: Setup,
    sender: SendRequest<Bytes>,
}

impl Between {
    fn start(top: &str) -> Self {
        let setup = Setup::over("h2c", top);
        let runtime = Runtime::new().expect("a runtime");
        let address = setup.gate.address;
        let sender = runtime.block_on(async {
            let socket = TcpStream::connect(address).await.expect("a connection");
            let (sender, connection) = h2::client::handshake(socket).await.expect("a preface");
            tokio::spawn(connection);
            sender
        });
        Self { runtime, setup, sender }
    }

    fn call(&mut self, token: &str) -> Call {
        let (_, value) = token.split_once(": ").expect("a header line");
        let request = Request::post("http://orders.example.com/orders")
            .header("content-type", "application/grpc+proto")
            .header("te", "trailers")
            .header("grpc-timeout", "90S")
            .header("authorization", value);
        let request = request.body(()).expect("a request");
        let runtime = &self.runtime;
        let sender = &mut self.sender;
        let upstream = &self.setup.upstream;
        runtime.block_on(async {
            let (answer, sent) = sender.send_request(request, false).expect("sent");
            let listener = TcpListener::from_std(upstream.try_clone().expect("the listener")).expect("a listener");
            let (socket, _) = listener.accept().await.expect("a connection");
            let mut connection = h2::server::handshake(socket).await.expect("a preface");
            let accepted = connection.accept().await.expect("a request");
            let (received, answering) = accepted.expect("a request");
            // It goes on with the frames of the streams.
            tokio::spawn(async move { while connection.accept().await.is_some() {} });
            Call {
                answer,
                sent,
                received,
                answering,
            }
        })
    }
}

fn trailers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.insert(*name, HeaderValue::from_static(value));
    }
    map
}

fn head() -> Response<()> {
    let response = Response::builder().header("content-type", "application/grpc+proto");
    response.body(()).expect("a response")
}

async fn data(body: &mut RecvStream) -> Bytes {
    body.data().await.expect("data").expect("data")
}

#[test]
fn messages_and_trailers_pass_in_both_directions() {
    let mut between = Between::start("");
    let token = between.setup.token();
    let mut call = between.call(&token);
    for (name, expected) in [
        ("te", "trailers"),
        ("grpc-timeout", "90S"),
        ("content-type", "application/grpc+proto"),
        ("x-auth-subject", "alice-canary"),
    ] {
        assert_eq!(call.received.headers()[name], expected, "{name}");
    }
    assert!(!call.received.headers().contains_key("authorization"));
    between.runtime.block_on(async {
        let mut received = call.received.into_body();
        let mut answered = call.answering.send_response(head(), false).expect("sent");
        let answer = call.answer.await.expect("a response");
        let mut answer = answer.into_body();
        for _ in 0..5 {
            call.sent.send_data(Bytes::from_static(b"a"), false).expect("sent");
            assert_eq!(data(&mut received).await, b"a".as_slice());
            answered.send_data(Bytes::from_static(b"b"), false).expect("sent");
            assert_eq!(data(&mut answer).await, b"b".as_slice());
        }
        let fields = trailers(&[
            ("x-checksum", "1"),
            ("authorization", "Bearer b"),
            ("x-auth-subject", "forged"),
        ]);
        call.sent.send_trailers(fields).expect("sent");
        assert!(received.data().await.is_none());
        let passed = received.trailers().await.expect("trailers").expect("trailers");
        assert_eq!(passed, trailers(&[("x-checksum", "1")]));
        let status = trailers(&[("grpc-status", "5"), ("grpc-message", "no order")]);
        answered.send_trailers(status.clone()).expect("sent");
        assert!(answer.data().await.is_none());
        assert_eq!(answer.trailers().await.expect("trailers").expect("trailers"), status);
    });
}

#[test]
fn an_answer_of_trailers_alone_passes() {
    let mut between = Between::start("");
    let token = between.setup.token();
    let mut call = between.call(&token);
    between.runtime.block_on(async {
        let mut answer = head();
        answer.headers_mut().extend(trailers(&[("grpc-status", "12")]));
        call.answering.send_response(answer, true).expect("sent");
        let answer = call.answer.await.expect("a response");
        assert_eq!(answer.headers()["grpc-status"], "12");
        assert!(answer.body().is_end_stream());
    });
}

#[test]
fn a_cancellation_reaches_the_server_as_one() {
    let mut between = Between::start("");
    let token = between.setup.token();
    let mut call = between.call(&token);
    between.runtime.block_on(async {
        let mut received = call.received.into_body();
        call.sent.send_data(Bytes::from_static(b"a"), false).expect("sent");
        assert_eq!(data(&mut received).await, b"a".as_slice());
        call.sent.send_reset(Reason::CANCEL);
        drop(call.answer);
        let reset = received.data().await.expect("a reset").expect_err("a reset");
        assert!(reset.is_reset(), "{reset}");
    });
}

#[test]
fn a_call_without_an_answer_ends_with_its_token() {
    let mut between = Between::start("leeway: 0s\n");
    let expiry = now() + 3;
    let token = between.setup.token_for(3);
    let mut call = between.call(&token);
    between.setup.gate.wait_until("expired", || now() > expiry);
    between.runtime.block_on(async {
        let mut received = call.received.into_body();
        call.sent.send_data(Bytes::from_static(b"late"), false).expect("sent");
        let reset = received.data().await.expect("a reset").expect_err("a reset");
        assert!(reset.is_reset(), "{reset}");
        let answer = call.answer.await.expect("a response");
        assert_eq!(answer.headers()["grpc-status"], "16");
    });
}
