//! Bodies of requests whose stream the client resets.

use std::io::{ErrorKind, Read};
use std::net::TcpListener;

use crate::deployment::Configuration;
use crate::deployment::gate::Gate;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::mint::TokenIssuer;
use crate::wire::DEADLINE;
use crate::wire::http2_frames::{DATA, END_HEADERS, HEADERS, Http2Connection, RST_STREAM, block, frame};

const POLICY: &str = "routes:\n  - match: POST /open/{*rest}\n    public: true\n";

const NO_ERROR: u32 = 0;
const CANCEL: u32 = 8;

#[test]
fn the_upstream_sees_no_end_of_a_body_that_is_reset() {
    let keys = KeyServer::start(Conduct::Publish(TokenIssuer::new().document()));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let gate = Gate::run(&Configuration::of_policy(POLICY).text(address, &keys));
    gate.wait_until_ready();
    for (code, length, after_part) in [
        (NO_ERROR, None, "\r\n"),
        (CANCEL, None, "\r\n"),
        (NO_ERROR, Some(("content-length", "10")), ""),
        (CANCEL, Some(("content-length", "10")), ""),
    ] {
        let mut fields = vec![
            (":method", "POST"),
            (":scheme", "http"),
            (":authority", "orders.example.com"),
            (":path", "/open/page"),
            ("content-type", "application/octet-stream"),
        ];
        fields.extend(length);
        let mut client = Http2Connection::open(gate.address).expect("a connection");
        let head = frame(HEADERS, END_HEADERS, 1, block(&fields));
        client
            .send(&[head, frame(DATA, 0, 1, b"part")].concat())
            .expect("a part");

        let (mut upstream, _) = listener.accept().expect("a connection of the gate");
        upstream.set_read_timeout(Some(DEADLINE)).expect("a time limit");
        let mut received = Vec::new();
        while !received.ends_with(b"part") {
            let mut byte = [0];
            upstream.read_exact(&mut byte).expect("a part");
            received.push(byte[0]);
        }
        client
            .send(&frame(RST_STREAM, 0, 1, code.to_be_bytes()))
            .expect("a reset");
        let mut rest = Vec::new();
        if let Err(error) = upstream.read_to_end(&mut rest) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{code} {length:?}");
        }
        assert_eq!(
            rest.escape_ascii().to_string(),
            after_part.escape_debug().to_string(),
            "{code} {length:?}"
        );
    }
}
