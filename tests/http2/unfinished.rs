//! Connections whose client does not complete what it has begun to send.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;
use crate::wire::http2_frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, Http2Connection, PING, PREFACE, Reaction, block, frame,
    settings,
};

/// Half of what h2 takes for a client that is silent, and many times `timeouts.header` here.
const IN_TIME: Duration = Duration::from_secs(10);

fn deployment() -> Deployment {
    let configuration = Configuration {
        top: "timeouts: { header: 1s }\n".to_owned(),
        ..Configuration::default()
    };
    Deployment::start(TokenIssuer::new(), &configuration)
}

fn head() -> Vec<u8> {
    block(&[
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "orders.example.com"),
        (":path", "/open/page"),
        ("content-type", "application/octet-stream"),
    ])
}

/// Whether the gate closes the connection in time after `bytes`, where `again` follows as long as it does not.
fn is_cut(address: SocketAddr, bytes: &[u8], again: &[u8]) -> bool {
    let started = Instant::now();
    let mut socket = TcpStream::connect(address).expect("a connection");
    socket
        .set_read_timeout(Some(Duration::from_millis(50)))
        .expect("a time limit");
    socket.write_all(bytes).expect("sent");
    let mut space = [0; 4096];
    while started.elapsed() < IN_TIME {
        match socket.read(&mut space) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                let _ = socket.write_all(again);
            }
            Err(_) => return true,
        }
    }
    false
}

#[test]
fn what_is_not_complete_at_the_time_for_a_head_ends_the_connection() {
    let deployment = deployment();
    let begun = [PREFACE, &settings(&[(1, 0)])].concat();
    let headers = frame(HEADERS, END_STREAM, 1, head());
    let more = frame(CONTINUATION, 0, 1, b"");
    for (name, bytes, again) in [
        ("a preface without SETTINGS", PREFACE.to_vec(), vec![]),
        ("a part of SETTINGS", begun[..begun.len() - 2].to_vec(), vec![]),
        ("HEADERS alone", [&begun[..], &headers].concat(), vec![]),
        ("a part of HEADERS", [&begun[..], &headers[..20]].concat(), vec![]),
        (
            "a part of the head of a frame",
            [&begun[..], &headers[..3]].concat(),
            vec![],
        ),
        ("slow CONTINUATION", [&begun[..], &headers].concat(), more),
        (
            "a part of PING",
            [&begun[..], &frame(PING, 0, 0, [0; 8])[..12]].concat(),
            vec![],
        ),
    ] {
        assert!(is_cut(deployment.gate.address, &bytes, &again), "{name}");
    }
}

/// The time of a body is `timeouts.body`.
#[test]
fn a_slow_body_is_no_unfinished_frame() {
    let deployment = deployment();
    let mut client = Http2Connection::open(deployment.gate.address).expect("a connection");
    let data = frame(DATA, END_STREAM, 1, [b'x'; 40]);
    client.send(&frame(HEADERS, END_HEADERS, 1, head())).expect("sent");
    for part in [&data[..20], &data[20..30], &data[30..]] {
        client.send(part).expect("sent");
        // A silent client takes the time for a head.
        assert!(is_cut(deployment.gate.address, b"", b""));
    }
    assert_eq!(client.response(1), Reaction::Status(200));
}
