//! Standard output and standard error that are not read, or closed.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::upstream::Upstream;
use crate::deployment::{Configuration, Deployment, ROUTES};
use crate::mint::TokenIssuer;
use crate::pressure::neglected::Neglected;
use crate::wire::{self, request};

/// More than twice the 64 KiB of a pipe.
const FLOOD: usize = 150_000;

fn configuration(upstream: &Upstream) -> String {
    let key_server = KeyServer::start(Conduct::Publish(TokenIssuer::new().document()));
    Configuration::of_policy(ROUTES).text(upstream.address(), &key_server)
}

/// A configuration whose upstream does not listen, so that each request adds a line to standard error.
fn without_upstream() -> String {
    let upstream = Upstream::start();
    let unused = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let closed = unused.local_addr().expect("an address");
    configuration(&upstream).replace(&upstream.address().to_string(), &closed.to_string())
}

/// Sends `count` requests at once on one connection, and expects as many answers.
fn pipeline(gate: SocketAddr, target: &str, count: usize) {
    let kept = format!("GET {target} HTTP/1.1\r\nHost: orders.example.com\r\n\r\n").repeat(count - 1);
    let last = request("GET", target, &[]);
    let answers = wire::conversation(gate, &[kept.into_bytes(), last].concat());
    assert_eq!(answers.len(), count);
}

fn flood_the_decision_log(gate: SocketAddr) {
    let target = format!("/nowhere/{}", "x".repeat(1500));
    for _ in 0..4 {
        pipeline(gate, &target, FLOOD / 1500 / 4);
    }
}

#[test]
fn the_process_ends_when_standard_output_is_not_read() {
    let mut gate = Neglected::run(&configuration(&Upstream::start()));
    flood_the_decision_log(gate.address);
    gate.signal("TERM");
    let status = gate.wait();
    assert_eq!(status.code(), Some(0), "{status}");
    let lines = gate.remaining_lines();
    assert!(
        lines.contains("the decision log could not be written in time"),
        "{lines}"
    );
}

#[test]
fn a_second_signal_ends_the_process_while_the_decision_log_is_not_read() {
    let mut gate = Neglected::run(&configuration(&Upstream::start()));
    flood_the_decision_log(gate.address);
    gate.signal("TERM");
    let deadline = Instant::now() + Duration::from_secs(8);
    while TcpStream::connect(gate.address).is_ok() {
        assert!(Instant::now() < deadline, "it still listens");
        std::thread::sleep(Duration::from_millis(5));
    }
    gate.signal("TERM");
    let status = gate.wait();
    assert_eq!(status.code(), Some(1), "{status}");
}

#[test]
fn waiting_lines_are_written_when_standard_output_is_read() {
    let mut gate = Neglected::run(&configuration(&Upstream::start()));
    flood_the_decision_log(gate.address);
    let mut stdout = gate.stdout.take().expect("its standard output");
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    gate.signal("TERM");
    assert_eq!(gate.wait().code(), Some(0));
    let text = reader.join().expect("the reader").expect("text");
    assert_eq!(text.lines().count(), FLOOD / 1500);
    assert!(
        text.lines()
            .all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok())
    );
}

#[test]
fn requests_are_answered_when_standard_error_is_not_read() {
    let mut gate = Neglected::run(&without_upstream());
    for _ in 0..15 {
        pipeline(gate.address, "/open/page", 100);
    }
    let answer = wire::answer(gate.address, &request("GET", "/open/page", &[]));
    assert_eq!(answer.status, 502, "{}", answer.everything());
    gate.signal("TERM");
    let status = gate.wait();
    assert_eq!(status.code(), Some(0), "{status}");
    let lines = gate.remaining_lines();
    assert!(
        !lines.contains("drained"),
        "the pipe was never full: {} bytes",
        lines.len()
    );
}

#[test]
fn requests_are_answered_when_standard_error_is_closed() {
    let mut gate = Neglected::run(&without_upstream());
    drop(gate.stderr.take());
    for _ in 0..3 {
        let answer = wire::answer(gate.address, &request("GET", "/open/page", &[]));
        assert_eq!(answer.status, 502, "{}", answer.everything());
    }
    gate.signal("TERM");
    let status = gate.wait();
    assert_eq!(status.code(), Some(0), "{status}");
}

#[test]
fn a_closed_standard_output_is_reported_once() {
    let mut gate = Neglected::run(&configuration(&Upstream::start()));
    drop(gate.stdout.take());
    for _ in 0..3 {
        let answer = wire::answer(gate.address, &request("GET", "/open/page", &[]));
        assert_eq!(answer.status, 200, "{}", answer.everything());
    }
    gate.signal("TERM");
    assert_eq!(gate.wait().code(), Some(0));
    let lines = gate.remaining_lines();
    assert_eq!(lines.matches("decision log cannot be written").count(), 1, "{lines}");
}

#[test]
fn sighup_does_not_end_the_process() {
    let mut deployment = Deployment::with_policy(ROUTES);
    deployment.gate.process.signal("HUP");
    deployment.gate.process.wait_for_line(&["by SIGHUP"]);
    let answer = wire::answer(deployment.gate.address, &request("GET", "/open/page", &[]));
    assert_eq!(answer.status, 200, "{}", answer.everything());
    deployment.gate.process.terminate();
    assert_eq!(deployment.gate.process.wait().code(), Some(0));
}
