//! An event stream of a minute, over each version of HTTP.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::deployment::Configuration;
use crate::deployment::gate::Gate;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::mint::TokenIssuer;
use crate::wire::http1::Reader;
use crate::wire::http2::Http2;
use crate::wire::{Connection, bearer, request};

const EVENTS: u32 = 40;

/// From one event to the next.
const INTERVAL: Duration = Duration::from_millis(1500);

/// An upstream that answers each request with [`EVENTS`] events, one in each [`INTERVAL`]. The data of an event is the time
/// at which it was sent, in milliseconds since `start`.
fn event_source(start: Instant) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || send_events(stream, start));
        }
    });
    address
}

fn send_events(mut stream: TcpStream, start: Instant) -> std::io::Result<()> {
    Reader::new(stream.try_clone()?).head()?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")?;
    for _ in 0..EVENTS {
        std::thread::sleep(INTERVAL);
        let event = format!("data: {}\n\n", start.elapsed().as_millis());
        write!(stream, "{:x}\r\n{event}\r\n", event.len())?;
    }
    stream.write_all(b"0\r\n\r\n")
}

/// Checks that an event arrives before the next one is sent.
#[track_caller]
fn check_arrival(event: &[u8], start: Instant) {
    let event = std::str::from_utf8(event).expect("text");
    let sent = event.strip_prefix("data: ").and_then(|rest| rest.strip_suffix("\n\n"));
    let sent: u64 = sent.expect("one event").parse().expect("a time");
    let delay = start.elapsed().saturating_sub(Duration::from_millis(sent));
    assert!(delay < INTERVAL, "{delay:?} after it was sent");
}

fn read_over_http1(gate: SocketAddr, token: &str, start: Instant) {
    let mut client = Connection::open(gate).expect("a connection");
    client.send(&request("GET", "/orders/1", &[token])).expect("sent");
    let head = client.reader().head().expect("a head").expect("a head");
    assert_eq!(head.start, "HTTP/1.1 200 OK");
    for _ in 0..EVENTS {
        check_arrival(&client.reader().chunk().expect("an event"), start);
    }
    assert_eq!(client.reader().chunk().expect("the last chunk"), b"");
}

fn read_over_http2(gate: SocketAddr, token: &str, start: Instant) {
    Runtime::new().expect("a runtime").block_on(async {
        let client = Http2::open(gate).await;
        let sent = client.begin(client.request("GET", "/orders/1", &[token]));
        let (response, mut body) = sent.await.expect("a stream");
        body.send_data(Bytes::new(), true).expect("sent");
        let response = response.await.expect("an answer");
        assert_eq!(response.status(), 200);
        let mut body = response.into_body();
        for _ in 0..EVENTS {
            check_arrival(&body.data().await.expect("an event").expect("an event"), start);
        }
        // The end of the stream may be on an empty frame.
        while let Some(rest) = body.data().await {
            assert_eq!(rest.expect("a clean end"), b"".as_slice());
        }
    });
}

/// The time for progress of other bodies is shorter than an interval, and that for a response head shorter than the stream.
#[test]
#[ignore = "takes a minute; .ci/run does it"]
fn events_of_a_minute_arrive_one_by_one() {
    let (issuer, start) = (TokenIssuer::new(), Instant::now());
    let keys = KeyServer::start(Conduct::Publish(issuer.document()));
    let configuration = Configuration {
        top: "timeouts: { keep_alive: 1s, header: 1s, response: 2s, body: 1s }\n".to_owned(),
        ..Configuration::default()
    };
    let gate = Gate::run(&configuration.text(event_source(start), &keys));
    gate.wait_until_ready();
    let token = bearer(&issuer.token(json!({})));
    std::thread::scope(|scope| {
        scope.spawn(|| read_over_http1(gate.address, &token, start));
        scope.spawn(|| read_over_http2(gate.address, &token, start));
    });
}
