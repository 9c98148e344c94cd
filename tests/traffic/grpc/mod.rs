//! tonic on both sides of the gate: calls of every kind, their end on each side, and denials as statuses.

pub mod service;

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::runtime::Runtime;
use tonic::{Code, Status};

use crate::deployment::gate::Gate;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::mint::{AUDIENCE, ISSUER, TokenIssuer};
use crate::traffic::grpc::service::{Caller, Orders, text};

/// A gate before the service, with one route for all methods.
struct Shop {
    gate: Gate,
    orders: Orders,
    token: String,
    without_scope: String,
    runtime: Runtime,
}

impl Shop {
    fn open() -> Self {
        let (orders, issuer) = (Orders::start(), TokenIssuer::new());
        let keys = KeyServer::start(Conduct::Publish(issuer.document()));
        let gate = Gate::run(&format!(
            "listen: 127.0.0.1:0\nupstream: h2c://{}\nadmin: 127.0.0.1:0\naudience: {AUDIENCE}\nissuers:\n  - issuer: {ISSUER}\n    \
             jwks_uri: {}\nroutes:\n  - match: POST /shop.Orders/{{method}}\n    scopes: [orders:read]\n",
            orders.address,
            keys.jwks_uri(),
        ));
        gate.wait_until_ready();
        Self {
            gate,
            orders,
            token: issuer.token(json!({})),
            without_scope: issuer.token(json!({ "scope": "other" })),
            runtime: Runtime::new().expect("a runtime"),
        }
    }

    /// Runs `calls` with a client that has this token.
    fn call<T>(&self, token: Option<&str>, calls: impl AsyncFnOnce(Caller) -> T) -> T {
        self.runtime.block_on(async {
            let caller = Caller::connect(self.gate.address, token).await;
            let called = tokio::time::timeout(Duration::from_secs(15), calls(caller)).await;
            called.expect("an end in time")
        })
    }

    fn wait_until_running(&self, count: usize) {
        let what = format!("{count} calls run in the service");
        self.gate
            .wait_until(&what, || self.orders.running.load(Ordering::SeqCst) == count);
    }
}

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[test]
fn a_unary_call_has_its_metadata_and_the_identity() {
    let shop = Shop::open();
    let answer = shop.call(Some(&shop.token), async |mut caller| {
        let mut request = caller.request(bytes("order 7"));
        request.set_timeout(Duration::from_secs(10));
        caller.unary("Show", request).await.expect("an answer")
    });
    assert_eq!(answer.get_ref(), "order 7 of alice-canary");
    assert_eq!(text(answer.metadata(), "x-timeout"), "10000000u");
    assert_eq!(text(answer.metadata(), "grpc-status"), "0");
}

#[test]
fn an_error_has_its_details_and_metadata() {
    let shop = Shop::open();
    let status = shop.call(Some(&shop.token), async |mut caller| {
        let request = caller.request(bytes("missing"));
        caller.unary("Show", request).await.expect_err("no order")
    });
    assert_eq!((status.code(), status.message()), (Code::NotFound, "no such order"));
    assert_eq!(status.details(), b"\x08\x09");
    assert_eq!(text(status.metadata(), "x-reason"), "sold");
    let proof = status.metadata().get_bin("x-proof-bin").expect("the proof");
    assert_eq!(proof.to_bytes().expect("bytes"), &[0, 255][..]);
}

#[test]
fn messages_stream_in_each_direction() {
    let shop = Shop::open();
    shop.call(Some(&shop.token), async |mut caller| {
        let mut listed = caller.list(b"...").await.expect("a stream");
        for number in 0..3 {
            let message = listed.message().await.expect("no error").expect("a message");
            assert_eq!(message, format!("order {number}"));
        }
        assert_eq!(listed.message().await.expect("no error"), None);
        let status = listed.trailers().await.expect("no error").expect("trailers");
        assert_eq!(text(&status, "grpc-status"), "0");

        let uploaded = caller.upload(vec![Bytes::from(vec![7; 100_000]); 30]).await;
        assert_eq!(uploaded.expect("an answer").get_ref(), "30 messages, 3000000 bytes");
    });
}

#[test]
fn each_message_of_a_conversation_is_answered_before_the_next() {
    let shop = Shop::open();
    shop.call(Some(&shop.token), async |mut caller| {
        let (sender, messages) = tokio::sync::mpsc::channel(1);
        sender.send(bytes("one")).await.expect("the call goes on");
        let mut answers = caller.chat(messages).await.expect("a stream");
        assert_eq!(
            answers.message().await.expect("no error").expect("an answer"),
            "re: one"
        );
        for question in ["two", "three"] {
            sender.send(bytes(question)).await.expect("the call goes on");
            let answer = answers.message().await.expect("no error").expect("an answer");
            assert_eq!(answer, format!("re: {question}"));
        }
        drop(sender);
        assert_eq!(answers.message().await.expect("no error"), None);
    });
}

#[test]
fn a_deadline_of_the_client_ends_the_call_in_the_service() {
    let shop = Shop::open();
    let status = shop.call(Some(&shop.token), async |mut caller| {
        let mut request = caller.request(bytes("order 7"));
        request.set_timeout(Duration::from_millis(300));
        caller.unary("Wait", request).await.expect_err("no answer")
    });
    // What tonic makes of its own deadline.
    assert_eq!((status.code(), status.message()), (Code::Cancelled, "Timeout expired"));
    shop.wait_until_running(0);
}

#[test]
fn a_call_that_the_client_cancels_ends_in_the_service() {
    let shop = Shop::open();
    shop.call(Some(&shop.token), async |mut caller| {
        let mut listed = caller.list(b"").await.expect("a stream");
        let first = listed.message().await.expect("no error").expect("a message");
        assert_eq!(first, "order 0");
        shop.wait_until_running(1);
        drop(listed);
        shop.wait_until_running(0);
    });
}

#[test]
fn a_denied_call_has_a_status_with_a_message() {
    let shop = Shop::open();
    let denied = |token: Option<&str>| -> Status {
        shop.call(token, async |mut caller| {
            let request = caller.request(bytes("order 7"));
            caller.unary("Show", request).await.expect_err("denied")
        })
    };
    for (token, code, message) in [
        (None, Code::Unauthenticated, "a bearer token is required"),
        (Some("a.b.c"), Code::Unauthenticated, "the access token is malformed"),
        (
            Some(&*shop.without_scope),
            Code::PermissionDenied,
            "the access token lacks a scope",
        ),
    ] {
        let status = denied(token);
        assert_eq!((status.code(), status.message()), (code, message));
    }
    assert_eq!(shop.orders.running.load(Ordering::SeqCst), 0);
}
