//! Several requests on one connection, `Expect`, sizes, and slow clients.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::deployment::{Configuration, Deployment};
use crate::mint::{TokenIssuer, forged_token};
use crate::table::{BARE_CHALLENGE, HEAD_TOO_LARGE, PASSES, Table, Want, unclean};
use crate::wire::{self, bearer, conversation, request};

/// A request that keeps the connection open.
fn kept(start: &str, fields: &str, body: &str) -> String {
    format!("{start} HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n\r\n{body}")
}

fn statuses(deployment: &Deployment, text: &str) -> Vec<u16> {
    let answers = conversation(deployment.gate.address, text.as_bytes());
    answers.iter().map(|answer| answer.status).collect()
}

#[test]
fn each_request_is_authenticated_by_itself() {
    let deployment = Deployment::with_routes();
    let valid = deployment.reader();
    let last = "Connection: close";
    let sequence = [
        kept("GET /orders/1", &valid, ""),
        kept("GET /orders/2", "X: y", ""),
        kept("GET /orders/3", &bearer(&forged_token()), ""),
        kept("GET /orders/4", &valid, ""),
        kept("GET /admin/users", &valid, ""),
        kept("GET /open/page", "X: y", ""),
        kept("GET /orders/5", last, ""),
    ];
    let answered = statuses(&deployment, &sequence.concat());
    assert_eq!(answered, [200, 401, 401, 200, 403, 200, 401]);
    let seen = deployment.upstream.since(0);
    let targets: Vec<_> = seen.iter().map(|one| one.target.as_str()).collect();
    assert_eq!(targets, ["/orders/1", "/orders/4", "/open/page"]);
    assert!(seen.iter().all(|one| unclean(one).is_empty()), "{seen:?}");
    let open = &seen[2].head;
    assert!(
        open.values("x-auth-subject").is_empty(),
        "an identity of an earlier request"
    );
}

#[test]
fn body_of_a_denied_request_is_not_read_as_the_next_request() {
    let deployment = Deployment::with_routes();
    let inner = "GET /open/smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let length = inner.len();
    let close = kept("GET /open/page", "Connection: close", "");
    let without_scope = bearer(&deployment.issuer.token(json!({ "scope": "other" })));
    let chunked = format!("{length:x}\r\n{inner}\r\n0\r\n\r\n");
    // The answers to the request, to the one after its body, and none to what the body contains.
    for (what, fields, body, answers) in [
        ("no token", format!("Content-Length: {length}"), inner, &[401, 200][..]),
        (
            "a forged token",
            format!("{}\r\nContent-Length: {length}", bearer(&forged_token())),
            inner,
            &[401, 200],
        ),
        (
            "no scope",
            format!("{without_scope}\r\nContent-Length: {length}"),
            inner,
            &[403, 200],
        ),
        (
            "no token, chunked",
            "Transfer-Encoding: chunked".into(),
            chunked.as_str(),
            &[401, 200],
        ),
        (
            "two tokens",
            format!("{without_scope}\r\n{without_scope}\r\nContent-Length: {length}"),
            inner,
            &[400, 200],
        ),
        (
            "no token, expecting",
            format!("Expect: 100-continue\r\nContent-Length: {length}"),
            inner,
            // The client may or may not send the body, so the connection ends.
            &[401],
        ),
    ] {
        let before = deployment.upstream.count();
        let text = kept("POST /orders", &fields, body) + &close;
        assert_eq!(statuses(&deployment, &text), answers, "{what}");
        let seen = deployment.upstream.since(before);
        let targets: Vec<_> = seen.iter().map(|one| one.target.as_str()).collect();
        assert_eq!(targets, vec!["/open/page"; answers.len() - 1], "{what}");
    }
}

#[test]
fn body_of_a_get_is_not_read_as_the_next_request() {
    let deployment = Deployment::with_routes();
    let valid = deployment.reader();
    let inner = "GET /open/smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let fields = format!("{valid}\r\nContent-Length: {}", inner.len());
    let text =
        kept("GET /orders/1", &fields, inner) + &kept("GET /orders/2", &format!("{valid}\r\nConnection: close"), "");
    let answered = statuses(&deployment, &text);
    assert_eq!(answered, [200, 200]);
    let seen = deployment.upstream.since(0);
    let bodies: Vec<_> = seen
        .iter()
        .map(|one| (one.target.as_str(), one.body.as_slice()))
        .collect();
    assert_eq!(bodies, [("/orders/1", inner.as_bytes()), ("/orders/2", b"")]);
}

#[test]
fn a_body_is_forwarded_unchanged() {
    let deployment = Deployment::with_routes();
    let writer = deployment.writer();
    let body = "0123456789abcdef".repeat(40_000);
    let head = format!("POST /orders HTTP/1.1\r\nHost: a.example\r\n{writer}\r\nConnection: close\r\n");
    let sized = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    assert_eq!(statuses(&deployment, &sized), [200]);
    let chunks: String = body
        .as_bytes()
        .chunks(3000)
        .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk)))
        .collect();
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n");
    assert_eq!(statuses(&deployment, &chunked), [200]);
    assert_eq!(deployment.upstream.count(), 2);
    for one in deployment.upstream.since(0) {
        assert!(
            one.body == body.as_bytes(),
            "{} of {} bytes",
            one.body.len(),
            body.len()
        );
    }
}

