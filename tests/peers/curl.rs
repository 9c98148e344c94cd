//! curl before the gate: every version of HTTP, private authorities on both sides, uploads and trailers.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use crate::deployment::Deployment;
use crate::deployment::upstream::Conduct;
use crate::mint::certificate::CertificateAuthority;
use crate::tls;
use crate::wire::bearer;

/// What a run of curl ends with.
struct Run {
    code: Option<i32>,
    /// Heads and bodies of the responses.
    output: String,
    /// The reason of a failure.
    error: String,
}

impl Run {
    /// The status lines of the responses, interim ones too.
    fn status_lines(&self) -> Vec<&str> {
        let lines = self.output.lines().filter(|line| line.starts_with("HTTP/"));
        lines.map(str::trim_end).collect()
    }

    fn has_trailer(&self, line: &str) -> bool {
        let after_the_head = self.output.split_once("\r\n\r\n");
        after_the_head.is_some_and(|(_, rest)| rest.contains(&format!("{line}\r\n")))
    }
}

fn curl(folder: &Path, arguments: &[&str]) -> Run {
    let ended = Command::new("curl")
        .args(["--silent", "--show-error", "--include", "--max-time", "60"])
        .args(["--noproxy", "*"])
        .args(arguments)
        .current_dir(folder)
        // Without it a configuration of the system can hide what the client offers.
        .env("OPENSSL_CONF", "/dev/null")
        .stdin(Stdio::null())
        .output()
        .expect("curl starts");
    Run {
        code: ended.status.code(),
        output: String::from_utf8_lossy(&ended.stdout).into_owned(),
        error: String::from_utf8_lossy(&ended.stderr).into_owned(),
    }
}

/// A folder with the certificate of each of these authorities.
fn folder_of(authorities: &[(&str, &CertificateAuthority)]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (name, authority) in authorities {
        std::fs::write(folder.path().join(name), authority.pem()).expect("the certificate is written");
    }
    folder
}

