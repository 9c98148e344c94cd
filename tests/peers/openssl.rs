//! `openssl s_client` before the gate: versions, protocols, names and certificates, as OpenSSL sees them.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use crate::mint::certificate::{Certificate, CertificateAuthority, Validity};
use crate::tls;
use crate::wire::bearer;

/// A client that ends when a certificate does not verify.
const VERIFY: [&str; 5] = ["s_client", "-verify_return_error", "-CAfile", "ca.crt", "-connect"];

struct Session {
    succeeded: bool,
    /// What it prints of the handshake, and what the server sends.
    output: String,
    error: String,
}

impl Session {
    /// Sends `input` by a client with these arguments, and reads to the end of the connection.
    fn run(folder: &Path, address: &str, arguments: &[&str], input: &str) -> Self {
        let mut command = Command::new("openssl");
        command.args(VERIFY).arg(address).args(arguments);
        // Without input it ends after the handshake.
        if !input.is_empty() {
            command.arg("-ign_eof");
        }
        let mut client = command
            .current_dir(folder)
            .env("OPENSSL_CONF", "/dev/null")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("openssl starts");
        let mut stdin = client.stdin.take().expect("its input");
        // It may have ended.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let ended = client.wait_with_output().expect("openssl ends");
        Self {
            succeeded: ended.status.success(),
            output: String::from_utf8_lossy(&ended.stdout).into_owned(),
            error: String::from_utf8_lossy(&ended.stderr).into_owned(),
        }
    }

    fn has(&self, text: &str) -> bool {
        self.output.contains(text) || self.error.contains(text)
    }

    #[track_caller]
    fn assert_has(&self, text: &str) {
        assert!(self.has(text), "no {text:?} in:\n{}\n{}", self.output, self.error);
    }
}

fn folder_of(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("the file is written");
    }
    folder
}

fn request(token: &str) -> String {
    format!("GET /orders/7 HTTP/1.1\r\nHost: orders.example.com\r\n{token}\r\nConnection: close\r\n\r\n")
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn openssl_connects_in_both_versions_and_in_no_older_one() {
    let authority = CertificateAuthority::new("gate");
    let deployment = tls::with_certificate(&authority.server());
    let folder = folder_of(&[("ca.crt", &authority.pem())]);
    let address = deployment.gate.address.to_string();
    for (flag, version) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let session = Session::run(folder.path(), &address, &[flag], &request(&deployment.reader()));
        assert!(session.succeeded, "{flag}: {}", session.error);
        session.assert_has(&format!("New, {version}, Cipher is"));
        session.assert_has("Verification: OK");
        session.assert_has("HTTP/1.1 200 OK");
    }
    for flag in ["-tls1", "-tls1_1"] {
        let session = Session::run(
            folder.path(),
            &address,
            &[flag, "-cipher", "DEFAULT@SECLEVEL=0"],
            &request(&deployment.reader()),
        );
        assert!(!session.succeeded, "{flag}");
        session.assert_has("alert handshake failure");
    }
    assert_eq!(deployment.upstream.count(), 2);
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn openssl_negotiates_the_protocol() {
    let authority = CertificateAuthority::new("gate");
    let deployment = tls::with_certificate(&authority.server());
    let folder = folder_of(&[("ca.crt", &authority.pem())]);
    let address = deployment.gate.address.to_string();
    for (offered, expected) in [
        ("h2,http/1.1", "ALPN protocol: h2"),
        ("http/1.1,h2", "ALPN protocol: h2"),
        ("http/1.1", "ALPN protocol: http/1.1"),
    ] {
        let session = Session::run(folder.path(), &address, &["-alpn", offered], "");
        assert!(session.succeeded, "{offered}: {}", session.error);
        session.assert_has(expected);
    }
    let session = Session::run(folder.path(), &address, &["-alpn", "spdy/3"], "");
    assert!(!session.succeeded);
    session.assert_has("alert no application protocol");
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn openssl_gets_the_certificate_of_the_name() {
    let authority = CertificateAuthority::new("gate");
    let of = |name: &str| authority.server_of(&[name], Validity::ThisCentury);
    let (first, second) = (of("a.example"), of("b.example"));
    let deployment = tls::deployment(
        "certificate: tls.crt, key: tls.key, further: [{ certificate: b.crt, key: b.key }]",
        &[
            ("tls.crt", &first.pem()),
            ("tls.key", &first.key_pem()),
            ("b.crt", &second.pem()),
            ("b.key", &second.key_pem()),
        ],
    );
    let other = CertificateAuthority::new("other");
    let folder = folder_of(&[("ca.crt", &authority.pem()), ("other.crt", &other.pem())]);
    let address = deployment.gate.address.to_string();
    for name in ["a.example", "b.example"] {
        let names = ["-servername", name, "-verify_hostname", name];
        let session = Session::run(folder.path(), &address, &names, "");
        assert!(session.succeeded, "{name}: {}", session.error);
        session.assert_has(&format!("Verified peername: {name}"));
        // The last `-CAfile` counts.
        let untrusting = [&names[..], &["-CAfile", "other.crt"]].concat();
        let session = Session::run(folder.path(), &address, &untrusting, "");
        assert!(!session.succeeded, "{name}");
        session.assert_has("certificate verify failed");
    }
    let names = ["-servername", "a.example", "-verify_hostname", "b.example"];
    let session = Session::run(folder.path(), &address, &names, "");
    assert!(!session.succeeded);
    session.assert_has("hostname mismatch");
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn openssl_shows_its_certificate() {
    let (authority, clients) = (CertificateAuthority::new("gate"), CertificateAuthority::new("clients"));
    let other = CertificateAuthority::new("other");
    let server = authority.server();
    let deployment = tls::deployment(
        "certificate: tls.crt, key: tls.key, client_certificates: { ca_file: clients.crt, demand: required }",
        &[
            ("tls.crt", &server.pem()),
            ("tls.key", &server.key_pem()),
            ("clients.crt", &clients.pem()),
        ],
    );
    let (own, foreign) = (clients.client("one"), other.client("one"));
    let folder = folder_of(&[("ca.crt", &authority.pem())]);
    let address = deployment.gate.address.to_string();
    let bound = json!({ "cnf": { "x5t#S256": own.thumbprint() } });
    let token = bearer(&deployment.issuer.token(bound));
    let write = |certificate: &Certificate| {
        std::fs::write(folder.path().join("own.crt"), certificate.pem()).expect("the certificate is written");
        std::fs::write(folder.path().join("own.key"), certificate.key_pem()).expect("the key is written");
    };
    let identity = ["-cert", "own.crt", "-key", "own.key"];
    for version in ["-tls1_2", "-tls1_3"] {
        write(&own);
        let arguments = [&[version][..], &identity].concat();
        let session = Session::run(folder.path(), &address, &arguments, &request(&token));
        session.assert_has("CN = clients");
        session.assert_has("HTTP/1.1 200 OK");

        write(&foreign);
        for arguments in [&arguments[..], &[version]] {
            let session = Session::run(folder.path(), &address, arguments, &request(&token));
            assert!(!session.has("HTTP/1.1 "), "{arguments:?}: {}", session.output);
            // In TLS 1.3 the handshake of the client ends before it is refused, and its request may meet a closed connection.
            assert!(!session.succeeded || version == "-tls1_3", "{arguments:?}");
        }
    }
    assert_eq!(deployment.upstream.count(), 2);
}
