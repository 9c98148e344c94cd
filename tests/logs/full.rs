//! The disk is full: events are dropped and counted, and no request is held.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::check::CONFIGURATION;
use crate::deployment::gate::{Process, binary};
use crate::wire::{self, request};

/// As a full disk does, the limit of the size of files makes writes fail.
#[test]
fn no_request_waits_and_the_log_goes_on_where_there_is_room() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let (configuration, log) = (folder.path().join("actgate.yaml"), folder.path().join("decisions.log"));
    fs::write(&configuration, format!("decision_log: decisions.log\n{CONFIGURATION}")).expect("a file");
    // In units of 512 bytes.
    let script = "ulimit -f 64; exec \"$0\" run --config \"$1\"";
    let mut process = Process::spawn(
        Command::new("sh")
            .args(["-c", script])
            .arg(binary())
            .arg(&configuration),
    );
    let address = process.address("actgate: listening on ");
    let admin = process.address("actgate: admin on ");
    let send = || {
        let started = Instant::now();
        let answer = wire::answer(address, &request("GET", "/nowhere", &[]));
        assert!(matches!(answer.status, 401 | 403), "{}", answer.everything());
        started.elapsed()
    };
    let reported = |process: &Process, text: &str| process.stderr().iter().any(|line| line.contains(text));
    let deadline = Instant::now() + Duration::from_secs(60);
    while !reported(&process, "the decision log cannot be written") {
        assert!(Instant::now() < deadline, "{:?}", process.stderr());
        send();
    }
    let slowest = (0..50).map(|_| send()).max();
    assert!(slowest.is_some_and(|time| time < Duration::from_secs(5)), "{slowest:?}");
    // What still waits for the writer may be written once there is room.
    while lost_lines(admin) < 50 {
        assert!(Instant::now() < deadline, "{:?}", process.stderr());
        send();
    }
    while !reported(&process, "the decision log is written again") {
        assert!(Instant::now() < deadline, "{:?}", process.stderr());
        // An operator makes room. A writer that waited for the processor may have more lines than there is room for.
        fs::OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(&log)
            .expect("truncated");
        send();
    }
    let lines = process.stderr();
    let again = lines
        .iter()
        .find(|line| line.contains("is written again"))
        .expect("the line");
    let dropped = again
        .split_once("dropped=")
        .and_then(|(_, count)| count.trim().parse::<u32>().ok());
    assert!(dropped.is_some_and(|count| count >= 50), "{again}");
    assert!(process.is_running());
    process.terminate();
    assert_eq!(process.wait().code(), Some(0));
    // The room may have ended again, within the last line; and there may have been room for the rest of the first one.
    let text = fs::read_to_string(&log).expect("the log");
    let text = &text[..text.rfind('\n').unwrap_or_default()];
    let whole = text
        .lines()
        .skip(1)
        .all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok());
    assert!(whole, "{text}");
}

/// The lines that are lost so far, as Prometheus reads it.
fn lost_lines(admin: SocketAddr) -> u32 {
    let answer = wire::answer(admin, &request("GET", "/metrics", &[])).everything();
    let mut lines = answer.lines();
    let counted = lines.find_map(|line| line.strip_prefix("actgate_decision_log_lost_lines_total "));
    counted
        .and_then(|count| count.trim().parse().ok())
        .expect("the counter")
}
