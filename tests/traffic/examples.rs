//! The shortest configuration of each kind of traffic, and the README's, each started and used.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};

use bytes::Bytes;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};

use crate::deployment::ROUTES;
use crate::deployment::gate::Gate;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::upstream::Upstream;
use crate::mint::certificate::CertificateAuthority;
use crate::mint::{ISSUER, TokenIssuer};
use crate::schemas::SCHEMA_LINE;
use crate::structure::source::root;
use crate::traffic::grpc::service::{Caller, Orders};
use crate::wire::tls::TlsClient;
use crate::wire::{self, bearer};

/// Most lines of one example, without the one that names its schema for editors.
const MAX_LINES: usize = 15;

/// A running gate with the configuration of an example.
struct Running {
    gate: Gate,
    token: String,
}

impl Running {
    /// The example `name` with the addresses of this machine: a free port, the keys, and for each port its upstream.
    fn example(name: &str, upstreams: &[(u16, SocketAddr)], files: &[(&str, &str)]) -> Self {
        let path = root().join("sidecar/examples").join(name).join("actgate.yaml");
        let text = fs::read_to_string(path).expect("the example");
        let lines = text.lines().filter(|line| !line.starts_with(SCHEMA_LINE));
        assert!(lines.count() <= MAX_LINES, "{name} is too long");
        Self::start(&text, upstreams, files)
    }

    fn start(text: &str, upstreams: &[(u16, SocketAddr)], files: &[(&str, &str)]) -> Self {
        let issuer = TokenIssuer::new();
        let keys = KeyServer::start(Conduct::Publish(issuer.document()));
        let mut configuration = String::new();
        for line in text.lines() {
            match line.split_once(": ") {
                Some(("listen", _)) => configuration.push_str("listen: 127.0.0.1:0\nadmin: 127.0.0.1:0"),
                Some(("admin", _)) => {}
                _ => configuration.push_str(line),
            }
            configuration.push('\n');
            let value = line.split(" #").next().unwrap_or(line);
            if value.trim_end() == format!("  - issuer: {ISSUER}") {
                configuration.push_str(&format!("    jwks_uri: {}\n", keys.jwks_uri()));
            }
        }
        for (port, address) in upstreams {
            let written = format!("127.0.0.1:{port}");
            assert!(configuration.contains(&written), "{written}");
            configuration = configuration.replace(&written, &address.to_string());
        }
        let gate = Gate::run_beside(&configuration, files);
        gate.wait_until_ready();
        let token = issuer.token(json!({}));
        Self { gate, token }
    }

    fn status(&self, target: &str) -> u16 {
        wire::get(self.gate.address, target, &self.token).status
    }
}

#[test]
fn the_configuration_of_the_readme_is_enough() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    let (_, section) = readme
        .split_once("`actgate.yaml`:\n\n```yaml\n")
        .expect("a configuration");
    let (text, _) = section.split_once("```").expect("its end");
    assert!(text.lines().count() <= MAX_LINES, "{text}");
    let upstream = Upstream::start();
    let running = Running::start(text, &[(9000, upstream.address())], &[("policy.yaml", ROUTES)]);
    assert_eq!(running.status("/orders/7"), 200);
    assert_eq!(running.status("/admin/x"), 403);
    let received = upstream.since(0).remove(0);
    assert_eq!(received.head.values("x-auth-subject"), ["alice-canary"]);
}

#[test]
fn tls() {
    let (authority, upstream) = (CertificateAuthority::new("authority"), Upstream::start());
    let server = authority.server();
    let files = [("tls.crt", &*server.pem()), ("tls.key", &*server.key_pem())];
    let running = Running::example("tls", &[(9000, upstream.address())], &files);
    let client = TlsClient::trusting(&[&authority]);
    let line = bearer(&running.token);
    let answered = Runtime::new()
        .expect("a runtime")
        .block_on(client.get(running.gate.address, "/orders/7", &[&line]));
    let answer = answered.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(upstream.count(), 1);
}

#[test]
fn grpc() {
    let orders = Orders::start();
    let running = Running::example("grpc", &[(50_051, orders.address)], &[]);
    let answer = Runtime::new().expect("a runtime").block_on(async {
        let mut caller = Caller::connect(running.gate.address, Some(&running.token)).await;
        let request = caller.request(Bytes::from_static(b"order 7"));
        caller.unary("Show", request).await.expect("an answer")
    });
    assert_eq!(answer.get_ref(), "order 7 of alice-canary");
}

#[test]
fn websocket() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        let mut socket = tungstenite::accept(stream).expect("a handshake");
        let message = socket.read().expect("a message");
        socket.send(message).expect("sent");
    });
    let running = Running::example("websocket", &[(9000, address)], &[]);
    let mut request = format!("ws://{}/live", running.gate.address)
        .into_client_request()
        .expect("a request");
    let token = format!("Bearer {}", running.token).parse().expect("a value");
    request.headers_mut().insert("authorization", token);
    let stream = TcpStream::connect(running.gate.address).expect("a connection");
    stream.set_read_timeout(Some(wire::DEADLINE)).expect("a time-out");
    let (mut socket, _) = tungstenite::client(request, stream).expect("a handshake");
    socket.send(Message::text("order 7")).expect("sent");
    assert_eq!(socket.read().expect("an echo"), Message::text("order 7"));
}

#[test]
fn two_upstreams() {
    let (orders, billing) = (Upstream::start(), Upstream::start());
    let upstreams = [(9000, orders.address()), (9001, billing.address())];
    let running = Running::example("two-upstreams", &upstreams, &[]);
    assert_eq!(running.status("/orders/7"), 200);
    assert_eq!((orders.count(), billing.count()), (1, 0));
    assert_eq!(running.status("/billing/7"), 200);
    assert_eq!((orders.count(), billing.count()), (1, 1));
}
