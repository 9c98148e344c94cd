//! Connections of HTTP/2: how they begin, how long they last, how they end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use bytes::Bytes;

use crate::deployment::upstream::Conduct;
use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;
use crate::wire::http2::{Http2, answer};
use crate::wire::{self, DEADLINE};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn with_timeouts(timeouts: &str) -> Deployment {
    let configuration = Configuration {
        top: format!("timeouts: {{ {timeouts} }}\n"),
        ..Configuration::default()
    };
    Deployment::start(TokenIssuer::new(), &configuration)
}

/// What the gate sends until it closes a connection on which a client has sent `bytes`.
fn until_closed(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.write_all(bytes).unwrap();
    let mut received = Vec::new();
    socket.read_to_end(&mut received).expect("the connection ends");
    received
}

#[test]
fn a_part_of_the_preface_is_cut_at_the_time_for_a_head() {
    let deployment = with_timeouts("header: 300ms");
    for part in [&[], &PREFACE[..1], &PREFACE[..16], &PREFACE[..23]] {
        let started = Instant::now();
        assert_eq!(until_closed(deployment.gate.address, part), b"");
        assert!(started.elapsed() < DEADLINE / 2);
    }
}

#[test]
fn a_preface_of_another_protocol_is_not_served() {
    let deployment = Deployment::with_routes();
    for bytes in [&b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"[..], b"PRI * HTTP/3.0\r\n\r\n"] {
        let received = until_closed(deployment.gate.address, bytes);
        assert!(received.starts_with(b"HTTP/1.1 400 "), "{received:?}");
    }
}

#[test]
fn a_connection_without_streams_ends_after_the_idle_time() {
    let deployment = with_timeouts("keep_alive: 1s");
    // An empty SETTINGS frame, and the acknowledgement of the gate's.
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0];
    let started = Instant::now();
    let mut socket = TcpStream::connect(deployment.gate.address).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.write_all(&[PREFACE, &settings[..]].concat()).unwrap();
    let frames = frames_until(&mut socket, 7);
    assert_eq!(frames.last().map(|frame| frame[3]), Some(7), "GOAWAY");
    assert!(started.elapsed() < DEADLINE / 2);
}

/// The frames that the gate sends, to the first of `kind`.
fn frames_until(socket: &mut TcpStream, kind: u8) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    loop {
        let mut head = [0; 9];
        socket.read_exact(&mut head).expect("a frame");
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        socket.read_exact(&mut payload).expect("its payload");
        frames.push([&head[..], &payload].concat());
        if head[3] == kind {
            return frames;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_in_flight_end_before_the_gate_does() {
    let mut deployment = Deployment::with_routes();
    let token = deployment.reader();
    let client = Http2::open(deployment.gate.address).await;
    deployment.upstream.conduct(Conduct::Hold);
    let request = client.request("GET", "/orders/7", &[&token]);
    let (response, mut body) = client.begin(request).await.unwrap();
    body.send_data(Bytes::new(), true).unwrap();
    let upstream = deployment.upstream.clone();
    tokio::task::spawn_blocking(move || upstream.wait_for(1)).await.unwrap();
    deployment.gate.process.terminate();
    deployment.gate.process.wait_for_line(&["draining"]);
    deployment.upstream.release();
    assert_eq!(answer(response).await.unwrap().status, 200);
    client.driver.await.unwrap().expect("the connection ends in order");
    assert!(deployment.gate.process.wait().success());
    deployment.gate.process.wait_for_line(&["drained"]);
}

#[test]
fn both_protocols_are_served_at_one_port() {
    let deployment = Deployment::with_routes();
    let token = deployment.reader();
    let fields = [token.as_str()];
    let http1 = wire::answer(deployment.gate.address, &wire::request("GET", "/orders/7", &fields));
    assert_eq!(http1.status, 200);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let address = deployment.gate.address;
    let answer = runtime.block_on(async { Http2::open(address).await.get("/orders/7", &[&token]).await });
    assert_eq!(answer.status, 200);
}

/// A client that resets a stream before its answer has no further use for the connection.
#[tokio::test(flavor = "multi_thread")]
async fn connections_whose_streams_were_reset_make_room() {
    let configuration = Configuration {
        top: "max_connections: 4\n".to_owned(),
        ..Configuration::default()
    };
    let deployment = Deployment::start(TokenIssuer::new(), &configuration);
    let token = deployment.reader();
    deployment.upstream.conduct(Conduct::Hold);
    let mut clients = Vec::new();
    for count in 1..=4 {
        let client = Http2::open(deployment.gate.address).await;
        let (response, mut body) = client
            .begin(client.request("GET", "/orders/7", &[&token]))
            .await
            .unwrap();
        body.send_data(Bytes::new(), true).unwrap();
        let upstream = deployment.upstream.clone();
        tokio::task::spawn_blocking(move || upstream.wait_for(count))
            .await
            .unwrap();
        body.send_reset(h2::Reason::CANCEL);
        clients.push((client, response));
    }
    let started = Instant::now();
    let answer = wire::answer(deployment.gate.address, &wire::request("GET", "/orders/7", &[]));
    assert_eq!(answer.status, 401);
    assert!(started.elapsed() < DEADLINE / 2, "{:?}", started.elapsed());
}
