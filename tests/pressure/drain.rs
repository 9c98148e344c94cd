//! The end of the process while clients are connected.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::deployment::upstream::Conduct;
use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;
use crate::wire::http2_frames::{END_HEADERS, END_STREAM, HEADERS, Http2Connection, Reaction, block, frame};
use crate::wire::{AnswerTo, Connection, Outcome};

fn deployment(drain: &str) -> Deployment {
    let configuration = Configuration {
        top: format!("timeouts: {{ drain: {drain} }}\n"),
        ..Configuration::default()
    };
    Deployment::start(TokenIssuer::new(), &configuration)
}

fn send(connection: &mut Connection) {
    let request = b"GET /open/page HTTP/1.1\r\nHost: orders.example.com\r\n\r\n";
    connection.send(request).expect("sent");
}

fn ask(connection: &mut Connection) -> (u16, Option<String>) {
    send(connection);
    match connection.answer(AnswerTo::AnyMethod) {
        Outcome::Answered(answer) => (answer.status, answer.field("connection")),
        other => panic!("{other:?}"),
    }
}

fn open(deployment: &Deployment) -> Connection {
    Connection::open(deployment.gate.address).expect("a connection")
}

fn terminate(deployment: &Deployment) {
    deployment.gate.process.terminate();
    deployment.wait_until("draining", || TcpStream::connect(deployment.gate.address).is_err());
}

#[test]
fn an_idle_connection_stays_open_for_its_next_request() {
    let mut deployment = deployment("30s");
    let mut clients: Vec<_> = (0..3).map(|_| open(&deployment)).collect();
    for client in &mut clients {
        assert_eq!(ask(client), (200, None));
    }
    terminate(&deployment);
    // A connection without a request is closed after five seconds. A client that does not look for its end loses nothing
    // before.
    assert!(!clients[0].ends_within(Duration::from_secs(1)));
    for client in &mut clients {
        assert_eq!(ask(client), (200, Some("close".to_owned())));
        assert!(matches!(client.answer(AnswerTo::AnyMethod), Outcome::Closed));
    }
    assert_eq!(deployment.gate.process.wait().code(), Some(0));
}

#[test]
fn idle_connections_are_closed_after_half_of_the_drain() {
    let mut deployment = deployment("4s");
    let mut client = open(&deployment);
    assert_eq!(ask(&mut client).0, 200);
    let started = Instant::now();
    deployment.gate.process.terminate();
    assert!(matches!(client.answer(AnswerTo::AnyMethod), Outcome::Closed));
    assert!(started.elapsed() > Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(deployment.gate.process.wait().code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

/// It has acknowledged nothing, and does not answer the PING with which the gate ends a connection.
#[test]
fn a_vanished_client_of_http2_is_closed_as_any_idle_one() {
    let mut deployment = deployment("60s");
    let mut client = Http2Connection::open(deployment.gate.address).expect("a connection");
    let fields = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "a.example"),
        (":path", "/open/page"),
    ];
    client
        .send(&frame(HEADERS, END_STREAM | END_HEADERS, 1, block(&fields)))
        .expect("sent");
    assert_eq!(client.response(1), Reaction::Status(200));
    let started = Instant::now();
    deployment.gate.process.terminate();
    assert_eq!(deployment.gate.process.wait().code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn without_connections_the_process_ends_at_once() {
    let mut deployment = deployment("30s");
    let started = Instant::now();
    deployment.gate.process.terminate();
    assert_eq!(deployment.gate.process.wait().code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

#[test]
fn a_request_in_flight_is_answered_and_ends_its_connection() {
    let mut deployment = deployment("30s");
    deployment.upstream.conduct(Conduct::Hold);
    let mut client = open(&deployment);
    send(&mut client);
    deployment.upstream.wait_for(1);
    terminate(&deployment);
    deployment.upstream.release();
    match client.answer(AnswerTo::AnyMethod) {
        Outcome::Answered(answer) => assert_eq!(answer.field("connection").as_deref(), Some("close")),
        other => panic!("{other:?}"),
    }
    assert_eq!(deployment.gate.process.wait().code(), Some(0));
}
