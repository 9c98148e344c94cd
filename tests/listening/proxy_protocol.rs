//! `proxy_protocol`: a load balancer writes the address of its client.

use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;
use crate::wire::{self, AnswerTo, Connection, Outcome, request};

fn deployment(networks: &str) -> Deployment {
    let configuration = Configuration {
        top: format!("proxy_protocol: [{networks}]\ntimeouts: {{ header: 500ms }}\n"),
        ..Configuration::default()
    };
    Deployment::start(TokenIssuer::new(), &configuration)
}

const IPV4: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x09\xc6\x33\x64\x01\x30\x39\x01\xbb";
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

#[test]
fn the_upstream_learns_the_address_of_the_header() {
    let deployment = deployment("127.0.0.0/8");
    for (header, address) in [
        (
            b"PROXY TCP4 192.0.2.9 198.51.100.1 12345 443\r\n".as_slice(),
            "192.0.2.9",
        ),
        (b"PROXY TCP6 2001:db8::9 2001:db8::1 12345 443\r\n", "2001:db8::9"),
        (IPV4, "192.0.2.9"),
        (LOCAL, "127.0.0.1"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    ] {
        let before = deployment.upstream.count();
        let sent = [header, &request("GET", "/open/page", &[])].concat();
        let answer = wire::answer(deployment.gate.address, &sent);
        assert_eq!(answer.status, 200, "{}", answer.everything());
        let received = &deployment.upstream.since(before)[0];
        assert_eq!(received.head.values("x-forwarded-for"), [address]);
    }
}

#[test]
fn a_connection_of_these_networks_without_a_header_is_closed() {
    let deployment = deployment("127.0.0.1");
    let page = request("GET", "/open/page", &[]);
    let torn = [b"PROXY TCP4 192.0.2.9\r\n".as_slice(), &page].concat();
    for sent in [
        page,
        torn,
        b"PROXY TCP4 192".to_vec(),
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff".to_vec(),
    ] {
        let mut connection = Connection::open(deployment.gate.address).expect("a connection");
        connection.send(&sent).expect("sent");
        let outcome = connection.answer(AnswerTo::AnyMethod);
        assert!(
            matches!(outcome, Outcome::Closed),
            "{outcome:?} to {}",
            sent.escape_ascii()
        );
    }
    assert_eq!(deployment.upstream.count(), 0);
    let process = &deployment.gate.process;
    process.wait_for_line(&["had no valid header", "count=4 "]);
}

#[test]
fn a_header_from_elsewhere_is_no_request() {
    let deployment = deployment("192.0.2.0/24");
    for header in [b"PROXY TCP4 192.0.2.9 198.51.100.1 12345 443\r\n".as_slice(), IPV4] {
        let sent = [header, &request("GET", "/open/page", &[])].concat();
        let answer = wire::answer(deployment.gate.address, &sent);
        assert_eq!(answer.status, 400, "{}", answer.everything());
    }
    assert_eq!(deployment.upstream.count(), 0);
}
