//! Clients that stop sending a request body, and clients that do not read a response.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::deployment::gate::Gate;
use crate::deployment::key_server::{self, KeyServer};
use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;
use crate::wire::{AnswerTo, Connection, DEADLINE, Outcome, request};

/// A time limit of a body in seconds.
fn configuration(limit: u64) -> Configuration {
    Configuration {
        top: format!("timeouts: {{ body: {limit}s }}\n"),
        ..Configuration::default()
    }
}

#[test]
fn a_request_body_without_progress_is_408() {
    let deployment = Deployment::start(TokenIssuer::new(), &configuration(1));
    let head = format!(
        "POST /orders HTTP/1.1\r\nHost: orders.example.com\r\n{}\r\nContent-Type: text/plain\r\n",
        deployment.writer()
    );
    for body in [
        "Content-Length: 10\r\n\r\nhe",
        "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n",
    ] {
        let before = deployment.gate.decisions().len();
        let mut client = Connection::open(deployment.gate.address).expect("a connection");
        client.send((head.clone() + body).as_bytes()).expect("sent");
        match client.answer(AnswerTo::AnyMethod) {
            Outcome::Answered(answer) => {
                assert_eq!(answer.status, 408, "{}", answer.everything());
                assert_eq!(answer.json()["code"], json!("request_timeout"));
                assert_eq!(answer.field("connection").as_deref(), Some("close"));
            }
            other => panic!("{other:?}"),
        }
        deployment.wait_until("denied", || {
            let decisions = deployment.gate.decisions();
            decisions[before..].iter().any(|event| event["status"] == json!(408))
        });
    }
    assert_eq!(deployment.upstream.count(), 0, "no complete request");
}

#[test]
fn a_slow_request_body_that_makes_progress_is_forwarded() {
    let deployment = Deployment::start(TokenIssuer::new(), &configuration(4));
    let mut client = Connection::open(deployment.gate.address).expect("a connection");
    let head = format!(
        "POST /orders HTTP/1.1\r\nHost: orders.example.com\r\n{}\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\n",
        deployment.writer()
    );
    client.send(head.as_bytes()).expect("sent");
    let started = Instant::now();
    for byte in [b"a", b"b", b"c", b"d"] {
        // The pace of the client, not a wait for the gate.
        std::thread::sleep(Duration::from_millis(1500));
        client.send(byte).expect("sent");
    }
    assert!(started.elapsed() > Duration::from_secs(4));
    match client.answer(AnswerTo::AnyMethod) {
        Outcome::Answered(answer) => assert_eq!(answer.status, 200, "{}", answer.everything()),
        other => panic!("{other:?}"),
    }
    assert_eq!(deployment.upstream.since(0)[0].body, b"abcd");
}

/// An upstream that answers each request with bytes without an end.
fn endless() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let served = listener.try_clone().expect("the listener");
    std::thread::spawn(move || {
        for mut stream in served.incoming().flatten() {
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n";
                let mut sent = stream.write_all(head);
                while sent.is_ok() {
                    sent = stream.write_all(&[b'x'; 65536]);
                }
            });
        }
    });
    listener
}

#[test]
fn a_response_that_the_client_does_not_read_is_cut_off() {
    let upstream = endless();
    let keys = KeyServer::start(key_server::Conduct::Publish(TokenIssuer::new().document()));
    let address = upstream.local_addr().expect("an address");
    let gate = Gate::run(&configuration(1).text(address, &keys));
    gate.wait_until_ready();
    let mut client = TcpStream::connect(gate.address).expect("a connection");
    client.set_read_timeout(Some(DEADLINE)).expect("a time limit");
    client.write_all(&request("GET", "/open/page", &[])).expect("sent");
    gate.process.wait_for_line(&["responses were cut off"]);
    // What was on the way arrives, and then the end of the connection, which is not the end of the response.
    let mut received = 0_u64;
    let mut space = vec![0; 1 << 20];
    while let Ok(count @ 1..) = client.read(&mut space) {
        received += count as u64;
    }
    assert!(received < 100_000_000, "{received}");
}
