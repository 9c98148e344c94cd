//! HTTP/1 lines: line ends, field names, `Host`, versions, and input that is not HTTP.

use std::io::Write;
use std::net::TcpStream;

use crate::deployment::Deployment;
use crate::table::{BAD_REQUEST, PASSES, Table};

#[test]
fn missing_repeated_or_malformed_host_is_rejected() {
    let deployment = Deployment::with_routes();
    let line = deployment.writer();
    let mut table = Table::on(&deployment);
    for (what, hosts) in [
        ("none", ""),
        ("two", "Host: a.example\r\nHost: b.example\r\n"),
        ("two alike", "Host: a.example\r\nHost: a.example\r\n"),
        ("two in other cases", "Host: a.example\r\nHOST: b.example\r\n"),
        ("a list", "Host: a.example, b.example\r\n"),
        ("a tight list", "Host: a.example,b.example\r\n"),
        ("two words", "Host: a.example b.example\r\n"),
        ("userinfo", "Host: user@a.example\r\n"),
        ("a path", "Host: a.example/x\r\n"),
        ("a URL", "Host: http://a.example\r\n"),
        ("a query", "Host: a.example?x\r\n"),
        ("a fragment", "Host: a.example#x\r\n"),
        ("a port that is not a number", "Host: a.example:port\r\n"),
        ("a port too high", "Host: a.example:99999\r\n"),
        ("two ports", "Host: a.example:80:90\r\n"),
        ("a backslash", "Host: a.example\\x\r\n"),
        ("non-ASCII", "Host: ä.example\r\n"),
        ("a NUL", "Host: a\0.example\r\n"),
    ] {
        for target in ["/orders/1", "/open/page"] {
            let text = format!("GET {target} HTTP/1.1\r\n{hosts}{line}\r\nConnection: close\r\n\r\n");
            table.request(&format!("{what}, {target}"), text.as_bytes(), BAD_REQUEST);
        }
    }
    let empty = format!("GET /orders/1 HTTP/1.1\r\nHost:\r\n{line}\r\nConnection: close\r\n\r\n");
    table.request("empty", empty.as_bytes(), BAD_REQUEST);
    table.finish();
}

#[test]
fn other_http_versions_are_rejected() {
    let deployment = Deployment::with_routes();
    let line = deployment.writer();
    let mut table = Table::on(&deployment);
    for version in [
        "HTTP/0.9",
        "HTTP/1.2",
        "HTTP/1.9",
        "HTTP/2.0",
        "HTTP/2",
        "HTTP/3.0",
        "HTTP/11",
        "HTTP/1.",
        "HTTP/1.1.1",
        "HTTP/1.10",
        "HTTP/01.1",
        "http/1.1",
        "Http/1.1",
        "HTTP 1.1",
        "HTTPS/1.1",
        "HTTP/1,1",
        "HTTP/+1.1",
        "SIP/2.0",
        "X",
    ] {
        let text = format!("GET /orders/1 {version}\r\nHost: a.example\r\n{line}\r\nConnection: close\r\n\r\n");
        table.request(version, text.as_bytes(), BAD_REQUEST);
    }
    for (what, text) in [
        (
            "no version",
            format!("GET /orders/1\r\nHost: a.example\r\n{line}\r\n\r\n"),
        ),
        ("a simple request", "GET /open/page\r\n".to_owned()),
        (
            "four words",
            format!("GET /orders/1 x HTTP/1.1\r\nHost: a.example\r\n{line}\r\n\r\n"),
        ),
    ] {
        table.request(what, text.as_bytes(), BAD_REQUEST);
    }
    table.finish();
}

