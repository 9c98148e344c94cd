//! WebSockets with an upstream that speaks HTTP/2 alone (RFC 8441).

use std::net::SocketAddr;

use bytes::Bytes;
use h2::ext::Protocol;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{HeaderValue, Method, Request, Response};
use tokio::net::TcpStream;

use super::{gate, send};
use crate::deployment::gate::Gate;
use crate::wire::http1::Head;
use crate::wire::http2::Http2;
use crate::wire::{Connection, DEADLINE};

/// A server that permits the extended CONNECT, and returns what it receives in the tunnel.
fn server() -> SocketAddr {
    super::listen(|stream| async {
        let mut builder = h2::server::Builder::new();
        builder.enable_connect_protocol();
        serve(builder, stream).await;
    })
}

async fn serve(builder: h2::server::Builder, stream: TcpStream) {
    let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else {
        return;
    };
    while let Some(Ok((request, response))) = connection.accept().await {
        tokio::spawn(answer(request, response));
    }
}

/// Answers with the status in the path, and in the path `/reset` resets the tunnel at the first bytes. `x-request` is what the server received.
async fn answer(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    let protocol = request.extensions().get::<Protocol>().map_or("-", Protocol::as_str);
    let has = |name: &&str| request.headers().contains_key(*name);
    let found = ["connection", "upgrade", "sec-websocket-key", "sec-websocket-version"];
    let found: Vec<_> = found.into_iter().filter(has).collect();
    let seen = format!("{} {} {protocol} {}", request.method(), request.uri(), found.join(" "));
    let mut response = Response::new(());
    let status = request.uri().path().trim_matches('/').parse::<u16>().unwrap_or(200);
    *response.status_mut() = status.try_into().expect("a status");
    let headers = response.headers_mut();
    headers.insert("x-request", HeaderValue::try_from(seen).expect("a value"));
    headers.insert("sec-websocket-protocol", HeaderValue::from_static("chat"));
    let is_tunnel = request.method() == Method::CONNECT && status == 200;
    let resets = request.uri().path() == "/reset";
    let Ok(mut sent) = respond.send_response(response, !is_tunnel) else {
        return;
    };
    let mut body = request.into_body();
    while let Some(Ok(part)) = body.data().await {
        if resets {
            return sent.send_reset(Reason::INTERNAL_ERROR);
        }
        let _ = body.flow_control().release_capacity(part.len());
        if !is_tunnel || sent.send_data(part, false).is_err() {
            return;
        }
    }
    let _ = sent.send_data(Bytes::new(), true);
}

fn handshake(gate: &Gate, path: &str) -> (Connection, Head, u16) {
    let mut client = Connection::open(gate.address).expect("a connection");
    let text = format!(
        "GET {path} HTTP/1.1\r\nHost: api.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    client.send(text.as_bytes()).expect("sent");
    let head = client.reader().head().expect("a head").expect("an answer");
    let status = head.start.split(' ').nth(1).expect("a status").parse();
    (client, head, status.expect("a status"))
}

/// An extended CONNECT of a client of HTTP/2.
fn connect(path: &str) -> Request<()> {
    let request = Request::connect(format!("http://api.example{path}"))
        .extension(Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13");
    request.body(()).expect("a request")
}

const SEEN: &str = "CONNECT http://api.example/a?b=c websocket sec-websocket-version";

#[test]
fn a_client_of_http1_has_a_tunnel() {
    let gate = gate(&format!("upstream: h2c://{}", server()));
    for _ in 0..3 {
        let (mut client, head, status) = handshake(&gate, "/a?b=c");
        assert_eq!(status, 101);
        for (name, expected) in [
            ("x-request", SEEN),
            ("upgrade", "websocket"),
            ("connection", "upgrade"),
            ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            ("sec-websocket-protocol", "chat"),
        ] {
            assert_eq!(head.values(name), [expected], "{name}");
        }
        for round in 0..20_u8 {
            client.send(&[round; 30_000]).expect("sent");
            assert_eq!(client.reader().exactly(30_000).expect("an echo"), [round; 30_000]);
        }
        // Another request beside the tunnel.
        assert_eq!(send(&gate, "GET", "/x", &[], "").status, 200);
        client.send(b"last").expect("sent");
        client.finish_sending();
        assert_eq!(client.reader().rest().expect("an end"), b"last");
    }
}

#[test]
fn a_client_of_http2_has_a_tunnel() {
    let gate = gate(&format!("upstream: h2c://{}", server()));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let tunnelled = async {
        let client = Http2::open(gate.address).await;
        // The settings of the gate have arrived with its answer.
        client.get("/x", &[]).await;
        let (response, mut sender) = client.begin(connect("/a?b=c")).await.expect("sent");
        let response = response.await.expect("a response");
        assert_eq!(
            (response.status().as_u16(), &response.headers()["x-request"]),
            (200, &HeaderValue::from_static(SEEN))
        );
        for name in ["upgrade", "connection", "sec-websocket-accept"] {
            assert!(!response.headers().contains_key(name), "{name}");
        }
        let mut body = response.into_body();
        sender.send_data(Bytes::from_static(b"one"), false).expect("sent");
        assert_eq!(body.data().await.expect("data").expect("data"), "one");
        sender.send_data(Bytes::from_static(b"last"), true).expect("sent");
        let mut rest = Vec::new();
        while let Some(part) = body.data().await {
            rest.extend(part.expect("data"));
        }
        assert_eq!(rest, b"last");
    };
    let tunnelled = async { tokio::time::timeout(DEADLINE, tunnelled).await };
    runtime.block_on(tunnelled).expect("in time");
}

#[test]
fn only_the_status_200_opens_a_tunnel() {
    let gate = gate(&format!("upstream: h2c://{}", server()));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for (path, expected) in [("/403", 403), ("/202", 502), ("/302", 302), ("/500", 500)] {
        let (_, _, status) = handshake(&gate, path);
        assert_eq!(status, expected, "{path} over HTTP/1.1");
        let status = runtime.block_on(async {
            let client = Http2::open(gate.address).await;
            client.get("/x", &[]).await;
            let (response, _sender) = client.begin(connect(path)).await.expect("sent");
            response.await.expect("a response").status()
        });
        assert_eq!(status, expected, "{path} over HTTP/2");
    }
}

#[test]
fn the_reset_of_the_upstream_ends_the_tunnel() {
    let gate = gate(&format!("upstream: h2c://{}", server()));
    let (mut client, _, status) = handshake(&gate, "/reset");
    assert_eq!(status, 101);
    client.send(b"a").expect("sent");
    assert!(client.ends_within(DEADLINE));
    assert!(client.reader().exactly(1).is_err());
}

#[test]
fn an_upstream_that_does_not_permit_it_is_502() {
    let address = super::listen(|stream| serve(h2::server::Builder::new(), stream));
    let gate = gate(&format!("upstream: h2c://{address}"));
    for _ in 0..2 {
        let before = gate.decisions().len();
        let (_, _, status) = handshake(&gate, "/x");
        assert_eq!(status, 502);
        assert_eq!(gate.decision_after(before)["upstream"]["error"], "no_upgrade");
        let before = gate.decisions().len();
        assert_eq!(send(&gate, "GET", "/x", &[], "").status, 200);
        gate.decision_after(before);
    }
}
