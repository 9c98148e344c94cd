//! Upstreams over TLS: whom the gate trusts, what it presents, and the version of HTTP that the server chooses.

use std::net::SocketAddr;

use super::tls_server::TlsServer;
use super::{configuration, send};
use crate::deployment::gate::Gate;
use crate::mint::certificate::{Certificate, CertificateAuthority, Validity};
use crate::wire;

/// ALPN.
const BOTH: &[&str] = &["h2", "http/1.1"];

fn server(certificate: Certificate, protocols: &'static [&'static str]) -> SocketAddr {
    let clients = None;
    TlsServer {
        certificate,
        protocols,
        clients,
    }
    .start()
}

/// A gate in front of the server at `address`, with further keys of the upstream and the files that they name.
fn gate(address: SocketAddr, keys: &str, files: &[(&str, &str)]) -> Gate {
    let upstream = format!("upstream: {{ url: 'https://{address}'{keys} }}");
    Gate::run_beside(&configuration(&upstream), files)
}

/// The answer of the server to a request through the gate.
fn answer(gate: &Gate) -> String {
    let before = gate.decisions().len();
    let answer = send(gate, "GET", "/x", &[], "");
    assert_eq!(answer.status, 200, "{}", gate.process.stderr().join("\n"));
    gate.decision_after(before);
    answer.text()
}

/// Sends a request that the upstream does not answer: 502, one line in the decision log, and the error in it.
fn failure(gate: &Gate) -> String {
    let before = gate.decisions().len();
    let answer = send(gate, "GET", "/x", &[], "");
    assert_eq!(
        (answer.status, answer.json()["code"].as_str()),
        (502, Some("upstream_unavailable"))
    );
    let event = gate.decision_after(before);
    assert_eq!(
        (gate.decisions().len(), &event["decision"]),
        (before + 1, &"allow".into())
    );
    event["upstream"]["error"].as_str().expect("an error").to_owned()
}

#[test]
fn the_server_chooses_the_version_of_http() {
    let authority = CertificateAuthority::new("private");
    for (protocols, version) in [
        (BOTH, "HTTP/2.0"),
        (&["http/1.1", "h2"], "HTTP/1.1"),
        (&["h2"], "HTTP/2.0"),
        (&["http/1.1"], "HTTP/1.1"),
        (&[], "HTTP/1.1"),
    ] {
        let address = server(authority.server(), protocols);
        let gate = gate(address, ", ca_file: ca.crt", &[("ca.crt", &authority.pem())]);
        for _ in 0..3 {
            // The connection is used again.
            assert_eq!(answer(&gate), format!("{version} - - 0"), "{protocols:?}");
        }
    }
}

#[test]
fn a_server_that_the_authorities_do_not_vouch_for_is_502() {
    let (authority, other) = (CertificateAuthority::new("private"), CertificateAuthority::new("other"));
    let expired = || authority.server_of(&[], Validity::Past);
    for (what, certificate, keys) in [
        ("an unknown authority", other.server(), ", ca_file: ca.crt"),
        // The name of its authority is the same.
        (
            "a forged authority",
            CertificateAuthority::new("private").server(),
            ", ca_file: ca.crt",
        ),
        ("an expired certificate", expired(), ", ca_file: ca.crt"),
        (
            "another name",
            authority.server(),
            ", ca_file: ca.crt, server_name: api.internal",
        ),
        (
            "a certificate for a client",
            authority.client("api"),
            ", ca_file: ca.crt",
        ),
    ] {
        let address = server(certificate, BOTH);
        let gate = gate(address, keys, &[("ca.crt", &authority.pem())]);
        assert_eq!(failure(&gate), "no_connection", "{what}");
        gate.process.wait_for_line(&["tls: invalid peer certificate"]);
    }
}

#[test]
fn the_server_name_replaces_the_host_of_the_address() {
    let authority = CertificateAuthority::new("private");
    let certificate = authority.server_of(&["api.internal"], Validity::ThisCentury);
    let address = server(certificate, BOTH);
    let keys = ", ca_file: ca.crt, server_name: api.internal";
    let gate = gate(address, keys, &[("ca.crt", &authority.pem())]);
    assert_eq!(answer(&gate), "HTTP/2.0 api.internal - 0");
}

