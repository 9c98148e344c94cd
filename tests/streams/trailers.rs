//! Trailers over HTTP/1.1, in both directions.

use super::{Setup, head, status};
use crate::wire::http1::Unframed;

fn upload(setup: &Setup, lines: &str, trailers: &str) -> Vec<u8> {
    let token = setup.token();
    format!("POST /orders HTTP/1.1\r\nHost: orders.example.com\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n{lines}{token}\r\n\r\n2\r\nab\r\n0\r\n{trailers}\r\n").into_bytes()
}

#[test]
fn trailers_of_a_request_are_forwarded_where_their_headers_would_be() {
    let setup = Setup::start("");
    let mut client = setup.client();
    let announced = "Trailer: X-Checksum, X-Auth-Subject, Authorization\r\nTE: trailers\r\nConnection: TE\r\n";
    let trailers = "X-Checksum: 1\r\nX-Auth-Subject: forged\r\nx_auth_subject: forged\r\nAuthorization: Bearer b\r\nCookie: a=b\r\n\
        Host: other\r\nContent-Length: 5\r\nX-Forwarded-For: 6.6.6.6\r\nRemote-User: root\r\nX-Unannounced: 1\r\n";
    client.send(&upload(&setup, announced, trailers)).expect("sent");
    let mut upstream = setup.accept();
    let received = head(&mut upstream);
    assert_eq!(received.values("trailer"), ["X-Checksum"]);
    assert_eq!(received.values("te"), ["trailers"]);
    let (body, trailers) = upstream.reader().body(&received, Unframed::Empty).expect("a body");
    assert_eq!(body, b"ab");
    let names: Vec<_> = trailers
        .fields
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    assert_eq!(names, ["x-checksum"]);
}

#[test]
fn trailers_of_a_response_reach_a_client_that_takes_them() {
    let setup = Setup::start("");
    for (lines, expected) in [("TE: trailers\r\nConnection: TE\r\n", vec!["x-checksum"]), ("", vec![])] {
        let mut client = setup.client();
        client.send(&upload(&setup, lines, "")).expect("sent");
        let mut upstream = setup.accept();
        let received = head(&mut upstream);
        upstream.reader().body(&received, Unframed::Empty).expect("a body");
        let answer = "HTTP/1.1 200 OK\r\ntrailer: X-Checksum, Keep-Alive\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Checksum: 1\r\nKeep-Alive: timeout=5\r\n\r\n";
        upstream.send(answer.as_bytes()).expect("sent");
        let answer = head(&mut client);
        assert_eq!(status(&answer), 200);
        let (body, trailers) = client.reader().body(&answer, Unframed::Empty).expect("a body");
        assert_eq!(body, b"ok");
        let names: Vec<_> = trailers
            .fields
            .iter()
            .map(|(name, _)| name.to_ascii_lowercase())
            .collect();
        assert_eq!(names, expected, "{lines:?}");
    }
}

/// The body of a form, and one without a type, is read ahead.
#[test]
fn trailers_of_an_inspected_body_are_forwarded() {
    let setup = Setup::start("");
    let token = setup.token();
    for lines in [
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: multipart/form-data; boundary=x\r\n",
        "Content-Type: application/json\r\n",
        "",
    ] {
        let mut client = setup.client();
        let request = format!(
            "POST /orders HTTP/1.1\r\nHost: orders.example.com\r\n{lines}Trailer: X-Checksum\r\nTransfer-Encoding: chunked\r\n{token}\r\n\r\n\
            3\r\na=b\r\n0\r\nX-Checksum: 1\r\nAuthorization: Bearer b\r\n\r\n"
        );
        client.send(request.as_bytes()).expect("sent");
        let mut upstream = setup.accept();
        let received = head(&mut upstream);
        let (body, trailers) = upstream.reader().body(&received, Unframed::Empty).expect("a body");
        assert_eq!(
            (body, trailers.values("x-checksum")),
            (b"a=b".to_vec(), vec!["1".to_owned()]),
            "{lines:?}"
        );
        assert_eq!(trailers.fields.len(), 1, "{lines:?}");
    }
}
