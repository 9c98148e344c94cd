//! Answers of an upstream that are no whole response.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use super::{gate, head, send};
use crate::deployment::upstream::{Conduct, Upstream};
use crate::wire::http2_frames::{DATA, END_HEADERS, END_STREAM, HEADERS, Http2Connection, RST_STREAM, block, frame};
use crate::wire::{self, Connection};

/// A server that sends `piece` again and again, with this pause, until the gate ends the connection.
fn endless(piece: &'static str, pause: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                if head(&mut stream).is_none() {
                    return;
                }
                while stream.write_all(piece.as_bytes()).is_ok() {
                    std::thread::sleep(pause);
                }
            });
        }
    });
    address
}

#[test]
fn interim_responses_without_end_are_502_or_late() {
    const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n";
    for (pause, status, error) in [
        (Duration::ZERO, 502, "head_too_large"),
        (Duration::from_millis(20), 504, "response_timeout"),
    ] {
        let address = endless(HINTS, pause);
        let gate = gate(&format!("upstream: http://{address}\ntimeouts: {{ response: 1s }}"));
        for method in ["GET", "POST"] {
            let before = gate.decisions().len();
            assert_eq!(send(&gate, method, "/x", &[], "").status, status, "{method}");
            assert_eq!(gate.decision_after(before)["upstream"]["error"], error, "{method}");
        }
    }
}

#[test]
fn a_few_interim_responses_come_before_a_large_response() {
    let (address, _) = super::server(|_, _| {
        static RESPONSE: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
            let hints = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n".repeat(8);
            let length = 4 * 1024 * 1024;
            format!(
                "{hints}HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{}",
                "x".repeat(length)
            )
        });
        &RESPONSE
    });
    let gate = gate(&format!("upstream: http://{address}"));
    for _ in 0..3 {
        let answer = send(&gate, "GET", "/x", &[], "");
        assert_eq!((answer.status, answer.body.len()), (200, 4 * 1024 * 1024));
    }
}

/// Head and body arrive together, and the body is wrong or cut.
const BROKEN: [&str; 6] = [
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nab",
    "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n",
];

#[test]
fn a_response_whose_body_is_broken_from_its_beginning_has_its_head_and_no_clean_end() {
    let upstream = Upstream::start();
    let gate = gate(&format!("upstream: http://{}", upstream.address()));
    for answer in BROKEN {
        upstream.conduct(Conduct::AnswerWith(answer));
        for _ in 0..10 {
            let before = gate.decisions().len();
            let mut client = Connection::open(gate.address).expect("a connection");
            client.send(&wire::request("GET", "/x", &[])).expect("a request");
            let head = client.reader().head().expect("a head").expect("a head before the end");
            assert!(head.start.starts_with("HTTP/1.1 200 "), "{answer:?} {}", head.start);
            let rest = client.reader().rest().expect("the rest");
            let is_whole = rest.ends_with(b"0\r\n\r\n") || head.value("content-length").is_some() && rest.len() == 10;
            assert!(!is_whole, "{answer:?} {rest:?}");
            let event = gate.decision_after(before);
            assert_eq!(event["upstream"]["status"], 200, "{answer:?}");
        }
    }
}

#[test]
fn a_stream_with_a_response_whose_body_is_broken_is_reset() {
    let upstream = Upstream::start();
    let gate = gate(&format!("upstream: http://{}", upstream.address()));
    let request = block(&[
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "orders.example.com"),
        (":path", "/x"),
    ]);
    for answer in BROKEN {
        upstream.conduct(Conduct::AnswerWith(answer));
        for _ in 0..10 {
            let mut client = Http2Connection::open(gate.address).expect("a connection");
            client
                .send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &request))
                .expect("a request");
            loop {
                let next = client.next().expect("the end of the stream");
                match next.kind {
                    RST_STREAM if next.stream == 1 => break,
                    HEADERS | DATA => assert_eq!(next.flags & END_STREAM, 0, "{answer:?} {next:?}"),
                    _ => {}
                }
            }
        }
    }
}
