//! HTTP/1 bodies: ambiguous framing never becomes a second request.

use crate::deployment::Deployment;
use crate::table::{BAD_REQUEST, HEAD_TOO_LARGE, PASSES, Table};
use crate::wire;

/// A POST with these framing fields and body.
fn post(line: &str, framing: &str, body: &str) -> Vec<u8> {
    format!("POST /orders HTTP/1.1\r\nHost: a.example\r\n{line}\r\n{framing}\r\n\r\n{body}").into_bytes()
}

const SMUGGLED: &str = "0\r\n\r\nGET /admin/smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n";

fn nothing_smuggled(deployment: &Deployment, table: &mut Table<'_>) {
    let bytes = deployment.upstream.bytes();
    let leaked = bytes.windows(8).any(|window| window == b"smuggled");
    table.check("a second request upstream", !leaked);
}

/// The length is dropped, the chunked body (here an empty one) is forwarded, and the connection is closed after the answer
/// (RFC 9112 section 6.1).
fn chunked_and_closed(table: &mut Table<'_>, row: &str, bytes: &[u8]) {
    let seen = table.request(row, bytes, PASSES);
    table.check(
        &format!("{row}: a chunked body upstream"),
        seen.iter()
            .all(|one| !one.has("content-length") && one.has("transfer-encoding") && one.body.is_empty()),
    );
    let answers = wire::conversation(table.gate(), bytes);
    let closing = answers.iter().map(|one| one.field("connection")).collect::<Vec<_>>();
    table.check(
        &format!("{row}: one answer and a closed connection, not {closing:?}"),
        closing == [Some("close".to_owned())],
    );
}

#[test]
fn content_length_beside_chunked_is_dropped() {
    let deployment = Deployment::with_routes();
    let line = deployment.writer();
    let mut table = Table::on(&deployment);
    for framing in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Content-Length: 0\r\nTransfer-Encoding: chunked",
        "Content-Length: 60\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: x",
        "X: y\nTransfer-Encoding: chunked\r\nContent-Length: 4",
    ] {
        let row = framing.escape_debug().to_string();
        chunked_and_closed(&mut table, &row, &post(&line, framing, SMUGGLED));
    }
    let framing = "Transfer-Encoding: identity\r\nContent-Length: 4";
    table.request(framing, &post(&line, framing, SMUGGLED), BAD_REQUEST);
    nothing_smuggled(&deployment, &mut table);
    table.finish();
}

/// The end of a long head is read like its beginning.
#[test]
fn content_length_beside_chunked_is_dropped_after_a_long_head() {
    let deployment = Deployment::with_routes();
    let line = deployment.writer();
    let mut table = Table::on(&deployment);
    for length in [1_000, 30_000, 35_000, 70_000, 120_000, 400_000] {
        let framing = format!(
            "X: {}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked",
            "y".repeat(length)
        );
        let row = format!("after {length} bytes");
        let bytes = post(&line, &framing, SMUGGLED);
        if length < 32 * 1024 {
            chunked_and_closed(&mut table, &row, &bytes);
        } else {
            table.request(&row, &bytes, HEAD_TOO_LARGE);
        }
    }
    nothing_smuggled(&deployment, &mut table);
    table.finish();
}

