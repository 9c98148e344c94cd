//! The gate as a proxy: streaming, the `Authorization` header, allowed hosts, an unavailable upstream, and shutdown.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use crate::deployment::gate::Gate;
use crate::deployment::upstream::Conduct;
use crate::deployment::{Configuration, Deployment, ROUTES};
use crate::mint::TokenIssuer;
use crate::table::{BAD_REQUEST, BARE_CHALLENGE, MISDIRECTED, PASSES, Table};
use crate::wire::{self, Connection, Outcome, bearer, request};

fn with_top(line: &str) -> Deployment {
    let configuration = Configuration {
        top: line.to_owned(),
        ..Configuration::default()
    };
    Deployment::start(TokenIssuer::new(), &configuration)
}

fn open(deployment: &Deployment) -> TcpStream {
    let stream = TcpStream::connect(deployment.gate.address).expect("a connection");
    stream.set_read_timeout(Some(wire::DEADLINE)).expect("a deadline");
    stream
}

/// Reads until `end` is received.
fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    while !String::from_utf8_lossy(&seen).contains(end) {
        let count = stream.read(&mut buffer).expect("more of the answer");
        assert!(count > 0, "closed before {end:?}: {}", String::from_utf8_lossy(&seen));
        seen.extend(&buffer[..count]);
    }
    String::from_utf8_lossy(&seen).into_owned()
}

#[test]
fn a_response_is_streamed() {
    let deployment = Deployment::with_routes();
    deployment.upstream.conduct(Conduct::Trickle);
    let valid = deployment.reader();
    let mut stream = open(&deployment);
    stream.write_all(&request("GET", "/orders/1", &[&valid])).expect("sent");
    // The first event arrives before the second is written.
    let seen = read_until(&mut stream, "first");
    assert!(!seen.contains("second"), "{seen}");
    deployment.upstream.release();
    read_until(&mut stream, "second");
}

#[test]
fn a_request_is_streamed() {
    let deployment = Deployment::with_routes();
    let writer = deployment.writer();
    let mut stream = open(&deployment);
    let head = request("POST", "/orders", &[&writer, "Transfer-Encoding: chunked"]);
    stream.write_all(&head).expect("sent");
    stream.write_all(b"5\r\nfirst\r\n").expect("sent");
    deployment.wait_until("the first chunk is upstream", || {
        deployment.upstream.bytes().windows(5).any(|window| window == b"first")
    });
    stream.write_all(b"6\r\nsecond\r\n0\r\n\r\n").expect("sent");
    read_until(&mut stream, "200 OK");
    assert_eq!(deployment.upstream.since(0)[0].body, b"firstsecond");
}

#[test]
fn the_token_is_stripped_unless_forwarding_is_configured() {
    for (line, passed) in [
        ("", false),
        ("access_token: strip\n", false),
        ("access_token: forward\n", true),
    ] {
        let deployment = with_top(line);
        let valid = deployment.reader();
        let mut table = Table::on(&deployment);
        for one in table.request(line, &request("GET", "/orders/1", &[&valid]), PASSES) {
            let upstream = one
                .head
                .value("authorization")
                .map(|value| format!("Authorization: {value}"));
            table.check(line, upstream == passed.then(|| valid.clone()));
        }
        let forged = bearer(&TokenIssuer::new().token(json!({})));
        let open = request("GET", "/open/page", &[&forged]);
        for one in table.request(&format!("{line} on a public route"), &open, PASSES) {
            table.check(
                "no unverified token upstream",
                one.head.value("authorization").is_none(),
            );
        }
        table.finish();
    }
}

