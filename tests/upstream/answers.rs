//! Answers of an upstream that are no whole response.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use super::{gate, head, send};

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
