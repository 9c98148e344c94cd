//! Upstreams over unix sockets and HTTP/2, and bodies that stall.

use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Response;
use tempfile::TempDir;

use super::{OK, gate, send, server};
use crate::wire::{self, Connection};

#[test]
fn an_upstream_can_be_a_unix_socket() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("api.sock");
    let listener = UnixListener::bind(&path).expect("the socket");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || super::serve(stream, |_, _| OK, &Default::default()));
        }
    });
    let gate = gate(&format!("upstream: unix:{}", path.display()));
    for _ in 0..3 {
        assert_eq!(send(&gate, "GET", "/x", &[], "").text(), "ok");
    }
}

/// A server of HTTP/2 that answers with `:authority`, the method and the body of each request.
pub(super) fn http2_server() -> SocketAddr {
    super::listen(|stream| async {
        let mut connection = h2::server::handshake(stream).await.expect("a preface");
        while let Some(Ok((request, mut response))) = connection.accept().await {
            tokio::spawn(async move {
                let authority = request.uri().authority().map(ToString::to_string).unwrap_or_default();
                let has_host = request.headers().contains_key("host");
                let mut text = format!("{authority} {has_host} {} ", request.method());
                let mut body = request.into_body();
                while let Some(Ok(part)) = body.data().await {
                    text.push_str(&String::from_utf8_lossy(&part));
                    let _ = body.flow_control().release_capacity(part.len());
                }
                let mut sent = response.send_response(Response::new(()), false).expect("the response");
                sent.send_data(Bytes::from(text), true).expect("the body");
            });
        }
    })
}

#[test]
fn an_upstream_over_http2_receives_the_host_of_the_client() {
    let address = http2_server();
    let gate = gate(&format!("upstream: h2c://{address}"));
    for body in ["", "some body"] {
        let request = format!(
            "POST /x HTTP/1.1\r\nHost: api.example:8080\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let answer = wire::answer(gate.address, request.as_bytes());
        assert_eq!(
            (answer.status, answer.text()),
            (200, format!("api.example:8080 false POST {body}"))
        );
    }
}

#[test]
fn a_body_that_stalls_is_cut() {
    let (address, _) = server(|number, _| match number {
        0 => "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        _ => "",
    });
    let gate = gate(&format!("upstream: http://{address}\ntimeouts: {{ body: 1s }}"));
    let start = Instant::now();
    let mut connection = Connection::open(gate.address).expect("a connection");
    connection.send(&wire::request("GET", "/x", &[])).expect("a request");
    let head = connection.reader().head().expect("a head").expect("a head");
    assert_eq!(head.start, "HTTP/1.1 200 OK");
    assert_eq!(head.values("content-length"), ["10"]);
    assert_eq!(connection.reader().exactly(4).expect("a part"), b"half");
    let cut = connection.reader().exactly(1).expect_err("a cut");
    assert_eq!(cut.kind(), std::io::ErrorKind::UnexpectedEof);
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
}