#[test]
fn only_configured_hosts_are_accepted() {
    let deployment = with_top("hosts: [admin.example.com, \"api.example.com:8443\"]\n");
    let valid = deployment.reader();
    let mut table = Table::on(&deployment);
    for (host, want) in [
        ("admin.example.com", PASSES),
        ("Admin.Example.Com", PASSES),
        ("admin.example.com:80", PASSES),
        ("admin.example.com.", PASSES),
        ("api.example.com:8443", PASSES),
        ("api.example.com:9443", MISDIRECTED),
        ("evil.example", MISDIRECTED),
        ("admin.example.com.evil.example", MISDIRECTED),
        ("xadmin.example.com", MISDIRECTED),
        ("localhost.evil.example", MISDIRECTED),
    ] {
        for target in ["/orders/1", "/open/page"] {
            let text = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{valid}\r\nConnection: close\r\n\r\n");
            table.request(&format!("{host}{target}"), text.as_bytes(), want);
        }
    }
    table.finish();
}

#[test]
fn health_is_only_on_the_admin_listener() {
    let deployment = Deployment::with_routes();
    let mut table = Table::on(&deployment);
    for path in ["/livez", "/readyz", "/metrics", "/healthz", "/ping"] {
        for agent in ["User-Agent: kube-probe/1.29", "User-Agent: GoogleHC/1.0"] {
            let bytes = request("GET", path, &[agent]);
            table.request(path, &bytes, BARE_CHALLENGE);
        }
    }
    table.finish();
    let admin = |path: &str| wire::answer(deployment.gate.admin, &request("GET", path, &[]));
    assert_eq!((admin("/livez").status, admin("/readyz").status), (200, 200));
    let token = deployment.issuer.token(json!({}));
    for path in ["/orders/1", "/open/page", "/"] {
        let answer = wire::get(deployment.gate.admin, path, &token);
        assert_eq!(answer.status, 404, "the admin listener forwards nothing");
    }
    assert_eq!(deployment.upstream.count(), 0);
}

/// Control characters of a client cannot add a line to the log.
#[test]
fn each_request_has_one_line_in_the_decision_log() {
    let deployment = Deployment::with_routes();
    let odd = json!({ "client_id": "a\u{2028}b\"}{", "act": { "sub": "x\",\"decision\":\"allow" } });
    let token = bearer(&deployment.issuer.token(odd));
    let rows = [
        ("/orders/%22%7d%7b", token.as_str()),
        (
            "/nowhere/%0a%7b%22decision%22:%22allow%22%7d",
            "User-Agent: a\"}{\u{85}b",
        ),
        ("/orders/1", &token),
        ("/orders/\"}{\"x\":\"", "X: y"),
    ];
    for (n, (target, line)) in rows.iter().enumerate() {
        let status = match wire::exchange(deployment.gate.address, &request("GET", target, &[line])) {
            Outcome::Answered(answer) => answer.status,
            other => panic!("{other:?}"),
        };
        // `decisions` fails on any line that is not one JSON object.
        let event = deployment.gate.decision_after(n);
        let decision = if status == 200 { "allow" } else { "deny" };
        assert_eq!(event["decision"], json!(decision), "{target}: {event}");
    }
    assert_eq!(deployment.gate.decisions().len(), rows.len());
}

/// The version is a property of one hop (RFC 9110 section 6.2), so the connection to the client stays open.
#[test]
fn an_http_1_0_response_is_forwarded_as_http_1_1() {
    let deployment = Deployment::with_routes();
    deployment.upstream.conduct(Conduct::AnswerInHttp10);
    let token = deployment.issuer.token(json!({}));
    let answer = wire::get(deployment.gate.address, "/orders/1", &token);
    assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
    assert!(answer.head.start.starts_with("HTTP/1.1 "), "{}", answer.head.start);
}

#[test]
fn a_response_with_two_framings_is_a_bad_gateway() {
    let deployment = Deployment::with_routes();
    let token = deployment.issuer.token(json!({}));
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n4\r\nlong\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n4\r\nlong\r\n0\r\n\r\n",
    ] {
        deployment.upstream.conduct(Conduct::AnswerWith(answer));
        assert_eq!(deployment.status("/orders/1", &token), 502, "{answer}");
    }
}