#[test]
fn the_gate_presents_its_certificate_to_a_server_that_demands_one() {
    let authority = CertificateAuthority::new("private");
    for (protocols, version) in [(BOTH, "HTTP/2.0"), (&["http/1.1"], "HTTP/1.1")] {
        let clients = CertificateAuthority::new("clients");
        let known = clients.client("gate");
        let unknown = CertificateAuthority::new("other").client("gate");
        let certificate = authority.server();
        let address = TlsServer {
            certificate,
            protocols,
            clients: Some(clients),
        }
        .start();
        let root = authority.pem();
        for (own, is_accepted) in [(Some(&known), true), (Some(&unknown), false), (None, false)] {
            let mut keys = ", ca_file: ca.crt".to_owned();
            let (mut chain, mut key) = (String::new(), String::new());
            if let Some(own) = own {
                keys += ", certificate: tls/own.crt, key: tls/own.key";
                (chain, key) = (own.pem(), own.key_pem());
            }
            let files = [
                ("ca.crt", root.as_str()),
                ("tls/own.crt", &chain),
                ("tls/own.key", &key),
            ];
            let gate = gate(address, &keys, &files);
            match is_accepted {
                true => assert_eq!(answer(&gate), format!("{version} - {} 0", known.thumbprint())),
                // In TLS 1.3 the server reads the certificate after the client has established the connection.
                false => assert!(["no_connection", "no_response"].contains(&&*failure(&gate))),
            }
        }
    }
}

#[test]
fn files_that_change_are_used_by_the_next_connection() {
    let (authority, later) = (CertificateAuthority::new("private"), CertificateAuthority::new("later"));
    let clients = CertificateAuthority::new("clients");
    let (one, other) = (clients.client("one"), clients.client("other"));
    let address = TlsServer {
        certificate: later.server(),
        protocols: BOTH,
        clients: Some(clients),
    }
    .start();
    let keys = ", ca_file: ca.crt, certificate: own.crt, key: own.key, pool: { idle: 0s }";
    let files = [
        ("ca.crt", authority.pem()),
        ("own.crt", one.pem()),
        ("own.key", one.key_pem()),
    ];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let gate = gate(address, keys, &files);
    assert_eq!(failure(&gate), "no_connection");
    gate.write("ca.crt", &later.pem());
    assert_eq!(answer(&gate), format!("HTTP/2.0 - {} 0", one.thumbprint()));
    // The key does not belong to it yet.
    gate.write("own.crt", &other.pem());
    assert_eq!(answer(&gate), format!("HTTP/2.0 - {} 1", one.thumbprint()));
    gate.write("own.key", &other.key_pem());
    assert_eq!(answer(&gate), format!("HTTP/2.0 - {} 2", other.thumbprint()));
    gate.write("ca.crt", "nonsense");
    assert_eq!(answer(&gate), format!("HTTP/2.0 - {} 3", other.thumbprint()));
    gate.write("ca.crt", &authority.pem());
    assert_eq!(failure(&gate), "no_connection");
}

#[test]
fn a_pool_of_no_time_is_a_connection_for_each_request() {
    let authority = CertificateAuthority::new("private");
    for (protocols, version) in [(BOTH, "HTTP/2.0"), (&["http/1.1"], "HTTP/1.1")] {
        let address = server(authority.server(), protocols);
        let keys = ", ca_file: ca.crt, pool: { idle: 0s }";
        let gate = gate(address, keys, &[("ca.crt", &authority.pem())]);
        for number in 0..4 {
            assert_eq!(answer(&gate), format!("{version} - - {number}"));
        }
    }
}

#[test]
fn a_websocket_reaches_a_server_that_has_both_versions() {
    let authority = CertificateAuthority::new("private");
    let address = server(authority.server(), BOTH);
    let gate = gate(address, ", ca_file: ca.crt", &[("ca.crt", &authority.pem())]);
    assert_eq!(answer(&gate), "HTTP/2.0 - - 0");
    let fields = [
        "Connection: close, Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    // This server does not switch protocols.
    let refused = wire::answer(gate.address, &wire::request("GET", "/x", &fields));
    assert_eq!((refused.status, refused.text()), (200, "HTTP/1.1 - - 1".to_owned()));
}
