//! Readers of the two outputs that do not read, or that are gone.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::upstream::Upstream;
use crate::deployment::{Configuration, Deployment, ROUTES};
use crate::mint::TokenIssuer;
use crate::pressure::neglected::Neglected;
use crate::wire::{self, request};

/// More than the 64 KiB that a pipe holds, twice.
const FLOOD: usize = 150_000;

fn configuration(upstream: &Upstream) -> String {
    let key_server = KeyServer::start(Conduct::Publish(TokenIssuer::new().document()));
    Configuration::of_policy(ROUTES).text(upstream, &key_server)
}

/// A configuration whose upstream refuses connections, which each request makes the gate say.
fn without_upstream() -> String {
    let upstream = Upstream::start();
    let unused = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let dead = unused.local_addr().expect("an address");
    configuration(&upstream).replace(&upstream.address().to_string(), &dead.to_string())
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
fn a_stuck_standard_output_does_not_keep_the_process() {
    let mut gate = Neglected::run(&configuration(&Upstream::start()));
    flood_the_decision_log(gate.address);
    gate.signal("TERM");
    let status = gate.wait();
    assert_eq!(status.code(), Some(0), "{status}");
    let said = gate.last_words();
    assert!(said.contains("decision log is not read"), "{said}");
}

#[test]
fn a_second_signal_is_heard_while_the_decision_log_is_stuck() {
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
fn what_was_waiting_is_read_when_somebody_reads_again() {
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
fn a_stuck_standard_error_holds_up_no_request_and_no_end() {
    let mut gate = Neglected::run(&without_upstream());
    for _ in 0..15 {
        pipeline(gate.address, "/open/page", 100);
    }
    let answer = wire::answer(gate.address, &request("GET", "/open/page", &[]));
    assert_eq!(answer.status, 502, "{}", answer.everything());
    gate.signal("TERM");
    let status = gate.wait();
    assert_eq!(status.code(), Some(0), "{status}");
    let said = gate.last_words();
    assert!(
        !said.contains("drained"),
        "the pipe was never full: {} bytes",
        said.len()
    );
}

#[test]
fn a_closed_standard_error_costs_no_answer_and_no_good_end() {
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
fn a_closed_standard_output_costs_no_answer_and_is_told() {
    let mut gate = Neglected::run(&configuration(&Upstream::start()));
    drop(gate.stdout.take());
    for _ in 0..3 {
        let answer = wire::answer(gate.address, &request("GET", "/open/page", &[]));
        assert_eq!(answer.status, 200, "{}", answer.everything());
    }
    gate.signal("TERM");
    assert_eq!(gate.wait().code(), Some(0));
    let said = gate.last_words();
    assert_eq!(said.matches("decision log cannot be written").count(), 1, "{said}");
}

#[test]
fn a_hangup_is_outlived() {
    let mut deployment = Deployment::with_policy(ROUTES);
    deployment.gate.process.signal("HUP");
    deployment.wait_until("told of the signal", || {
        let lines = deployment.gate.process.stderr();
        lines.iter().any(|line| line.contains("SIGHUP is ignored"))
    });
    let answer = wire::answer(deployment.gate.address, &request("GET", "/open/page", &[]));
    assert_eq!(answer.status, 200, "{}", answer.everything());
    deployment.gate.process.terminate();
    assert_eq!(deployment.gate.process.wait().code(), Some(0));
}
