//! Clients that do not read a response.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread::spawn;
use std::time::Instant;

use bytes::Bytes;
use h2::Reason;
use h2::client::ResponseFuture;
use tokio::time::timeout;

use crate::deployment::Configuration;
use crate::deployment::gate::Gate;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::mint::TokenIssuer;
use crate::wire::DEADLINE;
use crate::wire::http2::{Http2, answer};

/// An upstream whose first response has no end, and whose further ones are event streams. These end when the connection
/// of the first one has ended; what is returned receives the same.
fn upstream() -> (SocketAddr, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (end, ended) = channel();
    let (report, reported) = channel();
    spawn(move || {
        let mut connections = listener.incoming().flatten();
        let endless = connections.next().expect("a connection");
        spawn(move || {
            without_end(endless);
            let _ = (end.send(()), report.send(()));
        });
        let mut events = connections.next().expect("a second connection");
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\nfirst ";
        let _ = events.read(&mut [0; 4096]);
        let _ = events.write_all(head);
        if ended.recv_timeout(DEADLINE).is_ok() {
            let _ = events.write_all(b"second");
        }
    });
    (address, reported)
}

fn without_end(mut connection: TcpStream) {
    let _ = connection.read(&mut [0; 4096]);
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n";
    let mut sent = connection.write_all(head);
    while sent.is_ok() {
        sent = connection.write_all(&[b'x'; 65536]);
    }
}

async fn get(client: &Http2) -> ResponseFuture {
    let request = client.request("GET", "/open/page", &[]);
    let (response, mut body) = client.begin(request).await.expect("a stream");
    body.send_data(Bytes::new(), true).expect("the end of the request");
    response
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_not_read_is_reset_alone() {
    let (address, upstream_ended) = upstream();
    let keys = KeyServer::start(Conduct::Publish(TokenIssuer::new().document()));
    let configuration = Configuration {
        top: "timeouts: { body: 1s }\n".to_owned(),
        ..Configuration::default()
    };
    let gate = Gate::run(&configuration.text(address, &keys));
    gate.wait_until_ready();
    // The window of a stream is smaller than that of the connection, so that one stream does not block the others.
    let mut client = h2::client::Builder::new();
    client.initial_window_size(1).initial_connection_window_size(1 << 20);
    let client = Http2::open_with(gate.address, &client).await;

    let started = Instant::now();
    let mut unread = get(&client).await.await.unwrap().into_body();
    let other = tokio::spawn(answer(get(&client).await));
    // The window has room for one byte.
    let cut = async {
        loop {
            if let Err(error) = unread.data().await.expect("no end of the body") {
                return error;
            }
        }
    };
    let error = timeout(DEADLINE, cut).await.expect("a reset in time");
    assert_eq!(error.reason(), Some(Reason::CANCEL), "{error}");
    assert!(error.is_reset() && started.elapsed() < DEADLINE / 2);
    let ended = tokio::task::spawn_blocking(move || upstream_ended.recv_timeout(DEADLINE));
    ended.await.unwrap().expect("the connection to the upstream ends");
    let other = other.await.unwrap().unwrap();
    assert_eq!((other.status.as_u16(), &*other.body), (200, &b"first second"[..]));
    gate.process.wait_for_line(&["responses were cut off"]);
}

/// Neither side of the stream makes progress, and hyper does not ask for a part of the response.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_whose_client_accepts_nothing_is_reset() {
    for request_end in [Some(Bytes::new()), None] {
        let (address, upstream_ended) = upstream();
        let keys = KeyServer::start(Conduct::Publish(TokenIssuer::new().document()));
        let configuration = Configuration {
            top: "timeouts: { body: 1s, keep_alive: 1s }\n".to_owned(),
            ..Configuration::default()
        };
        let gate = Gate::run(&configuration.text(address, &keys));
        gate.wait_until_ready();
        let mut client = h2::client::Builder::new();
        client.initial_window_size(0);
        let client = Http2::open_with(gate.address, &client).await;

        let started = Instant::now();
        let request = client.request("GET", "/open/page", &["Content-Type: application/octet-stream"]);
        let (response, mut request_body) = client.begin(request).await.expect("a stream");
        if let Some(end) = request_end {
            request_body.send_data(end, true).expect("the end of the request");
        }
        let cut = async { response.await?.into_body().data().await.expect("no end of the body") };
        let cut = timeout(DEADLINE, cut).await.expect("a reset in time");
        assert!(cut.is_err_and(|error| error.is_reset()));
        let ended = tokio::task::spawn_blocking(move || upstream_ended.recv_timeout(DEADLINE));
        ended.await.unwrap().expect("the connection to the upstream ends");
        // Nothing else holds the connection.
        let end = timeout(DEADLINE, client.driver)
            .await
            .expect("the end of the connection");
        assert!(started.elapsed() < 2 * DEADLINE, "{end:?}");
    }
}
