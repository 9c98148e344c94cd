//! An upstream that is not as it is configured: the warning names the upstream, the cause and the key to change.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::tls_server::TlsServer;
use super::{OK, configuration, protocols, send, server};
use crate::deployment::gate::Gate;
use crate::mint::certificate::{Certificate, CertificateAuthority};

/// A gate whose `upstream` has these keys.
fn gate(url: &str, keys: &str, files: &[(&str, &str)]) -> Gate {
    Gate::run_beside(&configuration(&format!("upstream: {{ url: '{url}'{keys} }}")), files)
}

/// The line of the process log about a request that `url`, the upstream of the gate, does not answer.
fn warning(gate: &Gate, url: &str) -> String {
    let answer = send(gate, "GET", "/x", &[], "");
    assert_eq!(answer.status, 502, "{url}");
    let id = answer.json()["decision"].as_str().expect("an id").to_owned();
    let line = gate.process.wait_for_line(&[&id]);
    let start = "WARN the upstream did not respond decision=";
    assert!(
        line.contains(start) && line.contains(&format!("upstream=\"{url}\"")),
        "{line}"
    );
    assert!(!answer.everything().contains("write"), "{}", answer.everything());
    line
}

fn tls(certificate: Certificate) -> SocketAddr {
    TlsServer {
        certificate,
        protocols: &["h2", "http/1.1"],
        clients: None,
    }
    .start()
}

/// A server without TLS that answers whatever it receives.
fn plain() -> SocketAddr {
    super::listen(|mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
}

#[test]
fn another_protocol_than_the_configured_one_is_named() {
    let authority = CertificateAuthority::new("private");
    let http1 = server(|_, _| OK).0;
    for (url, expected) in [
        (
            format!("http://{}", protocols::http2_server()),
            "the upstream speaks HTTP/2: write `h2c://`",
        ),
        (
            format!("h2c://{http1}"),
            "the upstream speaks HTTP/1.1: write `http://`",
        ),
        (
            format!("https://{}", plain()),
            "the upstream speaks no TLS: write `http://`, or `h2c://` for HTTP/2",
        ),
        (
            format!("http://{}", tls(authority.server())),
            "the upstream speaks TLS: write `https://`",
        ),
        (
            format!("h2c://{}", tls(authority.server())),
            "the upstream speaks TLS: write `https://`",
        ),
    ] {
        let gate = gate(&url, "", &[]);
        // A server that closes before it has read everything resets the connection, which can discard what it sent.
        gate.wait_until(expected, || warning(&gate, &url).contains(expected));
    }
}

#[test]
fn the_key_for_a_certificate_that_is_not_accepted_is_named() {
    let (authority, other) = (CertificateAuthority::new("private"), CertificateAuthority::new("other"));
    let (ca, other_ca) = (authority.pem(), other.pem());
    let server = || format!("https://{}", tls(authority.server()));
    for (url, keys, root, expected) in [
        (server(), ", ca_file: ca.crt", &other_ca, "write `ca_file: FILE`"),
        (
            server(),
            ", ca_file: ca.crt, server_name: api.internal",
            &ca,
            "write `server_name: NAME`",
        ),
    ] {
        let line = warning(&gate(&url, keys, &[("ca.crt", root)]), &url);
        assert!(line.contains(expected), "{url}: {line}");
    }
}