#[test]
fn tls_and_garbage_are_rejected() {
    let deployment = Deployment::with_routes();
    let mut table = Table::on(&deployment);
    let tls = b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03ABCDEFGHIJKLMNOPQRSTUVWXYZ012345\r\n\r\n";
    let garbage: Vec<u8> = (0..2000_u32).map(|i| (i * 7919 % 251) as u8).collect();
    for (what, bytes, status_line) in [
        ("TLS", tls.to_vec(), Some("HTTP/1.1 400 Bad Request")),
        ("garbage", garbage, Some("HTTP/1.1 400 Bad Request")),
        // There is nothing to answer.
        ("only line breaks", b"\r\n".repeat(5000), None),
        ("NULs", vec![0; 4096], Some("HTTP/1.1 400 Bad Request")),
    ] {
        let before = deployment.upstream.count();
        let mut stream = TcpStream::connect(deployment.gate.address).expect("a connection");
        stream
            .set_read_timeout(Some(crate::wire::DEADLINE))
            .expect("a deadline");
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let read = std::io::Read::read_to_end(&mut stream, &mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        table.check(
            &format!("{what}: {answer}, {read:?}"),
            answer.lines().next() == status_line && read.is_ok(),
        );
        table.check(&format!("{what} upstream"), deployment.upstream.count() == before);
    }
    let valid = crate::wire::request("GET", "/orders/1", &[&deployment.writer()]);
    table.request("a valid request afterwards", &valid, PASSES);
    table.finish();
}

#[test]
fn malformed_field_lines_are_rejected() {
    let deployment = Deployment::with_routes();
    let line = deployment.writer();
    let mut table = Table::on(&deployment);
    for field in [
        "no colon",
        ": no name",
        "",
        "X Y: z",
        "X(: y",
        "X\u{e9}: y",
        "\u{b}X: y",
        "X@: y",
        "X{: y",
        "[X]: y",
        "X\": y",
        "Host: a.example : b",
    ] {
        let text =
            format!("GET /orders/1 HTTP/1.1\r\n{field}\r\nHost: a.example\r\n{line}\r\nConnection: close\r\n\r\n");
        table.request(&format!("{:?}", field), text.as_bytes(), BAD_REQUEST);
    }
    for fold in [" folded", "\tfolded"] {
        let text = format!(
            "GET /orders/1 HTTP/1.1\r\nHost: a.example\r\nX: y\r\n{fold}\r\n{line}\r\nConnection: close\r\n\r\n"
        );
        table.request(&format!("a folded line: {fold:?}"), text.as_bytes(), BAD_REQUEST);
    }
    table.finish();
}

/// A line may end with a bare LF (RFC 9112 section 2.2); what the gate decides on is what it forwards.
#[test]
fn a_bare_lf_ends_a_line_and_control_characters_are_rejected() {
    let deployment = Deployment::with_routes();
    let line = deployment.writer();
    let get = |head: &str| format!("GET /orders/1{head}\r\n{line}\r\nConnection: close\r\n\r\n").into_bytes();
    let mut table = Table::on(&deployment);
    for (what, head, want) in [
        (
            "a bare CR in a field",
            " HTTP/1.1\r\nHost: a.example\r\nX: a\rb",
            BAD_REQUEST,
        ),
        (
            "a bare CR and a field",
            " HTTP/1.1\r\nHost: a.example\r\nX: a\rX-Auth-Subject: forged",
            BAD_REQUEST,
        ),
        (
            "a NUL in a field",
            " HTTP/1.1\r\nHost: a.example\r\nX: a\0b",
            BAD_REQUEST,
        ),
        ("a NUL in a name", " HTTP/1.1\r\nHost: a.example\r\nX\0: a", BAD_REQUEST),
        (
            "a bare CR after the request line",
            " HTTP/1.1\rHost: a.example",
            BAD_REQUEST,
        ),
        (
            "a control character in a field",
            " HTTP/1.1\r\nHost: a.example\r\nX: a\u{1}b",
            BAD_REQUEST,
        ),
        ("a bare LF after the request line", " HTTP/1.1\nHost: a.example", PASSES),
        ("a bare LF after a field", " HTTP/1.1\r\nHost: a.example\nX: y", PASSES),
        (
            "a bare LF and an identity header",
            " HTTP/1.1\r\nHost: a.example\nX-Auth-Subject: forged",
            PASSES,
        ),
    ] {
        table.request(what, &get(head), want);
    }
    let bare = format!("GET /orders/1 HTTP/1.1\nHost: a.example\n{line}\nConnection: close\n\n");
    table.request("nothing but bare LF", bare.as_bytes(), PASSES);
    let leading = [b"\r\n".to_vec(), get(" HTTP/1.1\r\nHost: a.example")].concat();
    table.request("an empty line in front", &leading, PASSES);
    table.finish();
}