#[test]
fn only_the_expectation_of_a_continue_is_met() {
    let deployment = Deployment::with_routes();
    let writer = deployment.writer();
    const EXPECTATION_FAILED: Want = Want::status(417);
    let mut table = Table::on(&deployment);
    for (expectation, want) in [
        ("100-continue", PASSES),
        ("100-Continue", PASSES),
        ("200-ok", EXPECTATION_FAILED),
        ("unknown", EXPECTATION_FAILED),
        ("100-continue, x", EXPECTATION_FAILED),
        ("", EXPECTATION_FAILED),
    ] {
        let fields = format!("{writer}\r\nExpect: {expectation}\r\nContent-Length: 5\r\nConnection: close");
        let seen = table.request(
            &format!("Expect: {expectation}, the body sent at once"),
            kept("POST /orders", &fields, "hello").as_bytes(),
            want,
        );
        table.check(
            &format!("the body with Expect: {expectation}"),
            seen.iter().all(|one| one.body == b"hello"),
        );
    }
    let expecting = kept(
        "POST /orders",
        "Expect: 100-continue\r\nContent-Length: 5\r\nConnection: close",
        "",
    );
    table.request("no token, and no body yet", expecting.as_bytes(), BARE_CHALLENGE);
    table.finish();
}

#[test]
fn too_many_or_too_long_headers_are_rejected() {
    let deployment = Deployment::with_routes();
    let valid = deployment.reader();
    let many = |count: usize| (0..count).map(|i| format!("X-{i}: y\r\n")).collect::<String>();
    let mut table = Table::on(&deployment);
    for (what, fields) in [
        ("ten thousand headers", many(10_000)),
        ("five hundred headers", many(500)),
        ("a header of 1 MB", format!("X: {}\r\n", "y".repeat(1_000_000))),
        ("a header of 100 KB", format!("X: {}\r\n", "y".repeat(100_000))),
        ("a name of 100 KB", format!("{}: y\r\n", "X".repeat(100_000))),
        ("ten thousand cookies", "Cookie: a=b\r\n".repeat(10_000)),
    ] {
        let text = format!("GET /orders/1 HTTP/1.1\r\nHost: a.example\r\n{fields}{valid}\r\nConnection: close\r\n\r\n");
        table.request(what, text.as_bytes(), HEAD_TOO_LARGE);
    }
    table.request(
        "a valid request afterwards",
        &request("GET", "/orders/1", &[&valid]),
        PASSES,
    );
    table.finish();
}

/// A gate with a short header time-out; the default is five seconds.
fn impatient() -> Deployment {
    let configuration = Configuration {
        top: "timeouts: { header: 1s, keep_alive: 1s }\n".into(),
        ..Configuration::default()
    };
    Deployment::start(TokenIssuer::new(), &configuration)
}

#[test]
fn a_slow_request_head_is_cut_off() {
    let took = cut_off(&impatient(), Duration::from_secs(8));
    assert!(took >= Duration::from_millis(900), "cut off after {took:?}");
}

/// The limit is five seconds and some more for a busy machine.
#[test]
fn a_slow_request_head_is_cut_off_by_default() {
    cut_off(&Deployment::with_routes(), Duration::from_secs(9));
}

/// Sends a header byte by byte until the gate closes the connection; returns the time that this took.
fn cut_off(deployment: &Deployment, limit: Duration) -> Duration {
    let valid = deployment.reader();
    let mut stream = TcpStream::connect(deployment.gate.address).expect("a connection");
    stream
        .set_read_timeout(Some(Duration::from_millis(100)))
        .expect("a deadline");
    let began = Instant::now();
    let endless =
        std::iter::once(b"GET /orders/1 HTTP/1.1\r\nX: ".as_slice()).chain(std::iter::repeat(b"y".as_slice()));
    let mut reached = String::new();
    for piece in endless {
        assert!(began.elapsed() < limit, "never cut off");
        let mut answer = [0; 512];
        match (stream.write_all(piece), std::io::Read::read(&mut stream, &mut answer)) {
            (Ok(()), Err(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            (_, Ok(count)) => {
                reached = String::from_utf8_lossy(&answer[..count]).into_owned();
                break;
            }
            _ => break,
        }
    }
    assert_eq!(reached, "", "the connection is closed without an answer");
    let took = began.elapsed();
    assert_eq!(deployment.upstream.count(), 0);
    let answer = wire::answer(deployment.gate.address, &request("GET", "/orders/1", &[&valid]));
    assert_eq!(answer.status, 200, "other requests are answered");
    took
}

/// A silent connection must not occupy a place for ever.
#[test]
fn a_silent_connection_is_closed() {
    let deployment = impatient();
    let mut stream = TcpStream::connect(deployment.gate.address).expect("a connection");
    stream
        .set_read_timeout(Some(Duration::from_secs(12)))
        .expect("a deadline");
    let mut answer = Vec::new();
    let read = std::io::Read::read_to_end(&mut stream, &mut answer);
    assert!(read.is_ok() && answer.is_empty(), "{read:?}: {}", answer.escape_ascii());
}
