//! Versions, protocols and time limits of handshakes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use tokio_rustls::rustls::ProtocolVersion;
use tokio_rustls::rustls::version::{TLS12, TLS13};

use super::with_certificate;
use crate::mint::certificate::CertificateAuthority;
use crate::wire::http2::Http2;
use crate::wire::tls::TlsClient;
use crate::wire::{self, AnswerTo, DEADLINE, Outcome};

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_are_served() {
    let authority = CertificateAuthority::new("gate");
    let deployment = with_certificate(&authority.server());
    let token = deployment.reader();
    for (version, number) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let client = TlsClient::trusting(&[&authority]).in_version(version);
        let socket = client.connect(deployment.gate.address).await.unwrap();
        assert_eq!(socket.get_ref().1.protocol_version(), Some(number));
        let answer = client
            .get(deployment.gate.address, "/orders/7", &[&token])
            .await
            .unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    let received = deployment.upstream.since(0);
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].head.value("x-forwarded-proto").as_deref(), Some("https"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_protocol_is_negotiated() {
    let authority = CertificateAuthority::new("gate");
    let deployment = with_certificate(&authority.server());
    let (address, token) = (deployment.gate.address, deployment.reader());
    let both = TlsClient::trusting(&[&authority]).offering(&["http/1.1", "h2"]);
    let socket = both.connect(address).await.unwrap();
    assert_eq!(socket.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let client = Http2::over(socket, "https", &address.to_string()).await;
    assert_eq!(client.get("/orders/7", &[&token]).await.status, 200);
    assert_eq!(client.get("/orders/7", &[]).await.status, 401);

    let http1 = TlsClient::trusting(&[&authority]).offering(&["http/1.1"]);
    let socket = http1.connect(address).await.unwrap();
    assert_eq!(socket.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let answer = http1.get(address, "/orders/7", &[&token]).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");

    let other = TlsClient::trusting(&[&authority]).offering(&["spdy/3"]);
    assert!(other.connect(address).await.is_err());
}

#[test]
fn a_request_in_plain_http_is_answered_in_plain_text() {
    let authority = CertificateAuthority::new("gate");
    let deployment = with_certificate(&authority.server());
    for method in ["GET", "POST", "OPTIONS"] {
        let answer = wire::answer(deployment.gate.address, &wire::request(method, "/orders/7", &[]));
        assert_eq!(answer.status, 400, "{method}");
        assert_eq!(answer.field("content-type").as_deref(), Some("text/plain"), "{method}");
        assert_eq!(
            answer.text(),
            "this port is for https; the request came in http\n",
            "{method}"
        );
    }
    let (process, client) = (&deployment.gate.process, "client=127.0.0.1");
    process.wait_for_line(&[
        "requests in plain HTTP at the port of TLS were answered with 400",
        client,
    ]);
    // Neither TLS nor HTTP/1.
    let mut stream = TcpStream::connect(deployment.gate.address).expect("a connection");
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect("sent");
    process.wait_for_line(&["TLS handshakes failed", client]);
    assert_eq!((deployment.upstream.count(), deployment.gate.decisions().len()), (0, 0));
}

/// A ClientHello of TLS 1.1 with one usual cipher suite.
fn hello_of_tls_1_1() -> Vec<u8> {
    let suites = [0x00, 0x02, 0xc0, 0x13];
    // `supported_groups` with P-256, `signature_algorithms` with one of ECDSA.
    let extensions = [0, 16, 0, 10, 0, 4, 0, 2, 0, 23, 0, 13, 0, 4, 0, 2, 4, 3];
    let body = [&[0x03, 0x02][..], &[7; 32], &[0], &suites, &[1, 0], &extensions].concat();
    let length = u8::try_from(body.len()).unwrap();
    let handshake = [&[1, 0, 0, length][..], &body].concat();
    let length = u8::try_from(handshake.len()).unwrap();
    [&[22, 0x03, 0x01, 0, length][..], &handshake].concat()
}

#[test]
fn an_older_version_is_refused_by_an_alert() {
    let deployment = with_certificate(&CertificateAuthority::new("gate").server());
    let mut socket = TcpStream::connect(deployment.gate.address).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.write_all(&hello_of_tls_1_1()).unwrap();
    let mut alert = Vec::new();
    socket.read_to_end(&mut alert).unwrap();
    // Alert, level fatal, `protocol_version`.
    assert_eq!(
        (alert.first(), alert.get(5..)),
        (Some(&21), Some(&[2, 70][..])),
        "{alert:?}"
    );
}

#[test]
fn a_handshake_that_does_not_end_is_cut() {
    let deployment = with_certificate(&CertificateAuthority::new("gate").server());
    for part in [&[][..], &hello_of_tls_1_1()[..20]] {
        let started = Instant::now();
        let mut socket = TcpStream::connect(deployment.gate.address).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        socket.write_all(part).unwrap();
        assert_eq!(socket.read_to_end(&mut Vec::new()).unwrap(), 0);
        assert!(started.elapsed() < DEADLINE / 2);
    }
}

#[test]
fn http2_in_plain_text_is_not_served() {
    let deployment = with_certificate(&CertificateAuthority::new("gate").server());
    let mut connection = wire::Connection::open(deployment.gate.address).unwrap();
    connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    assert!(matches!(connection.answer(AnswerTo::AnyMethod), Outcome::Closed));
    assert_eq!(deployment.upstream.count(), 0);
}