/// A client cannot make the log report an unavailable upstream.
#[test]
fn a_malformed_request_body_is_a_client_error() {
    let deployment = Deployment::with_routes();
    let writer = deployment.writer();
    let mut table = Table::on(&deployment);
    for (name, chunk) in [
        ("no length", "zz\r\nabc\r\n"),
        ("prefixed length", "0x3\r\nabc\r\n"),
        ("no end of line", "3\r\nabcd\r\n"),
    ] {
        let mut bytes = request("POST", "/orders", &[&writer, "Transfer-Encoding: chunked"]);
        bytes.extend(chunk.as_bytes());
        table.request(name, &bytes, BAD_REQUEST);
    }
    table.finish_with_cut_bodies();
    assert!(
        !deployment
            .gate
            .process
            .stderr()
            .iter()
            .any(|line| line.contains("WARN")),
        "{:?}",
        deployment.gate.process.stderr()
    );
}

#[test]
fn content_length_zero_is_forwarded() {
    let deployment = Deployment::with_routes();
    let writer = deployment.writer();
    let before = deployment.upstream.count();
    let answer = wire::answer(
        deployment.gate.address,
        &request("POST", "/orders", &[&writer, "Content-Length: 0"]),
    );
    assert_eq!(answer.status, 200);
    let received = &deployment.upstream.since(before)[0];
    let lengths: Vec<_> = received
        .head
        .fields
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .collect();
    assert_eq!(lengths.len(), 1, "{:?}", received.head);
}

/// The gate does not verify tokens on public routes, so it forwards none.
#[test]
fn a_public_route_strips_a_token_beside_another_credential() {
    let deployment = Deployment::with_routes();
    let token = deployment.issuer.token(json!({}));
    for (field, passed) in [
        ("Basic YTpi".to_owned(), true),
        (format!("Bearer {token}"), false),
        (format!("Basic YTpi, Bearer {token}"), false),
        (format!("Digest username=\"a\", Bearer {token}"), false),
    ] {
        let before = deployment.upstream.count();
        let line = format!("Authorization: {field}");
        assert_eq!(
            wire::answer(deployment.gate.address, &request("GET", "/open/page", &[&line])).status,
            200
        );
        let received = &deployment.upstream.since(before)[0];
        let sent = received
            .head
            .fields
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        assert_eq!(sent, passed, "{}", field.split(' ').next().unwrap_or_default());
    }
}

#[test]
fn an_unavailable_upstream_is_a_bad_gateway() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("an address");
    drop(free);
    let issuer = TokenIssuer::new();
    let keys = crate::deployment::key_server::KeyServer::start(crate::deployment::key_server::Conduct::Publish(
        issuer.document(),
    ));
    let gate = Gate::run(&format!(
        "listen: 127.0.0.1:0\nupstream: http://{address}\nadmin: 127.0.0.1:0\naudience: {}\nissuers:\n  - issuer: {}\n    jwks_uri: {}\n{ROUTES}",
        crate::mint::AUDIENCE,
        crate::mint::ISSUER,
        keys.jwks_uri(),
    ));
    let answer = wire::answer(gate.address, &request("GET", "/open/page", &[]));
    assert_eq!(answer.status, 502, "{}", answer.everything());
    let bare = wire::answer(gate.address, &request("GET", "/orders/1", &[]));
    assert_eq!(bare.status, 401, "a denial needs no upstream");
}

/// The first signal waits for requests in flight, the second does not.
#[test]
fn a_second_sigterm_ends_the_process_at_once() {
    let mut deployment = Deployment::with_routes();
    deployment.upstream.conduct(Conduct::Hold);
    let token = deployment.issuer.token(json!({}));
    let mut connection = Connection::open(deployment.gate.address).expect("a connection");
    connection
        .send(&request("GET", "/orders/1", &[&bearer(&token)]))
        .expect("sent");
    deployment.upstream.wait_for(1);
    deployment.gate.process.terminate();
    let gate = deployment.gate.address;
    deployment.wait_until("draining", || std::net::TcpStream::connect(gate).is_err());
    deployment.gate.process.terminate();
    deployment.gate.process.wait();
    deployment.upstream.release();
}
