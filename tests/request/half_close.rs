//! A client that ends its side of the connection, and one that goes away.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::deployment::gate::Gate;
use crate::deployment::key_server::{self, KeyServer};
use crate::deployment::upstream::Conduct;
use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;
use crate::wire::{AnswerTo, Connection, DEADLINE, Outcome};

/// RFC 9112 section 9.6: an end of the sending side does not mean that no answer is wanted.
#[test]
fn a_client_that_ends_its_side_gets_its_answer() {
    let deployment = Deployment::with_routes();
    let writer = deployment.writer();
    let get = "GET /open/page HTTP/1.1\r\nHost: orders.example.com\r\n\r\n".to_owned();
    let post = format!(
        "POST /orders HTTP/1.1\r\nHost: orders.example.com\r\n{writer}\r\nContent-Length: 5\r\n\
         Content-Type: text/plain\r\n\r\nhello"
    );
    let two = get.clone() + &get;
    for (request, answers) in [(get, 1), (post, 1), (two, 2)] {
        deployment.upstream.conduct(Conduct::Hold);
        let before = deployment.upstream.count();
        let mut client = Connection::open(deployment.gate.address).expect("a connection");
        client.send(request.as_bytes()).expect("sent");
        client.finish_sending();
        deployment.upstream.wait_for(before + 1);
        deployment.upstream.release();
        let statuses: Vec<_> = client.answers().iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, vec![200; answers], "{request}");
    }
}

#[test]
fn a_request_that_ends_early_is_not_forwarded_as_whole() {
    let deployment = Deployment::with_routes();
    let writer = deployment.writer();
    let mut client = Connection::open(deployment.gate.address).expect("a connection");
    let request = format!(
        "POST /orders HTTP/1.1\r\nHost: orders.example.com\r\n{writer}\r\nContent-Length: 5\r\n\
         Content-Type: text/plain\r\n\r\nhe"
    );
    client.send(request.as_bytes()).expect("sent");
    client.finish_sending();
    match client.answer(AnswerTo::AnyMethod) {
        Outcome::Answered(answer) => assert_eq!(answer.status, 400),
        Outcome::Closed => {}
        Outcome::TimedOut => panic!("no end"),
    }
    assert_eq!(deployment.upstream.count(), 0);
}

/// A gate whose upstream is `listener`.
fn gate_before(listener: &TcpListener) -> Gate {
    let keys = KeyServer::start(key_server::Conduct::Publish(TokenIssuer::new().document()));
    let address = listener.local_addr().expect("an address");
    let gate = Gate::run(&Configuration::default().text(address, &keys));
    gate.wait_until_ready();
    gate
}

fn ask(gate: SocketAddr) -> TcpStream {
    let mut client = TcpStream::connect(gate).expect("a connection");
    client.set_read_timeout(Some(DEADLINE)).expect("a time limit");
    let request = b"GET /open/page HTTP/1.1\r\nHost: orders.example.com\r\n\r\n";
    client.write_all(request).expect("sent");
    client
}

fn accept(listener: &TcpListener) -> TcpStream {
    let (mut upstream, _) = listener.accept().expect("the gate connects");
    upstream.set_read_timeout(Some(DEADLINE)).expect("a time limit");
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        upstream.read_exact(&mut byte).expect("a request");
        request.push(byte[0]);
    }
    upstream
}

/// A stream of events that is silent shows in no other way that it is not read.
#[test]
fn the_upstream_of_an_event_stream_sees_that_the_client_is_gone() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let gate = gate_before(&listener);
    let mut client = ask(gate.address);
    let mut upstream = accept(&listener);
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\ndata: 1\n\n";
    upstream.write_all(head.as_bytes()).expect("sent");
    let mut received = Vec::new();
    while !received.ends_with(b"data: 1\n\n\r\n") {
        let mut bytes = [0; 1024];
        let count = client.read(&mut bytes).expect("the first event");
        assert!(count > 0, "{}", received.escape_ascii());
        received.extend_from_slice(&bytes[..count]);
    }
    drop(client);
    let ended = upstream.read(&mut [0]);
    assert!(matches!(ended, Ok(0)), "{ended:?}");
}

#[test]
fn the_upstream_of_another_response_sees_that_the_client_is_gone_when_it_sends() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let gate = gate_before(&listener);
    let client = ask(gate.address);
    let mut upstream = accept(&listener);
    drop(client);
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n";
    upstream.write_all(head).expect("sent");
    upstream.set_write_timeout(Some(DEADLINE)).expect("a time limit");
    gate.wait_until("the end", || {
        std::thread::sleep(Duration::from_millis(1));
        upstream.write_all(b"more").is_err()
    });
}
