//! Hop-by-hop fields: what `Connection` removes from a request, and what it cannot remove.

use crate::deployment::Deployment;
use crate::mint::forged_token;
use crate::table::{BAD_REQUEST, PASSES, Table};
use crate::wire::bearer;

#[test]
fn connection_cannot_nominate_identity_headers_or_framing() {
    let deployment = Deployment::with_routes();
    let line = deployment.reader();
    let mut table = Table::on(&deployment);
    for (nominated, want) in [
        ("x-auth-subject", BAD_REQUEST),
        ("X-Auth-Subject, X-Auth-Actor, X-Auth-Chain", BAD_REQUEST),
        ("x_auth_subject", BAD_REQUEST),
        (
            "keep-alive, x-auth-issuer, x-auth-kind, x-auth-scope, x-auth-client",
            BAD_REQUEST,
        ),
        ("Host", BAD_REQUEST),
        ("Content-Length", BAD_REQUEST),
        ("Transfer-Encoding", PASSES),
    ] {
        let text = format!(
            "GET /orders/1 HTTP/1.1\r\nHost: a.example\r\n{line}\r\nX-Auth-Subject: forged\r\nConnection: {nominated}\r\n\r\n"
        );
        for one in table.request(&format!("Connection: {nominated}"), text.as_bytes(), want) {
            let subject = one.head.values("x-auth-subject");
            table.check(
                &format!("the subject upstream with Connection: {nominated}: {subject:?}"),
                subject == ["alice-canary"],
            );
            let options = one.head.values("connection").join(", ");
            table.check(&format!("Connection: {options} upstream"), !options.contains(nominated));
        }
    }
    table.finish();
}

#[test]
fn connection_cannot_nominate_content_length() {
    let deployment = Deployment::with_routes();
    let line = deployment.writer();
    let text = format!(
        "POST /orders HTTP/1.1\r\nHost: a.example\r\n{line}\r\nContent-Length: 5\r\nConnection: Content-Length\r\n\r\nhello"
    );
    let mut table = Table::on(&deployment);
    table.request("Connection: Content-Length", text.as_bytes(), BAD_REQUEST);
    table.finish();
}

#[test]
fn hop_by_hop_headers_are_not_forwarded() {
    let deployment = Deployment::with_routes();
    let line = deployment.reader();
    let hops = [
        "Connection: keep-alive, x-per-hop",
        "X-Per-Hop: secret",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "Proxy-Authorization: Basic dXNlcjpwYXNz",
        "Proxy-Authenticate: Basic",
        "TE: trailers",
        "Trailer: X-Checksum",
    ];
    let text = format!(
        "GET /orders/1 HTTP/1.1\r\nHost: a.example\r\n{line}\r\nX-End-To-End: kept\r\n{}\r\n\r\n",
        hops.join("\r\n")
    );
    let mut table = Table::on(&deployment);
    let seen = table.request("hop-by-hop headers", text.as_bytes(), PASSES);
    for one in &seen {
        for hop in [
            "x-per-hop",
            "keep-alive",
            "proxy-connection",
            "proxy-authorization",
            "proxy-authenticate",
        ] {
            table.check(&format!("{hop} is not forwarded"), !one.has(hop));
        }
        table.check(
            "other headers are forwarded",
            one.head.values("x-end-to-end") == ["kept"],
        );
    }
    table.finish();
}

#[test]
fn connection_cannot_nominate_authorization() {
    let deployment = Deployment::with_routes();
    let mut table = Table::on(&deployment);
    for nominated in ["Authorization", "authorization, close", "AUTHORIZATION"] {
        for (what, line) in [
            ("a forged token", bearer(&forged_token())),
            ("garbage", bearer("garbage")),
        ] {
            let text =
                format!("GET /orders/1 HTTP/1.1\r\nHost: a.example\r\n{line}\r\nConnection: {nominated}\r\n\r\n");
            let row = format!("Connection: {nominated} with {what}");
            table.request(&row, text.as_bytes(), BAD_REQUEST);
        }
    }
    table.finish();
}
