//! Messages that last: tunnels, event streams, trailers, interim responses, and what ends them.

mod events;
mod expectation;
mod expiry;
mod grpc;
mod http2;
mod long_poll;
mod reset;
mod trailers;
mod tunnel;
mod websocket;
mod websocket_client;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::deployment::Configuration;
use crate::deployment::gate::Gate;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::mint::{TokenIssuer, now};
use crate::wire::http1::Head;
use crate::wire::{Connection, DEADLINE, bearer};

/// A key of RFC 6455, and what a server answers to it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A gate in front of a listener whose connections the test serves itself.
struct Setup {
    gate: Gate,
    upstream: TcpListener,
    issuer: TokenIssuer,
    _key_server: KeyServer,
}

impl Setup {
    /// A ready gate; `top` is lines of its configuration.
    fn start(top: &str) -> Self {
        Self::over("http", top)
    }

    /// The same with an upstream of this scheme.
    fn over(scheme: &str, top: &str) -> Self {
        let issuer = TokenIssuer::new();
        let key_server = KeyServer::start(Conduct::Publish(issuer.document()));
        let upstream = TcpListener::bind("127.0.0.1:0").expect("a free port");
        upstream.set_nonblocking(true).expect("a listener that does not block");
        let configuration = Configuration {
            top: top.to_owned(),
            ..Configuration::default()
        };
        let address = upstream.local_addr().expect("its address");
        let text = configuration.text(address, &key_server);
        let written = format!("{scheme}://{address}");
        let gate = Gate::run(&text.replace(&format!("http://{address}"), &written));
        gate.wait_until_ready();
        Self {
            gate,
            upstream,
            issuer,
            _key_server: key_server,
        }
    }

    /// A connection to the gate.
    fn client(&self) -> Connection {
        Connection::open(self.gate.address).expect("a connection")
    }

    /// Sends a request for an order: the client, and the connection to the upstream on which its head has arrived.
    fn exchange(&self) -> (Connection, Connection) {
        let mut client = self.client();
        client
            .send(&crate::wire::request("GET", "/orders/1", &[&self.token()]))
            .expect("sent");
        let mut upstream = self.accept();
        head(&mut upstream);
        (client, upstream)
    }

    /// The next connection of the gate to the upstream.
    fn accept(&self) -> Connection {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Ok((stream, _)) = self.upstream.accept() {
                stream.set_nonblocking(false).expect("a stream that blocks");
                return Connection::over(stream).expect("a connection");
            }
            assert!(Instant::now() < deadline, "the gate opens no connection");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Whether the gate has opened a connection that nothing has accepted.
    fn is_called(&self) -> bool {
        self.upstream.accept().is_ok()
    }

    /// The `Authorization` line of a token that reads and writes.
    fn token(&self) -> String {
        bearer(&self.issuer.token(json!({ "scope": "orders:write orders:read" })))
    }

    /// The same for a token that expires in `seconds`.
    fn token_for(&self, seconds: u64) -> String {
        let claims = json!({ "scope": "orders:write orders:read", "exp": now() + seconds });
        bearer(&self.issuer.token(claims))
    }

    /// Sends a handshake, and has the upstream switch protocols: both ends of the tunnel.
    fn tunnel(&self, token: &str) -> (Connection, Connection) {
        let mut client = self.client();
        client.send(&handshake("/orders/1", token)).expect("sent");
        let mut upstream = self.accept();
        head(&mut upstream);
        upstream.send(switched(ACCEPT).as_bytes()).expect("sent");
        assert_eq!(status(&head(&mut client)), 101);
        (client, upstream)
    }
}

/// The handshake of a client.
fn handshake(target: &str, token: &str) -> Vec<u8> {
    let lines = format!(
        "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}"
    );
    format!("GET {target} HTTP/1.1\r\nHost: orders.example.com\r\n{lines}\r\n{token}\r\n\r\n").into_bytes()
}

/// The answer of a server to it.
fn switched(accept: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    )
}

/// The next head that `peer` sends.
fn head(peer: &mut Connection) -> Head {
    peer.reader().head().expect("a head").expect("a head before the end")
}

/// The status of an answer.
fn status(head: &Head) -> u16 {
    let word = head.start.split(' ').nth(1).expect("a status");
    word.parse().expect("a status")
}

/// Whether `peer` has ended the connection, cleanly or by a reset, and sent nothing more.
fn is_ended(peer: &mut Connection) -> bool {
    peer.reader().rest().is_ok_and(|rest| rest.is_empty())
        || peer.reader().exactly(1).is_err_and(|error| {
            !matches!(
                error.kind(),
                std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
            )
        })
}
