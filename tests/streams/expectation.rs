//! `Expect: 100-continue`, and interim responses of the upstream.

use super::{Setup, head, status};
use crate::wire;

fn upload(token: &str) -> Vec<u8> {
    format!("POST /orders HTTP/1.1\r\nHost: orders.example.com\r\nContent-Type: application/octet-stream\r\nContent-Length: 5\r\nExpect: 100-continue\r\n{token}\r\n\r\n").into_bytes()
}

#[test]
fn a_denied_request_is_answered_without_its_body() {
    let setup = Setup::start("");
    for (line, expected) in [("X: y", 401), ("Authorization: Bearer garbage", 401)] {
        let mut client = setup.client();
        client.send(&upload(line)).expect("sent");
        let answer = head(&mut client);
        assert_eq!(status(&answer), expected);
        assert_eq!(answer.values("connection"), ["close"]);
        assert!(!setup.is_called());
    }
}

#[test]
fn an_allowed_request_goes_on_once_the_upstream_is_there() {
    let setup = Setup::start("");
    let mut client = setup.client();
    client.send(&upload(&setup.token())).expect("sent");
    let mut upstream = setup.accept();
    let received = head(&mut upstream);
    assert_eq!(received.values("expect"), Vec::<String>::new());
    assert_eq!(status(&head(&mut client)), 100);
    client.send(b"hello").expect("sent");
    assert_eq!(upstream.reader().exactly(5).expect("the body"), b"hello");
    upstream
        .send(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n")
        .expect("sent");
    assert_eq!(status(&head(&mut client)), 201);
}

/// Nothing is sent to an upstream that cannot be reached, so the body is not asked for.
#[test]
fn a_body_that_nothing_can_take_is_not_asked_for() {
    let mut setup = Setup::start("");
    let token = setup.token();
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    // The port of the upstream is closed.
    drop(std::mem::replace(&mut setup.upstream, free));
    let mut client = setup.client();
    client.send(&upload(&token)).expect("sent");
    assert_eq!(status(&head(&mut client)), 502);
}

#[test]
fn interim_responses_are_not_the_answer() {
    let setup = Setup::start("");
    for interim in [
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 102 Processing\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 103 Early Hints\r\nx-a: b\r\n\r\n",
    ] {
        let mut client = setup.client();
        client
            .send(&wire::request("GET", "/orders/1", &[&setup.token()]))
            .expect("sent");
        let mut upstream = setup.accept();
        head(&mut upstream);
        upstream.send(interim.as_bytes()).expect("sent");
        upstream
            .send(b"HTTP/1.1 200 OK\r\nx-final: 1\r\ncontent-length: 2\r\n\r\nok")
            .expect("sent");
        let answer = head(&mut client);
        assert_eq!((status(&answer), answer.values("x-final").len()), (200, 1), "{interim}");
        assert!(answer.values("link").is_empty() && answer.values("x-a").is_empty());
        assert_eq!(client.reader().rest().expect("the body"), b"ok");
    }
}