#[test]
fn other_transfer_encodings_are_rejected() {
    let deployment = Deployment::with_routes();
    let line = deployment.writer();
    let mut table = Table::on(&deployment);
    for framing in [
        "Transfer-Encoding: identity",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunkedx",
        "Transfer-Encoding: x chunked",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: chunked;x=y",
        "Transfer-Encoding: ,chunked",
        "Transfer-Encoding: chunked,",
        "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding: chunked\r\n , identity",
        "Transfer-Encoding:",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        " Transfer-Encoding: chunked",
        "Transfer-Encoding: \u{b}chunked",
        "Transfer-Encoding: chunk\u{e9}d",
    ] {
        table.request(
            &framing.escape_debug().to_string(),
            &post(&line, framing, SMUGGLED),
            BAD_REQUEST,
        );
    }
    for framing in [
        "Transfer-Encoding: CHUNKED",
        "Transfer-Encoding:chunked",
        "Transfer-Encoding:  chunked  ",
    ] {
        let bytes = post(
            &line,
            &format!("{framing}\r\nConnection: close"),
            "2\r\nhi\r\n0\r\n\r\n",
        );
        table.request(framing, &bytes, PASSES);
    }
    for framing in [
        "Transfer_Encoding: chunked\r\nContent-Length: 0",
        "X-Transfer-Encoding: chunked\r\nContent-Length: 0",
    ] {
        let bytes = post(&line, &format!("{framing}\r\nConnection: close"), "");
        table.request(framing, &bytes, PASSES);
    }
    let old =
        format!("POST /orders HTTP/1.0\r\nHost: a.example\r\n{line}\r\nTransfer-Encoding: chunked\r\n\r\n{SMUGGLED}");
    table.request("in HTTP/1.0", old.as_bytes(), BAD_REQUEST);
    let old = format!(
        "POST /orders HTTP/1.0\r\nHost: a.example\r\n{line}\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n{SMUGGLED}"
    );
    table.request("in HTTP/1.0, kept alive", old.as_bytes(), BAD_REQUEST);
    nothing_smuggled(&deployment, &mut table);
    table.finish();
}

#[test]
fn a_malformed_content_length_is_rejected() {
    let deployment = Deployment::with_routes();
    let line = deployment.writer();
    let mut table = Table::on(&deployment);
    for length in [
        "Content-Length: 4\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 4",
        "Content-Length: 4, 5",
        "Content-Length: +4",
        "Content-Length: -4",
        "Content-Length: 4x",
        "Content-Length: x4",
        "Content-Length: 0x4",
        "Content-Length: 4 4",
        "Content-Length: 4.0",
        "Content-Length: 1e1",
        "Content-Length: \"4\"",
        "Content-Length: ４",
        "Content-Length:",
        "Content-Length: 99999999999999999999999",
        "Content-Length: 18446744073709551617",
        "Content-Length : 4",
        "Content-Length\t: 4",
        " Content-Length: 4",
        "Content-Length: 4\r\n 5",
        "Content-Length: 4\0",
        "Content-Length: 4, 4",
    ] {
        table.request(
            &length.escape_debug().to_string(),
            &post(&line, length, SMUGGLED),
            BAD_REQUEST,
        );
    }
    for length in ["Content-Length: 4\r\nContent-Length: 4", "Content-Length: 004"] {
        let bytes = post(&line, &format!("{length}\r\nConnection: close"), "body");
        table.request(&length.escape_debug().to_string(), &bytes, PASSES);
    }
    nothing_smuggled(&deployment, &mut table);
    table.finish();
}

/// The head is forwarded before the body is read; a malformed body must not end as a complete one.
#[test]
fn a_malformed_chunked_body_is_not_forwarded_as_complete() {
    let deployment = Deployment::with_routes();
    let line = deployment.writer();
    for body in [
        "5\r\nhello\r\n",
        "x\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5 5\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\rhello\r\n0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "3\r\nhello\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "5;\nx\r\nhello\r\n0\r\n\r\n",
    ] {
        let mut connection = crate::wire::Connection::open(deployment.gate.address).expect("a connection");
        let _ = connection.send(&post(&line, "Transfer-Encoding: chunked", body));
        connection.finish_sending();
        let statuses: Vec<_> = connection.answers().iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [400], "{}", body.escape_debug());
    }
    let extended = post(
        &line,
        "Transfer-Encoding: chunked\r\nConnection: close",
        "5;x=\"y\"\r\nhello\r\n0\r\n\r\n",
    );
    let mut table = Table::on(&deployment);
    let seen = table.request("a chunk extension", &extended, PASSES);
    table.check(
        "the extension is not forwarded",
        seen.iter().all(|one| one.body == b"hello"),
    );
    // A request that was forwarded as complete has arrived by now.
    let valid = post(&line, "Content-Length: 4\r\nConnection: close", "good");
    table.request("a valid request afterwards", &valid, PASSES);
    let bodies: Vec<_> = deployment.upstream.since(0).into_iter().map(|one| one.body).collect();
    let whole = bodies.iter().filter(|body| *body != b"good").count();
    table.check(&format!("complete bodies: {bodies:?}"), whole == seen.len());
    table.finish_with_cut_bodies();
}
