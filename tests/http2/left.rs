//! The line of a request whose client resets its stream before the response.

use std::net::TcpListener;
use std::time::Instant;

use serde_json::{Value, json};

use crate::deployment::gate::Gate;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::{Configuration, Deployment};
use crate::mint::signing_key::{Curve, SigningKey};
use crate::mint::{TokenIssuer, token_of};
use crate::wire::DEADLINE;
use crate::wire::http2_frames::{
    END_HEADERS, END_STREAM, HEADERS, Http2Connection, RST_STREAM, Reaction, block, frame,
};

const POLICY: &str = "routes:\n  - match: POST /open/{*rest}\n    public: true\n";

/// RST_STREAM with CANCEL.
fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, 8_u32.to_be_bytes())
}

fn request(flags: u8, stream: u32, (method, path): (&str, &str), field: (&str, &str)) -> Vec<u8> {
    let fields = [
        (":method", method),
        (":scheme", "http"),
        (":authority", "orders.example.com"),
        (":path", path),
        field,
    ];
    frame(HEADERS, END_HEADERS | flags, stream, block(&fields))
}

/// The line of a request that is sent in full or in part to an upstream with which no handshake of TLS is completed.
fn unsent(flags: u8, media_type: &str) -> Value {
    let keys = KeyServer::start(Conduct::Publish(TokenIssuer::new().document()));
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = upstream.local_addr().expect("an address");
    let text = Configuration::of_policy(POLICY).text(address, &keys);
    let gate = Gate::run(&text.replace(&format!("http://{address}"), &format!("https://{address}")));
    gate.wait_until_ready();
    let mut client = Http2Connection::open(gate.address).expect("a connection");
    let field = ("content-type", media_type);
    client
        .send(&request(flags, 1, ("POST", "/open/page"), field))
        .expect("sent");
    let _connection = upstream.accept().expect("a connection of the gate");
    client.send(&reset(1)).expect("sent");
    let event = gate.decision_after(0);
    assert_eq!(gate.decisions().len(), 1);
    event
}

#[test]
fn a_client_that_leaves_before_its_body_is_forwarded_is_denied_as_gone() {
    let event = unsent(0, "application/octet-stream");
    assert_eq!(
        (&event["decision"], &event["code"]),
        (&json!("deny"), &json!("client_gone")),
        "{event}"
    );
    assert_eq!(
        event["reason"],
        "the client left before its request was forwarded to its end"
    );
    assert!(event["status"].is_null() && event["upstream"].is_null(), "{event}");
}

#[test]
fn a_client_that_leaves_after_its_request_and_a_call_that_is_cancelled_stay_allowed() {
    for (flags, media_type) in [
        (END_STREAM, "text/plain"),
        (0, "application/grpc"),
        (END_STREAM, "application/grpc"),
    ] {
        let event = unsent(flags, media_type);
        assert_eq!(event["decision"], "allow", "{event}");
        assert_eq!(event["upstream"]["error"], "client_gone", "{event}");
    }
}

#[test]
fn a_client_that_leaves_while_its_token_is_verified_has_its_line() {
    let lines = "    keys: { refresh: 1h, cooldown: 100ms, timeout: 30s, max_stale: 24h }\n";
    let deployment = Deployment::start(TokenIssuer::new(), &Configuration::of_issuer(lines));
    deployment.key_server.conduct(Conduct::Hanging);
    let fetches = deployment.key_server.fetches();
    let token = format!("Bearer {}", token_of(&SigningKey::ec("unknown", Curve::P256), "ES256"));
    let mut client = Http2Connection::open(deployment.gate.address).expect("a connection");
    let (deadline, mut stream) = (Instant::now() + DEADLINE, 1);
    // Within the cool-down a request is answered at once.
    loop {
        assert!(Instant::now() < deadline, "an unknown kid never caused a fetch");
        let request = request(END_STREAM, stream, ("GET", "/orders/1"), ("authorization", &token));
        client.send(&request).expect("sent");
        let mut reaction = Reaction::Open;
        while reaction == Reaction::Open && deployment.key_server.fetches() == fetches {
            reaction = client.reaction(stream);
        }
        if reaction == Reaction::Open {
            break;
        }
        stream += 2;
    }
    client.send(&reset(stream)).expect("sent");
    let last = || deployment.gate.decisions().pop().unwrap_or_default();
    deployment.wait_until("a line", || last()["code"] == "client_gone");
    let event = last();
    assert_eq!(
        (&event["decision"], &event["status"]),
        (&json!("deny"), &Value::Null),
        "{event}"
    );
    assert_eq!(event["reason"], "the client left before the decision");
}