fn orders(deployment: &Deployment, scheme: &str) -> String {
    format!("{scheme}://{}/orders/7", deployment.gate.address)
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn curl_speaks_each_version_in_plain_text() {
    let deployment = Deployment::with_routes();
    let (folder, url) = (TempDir::new().expect("a folder"), orders(&deployment, "http"));
    let token = deployment.reader();
    for (version, granted, denied) in [
        ("--http1.0", "HTTP/1.0 200 OK", "HTTP/1.0 401 Unauthorized"),
        ("--http1.1", "HTTP/1.1 200 OK", "HTTP/1.1 401 Unauthorized"),
        ("--http2-prior-knowledge", "HTTP/2 200", "HTTP/2 401"),
        // An offer to upgrade to h2c, which is ignored.
        ("--http2", "HTTP/1.1 200 OK", "HTTP/1.1 401 Unauthorized"),
    ] {
        let run = curl(folder.path(), &[version, "--header", &token, &url]);
        assert_eq!(
            (run.code, run.status_lines()),
            (Some(0), vec![granted]),
            "{version}: {}",
            run.error
        );
        assert!(run.output.ends_with("\r\n\r\nok"), "{version}: {}", run.output);
        let run = curl(folder.path(), &[version, &url]);
        assert_eq!((run.code, run.status_lines()), (Some(0), vec![denied]), "{version}");
    }
    assert_eq!(deployment.upstream.count(), 4);
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn curl_trusts_a_private_authority() {
    let (authority, other) = (CertificateAuthority::new("gate"), CertificateAuthority::new("other"));
    let deployment = tls::with_certificate(&authority.server());
    let folder = folder_of(&[("ca.crt", &authority), ("other.crt", &other)]);
    let (url, token) = (orders(&deployment, "https"), deployment.reader());
    for (version, status_line) in [("--http1.1", "HTTP/1.1 200 OK"), ("--http2", "HTTP/2 200")] {
        for tls in ["1.2", "1.3"] {
            let arguments = [
                version,
                &format!("--tlsv{tls}"),
                "--tls-max",
                tls,
                "--cacert",
                "ca.crt",
                "--header",
                &token,
                &url,
            ];
            let run = curl(folder.path(), &arguments);
            assert_eq!(
                (run.code, run.status_lines()),
                (Some(0), vec![status_line]),
                "{version} {tls}: {}",
                run.error
            );
        }
    }
    // The certificate cannot be authenticated.
    let run = curl(folder.path(), &["--cacert", "other.crt", "--header", &token, &url]);
    assert_eq!((run.code, &*run.output), (Some(60), ""), "{}", run.error);

    let old = ["--tlsv1.1", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"];
    let run = curl(folder.path(), &[&old[..], &["--cacert", "ca.crt", &url]].concat());
    // The gate has read the ClientHello: the alert is its own.
    assert!(run.error.contains("alert handshake failure"), "{}", run.error);
    assert_eq!((run.code, &*run.output), (Some(35), ""));
    assert_eq!(deployment.upstream.count(), 4);
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn curl_shows_its_certificate() {
    let (authority, clients) = (CertificateAuthority::new("gate"), CertificateAuthority::new("clients"));
    let (server, own) = (authority.server(), clients.client("one"));
    let deployment = tls::deployment(
        "certificate: tls.crt, key: tls.key, client_certificates: { ca_file: clients.crt, demand: required }",
        &[
            ("tls.crt", &server.pem()),
            ("tls.key", &server.key_pem()),
            ("clients.crt", &clients.pem()),
        ],
    );
    let folder = folder_of(&[("ca.crt", &authority)]);
    for (name, text) in [("own.crt", own.pem()), ("own.key", own.key_pem())] {
        std::fs::write(folder.path().join(name), text).expect("the file is written");
    }
    let url = orders(&deployment, "https");
    let bound = json!({ "cnf": { "x5t#S256": own.thumbprint() } });
    let token = bearer(&deployment.issuer.token(bound));
    let identity = ["--cert", "own.crt", "--key", "own.key"];
    for (version, status_line) in [("--http1.1", "HTTP/1.1 200 OK"), ("--http2", "HTTP/2 200")] {
        let request = [version, "--cacert", "ca.crt", "--header", &token, &url];
        let run = curl(folder.path(), &[&identity[..], &request].concat());
        assert_eq!(
            (run.code, run.status_lines()),
            (Some(0), vec![status_line]),
            "{version}: {}",
            run.error
        );
        let without = curl(folder.path(), &[&["--tls-max", "1.2"][..], &request].concat());
        assert_eq!((without.code, &*without.output), (Some(98), ""), "{}", without.error);
        // In TLS 1.3 the client has ended its handshake before it is refused: it fails to read or to write, or it reads the alert.
        let without = curl(folder.path(), &request);
        assert!(matches!(without.code, Some(55 | 56 | 98)), "{}", without.error);
        assert_eq!(without.output, "", "{version}");
    }
    assert_eq!(deployment.upstream.count(), 2);
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn curl_uploads_once_it_is_asked_to_continue() {
    let deployment = Deployment::with_routes();
    let (folder, size) = (TempDir::new().expect("a folder"), 3_000_000);
    std::fs::write(folder.path().join("body"), vec![b'x'; size]).expect("the body is written");
    let url = format!("http://{}/orders", deployment.gate.address);
    let upload = [
        "--data-binary",
        "@body",
        "--header",
        "Content-Type: application/octet-stream",
        "--header",
        "Expect: 100-continue",
        &url,
    ];
    let token = deployment.writer();
    // Longer than the whole run may take: the body is sent for no other reason than the interim response.
    let http1 = ["--http1.1", "--expect100-timeout", "90"];
    let run = curl(folder.path(), &[&http1[..], &["--header", &token], &upload].concat());
    let expected = vec!["HTTP/1.1 100 Continue", "HTTP/1.1 200 OK"];
    assert_eq!((run.code, run.status_lines()), (Some(0), expected), "{}", run.error);

    let run = curl(folder.path(), &[&http1[..], &upload].concat());
    let expected = vec!["HTTP/1.1 401 Unauthorized"];
    assert_eq!((run.code, run.status_lines()), (Some(0), expected), "{}", run.error);

    // Over HTTP/2 there is no interim response: curl waits for its time-out, then it sends the body.
    let http2 = ["--http2-prior-knowledge", "--expect100-timeout", "1"];
    let run = curl(folder.path(), &[&http2[..], &["--header", &token], &upload].concat());
    assert_eq!(
        (run.code, run.status_lines()),
        (Some(0), vec!["HTTP/2 200"]),
        "{}",
        run.error
    );
    let lengths: Vec<_> = deployment.upstream.since(0).iter().map(|one| one.body.len()).collect();
    assert_eq!(lengths, [size, size]);
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn curl_shows_trailers() {
    let deployment = Deployment::with_routes();
    deployment.upstream.conduct(Conduct::AnswerWith(
        "HTTP/1.1 200 OK\r\nTrailer: X-Checksum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Checksum: 1\r\n\r\n",
    ));
    let (folder, url) = (TempDir::new().expect("a folder"), orders(&deployment, "http"));
    let token = deployment.reader();
    let takes = ["--header", "TE: trailers", "--header", "Connection: TE"];
    let http2: &[&str] = &["--http2-prior-knowledge"];
    let http1: &[&str] = &["--http1.1"];
    for (arguments, shown) in [(http1, false), (&[http1, &takes].concat(), true), (http2, true)] {
        let run = curl(folder.path(), &[arguments, &["--header", &token, &url]].concat());
        assert_eq!(run.code, Some(0), "{}", run.error);
        assert_eq!(run.has_trailer("x-checksum: 1"), shown, "{arguments:?}: {}", run.output);
    }
}
